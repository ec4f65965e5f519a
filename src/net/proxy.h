// Which proxy the environment asks for: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, as curl
// reads them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/net.h"

namespace tape::net {

struct Proxy {
    std::string host;
    u16 port{};
    std::string authorization;  // The value of Proxy-Authorization; empty: none.
};

/// "http://user:password@proxy.example:3128", the scheme and the user being optional. Error:
/// another scheme, no host.
Result<Proxy> parse_proxy(std::string_view text);

/// Whether NO_PROXY, a list as "example.com, .internal, 10.0.0.1" or "*", exempts `host`; a name
/// covers its subdomains.
bool exempted(std::string_view no_proxy, std::string_view host);

/// The proxy to tunnel through to `url`; none for this machine's own addresses, whatever the
/// environment says.
Result<std::optional<Proxy>> proxy_for(const Url& url);

}  // namespace tape::net
