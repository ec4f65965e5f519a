// The misbehaving server of test_venue.h.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "feed/test_venue.h"

namespace tape::feed {

TestServer::TestServer(Behaviour behaviour, net::ServerOptions options)
    : behaviour_(std::move(behaviour)) {
    net::Handlers handlers;
    handlers.http = [this](net::Request request) { return answer(std::move(request)); };
    handlers.websocket = [this](net::Request request, std::shared_ptr<net::WebSocket> socket) {
        return talk(std::move(request), std::move(socket));
    };
    auto server = net::Server::start(io_, std::move(options), std::move(handlers));
    EXPECT_TRUE(server) << (server ? "" : server.error().what);
    server_ = std::move(*server);
    net::asio::co_spawn(io_, run_market(), net::asio::detached);
    thread_ = std::thread([this] { io_.run(); });
}

TestServer::~TestServer() {
    io_.stop();
    thread_.join();
}

net::asio::awaitable<net::Response> TestServer::answer(net::Request request) {
    const Behaviour now = behaviour();
    {
        const std::lock_guard lock(mutex_);
        asked_.push_back(request.method + " " + request.path +
                         (request.query.empty() ? "" : "?" + request.query));
    }
    if (now.rest_hangs) co_await net::sleep_for(seconds(60));
    net::Response response;
    response.headers = now.rest_headers;
    response.status = now.rest_status;
    if (request.path == "/token") {
        response.status = now.token_status;
        response.body = fmt::format(R"({{"token":{},"port":{}}})", connections() + 1, port());
    } else if (request.path == "/trades") {
        response.body = trades(request);
    } else if (request.path == "/prices") {
        response.body = "{}";
        const auto etag =
            std::ranges::find(now.rest_headers, "ETag", &net::Headers::value_type::first);
        if (etag != now.rest_headers.end() && request.header("If-None-Match") == etag->second)
            response.status = 304;
    } else {
        response.body = now.list + request.query;
    }
    co_return response;
}

std::string TestServer::trades(const net::Request& request) const {
    const std::lock_guard lock(mutex_);
    const auto bound = [&](std::string_view name, i64 otherwise) {
        const auto text = request.parameter(name);
        return text ? static_cast<i64>(std::stoll(*text)) : otherwise;
    };
    const i64 from = bound("from", 0);
    std::string body = "[";
    i64 listed = 0;
    for (i64 n =
             std::min(bound("to", std::ssize(trades_)), static_cast<i64>(std::ssize(trades_)) - 1);
         n >= from && listed < behaviour_.page; --n, ++listed)
        body += fmt::format(R"({}{{"symbol":"A","n":{},"ts":{}}})", listed == 0 ? "" : ",", n,
                            trades_[static_cast<size_t>(n)].count);
    return body + "]";
}

// One connection: its reader notes what was said, its writer answers and tells of the market.
struct TestServer::Talk {
    std::shared_ptr<net::WebSocket> socket;
    i64 number{};
    std::vector<std::string> texts;
    i64 answered{}, next_trade{};
    bool over{}, deaf{};
    std::set<std::string> healed;
};

net::asio::awaitable<void> TestServer::talk(net::Request request,
                                            std::shared_ptr<net::WebSocket> socket) {
    const bool hang_up = behaviour().hang_up;
    const auto talk = std::make_shared<Talk>();
    talk->socket = std::move(socket);
    {
        const std::lock_guard lock(mutex_);
        talk->number = ++connections_;
        if (!hang_up) ++open_connections_;
        talk->next_trade = std::ssize(trades_);
        asked_.push_back((hang_up ? "HUNG UP " : "WS ") + request.path +
                         (request.query.empty() ? "" : "?" + request.query));
    }
    if (hang_up) co_return;
    net::asio::co_spawn(io_, listen(talk), net::asio::detached);
    try {
        co_await answer_texts(talk);
    } catch (const std::exception&) {
        talk->over = true;
    }
    const std::lock_guard lock(mutex_);
    --open_connections_;
}

net::asio::awaitable<void> TestServer::listen(std::shared_ptr<Talk> talk) {
    try {
        while (!talk->deaf) {
            const net::WebSocket::Message message = co_await talk->socket->read();
            talk->texts.emplace_back(message.payload);
            const std::lock_guard lock(mutex_);
            received_.push_back(fmt::format("{}:{}", talk->number, message.payload));
            talk->deaf = behaviour_.half_open && talk->texts.size() == 2;
        }
    } catch (const std::exception&) {
        talk->over = true;
    }
}

net::asio::awaitable<void> TestServer::answer_texts(std::shared_ptr<Talk> talk) {
    const Behaviour first = behaviour();
    if (first.welcome) co_await talk->socket->write_text(R"({"welcome":1})");
    while (!talk->over) {
        Behaviour now = behaviour();
        if (now.silent_from > 0 && talk->number >= now.silent_from) now.silent = true;
        if (talk->number <= now.silent_until) now.silent = true;
        if (is_cut(talk->number)) {
            talk->socket->abort();
            co_return;
        }
        std::vector<std::string> out;
        for (; talk->answered < std::ssize(talk->texts); ++talk->answered) {
            const std::string& text = talk->texts[static_cast<size_t>(talk->answered)];
            if (text.starts_with("{\"book\""))
                out.insert(out.end(), now.book.begin(), now.book.end());
            if (!text.starts_with("{\"subscribe\"") || now.silent) continue;
            out.push_back(now.refuse ? fmt::format(R"({{"refused":"{}"}})", now.refusal)
                                     : R"({"ack":1})");
            if (now.heals && (talk->answered >= 2 || talk->number > 1))
                talk->healed.insert(text.find("trades") == std::string::npos ? "tickers"
                                                                             : "trades");
            if (talk->answered != 1) continue;
            for (i64 k = 0; k < now.frames; ++k)
                out.push_back(fmt::format(R"({{"symbol":"A","n":{}}})", k));
            for (i64 k = 0; k < now.extras && !now.extra.empty(); ++k) out.push_back(now.extra);
        }
        const bool subscribed = talk->answered >= 2;
        for (;; ++talk->next_trade) {
            Nanos ts;
            {
                const std::lock_guard lock(mutex_);
                if (talk->next_trade >= std::ssize(trades_)) break;
                ts = trades_[static_cast<size_t>(talk->next_trade)];
            }
            if (!subscribed || now.silent || talk->deaf) continue;
            for (const char* channel : {"trades", "tickers"})
                if (!now.mute.contains(channel) || talk->healed.contains(channel))
                    out.push_back(fmt::format(R"({{"channel":"{}","symbol":"A","n":{},"ts":{}}})",
                                              channel, talk->next_trade, ts.count));
        }
        for (std::string& text : out) {
            std::string each = std::move(text);
            co_await talk->socket->write_text(std::move(each));
        }
        if (subscribed && now.close_after) co_return;
        co_await net::sleep_for(millis(1));
    }
}

net::asio::awaitable<void> TestServer::run_market() {
    for (;;) {
        const Nanos every = behaviour().every;
        co_await net::sleep_for(every > Nanos{} ? every : millis(5));
        if (every == Nanos{}) continue;
        const std::lock_guard lock(mutex_);
        trades_.push_back(wall_clock());
    }
}

std::vector<std::string> TestServer::received() const {
    const std::lock_guard lock(mutex_);
    return received_;
}

i64 TestServer::connections() const {
    const std::lock_guard lock(mutex_);
    return connections_;
}

i64 TestServer::open_connections() const {
    const std::lock_guard lock(mutex_);
    return open_connections_;
}

std::vector<std::string> TestServer::asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
}

void TestServer::cut(i64 connection) {
    const std::lock_guard lock(mutex_);
    cut_ = connection;
}

bool TestServer::is_cut(i64 connection) const {
    const std::lock_guard lock(mutex_);
    return cut_ == connection;
}

void TestServer::set(Behaviour behaviour) {
    const std::lock_guard lock(mutex_);
    behaviour_ = std::move(behaviour);
}

std::unique_lock<std::mutex> TestServer::freeze() {
    std::unique_lock lock(freezer_);
    net::asio::post(io_, [this] { const std::lock_guard wait(freezer_); });
    return lock;
}

TestServer::Behaviour TestServer::behaviour() const {
    const std::lock_guard lock(mutex_);
    return behaviour_;
}

}  // namespace tape::feed
