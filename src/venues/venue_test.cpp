#include "venues/venue.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "venues/test_events.h"

namespace tape::venues {
namespace {

const Venue& venue(std::string_view name) {
    const Venue* found = find_venue(name);
    ensure(found != nullptr, "the venue is part of this build");
    return *found;
}

std::string refusal(std::string_view name, const SourceSpec& spec) {
    const auto planned = venue(name).plan(spec);
    return planned ? "accepted" : planned.error().what;
}

TEST(VenueTable, EachFileThatRegistersAVenueDoesSoOnceUnderItsOwnName) {
    std::set<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator("src/venues")) {
        if (entry.path().extension() != ".cpp" || entry.path().stem().string().ends_with("_test"))
            continue;
        std::ifstream file(entry.path());
        const std::string text = (std::stringstream() << file.rdbuf()).str();
        int registrations = 0;
        for (std::size_t at = text.find("const Registration "); at != std::string::npos;
             at = text.find("const Registration ", at + 1))
            ++registrations;
        if (registrations == 0) continue;
        EXPECT_EQ(registrations, 1) << entry.path();
        EXPECT_NE(find_venue(entry.path().stem().string()), nullptr) << entry.path();
        files.insert(entry.path().stem().string());
    }
    std::set<std::string> names;
    for (const Venue* each : venue_table()) names.emplace(each->name());
    EXPECT_EQ(files, names);
    EXPECT_EQ(names.size(), venue_table().size());
    EXPECT_TRUE(std::ranges::is_sorted(venue_table(), {}, &Venue::name));
    EXPECT_EQ(find_venue("nowhere"), nullptr);
}

TEST(VenueTable, ASlotNamesItsVenue) {
    EXPECT_EQ(venue_of_slot("okx-1"), "okx");
    EXPECT_EQ(venue_of_slot("coinbase-12"), "coinbase");
}

TEST(Okx, SubscribesToEachChannelOfEachSymbol) {
    const auto planned = venue("okx").plan(
        {.venue = "okx", .symbols = {"BTC-USDT", "ETH-USDT"}, .channels = {"tickers", "trades"}});
    ASSERT_TRUE(planned);
    ASSERT_EQ(planned->size(), 1u);
    const Connection& connection = planned->front();
    EXPECT_EQ(connection.websocket_path, "/ws/v5/public");
    EXPECT_EQ(connection.subscribe,
              std::vector<std::string>{
                  R"({"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"},)"
                  R"({"channel":"trades","instId":"ETH-USDT"},)"
                  R"({"channel":"tickers","instId":"BTC-USDT"},)"
                  R"({"channel":"tickers","instId":"ETH-USDT"}]})"});
    ASSERT_EQ(connection.streams.size(), 4u);
    EXPECT_EQ(connection.streams[1].channel, "trades");
    EXPECT_EQ(connection.streams[1].native_symbol, "ETH-USDT");
    ASSERT_TRUE(connection.keepalive);
    EXPECT_EQ(connection.keepalive->text, "ping");
    EXPECT_LT(connection.keepalive->after, seconds(30));
}

TEST(Okx, TakesEachTradeFromAConnectionOfItsOwn) {
    const auto planned = venue("okx").plan(
        {.venue = "okx", .symbols = {"BTC-USDT"}, .channels = {"trades-all", "tickers"}});
    ASSERT_TRUE(planned);
    ASSERT_EQ(planned->size(), 2u);
    EXPECT_EQ((*planned)[0].websocket_path, "/ws/v5/public");
    EXPECT_EQ((*planned)[1].websocket_path, "/ws/v5/business");
    EXPECT_EQ((*planned)[1].subscribe.front(),
              R"({"op":"subscribe","args":[{"channel":"trades-all","instId":"BTC-USDT"}]})");
}

TEST(Okx, KeepsRequestsFarBelowTheLimit) {
    SourceSpec spec{.venue = "okx", .channels = {"trades", "tickers"}};
    for (int i = 0; i < 700; ++i) spec.symbols.push_back(fmt::format("COIN{}-USDT", i));
    const auto planned = venue("okx").plan(spec);
    ASSERT_TRUE(planned);
    EXPECT_EQ(planned->front().streams.size(), 1'400u);
    EXPECT_EQ(planned->front().subscribe.size(), 14u);
    for (const std::string& frame : planned->front().subscribe) {
        EXPECT_LT(frame.size(), 32'000u);
        EXPECT_TRUE(nlohmann::json::accept(frame));
    }
}

TEST(Okx, AsksForTheListsThatTheSymbolsNeed) {
    const auto requests =
        venue("okx").instruments({.venue = "okx",
                                  .symbols = {"BTC-USDT", "BTC-USD-SWAP", "ETH-USDT-SWAP",
                                              "BTC-USD-220527", "BTC-USD-231229-42000-C"}});
    std::vector<std::string> targets;
    for (const RestRequest& request : requests) targets.push_back(request.target);
    EXPECT_EQ(targets, (std::vector<std::string>{
                           "/api/v5/public/instruments?instType=SPOT",
                           "/api/v5/public/instruments?instType=SWAP",
                           "/api/v5/public/instruments?instType=FUTURES",
                           "/api/v5/public/instruments?instType=OPTION&instFamily=BTC-USD"}));
}

TEST(Coinbase, SubscribesTheExchangeFeedInOneRequestAndAddsTheHeartbeat) {
    const auto planned = venue("coinbase")
                             .plan({.venue = "coinbase",
                                    .symbols = {"BTC-USD", "ETH-USD"},
                                    .channels = {"trades", "tickers"}});
    ASSERT_TRUE(planned);
    ASSERT_EQ(planned->size(), 1u);
    EXPECT_EQ(planned->front().subscribe,
              std::vector<std::string>{R"({"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],)"
                                       R"("channels":["matches","ticker","heartbeat"]})"});
    EXPECT_EQ(planned->front().streams.size(), 6u);
}

TEST(Coinbase, TakesItsOwnChannelNamesToo) {
    const SourceSpec generic{
        .venue = "coinbase", .symbols = {"BTC-USD"}, .channels = {"trades", "tickers"}};
    SourceSpec own = generic;
    own.channels = {"heartbeat", "ticker", "matches", "trades"};
    EXPECT_EQ(venue("coinbase").plan(generic)->front().subscribe,
              venue("coinbase").plan(own)->front().subscribe);
}

TEST(Coinbase, SubscribesTheAdvancedFeedChannelByChannel) {
    const auto planned = venue("coinbase")
                             .plan({.venue = "coinbase",
                                    .feed = "advanced",
                                    .symbols = {"BTC-USD"},
                                    .channels = {"market_trades", "tickers"}});
    ASSERT_TRUE(planned);
    EXPECT_EQ(planned->front().subscribe,
              (std::vector<std::string>{
                  R"({"type":"subscribe","channel":"heartbeats"})",
                  R"({"type":"subscribe","product_ids":["BTC-USD"],"channel":"market_trades"})",
                  R"({"type":"subscribe","product_ids":["BTC-USD"],"channel":"ticker"})"}));
    for (const std::string_view feed : {"exchange", "advanced"}) {
        EXPECT_EQ(venue("coinbase").instruments({.feed = std::string(feed)}).front().target,
                  "/products");
        EXPECT_EQ(venue("coinbase").default_rest(feed), "https://api.exchange.coinbase.com");
    }
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
    for (int i = 0; i < 700; ++i) spec.symbols.push_back(fmt::format("COIN{}-USDT", i));
    const auto planned = venue("binance").plan(spec);
    ASSERT_TRUE(planned);
    EXPECT_EQ(planned->size(), 3u);
    for (const Connection& connection : *planned) {
        EXPECT_LE(connection.streams.size(), 1'024u);
        EXPECT_GE(connection.subscribe_interval, millis(200)) << "five a second, pongs included";
        for (const std::string& text : connection.subscribe)
            EXPECT_LE(std::ranges::count(text, '@'), 200);
    }
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
              "/api/v3/coins/markets?vs_currency=usd&ids=bitcoin,solana&per_page=250"
              "&precision=full");
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
    EXPECT_NE(refusal("coingecko", spec).find("no id of 'SOL-USD'"), std::string::npos);
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
              "/0/public/Trades?pair=BTC/USD&since=1699999999999999999");
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
    EXPECT_TRUE(venue("coingecko").resubscribe({"simple/price", "bitcoin/usd"}).empty());
}

