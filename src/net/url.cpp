// URLs, header look-up and query parameters: the text half of HTTP, without a socket.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "net/net.h"

namespace tape::net {
namespace {

char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) { return to_lower(x) == to_lower(y); });
}

std::optional<std::string_view> find_header(const Headers& headers, std::string_view name) {
    for (const auto& [key, value] : headers)
        if (same_name(key, name)) return value;
    return std::nullopt;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = to_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// As forms encode: "+" is a blank, "%41" is "A"; a "%" that no two hex digits follow stands for
// itself.
std::string decode_component(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        const bool escaped = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                             hex_digit(text[i + 2]) >= 0;
        if (escaped) {
            out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

u16 default_port(std::string_view scheme) {
    if (scheme == "http" || scheme == "ws") return 80;
    if (scheme == "https" || scheme == "wss") return 443;
    return 0;
}

// Splits "host", "host:port" or "[v6]:port"; `port` stays as it is where none is given.
bool parse_authority(std::string_view text, std::string& host, u16& port) {
    std::string_view port_text;
    bool has_port = false;
    if (text.starts_with('[')) {
        const size_t end = text.find(']');
        if (end == std::string_view::npos) return false;
        host = text.substr(1, end - 1);
        const std::string_view rest = text.substr(end + 1);
        has_port = !rest.empty();
        if (has_port && rest[0] != ':') return false;
        port_text = has_port ? rest.substr(1) : rest;
    } else {
        const size_t colon = text.find(':');
        has_port = colon != std::string_view::npos;
        host = text.substr(0, colon);
        if (has_port) port_text = text.substr(colon + 1);
    }
    if (host.empty() || host.find_first_of("@ ") != std::string::npos) return false;
    if (!has_port) return true;
    const char* end = port_text.data() + port_text.size();
    const auto [stop, error] = std::from_chars(port_text.data(), end, port);
    return error == std::errc{} && stop == end && port != 0;
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
    const auto refuse = [&](std::string_view why) {
        return user_error(fmt::format("'{}' is no URL to connect to: {}", text, why));
    };
    const size_t colon = text.find("://");
    if (colon == std::string_view::npos)
        return refuse("it has no scheme such as wss:// or https://");
    Url url;
    std::ranges::transform(text.substr(0, colon), std::back_inserter(url.scheme), to_lower);
    url.port = default_port(url.scheme);
    if (url.port == 0) return refuse("the scheme must be http, https, ws or wss");
    const std::string_view rest = text.substr(colon + 3);
    const size_t slash = std::min(rest.find_first_of("/?#"), rest.size());
    if (!parse_authority(rest.substr(0, slash), url.host, url.port))
        return refuse("a host, or a host and a port from 1 to 65535, must follow the scheme");
    const std::string_view target = rest.substr(slash);
    if (target.find('#') != std::string_view::npos)
        return refuse("a fragment ('#') cannot be asked for");
    if (target.find_first_of(" \t\r\n") != std::string_view::npos)
        return refuse("it holds a blank");
    url.target = target.starts_with('/') ? std::string(target) : '/' + std::string(target);
    return url;
}

std::optional<std::string_view> HttpResponse::header(std::string_view name) const {
    return find_header(headers, name);
}

std::optional<std::string_view> Request::header(std::string_view name) const {
    return find_header(headers, name);
}

std::optional<std::string> Request::parameter(std::string_view name) const {
    std::string_view rest = query;
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
        const size_t equals = std::min(pair.find('='), pair.size());
        if (decode_component(pair.substr(0, equals)) != name) continue;
        return decode_component(pair.substr(std::min(equals + 1, pair.size())));
    }
    return std::nullopt;
}

}  // namespace tape::net
