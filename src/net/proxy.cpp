#include "net/proxy.h"

#include <fmt/core.h>

#include <boost/beast/core/detail/base64.hpp>
#include <cstdlib>

namespace tape::net {
namespace {

std::string_view environment(const char* name, const char* other_name) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') value = std::getenv(other_name);
    return value == nullptr ? std::string_view{} : std::string_view(value);
}

std::string base64(std::string_view text) {
    namespace codec = boost::beast::detail::base64;
    std::string out(codec::encoded_size(text.size()), '\0');
    out.resize(codec::encode(out.data(), text.data(), text.size()));
    return out;
}

bool loopback(std::string_view host) {
    return host == "localhost" || host.starts_with("127.") || host == "::1";
}

}  // namespace

Result<Proxy> parse_proxy(std::string_view text) {
    const auto refuse = [&] {
        return user_error(
            "the proxy of the environment must be http://[user:password@]host[:port]");
    };
    std::string_view rest = text;
    if (const size_t colon = text.find("://"); colon != std::string_view::npos) {
        if (text.substr(0, colon) != "http") return refuse();
        rest = text.substr(colon + 3);
    }
    Proxy proxy;
    if (const size_t at = rest.rfind('@'); at != std::string_view::npos) {
        proxy.authorization = "Basic " + base64(rest.substr(0, at));
        rest = rest.substr(at + 1);
    }
    const auto url = parse_url("http://" + std::string(rest));
    if (!url) return refuse();
    proxy.host = url->host;
    proxy.port = url->port;
    return proxy;
}

bool exempted(std::string_view no_proxy, std::string_view host) {
    while (!no_proxy.empty()) {
        const size_t comma = std::min(no_proxy.find(','), no_proxy.size());
        std::string_view entry = no_proxy.substr(0, comma);
        no_proxy.remove_prefix(std::min(comma + 1, no_proxy.size()));
        while (!entry.empty() && (entry.front() == ' ' || entry.front() == '.'))
            entry.remove_prefix(1);
        while (!entry.empty() && entry.back() == ' ') entry.remove_suffix(1);
        if (entry.empty()) continue;
        if (entry == "*" || host == entry) return true;
        const bool subdomain = host.size() > entry.size() && host.ends_with(entry) &&
                               host[host.size() - entry.size() - 1] == '.';
        if (subdomain) return true;
    }
    return false;
}

Result<std::optional<Proxy>> proxy_for(const Url& url) {
    std::string_view text = url.tls() ? environment("HTTPS_PROXY", "https_proxy")
                                      : environment("HTTP_PROXY", "http_proxy");
    if (text.empty()) text = environment("ALL_PROXY", "all_proxy");
    if (text.empty() || loopback(url.host)) return std::optional<Proxy>{};
    if (exempted(environment("NO_PROXY", "no_proxy"), url.host)) return std::optional<Proxy>{};
    auto proxy = parse_proxy(text);
    if (!proxy) return proxy.error();
    return std::optional<Proxy>{std::move(*proxy)};
}

}  // namespace tape::net