TEST(Plans, RefuseWhatTheVenueDoesNotHave) {
    EXPECT_EQ(refusal("okx", {.symbols = {"BTC-USDT"}, .channels = {"matches"}}),
              "okx: no channel 'matches'; there are trades, tickers, trades-all");
    EXPECT_EQ(refusal("okx", {.symbols = {"BTC-USDT"}, .channels = {"trades", "trades-all"}}),
              "okx: trades and trades-all carry the same trades; configure one of them");
    EXPECT_EQ(refusal("okx", {.feed = "fast", .symbols = {"BTC-USDT"}, .channels = {"trades"}}),
              "okx: no feed 'fast'; there is only one");
    EXPECT_EQ(refusal("okx", {.channels = {"trades"}}), "okx: no symbol is configured");
    EXPECT_EQ(refusal("okx", {.symbols = {"BTC-USDT"}}),
              "okx: no channel is configured; there are trades, tickers, trades-all");
    EXPECT_EQ(refusal("okx", {.symbols = {"BTC\"USDT"}, .channels = {"trades"}}),
              "okx: 'BTC\"USDT' is no symbol such as BTC-USD");
    EXPECT_EQ(refusal("binance", {.symbols = {"BTC-USDT"}, .channels = {"trades", "agg_trades"}}),
              "binance: trades and agg_trades number the same trades apart; configure one of them");
    EXPECT_EQ(refusal("coinbase", {.feed = "pro", .symbols = {"BTC-USD"}, .channels = {"trades"}}),
              "coinbase: no feed 'pro'; there are exchange, advanced");
    EXPECT_EQ(
        refusal("coinbase", {.feed = "advanced", .symbols = {"BTC-USD"}, .channels = {"matches"}}),
        "coinbase: no channel 'matches'; there are trades, market_trades, tickers, ticker, "
        "heartbeats");
}

