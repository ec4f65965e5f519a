// What mends a stream: fetching what it missed, and subscribing to it alone again.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "venues/test_events.h"

namespace tape::venues {
namespace {

const Venue& venue(std::string_view name) {
    const Venue* found = find_venue(name);
    ensure(found != nullptr, "the venue is part of this build");
    return *found;
}

std::string asked(std::string_view name, const SourceSpec& spec, const Missing& missing) {
    const auto request = venue(name).backfill(spec, missing);
    return request ? request->target : "nothing";
}

TEST(Backfill, AsksForTheNewestAndThenForWhatIsBetween) {
    const Missing okx{.native_symbol = "BTC-USDT", .channel = "trades", .from_id = 100};
    EXPECT_EQ(asked("okx", {}, okx), "/api/v5/market/trades?instId=BTC-USDT&limit=500");
    Missing between = okx;
    between.to_id = 900;
    EXPECT_EQ(asked("okx", {}, between),
              "/api/v5/market/history-trades?instId=BTC-USDT&type=1&after=901&limit=100");
    between.channel = "tickers";
    EXPECT_EQ(asked("okx", {}, between), "nothing");

    Missing coinbase{.native_symbol = "BTC-USD", .channel = "matches", .from_id = 100};
    EXPECT_EQ(asked("coinbase", {}, coinbase), "/products/BTC-USD/trades?limit=1000");
    coinbase.to_id = 900;
    coinbase.channel = "market_trades";
    EXPECT_EQ(asked("coinbase", {.feed = "advanced"}, coinbase),
              "/products/BTC-USD/trades?limit=1000&after=901");

    const Missing kucoin{.native_symbol = "BTC-USDT", .channel = "match"};
    EXPECT_EQ(asked("kucoin", {}, kucoin), "/api/v1/market/histories?symbol=BTC-USDT");
    EXPECT_EQ(asked("coingecko", {}, kucoin), "nothing");

    Missing kraken{.native_symbol = "BTC/USD",
                   .channel = "trade",
                   .from_id = 100,
                   .from_ts = seconds(1'700'000'000)};
    EXPECT_EQ(asked("kraken", {}, kraken), "/0/public/Trades?pair=BTC/USD");
    kraken.to_id = 900;
    EXPECT_EQ(asked("kraken", {}, kraken),
              "/0/public/Trades?pair=BTC/USD&since=1699999998000000000");
}

TEST(Backfill, StaysInTheIdsOfItsChannelAtBinance) {
    Missing missing{.native_symbol = "BTCUSDT", .channel = "trade", .from_id = 100};
    EXPECT_EQ(asked("binance", {}, missing), "/api/v3/trades?symbol=BTCUSDT&limit=1000");
    missing.channel = "aggTrade";
    EXPECT_EQ(asked("binance", {}, missing), "/api/v3/aggTrades?symbol=BTCUSDT&limit=1000");
    missing.to_id = 9'000;
    EXPECT_EQ(asked("binance", {}, missing),
              "/api/v3/aggTrades?symbol=BTCUSDT&limit=1000&fromId=100");
    missing.channel = "trade";
    EXPECT_EQ(asked("binance", {}, missing),
              "/api/v3/historicalTrades?symbol=BTCUSDT&limit=1000&fromId=100");
    missing.from_id.reset();
    EXPECT_EQ(asked("binance", {}, missing),
              "/api/v3/historicalTrades?symbol=BTCUSDT&limit=1000&fromId=8001");
    const auto request = venue("binance").backfill({.api_key = "secret"}, missing);
    EXPECT_EQ(request->weight, 25);
    EXPECT_EQ(request->headers.size(), 2u) << "microseconds, and the key";
    missing.channel = "bookTicker";
    EXPECT_EQ(asked("binance", {}, missing), "nothing");
    EXPECT_EQ(venue("binance").rest_budget().used_header, "x-mbx-used-weight-1m");
}

TEST(Backfill, AsksForTheVeryFirstTradeToo) {
    const auto first = [](const char* symbol, const char* channel) {
        return Missing{.native_symbol = symbol, .channel = channel, .from_id = 0, .to_id = 0};
    };
    EXPECT_EQ(asked("okx", {}, first("A-B", "trades")),
              "/api/v5/market/history-trades?instId=A-B&type=1&after=1&limit=100");
    EXPECT_EQ(asked("coinbase", {}, first("A-B", "matches")),
              "/products/A-B/trades?limit=1000&after=1");
    EXPECT_EQ(asked("binance", {}, first("AB", "aggTrade")),
              "/api/v3/aggTrades?symbol=AB&limit=1000&fromId=0");
    EXPECT_EQ(asked("kraken", {}, first("A/B", "trade")), "/0/public/Trades?pair=A/B&since=0");
}

TEST(Backfill, AnAnswerWithoutTradesIsSound) {
    const std::tuple<const char*, const char*, const char*> answers[] = {
        {"okx", "/api/v5/market/history-trades?instId=A-B", R"({"code":"0","msg":"","data":[]})"},
        {"coinbase", "/products/A-B/trades?limit=1000", "[]"},
        {"kucoin", "/api/v1/market/histories?symbol=A-B", R"({"code":"200000","data":[]})"},
        {"binance", "/api/v3/historicalTrades?symbol=AB", "[]"},
        {"kraken", "/0/public/Trades?pair=A/B", R"({"error":[],"result":{"AB":[],"last":"0"}})"}};
    for (const auto& [name, target, body] : answers) {
        const Decoded decoded = decode_answer(name, target, 200, body);
        EXPECT_FALSE(decoded.error) << name << decoded.error->detail;
        EXPECT_TRUE(decoded.events.lines.empty()) << name;
    }
}

TEST(Resubscribing, EndsAndRenewsOneStream) {
    using Texts = std::vector<std::string>;
    EXPECT_EQ(venue("okx").resubscribe({"trades", "BTC-USDT"}),
              (Texts{R"({"op":"unsubscribe","args":[{"channel":"trades","instId":"BTC-USDT"}]})",
                     R"({"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"}]})"}));
    EXPECT_EQ(venue("coinbase").resubscribe({"ticker", "BTC-USD"}),
              (Texts{R"({"type":"unsubscribe","product_ids":["BTC-USD"],"channels":["ticker"]})",
                     R"({"type":"subscribe","product_ids":["BTC-USD"],"channels":["ticker"]})"}));
    EXPECT_EQ(venue("coinbase").resubscribe({"ticker", "BTC-USD", "advanced"}),
              (Texts{R"({"type":"unsubscribe","product_ids":["BTC-USD"],"channel":"ticker"})",
                     R"({"type":"subscribe","product_ids":["BTC-USD"],"channel":"ticker"})"}));
    EXPECT_EQ(venue("coinbase").resubscribe({"heartbeats", "", "advanced"}),
              (Texts{R"({"type":"unsubscribe","channel":"heartbeats"})",
                     R"({"type":"subscribe","channel":"heartbeats"})"}));
    EXPECT_EQ(
        venue("kucoin").resubscribe({"match", "BTC-USDT"}),
        (Texts{
            R"({"id":"again","type":"unsubscribe","topic":"/market/match:BTC-USDT","response":true})",
            R"({"id":"again","type":"subscribe","topic":"/market/match:BTC-USDT","response":true})"}));
    EXPECT_EQ(venue("binance").resubscribe({"trade", "BTCUSDT"}),
              (Texts{R"({"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":1000})",
                     R"({"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1001})"}));
    EXPECT_EQ(
        venue("kraken").resubscribe({"trade", "BTC/USD"}),
        (Texts{
            R"({"method":"unsubscribe","params":{"channel":"trade","symbol":["BTC/USD"]}})",
            R"({"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"],"snapshot":true}})"}));
    EXPECT_TRUE(venue("coingecko").resubscribe({"prices", "bitcoin/usd"}).empty());
}

TEST(LookingAtABook, SubscribesTheFirstSymbolWhereTheVenueHasIt) {
    const auto look = [](const char* name, const SourceSpec& spec) {
        const auto connections = venue(name).plan(spec);
        return connections ? venue(name).look_at_book(connections->front()).value_or("")
                           : "no plan";
    };
    const std::vector<std::string> symbols = {"BTC-USDT", "ETH-USDT"};
    EXPECT_EQ(look("okx", {.symbols = symbols, .channels = {"trades"}}),
              R"({"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]})");
    EXPECT_EQ(look("okx", {.symbols = symbols, .channels = {"trades-all"}}), "")
        << "on another path than books";
    EXPECT_EQ(look("kraken", {.symbols = symbols, .channels = {"tickers"}}),
              R"({"method":"subscribe","params":{"channel":"book","symbol":["BTC/USDT"]}})");
    EXPECT_EQ(look("binance", {.symbols = symbols, .channels = {"trades"}}), "");
}

}  // namespace
}  // namespace tape::venues
