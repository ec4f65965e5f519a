#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/log.h"
#include "net/loop_test.h"

namespace tape::net {
namespace {

using tcp = asio::ip::tcp;

// "/echo" gives back what it gets; "/large" one big message; "/close" a code and a reason; "/fail"
// an exception.
asio::awaitable<void> serve(Request request, std::shared_ptr<WebSocket> socket) {
    if (request.path == "/large") co_await socket->write_text(std::string(100'000, 'x'));
    if (request.path == "/close") co_await socket->close(1001, "going away");
    if (request.path == "/fail") throw std::runtime_error("a bug");
    for (;;) {
        const WebSocket::Message message = co_await socket->read();
        const std::string text = (message.binary ? "binary:" : "") + std::string(message.payload);
        co_await socket->write_text(text);
    }
}

std::unique_ptr<Server> start(asio::io_context& io, ServerOptions options = {}) {
    auto server = Server::start(io, std::move(options), {.http = {}, .websocket = serve});
    EXPECT_TRUE(server) << (server ? "" : server.error().what);
    return std::move(*server);
}

Url url_of(const Server& server, const std::string& path,
           const std::string& start = "ws://127.0.0.1") {
    return *parse_url(start + ":" + std::to_string(server.port()) + path);
}

asio::awaitable<std::vector<std::string>> echo(Url url, ClientOptions options,
                                               std::vector<std::string> texts) {
    const auto socket = co_await connect_websocket(url, options);
    co_await socket->ping();
    std::vector<std::string> got;
    for (const std::string& text : texts) {
        co_await socket->write_text(text);
        const WebSocket::Message message = co_await socket->read();
        got.emplace_back(message.payload);
    }
    co_await socket->close(1000, "done");
    co_return got;
}

asio::awaitable<std::string> read_one(Url url, ClientOptions options) {
    const auto socket = co_await connect_websocket(url, options);
    const WebSocket::Message message = co_await socket->read();
    co_return std::string(message.payload);
}

const std::vector<std::string> texts = {"", "a", std::string(70'000, 'y'),
                                        "{\"price\":\"68340.12\"}"};

TEST(WebSocket, EchoesPlain) {
    asio::io_context io;
    const auto server = start(io);
    EXPECT_EQ(run_to_end(io, echo(url_of(*server, "/echo"), {}, texts)), texts);
}

TEST(WebSocket, WorksWithoutDeflateOnEitherSide) {
    asio::io_context io;
    const auto with = start(io);
    const auto without = start(io, {.deflate = false});
    EXPECT_EQ(run_to_end(io, echo(url_of(*with, "/echo"), {.deflate = false}, texts)), texts);
    EXPECT_EQ(run_to_end(io, echo(url_of(*without, "/echo"), {}, texts)), texts);
}

TEST(WebSocket, VerifiesTls) {
    const CertificateFolder own, other;
    asio::io_context io;
    const auto server =
        start(io, {.certificate_file = own.file("cert.pem"), .key_file = own.file("key.pem")});
    const ClientOptions trusting{.ca_file = own.file("ca.pem")};
    EXPECT_EQ(run_to_end(io, echo(url_of(*server, "/echo", "wss://127.0.0.1"), trusting, texts)),
              texts);
    EXPECT_EQ(run_to_end(io, echo(url_of(*server, "/echo", "wss://localhost"), trusting, texts)),
              texts);

    const std::string wrong_ca = failure_of(io, echo(url_of(*server, "/echo", "wss://127.0.0.1"),
                                                     {.ca_file = other.file("ca.pem")}, {}));
    EXPECT_NE(wrong_ca.find("certificate of 127.0.0.1 is refused"), std::string::npos) << wrong_ca;
    const auto elsewhere = start(io, {.address = "127.0.0.2",
                                      .certificate_file = own.file("cert.pem"),
                                      .key_file = own.file("key.pem")});
    const std::string wrong_host =
        failure_of(io, echo(url_of(*elsewhere, "/echo", "wss://127.0.0.2"), trusting, {}));
    EXPECT_NE(wrong_host.find("certificate of 127.0.0.2 is refused: IP address mismatch"),
              std::string::npos)
        << wrong_host;
}

TEST(WebSocket, TellsWhyItEnded) {
    asio::io_context io;
    set_log_level(LogLevel::off);
    const auto server = start(io);
    EXPECT_EQ(failure_of(io, read_one(url_of(*server, "/close"), {})),
              "closed by the peer: 1001 going away");
    const std::string cut = failure_of(io, read_one(url_of(*server, "/fail"), {}));
    EXPECT_NE(cut, "");
    const std::string large =
        failure_of(io, read_one(url_of(*server, "/large"), {.max_message_bytes = 99'999}));
    EXPECT_EQ(large, "a message is longer than the limit of 99999 bytes");
    set_log_level(LogLevel::info);
}

TEST(WebSocket, ServerRefusesLargeMessages) {
    asio::io_context io;
    const auto server = start(io, {.max_message_bytes = 1'000});
    const std::string why =
        failure_of(io, echo(url_of(*server, "/echo"), {}, {std::string(1'001, 'x')}));
    EXPECT_NE(why.find("1009"), std::string::npos) << why;
}

TEST(WebSocket, TellsOfARefusedUpgrade) {
    asio::io_context io;
    const auto server = Server::start(io, {}, {.http = {}, .websocket = {}});
    ASSERT_TRUE(server);
    const std::string why = failure_of(io, read_one(url_of(**server, "/none"), {}));
    EXPECT_NE(why.find("/none: answered with status 404"), std::string::npos) << why;
}

TEST(WebSocket, GivesUpOnASilentHandshake) {
    asio::io_context io;
    tcp::acceptor deaf(io, {asio::ip::address_v4::loopback(), 0});
    const Url url =
        *parse_url("ws://127.0.0.1:" + std::to_string(deaf.local_endpoint().port()) + "/");
    const std::string why = failure_of(io, read_one(url, {.timeout = millis(100)}));
    EXPECT_NE(why.find("no answer in time"), std::string::npos) << why;
}

// A masked binary frame by hand, as no client of ours sends one.
asio::awaitable<std::string> send_binary(u16 port) {
    const auto executor = co_await asio::this_coro::executor;
    tcp::socket socket(executor);
    co_await socket.async_connect({asio::ip::address_v4::loopback(), port}, asio::use_awaitable);
    const std::string hello =
        "GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    co_await asio::async_write(socket, asio::buffer(hello), asio::use_awaitable);
    const std::string frame("\x82\x82\0\0\0\0hi", 8);
    co_await asio::async_write(socket, asio::buffer(frame), asio::use_awaitable);
    std::string got;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(got), "binary:hi",
                                    asio::use_awaitable);
    co_return got;
}

TEST(WebSocket, FlagsBinaryMessages) {
    asio::io_context io;
    const auto server = start(io);
    EXPECT_TRUE(run_to_end(io, send_binary(server->port())).ends_with("binary:hi"));
}

asio::awaitable<std::string> abort_while_reading(Url url) {
    const ClientOptions options;
    const std::shared_ptr<WebSocket> socket = co_await connect_websocket(url, options);
    const auto executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, sleep_for(millis(20)),
                   [socket](std::exception_ptr) { socket->abort(); });
    const WebSocket::Message message = co_await socket->read();
    co_return std::string(message.payload);
}

TEST(WebSocket, AbortEndsAPendingRead) {
    asio::io_context io;
    const auto server = start(io);
    EXPECT_NE(failure_of(io, abort_while_reading(url_of(*server, "/echo"))), "");
}

asio::awaitable<void> pump(std::shared_ptr<tcp::socket> from, std::shared_ptr<tcp::socket> to) {
    std::array<char, 4096> bytes;
    for (;;) {
        const size_t size =
            co_await from->async_read_some(asio::buffer(bytes), asio::use_awaitable);
        co_await asio::async_write(*to, asio::buffer(bytes, size), asio::use_awaitable);
    }
}

// A proxy for one connection: whatever host it is asked for, it connects to `port` here, or refuses
// where that is 0.
asio::awaitable<void> serve_tunnel(tcp::acceptor* acceptor, u16 port, std::string* request) {
    const auto executor = co_await asio::this_coro::executor;
    const auto client = std::make_shared<tcp::socket>(executor);
    co_await acceptor->async_accept(*client, asio::use_awaitable);
    co_await asio::async_read_until(*client, asio::dynamic_buffer(*request), "\r\n\r\n",
                                    asio::use_awaitable);
    const std::string answer = port == 0 ? "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
                                         : "HTTP/1.1 200 OK\r\n\r\n";
    co_await asio::async_write(*client, asio::buffer(answer), asio::use_awaitable);
    if (port == 0) co_return;
    const auto target = std::make_shared<tcp::socket>(executor);
    const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port);
    co_await target->async_connect(endpoint, asio::use_awaitable);
    asio::co_spawn(executor, pump(client, target), [](std::exception_ptr) {});
    asio::co_spawn(executor, pump(target, client), [](std::exception_ptr) {});
}

class Environment final {
 public:
    Environment(const char* name, const std::string& value) : name_(name) {
        setenv(name, value.c_str(), 1);
    }
    ~Environment() { unsetenv(name_); }

 private:
    const char* name_;
};

TEST(WebSocket, TunnelsThroughTheProxyOfTheEnvironment) {
    asio::io_context io;
    const auto server = start(io);
    tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    const Environment proxy("HTTP_PROXY",
                            "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()));
    std::string request;
    asio::co_spawn(io, serve_tunnel(&acceptor, server->port(), &request),
                   [](std::exception_ptr) {});
    EXPECT_EQ(run_to_end(io, echo(*parse_url("ws://venue.example/echo"), {}, texts)), texts);
    EXPECT_TRUE(request.starts_with("CONNECT venue.example:80 HTTP/1.1\r\n")) << request;
}

TEST(WebSocket, TellsOfAProxyThatRefuses) {
    asio::io_context io;
    tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    const Environment proxy("HTTPS_PROXY", "http://me:secret@127.0.0.1:" +
                                               std::to_string(acceptor.local_endpoint().port()));
    std::string request;
    asio::co_spawn(io, serve_tunnel(&acceptor, 0, &request), [](std::exception_ptr) {});
    const std::string why = failure_of(io, read_one(*parse_url("wss://venue.example:8443/ws"), {}));
    EXPECT_NE(why.find("refused the tunnel to venue.example:8443 with status 403"),
              std::string::npos)
        << why;
    EXPECT_TRUE(request.starts_with("CONNECT venue.example:8443 HTTP/1.1\r\n")) << request;
    EXPECT_NE(request.find("Proxy-Authorization: Basic bWU6c2VjcmV0"), std::string::npos)
        << request;
}

}  // namespace
}  // namespace tape::net