TEST(Channels, SayWhatTheyCarryAndAreAllAccepted) {
    EXPECT_EQ(venue("okx").kind_of("trades-all"), TickKind::trade);
    EXPECT_EQ(venue("okx").kind_of("tickers"), TickKind::ticker);
    EXPECT_EQ(venue("coinbase").kind_of("matches"), TickKind::trade);
    EXPECT_EQ(venue("coinbase").kind_of("ticker"), TickKind::ticker);
    for (const Venue* each : venue_table())
        for (const std::string_view channel : each->channels(""))
            EXPECT_EQ(refusal(each->name(), {.symbols = {"BTC-USD"},
                                             .channels = {std::string(channel)},
                                             .ids = {{"BTC-USD", "bitcoin"}}}),
                      "accepted");
}

TEST(DecoderState, ComesBackInOrder) {
    auto decoded =
        decode_answer("coinbase", "/products", 200,
                      R"([{"id":"XYZ-USD","base_currency":"xyz","quote_currency":"USD"}])");
    ASSERT_FALSE(decoded.error) << decoded.error->detail;
    decoded.decoder->decode(
        {.kind = log::RecordKind::frame,
         .payload =
             R"({"type":"subscriptions","channels":[{"name":"ticker","product_ids":["A-B"]}]})"},
        decoded.events);
    std::string state;
    decoded.decoder->save(state);

    const auto restored = venue("coinbase").make_decoder();
    ASSERT_TRUE(restored->load(state));
    const auto& before = decoded.decoder->instruments().all();
    const auto& after = restored->instruments().all();
    ASSERT_EQ(after.size(), 2u);
    for (std::size_t i = 0; i < after.size(); ++i) {
        EXPECT_EQ(after[i].native_symbol, before[i].native_symbol);
        EXPECT_EQ(after[i].symbol, before[i].symbol);
        EXPECT_EQ(after[i].listed, before[i].listed);
        EXPECT_EQ(after[i].index, before[i].index);
    }
    std::string again;
    restored->save(again);
    EXPECT_EQ(again, state);
    for (std::size_t size = 0; size < state.size(); ++size)
        EXPECT_FALSE(restored->load(std::string_view(state).substr(0, size))) << size;
    EXPECT_FALSE(restored->load(state + "x"));
    state[0] = 9;
    EXPECT_NE(restored->load(state).error().what.find("version 9"), std::string::npos);
}

}  // namespace
}  // namespace tape::venues
