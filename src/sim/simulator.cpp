// The shell around the simulated venues: ports, threads, clock. Of each client one coroutine reads,
// one writes what is due every few milliseconds, and one watches that it does not fall behind.
#include "sim/simulator.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <filesystem>
#include <thread>

#include "base/json_text.h"
#include "base/log.h"
#include "net/net.h"
#include "sim/sim_venue.h"

namespace tape::sim {
namespace {

namespace asio = net::asio;
namespace fs = std::filesystem;

// A venue's port is the base plus its place here, whichever venues run.
constexpr std::array<std::string_view, 6> places = {"okx",     "kucoin",   "coingecko",
                                                    "binance", "coinbase", "kraken"};

// How much time is turned into frames at once: what waits for a slow client is a span of time, not
// a queue.
constexpr Nanos slice = millis(50);
constexpr Nanos watch_interval = millis(100);

struct Exchange {
    Exchange(const SimVenue& v, const MarketOptions& options)
        : venue(v), market(v.name(), v.listings(), options) {}

    const SimVenue& venue;
    const Market market;
    Nanos tick, slow_limit;
    std::unique_ptr<net::Server> server;
};

// Shared by the client's coroutines, which end one after the other.
struct Client {
    std::shared_ptr<net::WebSocket> socket;
    std::unique_ptr<Session> session;
    Outbox outbox;
    bool open = true;
    std::optional<Nanos> write_began;  // Steady time; while a write lasts.
};

struct CloseAtEnd {
    Client& client;
    ~CloseAtEnd() { client.open = false; }
};

asio::awaitable<void> send_frames(std::shared_ptr<Client> client) {
    std::vector<std::string> frames = std::exchange(client->outbox.frames, {});
    const bool ping = std::exchange(client->outbox.ping, false);
    for (std::string& frame : frames) {
        client->write_began = steady_clock();
        co_await client->socket->write_text(std::move(frame));
    }
    if (ping) {
        client->write_began = steady_clock();
        co_await client->socket->ping();
    }
    client->write_began.reset();
}

asio::awaitable<void> write_due(const Exchange* exchange, std::shared_ptr<Client> client,
                                Nanos from) {
    const CloseAtEnd close_at_end{*client};
    try {
        for (Nanos until = from; client->open;) {
            const Nanos now = wall_clock();
            if (now - until > exchange->slow_limit) {
                log_warn("simulator: {} client {} is {} ms behind and is disconnected",
                         exchange->venue.name(), client->socket->remote(), (now - until).millis());
                co_await client->socket->close(1008, "ErrSlowConsume");
                co_return;
            }
            until = std::min(now, until + slice);
            client->session->advance(until, client->outbox);
            co_await send_frames(client);
            if (const std::optional<Outbox::Close> close = client->outbox.close) {
                co_await client->socket->close(close->code, close->reason);
                co_return;
            }
            if (until == now) co_await net::sleep_for(exchange->tick);
        }
    } catch (const std::exception& error) {
        log_debug("simulator: writing to a client ended: {}", error.what());
    }
}

// A write to a client that reads nothing never ends by itself.
asio::awaitable<void> watch(const Exchange* exchange, std::shared_ptr<Client> client) {
    while (client->open) {
        co_await net::sleep_for(watch_interval);
        if (!client->write_began || steady_clock() - *client->write_began <= exchange->slow_limit)
            continue;
        log_warn("simulator: {} client {} reads nothing and is cut off", exchange->venue.name(),
                 client->socket->remote());
        client->socket->abort();
        co_return;
    }
}

asio::awaitable<void> serve_client(const Exchange* exchange, net::Request request,
                                   std::shared_ptr<net::WebSocket> socket) {
    const Nanos connected = wall_clock();
    auto client = std::make_shared<Client>();
    client->socket = socket;
    client->session = exchange->venue.connect(request, exchange->market, connected);
    if (!client->session) {
        const std::string reason = fmt::format("there is no WebSocket at {}", request.path);
        co_await socket->close(1008, reason);
        co_return;
    }
    const CloseAtEnd close_at_end{*client};
    const auto executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, write_due(exchange, client, connected), asio::detached);
    asio::co_spawn(executor, watch(exchange, client), asio::detached);
    while (client->open) {
        const net::WebSocket::Message message = co_await socket->read();
        if (!message.binary)
            client->session->on_text(message.payload, wall_clock(), client->outbox);
    }
}

asio::awaitable<net::Response> answer(const Exchange* exchange, net::Request request) {
    co_return exchange->venue.answer(request, exchange->market, wall_clock());
}

Result<void> check(const SimOptions& options) {
    if (!(options.rate >= rate_min && options.rate <= rate_max))
        return user_error(
            fmt::format("the simulator's rate must be from {} to {} messages a second, not {}",
                        rate_min, rate_max, options.rate));
    if (options.venues.empty()) return user_error("the simulator has no venue to simulate");
    for (const std::string& venue : options.venues) {
        if (!find_sim_venue(venue)) {
            std::string known;
            for (const SimVenue* one : sim_venues())
                known += fmt::format("{}{}", known.empty() ? "" : ", ", one->name());
            return user_error(
                fmt::format("the simulator knows no venue '{}'; there are {}", venue, known));
        }
        if (std::ranges::count(options.venues, venue) > 1)
            return user_error(fmt::format("the simulator is asked for venue '{}' twice", venue));
    }
    if (options.port > 65535 - places.size())
        return user_error(
            fmt::format("port {} leaves no room for all venues above it", options.port));
    return {};
}

u16 port_of(const SimOptions& options, std::string_view venue) {
    if (options.port == 0) return 0;
    return static_cast<u16>(options.port + (std::ranges::find(places, venue) - places.begin()));
}

// Certificates live 30 days; one that was made for an earlier run is used as long as it is good for
// some more.
bool usable(const fs::path& certificate) {
    std::error_code error;
    const auto written = fs::last_write_time(certificate, error);
    return !error && fs::file_time_type::clock::now() - written < std::chrono::days(25);
}

}  // namespace

