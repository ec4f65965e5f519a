#include "serve/guard.h"

#include <fmt/core.h>

#include <array>
#include <charconv>

namespace tape::serve {
namespace {

struct HostAndPort {
    std::string_view host, port;  // The host of "[::1]:80" is "::1"; no port is "".
};

HostAndPort split(std::string_view text) {
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos) return {text, {}};
        const std::string_view rest = text.substr(close + 1);
        return {text.substr(1, close - 1), rest.starts_with(':') ? rest.substr(1) : rest};
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return {text, {}};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

bool same_name(std::string_view left, std::string_view right) {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    if (left.size() != right.size()) return false;
    for (std::size_t i = 0; i < left.size(); ++i)
        if (lower(left[i]) != lower(right[i])) return false;
    return true;
}

bool is_loopback(std::string_view host) {
    constexpr std::array<std::string_view, 3> names = {"localhost", "127.0.0.1", "::1"};
    for (const std::string_view name : names)
        if (same_name(host, name)) return true;
    return false;
}

}  // namespace

Result<Listen> parse_listen(std::string_view text) {
    const HostAndPort parts = split(text);
    u16 port{};
    const auto [end, failed] =
        std::from_chars(parts.port.data(), parts.port.data() + parts.port.size(), port);
    if (failed != std::errc{} || end != parts.port.data() + parts.port.size() || parts.host.empty())
        return user_error(
            fmt::format("serve.listen = '{}' is no address and port; '127.0.0.1:8080' is", text));
    if (!is_loopback(parts.host))
        return user_error(
            fmt::format("serve.listen = '{}': other machines could reach that address, and the "
                        "server asks nobody for a password; "
                        "it listens on 127.0.0.1, localhost or [::1] alone",
                        text));
    return Listen{same_name(parts.host, "localhost") ? "127.0.0.1" : std::string(parts.host), port};
}

const char* refusal(const net::Request& request, Exposure exposure) {
    const auto host = request.header("Host");
    if (!host || !is_loopback(split(*host).host))
        return "the Host header names no loopback address";
    const auto origin = request.header("Origin");
    if (exposure == Exposure::harmless || !origin)
        return nullptr;  // Programs send no Origin, browsers always do.
    const std::size_t scheme_end = origin->find("://");
    if (scheme_end == std::string_view::npos || !same_name(origin->substr(scheme_end + 3), *host))
        return "the request comes from a page of another site";
    return nullptr;
}

}  // namespace tape::serve
