// An HTTP/1.1 and WebSocket server for loopback clients: one accept loop, one coroutine a
// connection, a limit on everything a client decides.
#include <fmt/core.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <sstream>

#include "base/log.h"
#include "net/websocket.h"

namespace tape::net {

namespace http = beast::http;
using HttpReply = http::response<http::string_body>;

// Shared by the server's owner, the accept loop and every connection: a connection may end after
// its server.
struct Server::Impl : std::enable_shared_from_this<Server::Impl> {
    Impl(asio::io_context& context, ServerOptions o, Handlers h)
        : io(context), options(std::move(o)), handlers(std::move(h)), acceptor(context) {}

    Result<void> listen();
    void stop();

    asio::io_context& io;
    const ServerOptions options;
    const Handlers handlers;
    std::optional<asio::ssl::context> tls;
    tcp::acceptor acceptor;
    u16 port{};
    bool stopped{};
    i64 next_id{};
    std::map<i64, std::function<void()>> connections;  // How to cut each open one.
};

namespace {

using Shared = std::shared_ptr<Server::Impl>;

// A connection's place in the server's list, for as long as its coroutine runs.
class Membership final {
 public:
    explicit Membership(Shared server) : server_(std::move(server)), id_(server_->next_id++) {
        set_cut({});
    }
    ~Membership() { server_->connections.erase(id_); }
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;
    void set_cut(std::function<void()> cut) { server_->connections[id_] = std::move(cut); }

