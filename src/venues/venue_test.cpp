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

TEST(Tickers, OfWhatWasNeverTradedAreQuotes) {
    const auto frames_with = [](std::string_view last) {
        return std::vector<std::pair<std::string, std::string>>{
            {"okx",
             fmt::format(R"({{"arg":{{"channel":"tickers","instId":"N-USDT"}},"data":[{{"instId":)"
                         R"("N-USDT","last":{},"askPx":"2","bidPx":"1","ts":"1700000000085"}}]}})",
                         last)},
            {"kucoin",
             fmt::format(R"({{"topic":"/market/ticker:N-USDT","type":"message","data":{{"bestAsk":)"
                         R"("2","bestBid":"1","price":{},"time":1700000003000}}}})",
                         last)},
            {"binance",
             fmt::format(R"({{"stream":"n@ticker","data":{{"e":"24hrTicker","E":1700000002000123,)"
                         R"("s":"NUSDT","c":{},"b":"1","a":"2"}}}})",
                         last)},
            {"coinbase",
             fmt::format(R"({{"type":"ticker","product_id":"N-USD","price":{},"best_bid":"1",)"
                         R"("best_ask":"2"}})",
                         last)},
            {"coinbase",
             fmt::format(
                 R"({{"channel":"ticker","timestamp":"2023-11-14T22:13:31Z","sequence_num":)"
                 R"(0,"events":[{{"tickers":[{{"product_id":"N-USD","price":{},)"
                 R"("best_bid":"1","best_ask":"2"}}]}}]}})",
                 last)},
            {"kraken",
             fmt::format(R"({{"channel":"ticker","data":[{{"symbol":"N/USD","bid":1,"ask":2,)"
                         R"("last":{}}}]}})",
                         last)}};
    };
    for (const std::string_view last : {"0", R"("0.00000000")", R"("")", "null"})
        for (const auto& [name, frame] : frames_with(last)) {
            const Decoded decoded = decode_frame(name, frame);
            ASSERT_FALSE(decoded.error) << decoded.error->detail;
            ASSERT_EQ(decoded.events.ticks.size(), 1u) << frame;
            EXPECT_EQ(decoded.events.ticks[0].kind, TickKind::quote) << frame;
            EXPECT_FALSE(decoded.events.ticks[0].price) << frame;
            EXPECT_EQ(decoded.events.ticks[0].ask->to_string(), "2") << frame;
        }
    for (const auto& [name, frame] : frames_with("\"1.5\""))
        EXPECT_EQ(decode_frame(name, frame).events.ticks.at(0).kind, TickKind::ticker) << frame;
    for (const auto& [name, frame] : frames_with("-1"))
        EXPECT_TRUE(decode_frame(name, frame).error);
}

TEST(Tickers, OfAllSymbolsNeedNoTradeOfEach) {
    const Decoded decoded = decode_answer(
        "kucoin", "/api/v1/market/allTickers", 200,
        R"({"code":"200000","data":{"time":1700000000040,"ticker":[{"symbol":"N-USDT","buy":"0",)"
        R"("sell":"0","last":"0"},{"symbol":"A-USDT","buy":"1","sell":"2","last":"1.5"}]}})");
    ASSERT_FALSE(decoded.error) << decoded.error->detail;
    ASSERT_EQ(decoded.events.ticks.size(), 1u);
    EXPECT_EQ(decoded.events.ticks[0].instrument->native_symbol, "A-USDT");
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
