#include <gtest/gtest.h>

#include "sim/drive_test.h"
#include "sim/kraken_rest.h"
#include "sim/text.h"

namespace tape::sim {
namespace {

using nlohmann::json;

std::string request(std::string_view method, std::string_view channel, const json& symbols,
                    const json& more = json::object()) {
    json parameters = {{"channel", channel}, {"symbol", symbols}};
    parameters.update(more);
    return json{{"method", method}, {"params", parameters}, {"req_id", 5}}.dump();
}

Drive connected() {
    Drive kraken("kraken");
    kraken.connect("/v2");
    kraken.pass(millis(10));
    return kraken;
}

TEST(Kraken, SaysItsStatusAtOnce) {
    Drive kraken("kraken");
    kraken.connect("/v1");
    EXPECT_FALSE(kraken.connected());
    kraken.connect("/v2");
    const auto frames = parse_all(kraken.pass(millis(10)));
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].at("channel"), "status");
    EXPECT_EQ(frames[0].at("data")[0].at("system"), "online");
}

TEST(Kraken, AcknowledgesEachSymbol) {
    Drive kraken = connected();
    const auto answers =
        parse_all(kraken.say(request("subscribe", "trade", {"BTC/USD", "FOO/USD", "ETH/USD"})));
    ASSERT_EQ(answers.size(), 3U);
    EXPECT_EQ(answers[0].at("result"),
              (json{{"channel", "trade"}, {"snapshot", false}, {"symbol", "BTC/USD"}}));
    EXPECT_EQ(answers[0].at("success"), true);
    EXPECT_EQ(answers[0].at("req_id"), 5);
    EXPECT_EQ(answers[0].at("time_in"), time_text(kraken.now(), 6));
    EXPECT_EQ(answers[1].at("success"), false);
    EXPECT_EQ(answers[1].at("error"), "Currency pair not supported FOO/USD");
    EXPECT_EQ(answers[1].at("symbol"), "FOO/USD");
    EXPECT_EQ(answers[2].at("result").at("symbol"), "ETH/USD");
}

TEST(Kraken, RefusesBadRequestsAndGoesOn) {
    Drive kraken = connected();
    const auto error = [&kraken](std::string_view text) {
        const auto answers = parse_all(kraken.say(text));
        return answers.size() == 1 && answers[0].at("success") == false
                   ? answers[0].at("error").get<std::string>()
                   : "none";
    };
    EXPECT_EQ(error("{"), "Malformed request");
    EXPECT_EQ(error("[]"), "Malformed request");
    EXPECT_EQ(error(R"({"method":"dance"})"), "Method not found");
    EXPECT_EQ(error(R"({"method":"subscribe","params":{}})"), "Channel field missing");
    EXPECT_EQ(error(request("subscribe", "weather", {"BTC/USD"})), "Subscription name invalid");
    EXPECT_EQ(error(request("subscribe", "trade", json::array())), "Symbol(s) not found");
    EXPECT_EQ(error(request("unsubscribe", "trade", {"BTC/USD"})), "Subscription Not Found");
    kraken.say(request("subscribe", "trade", {"BTC/USD"}));
    EXPECT_EQ(error(request("subscribe", "trade", {"BTC/USD"})), "Already subscribed");
    EXPECT_FALSE(kraken.pass(seconds(1)).empty());
}

TEST(Kraken, TradesAreEachSentOnceInBatchesOfAnOrder) {
    Drive kraken = connected();
    auto frames =
        parse_all(kraken.say(request("subscribe", "trade", {"BTC/USD"}, {{"snapshot", true}})));
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames[1].at("type"), "snapshot");
    EXPECT_EQ(frames[1].at("data").size(), 50U);
    for (const json& frame : parse_all(kraken.pass(seconds(3)))) frames.push_back(frame);
    const TradeSequence& trades = kraken.trades("BTC/USD");
    i64 id = frames[1].at("data")[0].at("trade_id").get<i64>() - 1;
    std::size_t batches = 0;
    for (const json& frame : frames) {
        if (frame.value("channel", "") != "trade") continue;
        batches += frame.at("type") == "update" && frame.at("data").size() > 1;
        for (const json& one : frame.at("data")) {
            const SimTrade trade = trades.trade(++id);
            EXPECT_EQ(one.at("trade_id"), id);
            EXPECT_EQ(one.at("price").dump(), kraken_price(trades.listing(), trade.price));
            EXPECT_EQ(one.at("side"), to_string(trade.side));
            EXPECT_EQ(one.at("timestamp"), time_text(trade.time, 6));
        }
    }
    EXPECT_GT(batches, 5U);
    EXPECT_EQ(id, trades.order_first(trades.last_at(kraken.now()) + 1) - 1);
}

TEST(Kraken, TickersBeginWithASnapshot) {
    Drive kraken = connected();
    const auto answers = parse_all(kraken.say(request("subscribe", "ticker", {"SOL/USD"})));
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers[0].at("result").at("event_trigger"), "trades");
    EXPECT_EQ(answers[1].at("type"), "snapshot");
    const auto later = parse_all(kraken.pass(seconds(1)));
    EXPECT_GT(later.size(), 5U);
    for (const json& frame : later) {
        EXPECT_EQ(frame.at("type"), "update");
        const json& ticker = frame.at("data")[0];
        EXPECT_LT(ticker.at("bid"), ticker.at("ask"));
        EXPECT_LE(ticker.at("low"), ticker.at("last"));
        EXPECT_GE(ticker.at("high"), ticker.at("last"));
    }
    EXPECT_EQ(
        parse_all(kraken.say(request("subscribe", "ticker", {"ETH/USD"}, {{"snapshot", false}})))
            .size(),
        1U);
}