 private:
    Shared server_;
    i64 id_;
};

Request to_request(const HttpRequest& message, std::string remote) {
    Request request;
    request.method = message.method_string();
    const std::string_view target = message.target();
    const size_t question = std::min(target.find('?'), target.size());
    request.path = target.substr(0, question);
    request.query = target.substr(std::min(question + 1, target.size()));
    for (const auto& field : message)
        request.headers.emplace_back(field.name_string(), field.value());
    request.body = message.body();
    request.remote = std::move(remote);
    return request;
}

HttpReply to_reply(Response response, const HttpRequest& request) {
    HttpReply reply;
    reply.version(request.version());
    reply.result(static_cast<unsigned>(response.status));
    reply.keep_alive(request.keep_alive());
    reply.set(http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) reply.set(name, value);
    const size_t size = response.body.size();
    if (request.method() != http::verb::head) reply.body() = std::move(response.body);
    reply.content_length(size);
    return reply;
}

Response plain_response(int status, std::string text) {
    return {status, "text/plain; charset=utf-8", {}, std::move(text) + '\n'};
}

// What to answer a request that could not be read, or nothing where the connection is simply over.
std::optional<Response> refusal(error_code error, const ServerOptions& options) {
    if (error == http::error::body_limit)
        return plain_response(
            413, fmt::format("The body is longer than {} bytes.", options.max_body_bytes));
    if (error == http::error::header_limit) return plain_response(431, "The header is too long.");
    const bool malformed = error.category() == make_error_code(http::error::bad_method).category();
    if (!malformed || error == http::error::end_of_stream || error == http::error::partial_message)
        return std::nullopt;
    return plain_response(400, "Not an HTTP request: " + error.message());
}

asio::awaitable<Response> run_handler(Shared server, Request request) {
    const std::string what = fmt::format("{} {}", request.method, request.path);
    try {
        Response response = co_await server->handlers.http(std::move(request));
        co_return response;
    } catch (const std::exception& error) {
        log_error("{} failed: {}", what, error.what());
        co_return plain_response(500, "The server failed to answer; its log says why.");
    }
}

template <class Stream>
asio::awaitable<void> serve_websocket(Shared server, Stream stream, HttpRequest message,
                                      Request request, Membership& place) {
    std::shared_ptr<WebSocket> socket =
        co_await accept_websocket(std::move(stream), std::move(message), server->options);
    place.set_cut([weak = std::weak_ptr(socket)] {
        if (const auto open = weak.lock()) open->abort();
    });
    if (server->stopped) co_return;
    const std::string path = request.path;
    try {
        co_await server->handlers.websocket(std::move(request), socket);
        co_await socket->close(1000, "");
    } catch (const NetError& error) {
        log_debug("WebSocket {} of {} ended: {}", path, socket->remote(), error.what());
    } catch (const std::exception& error) {
        log_error("WebSocket {} of {} failed: {}", path, socket->remote(), error.what());
    }
}

// A reply in small pieces, for clients that are to be tried.
template <class Stream>
asio::awaitable<void> write_slowly(Stream& stream, HttpReply& reply, i64 bytes_per_second) {
    std::ostringstream text;
    text << reply;
    const std::string bytes = text.str();
    const size_t step = slow_step(bytes_per_second);
    for (size_t at = 0; at < bytes.size(); at += step) {
        beast::get_lowest_layer(stream).expires_after(std::chrono::seconds(30));
        const auto piece = asio::buffer(bytes.data() + at, std::min(step, bytes.size() - at));
        co_await asio::async_write(stream, piece, asio::use_awaitable);
        co_await sleep_for(slow_interval);
    }
}

// Requests one after the other until the client goes, errs, idles, or upgrades to a WebSocket.
template <class Stream>
asio::awaitable<void> serve_requests(Shared server, Stream stream,
                                     std::unique_ptr<Membership> place) {
    auto& lowest = beast::get_lowest_layer(stream);
    place->set_cut([&lowest] { lowest.close(); });
    const std::string remote = remote_of(lowest);
    beast::flat_buffer buffer;
    error_code error;
    for (bool keep_alive = true; keep_alive && !server->stopped;) {
        lowest.expires_after(to_chrono(server->options.idle_timeout));
        http::request_parser<http::string_body> parser;
        parser.body_limit(static_cast<u64>(server->options.max_body_bytes));
        co_await http::async_read(stream, buffer, parser,
                                  asio::redirect_error(asio::use_awaitable, error));
        std::optional<Response> response;
        HttpRequest message;
        if (error) {
            response = refusal(error, server->options);
            if (!response) co_return;
            message.keep_alive(false);
        } else {
            message = parser.release();
            Request request = to_request(message, remote);
            request.tls = server->tls.has_value();
            lowest.expires_never();
            if (beast::websocket::is_upgrade(message) && server->handlers.websocket) {
                place->set_cut({});
                co_await serve_websocket(server, std::move(stream), std::move(message),
                                         std::move(request), *place);
                co_return;
            }
            if (beast::websocket::is_upgrade(message) || !server->handlers.http)
                response = plain_response(404, "There is nothing here.");
            else
                response = co_await run_handler(server, std::move(request));
        }
        const i64 bytes_per_second = response->bytes_per_second;
        HttpReply reply = to_reply(std::move(*response), message);
        keep_alive = reply.keep_alive();
        if (bytes_per_second > 0) {
            co_await write_slowly(stream, reply, bytes_per_second);
            continue;
        }
        lowest.expires_after(to_chrono(server->options.idle_timeout));
        co_await http::async_write(stream, reply, asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return;
    }
}

asio::awaitable<void> serve_connection(Shared server, tcp::socket socket) {
    auto place = std::make_unique<Membership>(server);
    PlainStream stream(std::move(socket));
    try {
        if (!server->tls) {
            co_await serve_requests(server, std::move(stream), std::move(place));
            co_return;
        }
        TlsStream secure(std::move(stream), *server->tls);
        place->set_cut([&secure] { beast::get_lowest_layer(secure).close(); });
        beast::get_lowest_layer(secure).expires_after(std::chrono::seconds(10));
        co_await secure.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
        co_await serve_requests(server, std::move(secure), std::move(place));
    } catch (const std::exception& error) {
        log_debug("connection ended: {}", error.what());
    }
}

asio::awaitable<void> accept_loop(Shared server) {
    error_code error;
    while (!server->stopped) {
        tcp::socket socket(server->io);
        co_await server->acceptor.async_accept(socket,
                                               asio::redirect_error(asio::use_awaitable, error));
        if (server->stopped) co_return;
        if (error == asio::error::no_descriptors || error == asio::error::no_memory ||
            error == asio::error::no_buffer_space) {
            log_warn("port {} accepts nobody for a moment: {}", server->port, error.message());
            co_await sleep_for(millis(500));
            continue;
        }
        if (error) continue;  // The client was gone before it was accepted.
        if (static_cast<i64>(server->connections.size()) >= server->options.max_connections) {
            log_warn("port {} has {} connections, its limit; another one was closed", server->port,
                     server->connections.size());
            continue;
        }
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        asio::co_spawn(server->io, serve_connection(server, std::move(socket)), asio::detached);
    }
}

}  // namespace

Result<void> Server::Impl::listen() {
    const auto refuse = [this](std::string_view why) {
        return external_error(fmt::format("cannot listen on {}: {}",
                                          host_and_port(options.address, options.port), why),
                              Retry::never);
    };
    try {
        if (!options.certificate_file.empty()) {
            tls.emplace(asio::ssl::context::tls_server);
            tls->set_options(asio::ssl::context::default_workarounds |
                             asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
            tls->use_certificate_chain_file(options.certificate_file);
            tls->use_private_key_file(options.key_file, asio::ssl::context::pem);
        }
        const tcp::endpoint endpoint(asio::ip::make_address(options.address), options.port);
        acceptor.open(endpoint.protocol());
        acceptor.set_option(tcp::acceptor::reuse_address(true));
        acceptor.bind(endpoint);
        acceptor.listen();
        port = acceptor.local_endpoint().port();
    } catch (const boost::system::system_error& error) {
        return refuse(error.code().message());
    }
    return {};
}

void Server::Impl::stop() {
    stopped = true;
    error_code ignored;
    acceptor.close(ignored);
    const auto open = connections;  // Cutting one may end its coroutine, which leaves the list.
    for (const auto& [id, cut] : open)
        if (cut) cut();
}

Result<std::unique_ptr<Server>> Server::start(asio::io_context& io, ServerOptions options,
                                              Handlers handlers) {
    std::unique_ptr<Server> server(new Server);
    server->impl_ = std::make_shared<Impl>(io, std::move(options), std::move(handlers));
    if (auto listening = server->impl_->listen(); !listening) return listening.error();
    asio::co_spawn(io, accept_loop(server->impl_), asio::detached);
    return server;
}

Server::Server() = default;
Server::~Server() {
    stop();
}
u16 Server::port() const {
    return impl_->port;
}
void Server::stop() {
    asio::dispatch(impl_->io, [impl = impl_] { impl->stop(); });
}

}  // namespace tape::net
