// Sockets for the three folders that have any (feed, sim, serve): HTTP and WebSocket, client and
// server, plain and TLS, as awaitables over Boost.Beast. The streams are behind plain classes,
// because instantiating Beast costs half a minute of compilation: it happens in this folder's .cpp
// files and nowhere else.
//
// Failures are exceptions inside the coroutine (boost::system::system_error, or net::NetError with
// words): a connection is one coroutine, and its end is its caller's business.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace tape::net {

namespace asio = boost::asio;

struct NetError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A server that answers a WebSocket handshake with a status of its own.
struct UpgradeRefused : NetError {
    UpgradeRefused(const std::string& what, int s) : NetError(what), status(s) {}
    int status;
};

struct Url {
    std::string scheme;  // "http", "https", "ws", "wss"
    std::string host;
    u16 port{};
    std::string target;  // Path and query, at least "/".
    bool tls() const { return scheme == "https" || scheme == "wss"; }
};
/// Error: not one of the four schemes, no host, a bad port.
Result<Url> parse_url(std::string_view text);

using Headers = std::vector<std::pair<std::string, std::string>>;

/// What was reached on the way to a connection, for those who want to say where it ended.
enum class ConnectStep : u8 { looked_up, connected, secured, upgraded };

struct ClientOptions {
    std::string
        ca_file;  // PEM with private authorities; empty: the system's. Verification is always on.
    Nanos timeout = seconds(10);  // For connecting with handshakes, and for one REST exchange.
    Nanos idle_timeout = seconds(
        30);  // A WebSocket that says nothing for so long is dead; half-way it is sent a ping.
    i64 max_message_bytes =
        16 << 20;  // Larger frames and bodies end the connection, with the size in the error.
    bool deflate = true;  // Offer permessage-deflate.
    std::string user_agent = "tickertape/0.1";
    std::function<void(ConnectStep step, std::string_view detail)>
        progress;  // Called once for each step that succeeds.
};

/// One WebSocket, client's or server's side. One reader and one writer coroutine at a time.
class WebSocket {
 public:
    virtual ~WebSocket() = default;
    struct Message {
        std::string_view payload;  // Valid until the next read.
        bool binary{};
    };
    /// The next message. Ends by exception: closed by the peer (the code and reason are in the
    /// text), cut, too long.
    virtual asio::awaitable<Message> read() = 0;
    virtual asio::awaitable<void> write_text(std::string text) = 0;
    /// A WebSocket ping; pongs are handled inside.
    virtual asio::awaitable<void> ping() = 0;
    /// The closing handshake, bounded by a second; never throws.
    virtual asio::awaitable<void> close(u16 code, std::string reason) = 0;
    /// Cuts the connection at once (TCP reset where possible); pending operations end by exception.
    virtual void abort() = 0;
    // What bad peers do, for the simulator of exchanges.
    /// Ends the TCP connection without a closing handshake.
    virtual void cut() = 0;
    /// Nothing is sent or answered any more, not even pings, and the connection stays as long as
    /// this object; pending reads end by exception. Not during a write.
    virtual void go_silent() = 0;
    /// One message, some bytes at a time.
    virtual asio::awaitable<void> write_slowly(std::string text, i64 bytes_per_second) = 0;
    /// "203.0.113.7:8443"
    virtual std::string remote() const = 0;
};

/// Connects (through the proxy of HTTPS_PROXY/HTTP_PROXY/NO_PROXY where set), does TLS with
/// certificate and host verification, and the WebSocket handshake.
asio::awaitable<std::unique_ptr<WebSocket>> connect_websocket(Url url, ClientOptions options);

struct HttpResponse {
    int status{};
    Headers headers;
    std::string body;
    std::optional<std::string_view> header(std::string_view name) const;  // Case-insensitive.
};
/// One exchange on a connection of its own.
asio::awaitable<HttpResponse> http_request(std::string method, Url url, Headers headers,
                                           std::string body, ClientOptions options);

// ---- Server ----

struct Request {
    std::string method, path, query;  // "/ws/v5/public", "a=b&c=d" as received.
    Headers headers;
    std::string body;
    std::string remote;
    bool tls{};  // Whether it came over TLS.
    std::optional<std::string_view> header(std::string_view name) const;  // Case-insensitive.
    /// The decoded value of a query parameter.
    std::optional<std::string> parameter(std::string_view name) const;
};

struct Response {
    int status = 200;
    std::string content_type = "application/json";
    Headers headers;
    std::string body;
    i64 bytes_per_second = 0;  // How slowly it goes; 0: as fast as it can.
};

struct Handlers {
    std::function<asio::awaitable<Response>(Request)> http;
    /// When it returns the connection is closed politely, when it throws it is cut. Empty:
    /// WebSocket upgrades get 404.
    std::function<asio::awaitable<void>(Request, std::shared_ptr<WebSocket>)> websocket;
};

struct ServerOptions {
    std::string address = "127.0.0.1";
    u16 port = 0;                            // 0: any free one.
    std::string certificate_file, key_file;  // PEM; both set: TLS.
    i64 max_body_bytes = 1 << 20;
    i64 max_message_bytes = 1 << 20;   // Of WebSocket messages received.
    i64 max_connections = 1024;        // Further ones are closed at once.
    Nanos idle_timeout = seconds(30);  // For HTTP keep-alive.
    bool deflate = true;
};

/// Accepts connections on an io_context until stopped. Handler exceptions end their connection with
/// a log line (HTTP: status 500).
class Server final {
 public:
    /// Error (external): the address is in use or cannot be bound; names it.
    static Result<std::unique_ptr<Server>> start(asio::io_context& io, ServerOptions options,
                                                 Handlers handlers);
    ~Server();
    u16 port() const;
    /// Stops accepting and cuts all connections; from any thread. The io_context must outlive the
    /// server.
    void stop();

    struct Impl;  // Of server.cpp alone.

 private:
    Server();
    std::shared_ptr<Impl> impl_;
};

/// Writes a throw-away certificate authority and a certificate of it for localhost and 127.0.0.1
/// into `folder` (ca.pem, cert.pem, key.pem), valid 30 days.
Result<void> make_test_certificates(const std::string& folder);

/// co_await sleep_for(span): a timer on the current executor.
asio::awaitable<void> sleep_for(Nanos span);

}  // namespace tape::net
