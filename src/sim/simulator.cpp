// The shell around the simulated venues: ports, certificates, the thread.
#include "sim/simulator.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <thread>

#include "base/json_text.h"
#include "base/log.h"
#include "net/net.h"
#include "sim/client.h"

namespace tape::sim {
namespace {

namespace asio = net::asio;
namespace fs = std::filesystem;

// A venue's port is the base plus its place here, whichever venues run.
constexpr std::array<std::string_view, 6> places = {"okx",     "kucoin",   "coingecko",
                                                    "binance", "coinbase", "kraken"};

constexpr Nanos ledger_interval = millis(500);

Result<void> check(const SimOptions& options) {
    if (!(options.rate >= rate_min && options.rate <= rate_max))
        return user_error(
            fmt::format("the simulator's rate must be from {} to {} messages a second, not {}",
                        rate_min, rate_max, options.rate));
    for (const std::string& venue : options.venues) {
        if (!find_sim_venue(venue)) {
            std::string known;
            for (const SimVenue* each : sim_venues())
                known += fmt::format("{}{}", known.empty() ? "" : ", ", each->name());
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

asio::awaitable<void> keep_ledger(Ledger* ledger) {
    for (;;) {
        const bool done = ledger->advance(wall_clock());
        co_await net::sleep_for(done ? ledger_interval : millis(20));
    }
}

}  // namespace

struct Simulator::Impl {
    Result<void> open_ledger();
    Result<void> prepare_certificates();
    Result<void> listen();
    std::string url(std::string_view scheme, std::string_view venue) const;

    SimOptions options;
    fs::path temporary_folder;  // Empty: the certificates are the caller's.
    std::unique_ptr<Ledger> ledger;
    asio::io_context io{1};
    std::vector<std::unique_ptr<Exchange>> exchanges;  // Their servers end before `io` does.
    std::thread thread;
};

Result<void> Simulator::Impl::open_ledger() {
    auto opened = Ledger::open(options.ledger, wall_clock());
    if (!opened) return opened.error();
    ledger = std::move(*opened);
    return {};
}

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
    const Nanos start = ledger ? ledger->start() : wall_clock();
    for (const std::string& name : options.venues) {
        auto exchange =
            std::make_unique<Exchange>(*find_sim_venue(name), market, options.faults, start);
        if (options.limits) exchange->limits.emplace(name);
        exchange->ledger = ledger.get();
        if (ledger) ledger->follow(name, exchange->markets, exchange->faults);
        exchange->tick =
            std::clamp(Nanos{static_cast<i64>(1e9 / options.rate)}, millis(2), millis(20));
        exchange->slow_limit = options.slow_limit;
        net::ServerOptions server{.port = port_of(options, name), .deflate = options.deflate};
        if (options.tls) {
            server.certificate_file = fs::path(options.certificate_folder) / "cert.pem";
            server.key_file = fs::path(options.certificate_folder) / "key.pem";
        }
        Exchange* const served = exchange.get();
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
    if (ledger) asio::co_spawn(io, keep_ledger(ledger.get()), asio::detached);
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

std::vector<std::string_view> simulated_venues() {
    std::vector<std::string_view> names;
    for (const std::string_view name : places)
        if (find_sim_venue(name)) names.push_back(name);
    return names;
}

Simulator::Simulator() : impl_(std::make_unique<Impl>()) {}
Simulator::~Simulator() {
    stop();
}

Result<std::unique_ptr<Simulator>> Simulator::start(SimOptions options) {
    if (options.venues.empty())
        for (const std::string_view name : simulated_venues()) options.venues.emplace_back(name);
    if (auto checked = check(options); !checked) return checked.error();
    std::unique_ptr<Simulator> simulator(new Simulator);
    Impl& impl = *simulator->impl_;
    impl.options = std::move(options);
    if (impl.options.tls)
        if (auto prepared = impl.prepare_certificates(); !prepared) return prepared.error();
    if (!impl.options.ledger.empty())
        if (auto opened = impl.open_ledger(); !opened) return opened.error();
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
        if (impl_->ledger) {
            const Nanos end = wall_clock();
            while (!impl_->ledger->advance(end)) {
            }
        }
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
