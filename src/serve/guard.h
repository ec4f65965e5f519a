// Who may ask. The server has no password: it trusts whoever can reach loopback, so it has to see
// to it that a web page from elsewhere, opened in a browser on this machine, is not that one. Two
// ways in are closed: a foreign name that resolves to 127.0.0.1 (DNS rebinding; the Host header
// tells) and cross-site requests (the Origin header tells).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"
#include "net/net.h"

namespace tape::serve {

struct Listen {
    std::string address;  // "127.0.0.1" or "::1"
    u16 port{};
};

/// "127.0.0.1:8080", "localhost:8080", "[::1]:8080"; port 0 is any free one. Error (user): not of
/// that form, or an address that others can reach.
Result<Listen> parse_listen(std::string_view text);

/// What a page from elsewhere could do with a request whose answer browsers hide from it: nothing,
/// or work (SQL) and listen (WebSocket, which browsers do not hide).
enum class Exposure : u8 { harmless, needs_own_origin };

/// Null if the request may be answered, else why not.
const char* refusal(const net::Request& request, Exposure exposure);

}  // namespace tape::serve