struct Simulator::Impl {
    Result<void> prepare_certificates();
    Result<void> listen();
    std::string url(std::string_view scheme, std::string_view venue) const;

    SimOptions options;
    fs::path temporary_folder;  // Empty: the certificates are the caller's.
    asio::io_context io{1};
    std::vector<std::unique_ptr<Exchange>> exchanges;  // Their servers end before `io` does.
    std::thread thread;
};

Result<void> Simulator::Impl::prepare_certificates() {
    if (options.certificate_folder.empty()) {
        std::string name = (fs::temp_directory_path() / "tape-simulator-XXXXXX").string();
        if (!mkdtemp(name.data()))
            return external_error(fmt::format("cannot make a folder like {}", name), Retry::never);
        options.certificate_folder = name;
        temporary_folder = name;
    }
    if (usable(fs::path(options.certificate_folder) / "cert.pem")) return {};
    std::error_code error;
    fs::create_directories(options.certificate_folder, error);
    return net::make_test_certificates(options.certificate_folder);
}

Result<void> Simulator::Impl::listen() {
    const MarketOptions market{.seed = options.seed,
                               .rate = options.rate,
                               .venues = static_cast<i64>(options.venues.size()),
                               .epoch = options.epoch};
    for (const std::string& name : options.venues) {
        auto exchange = std::make_unique<Exchange>(*find_sim_venue(name), market);
        exchange->tick =
            std::clamp(Nanos{static_cast<i64>(1e9 / options.rate)}, millis(2), millis(20));
        exchange->slow_limit = options.slow_limit;
        net::ServerOptions server{.port = port_of(options, name), .deflate = options.deflate};
        if (options.tls) {
            server.certificate_file = fs::path(options.certificate_folder) / "cert.pem";
            server.key_file = fs::path(options.certificate_folder) / "key.pem";
        }
        const Exchange* const served = exchange.get();
        auto started = net::Server::start(
            io, std::move(server),
            {.http = [served](net::Request request) { return answer(served, std::move(request)); },
             .websocket =
                 [served](net::Request request, std::shared_ptr<net::WebSocket> socket) {
                     return serve_client(served, std::move(request), std::move(socket));
                 }});
        if (!started) return started.error();
        exchange->server = std::move(*started);
        exchanges.push_back(std::move(exchange));
    }
    return {};
}

std::string Simulator::Impl::url(std::string_view scheme, std::string_view venue) const {
    for (const auto& exchange : exchanges)
        if (exchange->venue.name() == venue)
            return fmt::format("{}{}://127.0.0.1:{}", scheme, options.tls ? "s" : "",
                               exchange->server->port());
    ensure(false, "the simulator was asked for the address of a venue that it does not run");
    std::abort();
}

Simulator::Simulator() : impl_(std::make_unique<Impl>()) {}
Simulator::~Simulator() {
    stop();
}

Result<std::unique_ptr<Simulator>> Simulator::start(SimOptions options) {
    if (auto checked = check(options); !checked) return checked.error();
    std::unique_ptr<Simulator> simulator(new Simulator);
    Impl& impl = *simulator->impl_;
    impl.options = std::move(options);
    if (impl.options.tls)
        if (auto prepared = impl.prepare_certificates(); !prepared) return prepared.error();
    if (auto listening = impl.listen(); !listening) return listening.error();
    impl.thread = std::thread([&impl] { impl.io.run(); });
    return simulator;
}

void Simulator::stop() {
    if (impl_->thread.joinable()) {
        asio::post(impl_->io, [this] {
            for (const auto& exchange : impl_->exchanges) exchange->server->stop();
            impl_->io.stop();
        });
        impl_->thread.join();
    }
    std::error_code ignored;
    if (!impl_->temporary_folder.empty()) fs::remove_all(impl_->temporary_folder, ignored);
}

bool Simulator::runs(std::string_view venue) const {
    return std::ranges::find(impl_->options.venues, venue) != impl_->options.venues.end();
}

std::string Simulator::websocket_url(std::string_view venue) const {
    return impl_->url("ws", venue);
}
std::string Simulator::rest_url(std::string_view venue) const {
    return impl_->url("http", venue);
}
std::string Simulator::ca_file() const {
    return impl_->options.tls ? (fs::path(impl_->options.certificate_folder) / "ca.pem").string()
                              : std::string();
}

std::string Simulator::ready_line() const {
    std::string venues;
    for (const std::string& venue : impl_->options.venues)
        venues += fmt::format(R"({}"{}":{{"ws":"{}","rest":"{}"}})", venues.empty() ? "" : ",",
                              venue, websocket_url(venue), rest_url(venue));
    const std::string ca =
        impl_->options.tls ? fmt::format(R"(,"ca":{})", json_quoted(ca_file())) : std::string();
    return fmt::format(R"({{"venues":{{{}}}{}}})", venues, ca);
}

}  // namespace tape::sim