TEST(Kraken, UnsubscribingEndsIt) {
    Drive kraken = connected();
    kraken.say(request("subscribe", "trade", {"BTC/USD", "ETH/USD"}));
    const auto answers = parse_all(kraken.say(request("unsubscribe", "trade", {"BTC/USD"})));
    EXPECT_EQ(answers[0].at("method"), "unsubscribe");
    EXPECT_EQ(answers[0].at("success"), true);
    for (const json& frame : parse_all(kraken.pass(seconds(1))))
        EXPECT_EQ(frame.at("data")[0].at("symbol"), "ETH/USD");
}

TEST(Kraken, BeatsEachSecondInWhichNothingElseIsSent) {
    Drive kraken("kraken", {.rate = 0.01, .venues = 1});
    kraken.connect("/v2");
    EXPECT_EQ(kraken.pass(seconds(5), millis(100)).size(), 1U);  // The status alone.
    kraken.say(request("subscribe", "trade", {"DOGE/USD"}));
    const auto frames = kraken.pass(seconds(10), millis(100));
    EXPECT_GE(frames.size(), 9U);
    for (const std::string& frame : frames) EXPECT_EQ(frame, R"({"channel":"heartbeat"})");
}

TEST(Kraken, AnswersPingAndEndsIdleConnections) {
    Drive kraken = connected();
    const auto pong = parse_all(kraken.say(R"({"method":"ping","req_id":101})"));
    ASSERT_EQ(pong.size(), 1U);
    EXPECT_EQ(pong[0].at("method"), "pong");
    EXPECT_EQ(pong[0].at("req_id"), 101);
    kraken.pass(seconds(59), millis(100));
    EXPECT_FALSE(kraken.closed());
    kraken.pass(seconds(2), millis(100));
    EXPECT_TRUE(kraken.closed());
}

TEST(Kraken, TradesPageByTime) {
    Drive kraken("kraken");
    const TradeSequence& trades = kraken.trades("BTC/USD");
    const i64 last = trades.last_at(kraken.now());
    const json newest = kraken.get_json("/0/public/Trades?pair=XBTUSD").at("result");
    ASSERT_EQ(newest.at("XXBTZUSD").size(), 1'000U);
    EXPECT_EQ(newest.at("XXBTZUSD").back()[6], last);
    std::string since = std::to_string(trades.time(last - 25).count);
    i64 id = last - 25;
    while (id < last) {
        const json page =
            kraken.get_json("/0/public/Trades?pair=BTC/USD&count=10&since=" + since).at("result");
        ASSERT_FALSE(page.at("XXBTZUSD").empty());
        for (const json& row : page.at("XXBTZUSD")) {
            EXPECT_EQ(row[6], ++id);
            EXPECT_EQ(row[3], trades.trade(id).side == Side::buy ? "b" : "s");
        }
        since = page.at("last");
    }
    EXPECT_EQ(since, std::to_string(trades.time(last).count));
}

TEST(Kraken, AnswersLists) {
    Drive kraken("kraken", {.rate = 50, .venues = 2});
    const json pairs = kraken.get_json("/0/public/AssetPairs").at("result");
    EXPECT_EQ(pairs.size(), kraken.market().all().size());
    EXPECT_EQ(pairs.at("XXBTZUSD").at("wsname"), "XBT/USD");
    EXPECT_EQ(pairs.at("XDGUSD").at("wsname"), "XDG/USD");
    EXPECT_EQ(pairs.at("SOLUSD").at("pair_decimals"), 2);
    EXPECT_EQ(kraken.get_json("/0/public/AssetPairs?pair=XBTUSD,ETHUSD").at("result").size(), 2U);
    EXPECT_EQ(kraken.get_json("/0/public/Assets").at("result").at("XXBT").at("altname"), "XBT");
    const json ticker = kraken.get_json("/0/public/Ticker?pair=XBTUSD").at("result").at("XXBTZUSD");
    EXPECT_EQ(ticker.at("a").size(), 3U);
    EXPECT_EQ(ticker.at("c").size(), 2U);
    const json candles =
        kraken.get_json("/0/public/OHLC?pair=XBTUSD&interval=1").at("result").at("XXBTZUSD");
    EXPECT_EQ(candles.size(), 720U);
    EXPECT_EQ(candles[0].size(), 8U);
    EXPECT_LT(candles[0][0], candles[1][0]);
    EXPECT_EQ(kraken.get_json("/0/public/SystemStatus").at("result").at("status"), "online");
    EXPECT_EQ(kraken.get_json("/0/public/Time").at("result").at("unixtime"),
              kraken.now().count / seconds(1).count);
}

TEST(Kraken, RefusesBadRestRequests) {
    Drive kraken("kraken");
    const auto error = [&kraken](std::string_view target) {
        return kraken.get_json(target).at("error")[0].get<std::string>();
    };
    EXPECT_EQ(error("/0/public/Trades?pair=FOOBAR"), "EQuery:Unknown asset pair");
    EXPECT_EQ(error("/0/public/Ticker?pair=XBTUSD,FOOBAR"), "EQuery:Unknown asset pair");
    EXPECT_EQ(error("/0/public/Trades"), "EGeneral:Invalid arguments");
    EXPECT_EQ(error("/0/public/Trades?pair=XBTUSD&count=1001"), "EGeneral:Invalid arguments:count");
    EXPECT_EQ(error("/0/public/Trades?pair=XBTUSD&since=x"), "EGeneral:Invalid arguments:since");
    EXPECT_EQ(error("/0/public/OHLC?pair=XBTUSD&interval=7"),
              "EGeneral:Invalid arguments:interval");
    EXPECT_EQ(error("/0/public/Nothing"), "EGeneral:Unknown method");
}

}  // namespace
}  // namespace tape::sim
