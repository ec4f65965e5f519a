// The two byte streams everything here runs on, and how a connection's failure becomes words.
// Private to src/net.
#pragma once

#include <algorithm>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>

#include "net/net.h"

namespace tape::net {

namespace beast = boost::beast;
using tcp = asio::ip::tcp;
using beast::error_code;

using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

inline std::chrono::nanoseconds to_chrono(Nanos span) {
    return std::chrono::nanoseconds(span.count);
}

/// How slow writes are cut into pieces: one each interval.
constexpr Nanos slow_interval = millis(20);
inline std::size_t slow_step(i64 bytes_per_second) {
    return static_cast<std::size_t>(
        std::max<i64>(1, bytes_per_second / (seconds(1).count / slow_interval.count)));
}

/// Throws the NetError "<what>: <the error in words>".
[[noreturn]] void fail(std::string_view what, error_code error);

/// "host:port", with brackets around an IPv6 address.
std::string host_and_port(const std::string& host, u16 port);
/// The value of a Host header: the port only where it is not the scheme's own.
std::string host_header(const Url& url);
/// "203.0.113.7:8443", or "" when the socket is closed.
std::string remote_of(const PlainStream& stream);

/// A TCP connection to `url`'s host, or through the environment's proxy a tunnel to it. Throws
/// NetError.
asio::awaitable<PlainStream> dial(Url url, ClientOptions options);

/// TLS on top of it, as a client: certificate chain and host name are verified against
/// `options.ca_file`, or the system's authorities where it is empty. Throws NetError.
asio::awaitable<TlsStream> start_tls(PlainStream stream, std::string host, ClientOptions options);

/// Tells options.progress, where there is one.
void report(const ClientOptions& options, ConnectStep step, std::string_view detail);

}  // namespace tape::net
