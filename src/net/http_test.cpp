#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/log.h"
#include "net/loop_test.h"

namespace tape::net {
namespace {

using tcp = asio::ip::tcp;

asio::awaitable<Response> answer(Request request) {
    if (request.path == "/throw") throw std::runtime_error("a bug");
    if (request.path == "/slow") co_await sleep_for(seconds(60));
    if (request.path == "/large")
        co_return Response{200, "text/plain", {}, std::string(100'000, 'x')};
    co_return Response{request.path == "/missing" ? 404 : 200,
                       "text/plain",
                       {{"X-Method", request.method}},
                       request.path + "|" + request.query + "|" + request.body};
}

std::unique_ptr<Server> start(asio::io_context& io, ServerOptions options = {}) {
    auto server = Server::start(io, std::move(options), {.http = answer, .websocket = {}});
    EXPECT_TRUE(server) << (server ? "" : server.error().what);
    return std::move(*server);
}

Url url_of(const Server& server, const std::string& target, const char* scheme = "http") {
    return *parse_url(std::string(scheme) + "://127.0.0.1:" + std::to_string(server.port()) +
                      target);
}

// Sends `text` on one connection and gives all that comes until the server closes or `expected` was
// seen.
asio::awaitable<std::string> talk(u16 port, std::string text, std::string expected) {
    const auto executor = co_await asio::this_coro::executor;
    tcp::socket socket(executor);
    co_await socket.async_connect({asio::ip::address_v4::loopback(), port}, asio::use_awaitable);
    co_await asio::async_write(socket, asio::buffer(text), asio::use_awaitable);
    std::string got;
    try {
        co_await asio::async_read_until(socket, asio::dynamic_buffer(got), expected,
                                        asio::use_awaitable);
    } catch (const boost::system::system_error&) {
        got += "<closed>";
    }
    co_return got;
}

TEST(Http, AsksAndAnswers) {
    asio::io_context io;
    const auto server = start(io);
    const auto response = run_to_end(
        io, http_request("POST", url_of(*server, "/a/b?c=d"), {{"X-Own", "1"}}, "body", {}));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "/a/b|c=d|body");
    EXPECT_EQ(response.header("x-method"), "POST");
    EXPECT_EQ(response.header("content-type"), "text/plain");
    EXPECT_EQ(run_to_end(io, http_request("GET", url_of(*server, "/missing"), {}, "", {})).status,
              404);
    const auto head = run_to_end(io, http_request("HEAD", url_of(*server, "/large"), {}, "", {}));
    EXPECT_EQ(head.header("content-length"), "100000");
    EXPECT_EQ(head.body, "");
}

TEST(Http, VerifiesTlsAgainstTheGivenAuthority) {
    const CertificateFolder own, other;
    asio::io_context io;
    const auto server =
        start(io, {.certificate_file = own.file("cert.pem"), .key_file = own.file("key.pem")});
    const Url url = url_of(*server, "/x", "https");
    EXPECT_EQ(
        run_to_end(io, http_request("GET", url, {}, "", {.ca_file = own.file("ca.pem")})).status,
        200);
    for (const std::string& ca : {other.file("ca.pem"), std::string()}) {
        const std::string why = failure_of(io, http_request("GET", url, {}, "", {.ca_file = ca}));
        EXPECT_NE(why.find("certificate of 127.0.0.1 is refused"), std::string::npos) << why;
    }
    const std::string why =
        failure_of(io, http_request("GET", url, {}, "", {.ca_file = "/nowhere/ca.pem"}));
    EXPECT_NE(why.find("/nowhere/ca.pem"), std::string::npos) << why;
}

TEST(Http, KeepsConnectionsOpen) {
    asio::io_context io;
    const auto server = start(io);
    const std::string two =
        "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const std::string got = run_to_end(io, talk(server->port(), two, "never"));
    EXPECT_LT(got.find("/1||"), got.find("/2||"));
    EXPECT_TRUE(got.ends_with("<closed>"));
}

TEST(Http, ClosesIdleConnections) {
    asio::io_context io;
    const auto server = start(io, {.idle_timeout = millis(50)});
    EXPECT_EQ(run_to_end(io, talk(server->port(), "GET /1 HT", "never")), "<closed>");
}

TEST(Http, LimitsWhatItReads) {
    asio::io_context io;
    const auto server = start(io, {.max_body_bytes = 10});
    EXPECT_EQ(
        run_to_end(io, http_request("POST", url_of(*server, "/"), {}, "0123456789", {})).status,
        200);
    EXPECT_EQ(
        run_to_end(io, http_request("POST", url_of(*server, "/"), {}, "0123456789a", {})).status,
        413);
    const std::string long_header = "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n";
    EXPECT_NE(run_to_end(io, talk(server->port(), long_header, "\r\n")).find(" 431 "),
              std::string::npos);
    EXPECT_NE(run_to_end(io, talk(server->port(), "not http at all\r\n\r\n", "\r\n")).find(" 400 "),
              std::string::npos);

    const std::string why = failure_of(
        io, http_request("GET", url_of(*server, "/large"), {}, "", {.max_message_bytes = 99'999}));
    EXPECT_NE(why.find("limit of 99999 bytes"), std::string::npos) << why;
}

TEST(Http, AnswersAHandlersExceptionWith500) {
    set_log_level(LogLevel::off);
    asio::io_context io;
    const auto server = start(io);
    EXPECT_EQ(run_to_end(io, http_request("GET", url_of(*server, "/throw"), {}, "", {})).status,
              500);
    EXPECT_EQ(run_to_end(io, http_request("GET", url_of(*server, "/"), {}, "", {})).status, 200);
    set_log_level(LogLevel::info);
}

TEST(Http, GivesUpOnASlowServer) {
    asio::io_context io;
    const auto server = start(io);
    const std::string why = failure_of(
        io, http_request("GET", url_of(*server, "/slow"), {}, "", {.timeout = millis(100)}));
    EXPECT_NE(why.find("no answer in time"), std::string::npos) << why;
}

TEST(Http, ClosesConnectionsBeyondItsLimit) {
    set_log_level(LogLevel::off);
    asio::io_context io;
    const auto server = start(io, {.max_connections = 1});
    asio::co_spawn(io, http_request("GET", url_of(*server, "/slow"), {}, "", {}),
                   [](std::exception_ptr, HttpResponse) {});
    const std::string refused =
        run_to_end(io, talk(server->port(), "GET / HTTP/1.1\r\n\r\n", "never"));
    EXPECT_EQ(refused, "<closed>");
    set_log_level(LogLevel::info);
}

TEST(Server, NamesTheAddressItCannotHave) {
    asio::io_context io;
    const auto server = start(io);
    const auto second =
        Server::start(io, {.port = server->port()}, {.http = answer, .websocket = {}});
    ASSERT_FALSE(second);
    const std::string address = "127.0.0.1:" + std::to_string(server->port());
    EXPECT_NE(second.error().what.find(address), std::string::npos) << second.error().what;
    EXPECT_FALSE(Server::start(io, {.address = "no address"}, {.http = answer, .websocket = {}}));
}

TEST(Server, CutsItsConnectionsWhenItStops) {
    asio::io_context io;
    const auto server = start(io);
    asio::co_spawn(io, sleep_for(millis(50)), [&](std::exception_ptr) { server->stop(); });
    EXPECT_EQ(run_to_end(io, talk(server->port(), "GET /sl", "never")), "<closed>");
    EXPECT_NE(failure_of(io, http_request("GET", url_of(*server, "/"), {}, "", {}))
                  .find("cannot connect"),
              std::string::npos);
}

// Lets no descriptor be opened, as long as it lives.
class NoDescriptors final {
 public:
    NoDescriptors() {
        getrlimit(RLIMIT_NOFILE, &before_);
        const int lowest_free = dup(0);
        close(lowest_free);
        const rlimit none{static_cast<rlim_t>(lowest_free), before_.rlim_max};
        setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
    rlimit before_{};
};

TEST(Server, PausesWithoutDescriptorsAndGoesOn) {
    set_log_level(LogLevel::off);
    asio::io_context io;
    const auto server = start(io);
    tcp::socket socket(io, tcp::v4());
    {
        const NoDescriptors none;
        socket.connect({asio::ip::address_v4::loopback(), server->port()});
        io.run_for(std::chrono::milliseconds(50));
    }
    EXPECT_EQ(run_to_end(io, http_request("GET", url_of(*server, "/"), {}, "", {})).status, 200);
    set_log_level(LogLevel::info);
}

TEST(Http, SaysWhatCannotBeReached) {
    asio::io_context io;
    const std::string name =
        failure_of(io, http_request("GET", *parse_url("http://no-such-host.invalid/"), {}, "",
                                    {.timeout = seconds(2)}));
    EXPECT_NE(name.find("no-such-host.invalid"), std::string::npos) << name;
    EXPECT_NE(name.find("looked up"), std::string::npos) << name;
}

}  // namespace
}  // namespace tape::net
