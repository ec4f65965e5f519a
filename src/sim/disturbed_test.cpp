// Fault scripts over real sockets: what a client sees of its connection's end.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "net/loop_test.h"
#include "sim/simulator.h"

namespace tape::sim {
namespace {

namespace asio = net::asio;

std::unique_ptr<Simulator> disturbed(const std::string& script, SimOptions options = {}) {
    auto parsed = parse_fault_script(script, simulated_venues());
    EXPECT_TRUE(parsed);
    options.port = 0;
    options.venues = {"okx"};
    options.rate = 500;
    options.faults = std::move(*parsed);
    auto simulator = Simulator::start(std::move(options));
    EXPECT_TRUE(simulator);
    return std::move(*simulator);
}

std::string fault(const std::string& kind, const std::string& more = "after_messages = 20") {
    return "[[fault]]\nkind = \"" + kind + "\"\nvenue = \"okx\"\n" + more + "\n";
}

// Reads until the connection ends, and gives the bytes that were read.
asio::awaitable<std::size_t> read_to_end(std::string url, net::ClientOptions options) {
    const auto socket = co_await net::connect_websocket(*net::parse_url(url), options);
    co_await socket->write_text(
        R"({"op":"subscribe","args":[{"channel":"trades-all","instId":"BTC-USDT"}]})");
    std::size_t bytes = 0;
    for (;;) {
        const net::WebSocket::Message message = co_await socket->read();
        bytes += message.payload.size();
    }
    co_return bytes;
}

std::string end_of(const Simulator& simulator, net::ClientOptions options = {}) {
    asio::io_context io;
    options.ca_file = simulator.ca_file();
    return net::failure_of(
        io, read_to_end(simulator.websocket_url("okx") + "/ws/v5/business", options));
}

TEST(Disturbed, AConnectionIsCutWithoutACloseFrame) {
    for (const bool tls : {false, true}) {
        const auto simulator = disturbed(fault("close"), {.tls = tls});
        EXPECT_EQ(end_of(*simulator), "cut by the peer without a closing handshake");
    }
}

TEST(Disturbed, AConnectionIsClosedWithACode) {
    const auto simulator = disturbed(fault("close", "after_messages = 20\ncode = 1012"));
    EXPECT_EQ(end_of(*simulator), "closed by the peer: 1012 closed by a fault script");
}

TEST(Disturbed, AConnectionIsReset) {
    const auto simulator = disturbed(fault("reset"));
    EXPECT_NE(end_of(*simulator).find("reset"), std::string::npos);
}

TEST(Disturbed, AHalfOpenConnectionAnswersNotEvenPings) {
    for (const bool tls : {false, true}) {
        const auto simulator = disturbed(fault("half_open"), {.tls = tls});
        EXPECT_EQ(end_of(*simulator, {.idle_timeout = millis(600)}),
                  "nothing heard, not even an answer to a ping");
    }
}

asio::awaitable<i64> first_frames_at(std::string url, Nanos began) {
    const net::ClientOptions options;
    const auto socket = co_await net::connect_websocket(*net::parse_url(url), options);
    co_await socket->write_text(
        R"({"op":"subscribe","args":[{"channel":"trades-all","instId":"BTC-USDT"}]})");
    for (int i = 0; i < 3; ++i) {
        const net::WebSocket::Message message = co_await socket->read();
        EXPECT_TRUE(nlohmann::json::accept(message.payload));
    }
    co_return (steady_clock() - began).millis();
}

TEST(Disturbed, FramesAndAnswersTrickle) {
    const auto simulator = disturbed(fault("slow", "bytes_per_second = 1000"));
    asio::io_context io;
    // Three frames of some 150 bytes each cannot be there within 0.2 s, nor can the answer.
    EXPECT_GT(
        net::run_to_end(io, first_frames_at(simulator->websocket_url("okx") + "/ws/v5/business",
                                            steady_clock())),
        200);
    const Nanos asked = steady_clock();
    const net::HttpResponse answer = net::run_to_end(
        io, net::http_request("GET",
                              *net::parse_url(simulator->rest_url("okx") +
                                              "/api/v5/market/trades?instId=BTC-USDT&limit=3"),
                              {}, "", {}));
    EXPECT_TRUE(nlohmann::json::accept(answer.body));
    EXPECT_GT((steady_clock() - asked).millis(), 200);
}

TEST(Disturbed, LimitsAreEnforcedAndTold) {
    const auto ledger = (std::filesystem::temp_directory_path() /
                         ("tape-disturbed-" + std::to_string(getpid()) + ".jsonl"))
                            .string();
    auto simulator = disturbed("", {.ledger = ledger, .limits = true});
    asio::io_context io;
    const std::string url =
        simulator->rest_url("okx") + "/api/v5/public/instruments?instType=SPOT&instId=BTC-USDT";
    int refused = 0;
    for (int i = 0; i < 50; ++i)
        refused += net::run_to_end(io, net::http_request("GET", *net::parse_url(url), {}, "", {}))
                       .status == 429;
    simulator.reset();
    EXPECT_GT(refused, 0);
    std::ifstream file(ledger);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    EXPECT_NE(text.find(R"({"violation":"/api/v5/public/instruments","limit":"20 in 2s")"),
              std::string::npos);
    std::filesystem::remove(ledger);
}

}  // namespace
}  // namespace tape::sim
