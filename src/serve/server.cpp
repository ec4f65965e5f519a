#include "serve/server.h"

#include <fmt/core.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>

#include "base/log.h"
#include "base/metrics.h"
#include "net/net.h"
#include "serve/api.h"
#include "serve/guard.h"
#include "serve/hub.h"
#include "serve/live.h"

namespace tape::serve {

namespace asio = net::asio;

struct DashboardServer::Impl {
    Impl(ServeOptions o, Backend b);

    asio::awaitable<net::Response> http(net::Request request);
    asio::awaitable<net::Response> run(std::function<net::Response()> work);
    asio::awaitable<void> websocket(net::Request request, std::shared_ptr<net::WebSocket> socket);
    asio::awaitable<void> follow_logs();

    const ServeOptions options;
    const Backend backend;
    Recent recent;
    Hub hub;
    Live live;
    asio::io_context io{1};
    asio::thread_pool questions{1};
    i64 open_questions{};
    std::string address;
    std::unique_ptr<net::Server> server;
    std::thread thread;
};

namespace {

constexpr i64 most_questions = 8;  // Waiting or being answered.

asio::awaitable<net::Response> call(std::function<net::Response()> work) {
    co_return work();
}

// A question that is open, until it is answered or fails.
class OpenQuestion final {
 public:
    explicit OpenQuestion(i64& count) : count_(count) { ++count_; }
    ~OpenQuestion() { --count_; }
    OpenQuestion(const OpenQuestion&) = delete;
    OpenQuestion& operator=(const OpenQuestion&) = delete;

 private:
    i64& count_;
};

void count_request(const std::string& route, int status) {
    counter("tape_serve_requests_total", {{"route", route}, {"status", std::to_string(status)}})
        .add();
}

}  // namespace

DashboardServer::Impl::Impl(ServeOptions o, Backend b)
    : options(std::move(o)),
      backend(std::move(b)),
      recent(options.recent),
      hub(options.derived_log_root, options.history_records, recent),
      live(options, backend, recent, hub) {}

asio::awaitable<net::Response> DashboardServer::Impl::http(net::Request request) {
    Answer reply = answer(request, recent, backend);
    if (reply.work) reply.response = co_await run(std::move(reply.work));
    finish(reply.response, request);
    count_request(reply.route, reply.response.status);
    co_return std::move(reply.response);
}

asio::awaitable<net::Response> DashboardServer::Impl::run(std::function<net::Response()> work) {
    if (open_questions >= most_questions)
        co_return error_response(
            503,
            fmt::format("{} questions are being answered already; ask again soon", open_questions));
    const OpenQuestion open(open_questions);
    net::Response response =
        co_await asio::co_spawn(questions, call(std::move(work)), asio::use_awaitable);
    co_return response;
}

asio::awaitable<void> DashboardServer::Impl::websocket(net::Request request,
                                                       std::shared_ptr<net::WebSocket> socket) {
    const char* why = refusal(request, Exposure::needs_own_origin);
    if (why == nullptr && request.path != "/ws") why = "the live feed is at /ws";
    count_request("/ws", why == nullptr ? 101 : 403);
    if (why != nullptr)
        co_await socket->close(1008, why);
    else
        co_await live.serve(std::move(socket));
}

asio::awaitable<void> DashboardServer::Impl::follow_logs() {
    Nanos next_second{};
    while (true) {
        const Nanos now = wall_clock();
        const Nanos steady = steady_clock();
        if (steady >= next_second) {
            hub.find_partitions();
            live.on_second(now);
            next_second = steady + seconds(1);
        }
        const bool more = hub.poll(now);
        co_await net::sleep_for(more ? Nanos{0} : options.poll_interval);
    }
}

Result<std::unique_ptr<DashboardServer>> DashboardServer::start(ServeOptions options,
                                                                Backend backend) {
    const auto listen = parse_listen(options.listen);
    if (!listen) return listen.error();
    std::unique_ptr<DashboardServer> made(new DashboardServer);
    made->impl_ = std::make_unique<Impl>(std::move(options), std::move(backend));
    Impl& impl = *made->impl_;
    impl.address = listen->address;
    net::ServerOptions server_options;
    server_options.address = listen->address;
    server_options.port = listen->port;
    server_options.max_body_bytes = 256 << 10;
    server_options.max_message_bytes = 4 << 10;
    server_options.max_connections = 256;
    server_options.deflate = false;  // Loopback has bandwidth to spare.
    net::Handlers handlers;
    handlers.http = [&impl](net::Request request) { return impl.http(std::move(request)); };
    handlers.websocket = [&impl](net::Request request, std::shared_ptr<net::WebSocket> socket) {
        return impl.websocket(std::move(request), std::move(socket));
    };
    auto server = net::Server::start(impl.io, std::move(server_options), std::move(handlers));
    if (!server) return server.error();
    impl.server = std::move(*server);
    asio::co_spawn(impl.io, impl.follow_logs(), asio::detached);
    impl.thread = std::thread([&impl] { impl.io.run(); });
    log_info("the dashboard is at {}", made->url());
    return made;
}

DashboardServer::DashboardServer() = default;
DashboardServer::~DashboardServer() {
    stop();
}

u16 DashboardServer::port() const {
    return impl_->server->port();
}

std::string DashboardServer::url() const {
    const bool v6 = impl_->address.find(':') != std::string::npos;
    return fmt::format("http://{}{}{}:{}/", v6 ? "[" : "", impl_->address, v6 ? "]" : "", port());
}

void DashboardServer::stop() {
    if (!impl_->thread.joinable()) return;
    impl_->server->stop();
    impl_->io.stop();
    impl_->thread.join();
    impl_->questions.join();
}

}  // namespace tape::serve
