#include "sim/simulator.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "net/loop_test.h"

namespace tape::sim {
namespace {

using nlohmann::json;
namespace asio = net::asio;

constexpr const char* okx_request =
    R"({"op":"subscribe","args":[{"channel":"trades-all","instId":"BTC-USDT"}]})";

std::unique_ptr<Simulator> started(SimOptions options) {
    options.port = 0;
    auto simulator = Simulator::start(std::move(options));
    EXPECT_TRUE(simulator) << (simulator ? "" : simulator.error().what);
    return std::move(*simulator);
}

asio::awaitable<std::vector<std::string>> receive(std::string url, net::ClientOptions options,
                                                  std::string request, int count) {
    const auto socket = co_await net::connect_websocket(*net::parse_url(url), options);
    co_await socket->write_text(request);
    std::vector<std::string> frames;
    for (int i = 0; i < count; ++i) {
        const net::WebSocket::Message message = co_await socket->read();
        frames.emplace_back(message.payload);
    }
    co_await socket->close(1000, "");
    co_return frames;
}

std::map<i64, json> trades_of(const std::vector<std::string>& frames) {
    std::map<i64, json> found;
    for (const std::string& frame : frames) {
        const json parsed = json::parse(frame);
        if (!parsed.contains("data")) continue;
        for (const json& trade : parsed.at("data"))
            found[std::stoll(trade.at("tradeId").get<std::string>())] = trade;
    }
    return found;
}

json get(asio::io_context& io, const std::string& url, net::ClientOptions options = {}) {
    const net::HttpResponse response =
        net::run_to_end(io, net::http_request("GET", *net::parse_url(url), {}, "", options));
    return json::parse(response.body);
}

TEST(Simulator, SendsTradesWithoutGaps) {
    const auto simulator = started({.rate = 4'000});
    asio::io_context io;
    const auto found = trades_of(net::run_to_end(
        io, receive(simulator->websocket_url("okx") + "/ws/v5/business", {}, okx_request, 500)));
    ASSERT_EQ(found.size(), 499U);  // And one acknowledgement.
    EXPECT_EQ(found.rbegin()->first - found.begin()->first, 498);
}

TEST(Simulator, ARestartedOneContinuesAndOffersWhatWasSentMeanwhile) {
    asio::io_context io;
    auto simulator = started({.seed = 9, .rate = 2'000});
    const auto before = trades_of(net::run_to_end(
        io, receive(simulator->websocket_url("okx") + "/ws/v5/business", {}, okx_request, 100)));
    simulator.reset();
    simulator = started({.seed = 9, .rate = 2'000});
    const auto after = trades_of(net::run_to_end(
        io, receive(simulator->websocket_url("okx") + "/ws/v5/business", {}, okx_request, 100)));
    ASSERT_GE(after.begin()->first,
              before.rbegin()->first);  // A subscription begins with the last one before it.
    // All that was sent to anyone, and all between: from the newest back to the first.
    std::map<i64, json> history;
    for (i64 id = after.rbegin()->first + 1; id > before.begin()->first;) {
        const json page = get(
            io, simulator->rest_url("okx") +
                    "/api/v5/market/history-trades?instId=BTC-USDT&after=" + std::to_string(id));
        for (const json& trade : page.at("data")) {
            ASSERT_EQ(std::stoll(trade.at("tradeId").get<std::string>()), --id);
            history[id] = trade;
        }
    }
    for (const auto* sent : {&before, &after})
        for (const auto& [id, trade] : *sent)
            for (const char* field : {"px", "sz", "side", "ts"})
                EXPECT_EQ(history.at(id).at(field), trade.at(field)) << id;
}

TEST(Simulator, SpeaksBothOfCoinbasesFeedsAtOnePath) {
    const auto simulator = started({.rate = 1'000});
    asio::io_context io;
    const std::string url = simulator->websocket_url("coinbase") + "/";
    const auto exchange = net::run_to_end(
        io,
        receive(url, {}, R"({"type":"subscribe","product_ids":["BTC-USD"],"channels":["matches"]})",
                20));
    EXPECT_EQ(json::parse(exchange[0]).at("type"), "subscriptions");
    EXPECT_EQ(json::parse(exchange[1]).at("type"), "last_match");
    EXPECT_EQ(json::parse(exchange[19]).at("type"), "match");
    const auto advanced = net::run_to_end(
        io,
        receive(url, {},
                R"({"type":"subscribe","product_ids":["BTC-USD"],"channel":"market_trades"})", 4));
    EXPECT_EQ(json::parse(advanced[0]).at("channel"), "subscriptions");
    EXPECT_EQ(json::parse(advanced[3]).at("sequence_num"), 3);
    EXPECT_GE(get(io, simulator->rest_url("coinbase") + "/products").size(), 13U);
}

TEST(Simulator, TellsItsAddresses) {
    const auto simulator = started({.venues = {"okx", "coinbase"}});
    const json ready = json::parse(simulator->ready_line());
    EXPECT_EQ(simulator->ready_line().find('\n'), std::string::npos);
    EXPECT_EQ(ready.at("venues").size(), 2U);
    EXPECT_EQ(ready.at("venues").at("okx").at("ws"), simulator->websocket_url("okx"));
    EXPECT_EQ(ready.at("venues").at("coinbase").at("rest"), simulator->rest_url("coinbase"));
    EXPECT_TRUE(simulator->websocket_url("okx").starts_with("ws://127.0.0.1:"));
    EXPECT_FALSE(ready.contains("ca"));
}

TEST(Simulator, SpeaksTlsWithItsOwnAuthority) {
    const auto simulator = started({.rate = 1'000, .tls = true});
    asio::io_context io;
    EXPECT_EQ(json::parse(simulator->ready_line()).at("ca"), simulator->ca_file());
    const std::string url = simulator->websocket_url("okx") + "/ws/v5/business";
    EXPECT_TRUE(url.starts_with("wss://"));
    EXPECT_EQ(net::run_to_end(io, receive(url, {.ca_file = simulator->ca_file()}, okx_request, 10))
                  .size(),
              10U);
    EXPECT_NE(net::failure_of(io, receive(url, {}, okx_request, 10)),
              "");  // Nobody else trusts it.
    EXPECT_EQ(get(io, simulator->rest_url("okx") + "/api/v5/public/time",
                  {.ca_file = simulator->ca_file()})
                  .at("code"),
              "0");
}

TEST(Simulator, KeepsItsAuthorityAcrossRestarts) {
    const auto folder =
        std::filesystem::temp_directory_path() / ("tape-sim-test-" + std::to_string(getpid()));
    const SimOptions options{.tls = true, .certificate_folder = folder.string()};
    started(options);
    const auto written = std::filesystem::last_write_time(folder / "ca.pem");
    const auto again = started(options);
    EXPECT_EQ(std::filesystem::last_write_time(folder / "ca.pem"), written);
    EXPECT_EQ(again->ca_file(), (folder / "ca.pem").string());
    std::filesystem::remove_all(folder);
}

TEST(Simulator, ClosesUnknownPaths) {
    const auto simulator = started({});
    asio::io_context io;
    const std::string failure = net::failure_of(
        io, receive(simulator->websocket_url("okx") + "/nothing", {}, okx_request, 1));
    EXPECT_NE(failure, "");
}

// Reads nothing, and pings until the connection is cut.
asio::awaitable<std::string> read_nothing(std::string url) {
    const net::ClientOptions options;
    const auto socket = co_await net::connect_websocket(*net::parse_url(url), options);
    co_await socket->write_text(okx_request);
    try {
        for (;;) {
            co_await net::sleep_for(millis(20));
            co_await socket->ping();
        }
    } catch (const std::exception& error) {
        co_return error.what();
    }
}

TEST(Simulator, DisconnectsClientsThatDoNotRead) {
    const auto simulator = started({.venues = {"okx"}, .rate = 200'000, .slow_limit = millis(300)});
    asio::io_context io;
    EXPECT_NE(
        net::run_to_end(io, read_nothing(simulator->websocket_url("okx") + "/ws/v5/business")), "");
}

TEST(Simulator, RefusesWhatItCannotDo) {
    const auto refusal = [](SimOptions options) {
        const auto simulator = Simulator::start(std::move(options));
        return simulator ? std::string("none") : simulator.error().what;
    };
    EXPECT_NE(refusal({.venues = {"mtgox"}}).find("'mtgox'; there are "), std::string::npos);
    EXPECT_NE(refusal({.venues = {"okx", "okx"}}).find("twice"), std::string::npos);
    EXPECT_NE(refusal({.rate = 0}).find("rate"), std::string::npos);
    EXPECT_NE(refusal({.rate = -1}).find("rate"), std::string::npos);
    EXPECT_NE(refusal({.port = 65'535}).find("65535"), std::string::npos);
}

TEST(Simulator, NamesABusyPort) {
    const auto first = started({.venues = {"okx"}});
    const u16 port = net::parse_url(first->rest_url("okx"))->port;
    const auto second = Simulator::start({.port = port, .venues = {"okx"}});
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().what.find(std::to_string(port)), std::string::npos);
}

TEST(Simulator, AVenuesPortIsItsPlaceAboveTheBase) {
    const auto any = started({.venues = {"okx"}});
    const u16 base = static_cast<u16>(net::parse_url(any->rest_url("okx"))->port -
                                      4);  // Where coinbase would collide.
    any->stop();
    const auto simulator = Simulator::start({.port = base, .venues = {"coinbase"}});
    if (!simulator) GTEST_SKIP() << simulator.error().what;
    EXPECT_EQ(net::parse_url((*simulator)->rest_url("coinbase"))->port, base + 4);
}

}  // namespace
}  // namespace tape::sim
