// What is asked of the venues that were added later: how they are reached, and within which limits.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "venues/plan.h"
#include "venues/venue.h"

namespace tape::venues {
namespace {

const Venue& venue(std::string_view name) {
    const Venue* found = find_venue(name);
    ensure(found != nullptr, "the venue is part of this build");
    return *found;
}

TEST(Kucoin, AsksForATokenAndSubscribesAfterTheWelcome) {
    const auto planned = venue("kucoin").plan({.venue = "kucoin",
                                               .symbols = {"BTC-USDT", "ETH-USDT"},
                                               .channels = {"tickers", "trades"}});
    ASSERT_TRUE(planned);
    ASSERT_EQ(planned->size(), 1u);
    const Connection& connection = planned->front();
    ASSERT_TRUE(connection.token);
    EXPECT_EQ(connection.token->method, "POST");
    EXPECT_EQ(connection.token->target, "/api/v1/bullet-public");
    EXPECT_TRUE(connection.welcome);
    EXPECT_EQ(
        connection.subscribe,
        (std::vector<std::string>{
            R"({"id":"1","type":"subscribe","topic":"/market/match:BTC-USDT,ETH-USDT","response":true})",
            R"({"id":"2","type":"subscribe","topic":"/market/ticker:BTC-USDT,ETH-USDT","response":true})"}));
    EXPECT_LT(*connection.replace_after, seconds(86'400));
    EXPECT_TRUE(connection.keepalive->always) << "the venue counts what it hears of us";
    EXPECT_FALSE(venue("kucoin").identity().consecutive);
}

TEST(Kucoin, KeepsToTheLimitsOfTopics) {
    SourceSpec spec{.venue = "kucoin", .channels = {"trades", "tickers"}};
    for (int i = 0; i < 400; ++i) spec.symbols.push_back(fmt::format("COIN{}-USDT", i));
    const auto planned = venue("kucoin").plan(spec);
    ASSERT_TRUE(planned);
    std::size_t streams = 0;
    for (const Connection& connection : *planned) {
        EXPECT_LE(connection.streams.size(), 300u);
        EXPECT_GE(connection.subscribe_interval, millis(100));
        streams += connection.streams.size();
        for (const std::string& text : connection.subscribe)
            EXPECT_LT(std::ranges::count(text, ','), 100 + 3);
    }
    EXPECT_EQ(streams, 800u);
    EXPECT_EQ(planned->size(), 3u);
}

TEST(Places, AreKeptAndTakenByWhatIsNew) {
    using Symbols = std::vector<std::string>;
    EXPECT_EQ(keep_places(Symbols{"C", "A", "X"}, Symbols{"B", "A", "D", "C"}),
              (Symbols{"C", "A", "B", "D"}));
    EXPECT_EQ(keep_places(Symbols{"A", "B", "", "C", "D"}, Symbols{"C", "B", ""}),
              (Symbols{"", "B", "", "C"}));
    EXPECT_EQ(keep_places(Symbols{"", "B"}, Symbols{"A"}), (Symbols{"A"}));
    EXPECT_EQ(present(Symbols{"", "B", "", "C"}), (Symbols{"B", "C"}));
}

// A symbol that goes, of venues that need several connections, moves none of the others.
TEST(Places, LeaveTheOtherConnectionsAsTheyAre) {
    for (const std::string_view name : {"kucoin", "binance"}) {
        SourceSpec spec{.channels = {"trades", "tickers"}};
        for (int i = 0; i < 700; ++i) spec.symbols.push_back(fmt::format("COIN{}-USDT", i));
        const auto before = venue(name).plan(spec);
        std::vector<std::string> left = spec.symbols;
        left.erase(left.begin() + 7);
        spec.symbols = keep_places(spec.symbols, left);
        const auto after = venue(name).plan(spec);
        ASSERT_TRUE(before && after && before->size() == after->size() && after->size() > 1);
        EXPECT_EQ(after->at(0).streams.size() + 2, before->at(0).streams.size()) << name;
        for (std::size_t i = 1; i < after->size(); ++i)
            EXPECT_EQ(after->at(i).subscribe, before->at(i).subscribe) << name;
    }
}

TEST(Kucoin, PollsAllTickersBesideTheSocket) {
    const auto planned = venue("kucoin").plan(
        {.symbols = {"BTC-USDT"}, .channels = {"trades", "all_tickers"}, .interval = seconds(60)});
    ASSERT_TRUE(planned);
    ASSERT_EQ(planned->size(), 2u);
    EXPECT_TRUE((*planned)[0].polls.empty());
    EXPECT_EQ((*planned)[1].polls.front().target, "/api/v1/market/allTickers");
    EXPECT_EQ((*planned)[1].poll_interval, seconds(60));
    EXPECT_EQ(venue("kucoin").kind_of("all_tickers"), TickKind::poll);
}

TEST(Kucoin, ReadsFromTheTokenWhereToConnect) {
    const auto admission = venue("kucoin").admit(
        R"({"code":"200000","data":{"token":"2neAiuY==.28m","instanceServers":[{"endpoint":)"
        R"("wss://ws-api-spot.kucoin.com/","encrypt":true,"protocol":"websocket",)"
        R"("pingInterval":18000,"pingTimeout":10000}]}})",
        "tape-7");
    ASSERT_TRUE(admission);
    EXPECT_EQ(admission->websocket,
              "wss://ws-api-spot.kucoin.com/?token=2neAiuY==.28m&connectId=tape-7");
    EXPECT_EQ(admission->ping_interval, seconds(18));
    for (
        const std::string_view answer :
        {"", "{}", "[]", "7", R"({"code":"429000","msg":"Too Many Requests"})",
         R"({"code":"200000","data":{"token":"t","instanceServers":[]}})",
         R"({"code":"200000","data":{"token":7,"instanceServers":[{"endpoint":"wss://a","pingInterval":1}]}})"})
        EXPECT_FALSE(venue("kucoin").admit(answer, "x")) << answer;
    for (const auto& [written, read] :
         {std::pair("0", 1), std::pair("-7", 1), std::pair("18000", 18),
          std::pair("9223372036854775807", 60)}) {
        const auto odd = venue("kucoin").admit(
            fmt::format(R"({{"code":"200000","data":{{"token":"t","instanceServers":[)"
                        R"({{"endpoint":"wss://a","pingInterval":{}}}]}}}})",
                        written),
            "x");
        ASSERT_TRUE(odd) << written;
        EXPECT_EQ(odd->ping_interval, seconds(read)) << written;
    }
    EXPECT_TRUE(venue("kucoin").is_welcome(R"({"id":"tape-7","type":"welcome"})"));
    EXPECT_FALSE(venue("kucoin").is_welcome(R"({"id":"tape-7","type":"ack"})"));
    EXPECT_FALSE(venue("kucoin").is_welcome("welcome"));
}

TEST(Binance, SubscribesToCombinedStreamsInSmallLetters) {
    const auto planned = venue("binance").plan({.venue = "binance",
                                                .symbols = {"BTC-USDT", "ETH-USDT"},
                                                .channels = {"klines", "trades"}});
    ASSERT_TRUE(planned);
    ASSERT_EQ(planned->size(), 1u);
    const Connection& connection = planned->front();
    EXPECT_EQ(connection.websocket_path, "/stream?timeUnit=MICROSECOND");
    EXPECT_EQ(connection.subscribe,
              std::vector<std::string>{
                  R"({"method":"SUBSCRIBE","params":["btcusdt@trade","ethusdt@trade",)"
                  R"("btcusdt@kline_1m","ethusdt@kline_1m"],"id":1})"});
    EXPECT_EQ(connection.streams[0].native_symbol, "BTCUSDT") << "as frames name it";
    EXPECT_EQ(connection.streams[0].channel, "trade");
    EXPECT_LT(*connection.replace_after, seconds(86'400));
}

TEST(Binance, KeepsToTheLimitsOfStreams) {
    SourceSpec spec{.venue = "binance", .channels = {"trades", "quotes", "tickers"}};
    for (int i = 0; i < 700; ++i) spec.symbols.push_back(fmt::format("1000COIN{}-FDUSD", i));
    const auto planned = venue("binance").plan(spec);
    ASSERT_TRUE(planned);
    EXPECT_EQ(planned->size(), 3u);
    for (const Connection& connection : *planned) {
        EXPECT_LE(connection.streams.size(), 1'024u);
        EXPECT_GE(connection.subscribe_interval, millis(200)) << "five a second, pongs included";
        for (const std::string& text : connection.subscribe)
            EXPECT_LT(text.size(), 4'096u) << "longer ones are never answered";
    }
}

TEST(Coinbase, AsksTheAdvancedFeedSlowly) {
    SourceSpec spec{.venue = "coinbase",
                    .feed = "advanced",
                    .symbols = {"BTC-USD"},
                    .channels = {"trades", "tickers"}};
    EXPECT_GT(venue("coinbase").plan(spec)->front().subscribe_interval, millis(125))
        << "eight a second";
}

TEST(Binance, PollsManySymbolsInACall) {
    SourceSpec spec{.venue = "binance",
                    .symbols = {"BTC-USDT", "ETH-USDT"},
                    .channels = {"price", "ticker_24hr"},
                    .interval = seconds(5)};
    const auto planned = venue("binance").plan(spec);
    ASSERT_TRUE(planned);
    ASSERT_EQ(planned->size(), 1u);
    ASSERT_EQ(planned->front().polls.size(), 2u);
    EXPECT_EQ(planned->front().polls[0].target,
              "/api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D");
    EXPECT_EQ(planned->front().polls[1].target,
              "/api/v3/ticker/24hr?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D");
    EXPECT_EQ(planned->front().poll_interval, seconds(5));
    EXPECT_TRUE(planned->front().subscribe.empty());
    for (int i = 0; i < 30; ++i) spec.symbols.push_back(fmt::format("COIN{}-USDT", i));
    EXPECT_EQ(venue("binance").plan(spec)->front().polls.size(), 4u);
}

SourceSpec coins() {
    return {.venue = "coingecko",
            .symbols = {"BTC-USD", "ETH-EUR", "SOL-USD"},
            .channels = {"prices"},
            .ids = {{"BTC-USD", "bitcoin"}, {"ETH-EUR", "ethereum"}, {"SOL-USD", "solana"}}};
}

TEST(Coingecko, AsksForAllCoinsOfAQuoteAtOnce) {
    SourceSpec spec = coins();
    spec.api_key = "CG-secret";
    const auto planned = venue("coingecko").plan(spec);
    ASSERT_TRUE(planned);
    ASSERT_EQ(planned->size(), 1u);
    const auto& polls = planned->front().polls;
    ASSERT_EQ(polls.size(), 2u);
    EXPECT_EQ(polls[0].target,
              "/api/v3/simple/price?ids=ethereum&vs_currencies=eur&include_last_updated_at=true"
              "&precision=full");
    EXPECT_EQ(polls[1].target,
              "/api/v3/simple/price?ids=bitcoin,solana&vs_currencies=usd"
              "&include_last_updated_at=true&precision=full");
    EXPECT_EQ(polls[0].headers.front(),
              (std::pair<std::string, std::string>("x-cg-demo-api-key", "CG-secret")));
    EXPECT_EQ(planned->front().streams[1].native_symbol, "ethereum/eur");
    EXPECT_EQ(venue("coingecko").instruments(spec)[1].target,
              "/api/v3/coins/markets?vs_currency=usd&ids=bitcoin,solana&per_page=250");
}

TEST(Coingecko, SpreadsTheCallsOverTheMonth) {
    SourceSpec spec = coins();
    const auto interval = [&] { return venue("coingecko").plan(spec)->front().poll_interval; };
    EXPECT_EQ(interval(), millis(2 * 259'200)) << "two calls a round, 10,000 in 30 days";
    spec.monthly_calls = 500'000;
    EXPECT_EQ(interval(), seconds(30)) << "the config's";
    spec.monthly_calls = 0;
    spec.interval = seconds(5);
    EXPECT_EQ(interval(), seconds(5)) << "without a budget";
}

TEST(Coingecko, DemandsAnIdOfEachSymbol) {
    SourceSpec spec = coins();
    spec.ids.erase("SOL-USD");
    const auto planned = venue("coingecko").plan(spec);
    ASSERT_FALSE(planned);
    EXPECT_NE(planned.error().what.find("no id of 'SOL-USD'"), std::string::npos);
    for (const char* const id : {"", "a b", "a&b=c", "a,b", "a/usd"}) {
        spec.ids["SOL-USD"] = id;
        EXPECT_FALSE(venue("coingecko").plan(spec)) << id;
    }
}

TEST(Kraken, SubscribesToPairs) {
    const auto planned = venue("kraken").plan(
        {.venue = "kraken", .symbols = {"BTC-USD", "ETH-EUR"}, .channels = {"trades", "tickers"}});
    ASSERT_TRUE(planned);
    EXPECT_EQ(planned->front().websocket_path, "/v2");
    EXPECT_EQ(
        planned->front().subscribe,
        (std::vector<std::string>{
            R"({"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","ETH/EUR"],"snapshot":true}})",
            R"({"method":"subscribe","params":{"channel":"ticker","symbol":["BTC/USD","ETH/EUR"]}})"}));
    EXPECT_EQ(planned->front().streams[1].native_symbol, "ETH/EUR");
}

}  // namespace
}  // namespace tape::venues
