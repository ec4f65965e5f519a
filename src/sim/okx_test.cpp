#include <gtest/gtest.h>

#include <map>

#include "sim/drive_test.h"
#include "sim/text.h"

namespace tape::sim {
namespace {

using nlohmann::json;

std::string request(std::string_view operation, std::string_view channel, std::string_view symbol) {
    return json{{"op", operation},
                {"args", json::array({{{"channel", channel}, {"instId", symbol}}})}}
        .dump();
}

// Per trade id what a channel's frames say of it, merged frames as the one that they are.
std::map<i64, json> trades_of(const std::vector<std::string>& frames) {
    std::map<i64, json> found;
    for (const json& frame : parse_all(frames))
        for (const json& trade : frame.at("data"))
            found[std::stoll(trade.at("tradeId").get<std::string>())] = trade;
    return found;
}

TEST(Okx, AcknowledgesEachArgument) {
    Drive okx("okx");
    okx.connect("/ws/v5/public");
    const auto answers = parse_all(okx.say(
        R"({"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"},{"channel":"trades","instId":"ETH-USDT"}]})"));
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers[0].at("event"), "subscribe");
    EXPECT_EQ(answers[0].at("arg"), (json{{"channel", "trades"}, {"instId", "BTC-USDT"}}));
    EXPECT_EQ(answers[1].at("arg").at("instId"), "ETH-USDT");
    EXPECT_EQ(answers[0].at("connId").get<std::string>().size(), 8U);
}

TEST(Okx, RepeatsTheIdOfARequest) {
    Drive okx("okx");
    okx.connect("/ws/v5/public");
    const std::string arg = R"("args":[{"channel":"trades","instId":"BTC-USDT"}])";
    const auto answer = [&](const std::string& text) { return parse_all(okx.say(text)).at(0); };
    EXPECT_EQ(answer(R"({"id":"1512","op":"subscribe",)" + arg + "}").at("id"), "1512");
    EXPECT_EQ(answer(R"({"id":"7","op":"subscribe"})").at("id"), "7");
    EXPECT_FALSE(answer(R"({"op":"unsubscribe",)" + arg + "}").contains("id"));
}

TEST(Okx, AnswersPingAtAnyTime) {
    Drive okx("okx");
    okx.connect("/ws/v5/public");
    EXPECT_EQ(okx.say("ping"), std::vector<std::string>{"pong"});
    okx.say(request("subscribe", "trades", "BTC-USDT"));
    EXPECT_EQ(okx.say("ping"), std::vector<std::string>{"pong"});
}

TEST(Okx, RefusesBadRequestsAndGoesOn) {
    Drive okx("okx");
    okx.connect("/ws/v5/public");
    const auto code = [&okx](std::string_view text) {
        const auto answers = parse_all(okx.say(text));
        return answers.size() == 1 && answers[0].at("event") == "error"
                   ? answers[0].at("code").get<std::string>()
                   : "none";
    };
    EXPECT_EQ(code("{"), "60012");
    EXPECT_EQ(code("\"quoted\ntext\""), "60012");
    EXPECT_EQ(code("[]"), "60012");
    EXPECT_EQ(code(R"({"op":"login"})"), "60012");
    EXPECT_EQ(code(R"({"op":7,"args":[]})"), "60012");
    EXPECT_EQ(code(R"({"op":"subscribe"})"), "60012");
    EXPECT_EQ(code(R"({"op":"subscribe","args":[]})"), "60013");
    EXPECT_EQ(code(R"({"op":"subscribe","args":["trades"]})"), "60018");
    EXPECT_EQ(code(request("subscribe", "trades", "FOO-BAR")), "60018");
    EXPECT_EQ(code(request("subscribe", "candle1m", "BTC-USDT")), "60018");
    EXPECT_EQ(code(request("subscribe", "trades-all", "BTC-USDT")), "60018");  // Of the other path.
    EXPECT_EQ(okx.say(request("subscribe", "trades", "BTC-USDT")).size(), 1U);
    EXPECT_FALSE(okx.pass(seconds(1)).empty());
}

TEST(Okx, HasTwoPaths) {
    Drive okx("okx");
    okx.connect("/ws/v5/private");
    EXPECT_FALSE(okx.connected());
    okx.connect("/ws/v5/business");
    EXPECT_EQ(parse_all(okx.say(request("subscribe", "trades-all", "BTC-USDT")))[0].at("event"),
              "subscribe");
}

TEST(Okx, TradesAllSendsEachTradeOnce) {
    Drive okx("okx");
    okx.connect("/ws/v5/business");
    okx.say(request("subscribe", "trades-all", "BTC-USDT"));
    const i64 before = okx.trades("BTC-USDT").last_at(okx.now());
    const auto frames = okx.pass(seconds(3));
    const i64 after = okx.trades("BTC-USDT").last_at(okx.now());
    const auto found = trades_of(frames);
    EXPECT_EQ(frames.size(), found.size());
    EXPECT_EQ(found.begin()->first,
              before);  // The last one before, so that there is a price at once.
    EXPECT_EQ(found.rbegin()->first, after);
    EXPECT_EQ(static_cast<i64>(found.size()), after - before + 1);
}

TEST(Okx, MergedTradesCoverAllIdsWithTheSameSum) {
    Drive okx("okx");
    okx.connect("/ws/v5/public");
    okx.say(request("subscribe", "trades", "BTC-USDT"));
    const auto found = trades_of(okx.pass(seconds(5)));
    const TradeSequence& trades = okx.trades("BTC-USDT");
    i64 previous = 0, merged = 0;
    for (const auto& [id, trade] : found) {
        const i64 count = std::stoll(trade.at("count").get<std::string>());
        if (previous != 0) {
            EXPECT_EQ(id - count, previous);
        }
        previous = id;
        merged += count > 1;
        i64 size = 0;
        for (i64 fill = id - count + 1; fill <= id; ++fill) size += trades.trade(fill).size;
        EXPECT_EQ(trade.at("sz"), number(size, trades.listing().size_decimals));
        EXPECT_EQ(trade.at("px"), number(trades.trade(id).price, trades.listing().price_decimals));
        EXPECT_EQ(trade.at("ts"), std::to_string(trades.time(id).millis()));
    }
    EXPECT_GT(merged, 10);
    EXPECT_EQ(previous, trades.order_first(trades.last_at(okx.now()) + 1) -
                            1);  // All orders that are filled.
}

TEST(Okx, RepeatedSubscriptionsAreAcknowledgedAndSentOnce) {
    Drive okx("okx");
    okx.connect("/ws/v5/business");
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(okx.say(request("subscribe", "trades-all", "BTC-USDT")).size(), 1U);
    const auto frames = okx.pass(seconds(1));
    EXPECT_EQ(frames.size(), trades_of(frames).size());
}

TEST(Okx, UnsubscribingEndsIt) {
    Drive okx("okx");
    okx.connect("/ws/v5/public");
    okx.say(request("subscribe", "trades", "BTC-USDT"));
    okx.say(request("subscribe", "tickers", "BTC-USDT"));
    const auto answers = parse_all(okx.say(request("unsubscribe", "trades", "BTC-USDT")));
    EXPECT_EQ(answers[0].at("event"), "unsubscribe");
    for (const json& frame : parse_all(okx.pass(seconds(1))))
        EXPECT_EQ(frame.at("arg").at("channel"), "tickers");
}

TEST(Okx, TickersBeginAtOnceAndBearTheLastTrade) {
    Drive okx("okx");
    okx.connect("/ws/v5/public");
    const auto answers = parse_all(okx.say(request("subscribe", "tickers", "SOL-USDT")));
    ASSERT_EQ(answers.size(), 1U + 1U);
    const TradeSequence& trades = okx.trades("SOL-USDT");
    const json frame = answers[0].contains("data") ? answers[0] : answers[1];
    const SimTrade last = trades.trade(trades.last_at(okx.now()));
    EXPECT_EQ(frame.at("data")[0].at("last"), number(last.price, 2));
    const auto later = parse_all(okx.pass(seconds(1)));
    EXPECT_GT(later.size(), 5U);
    for (const json& one : later) {
        const json& ticker = one.at("data")[0];
        const auto value = [&ticker](const char* name) {
            return std::stod(ticker.at(name).get<std::string>());
        };
        EXPECT_LT(value("bidPx"), value("askPx"));
        EXPECT_LE(value("low24h"), value("last"));
        EXPECT_GE(value("high24h"), value("last"));
        EXPECT_GT(value("vol24h"), 0);
    }
}

TEST(Okx, ASilentConnectionIsClosed) {
    Drive okx("okx");
    okx.connect("/ws/v5/public");
    okx.pass(seconds(29), millis(100));
    EXPECT_FALSE(okx.closed());
    okx.say("ping");
    okx.pass(seconds(29), millis(100));
    EXPECT_FALSE(okx.closed());
    okx.pass(seconds(2), millis(100));
    ASSERT_TRUE(okx.closed());
    EXPECT_EQ(okx.closed()->code, 4004);
}

TEST(Okx, HistoryIsWhatTheSocketSent) {
    Drive okx("okx");
    okx.connect("/ws/v5/business");
    okx.say(request("subscribe", "trades-all", "ETH-USDT"));
    const auto sent = trades_of(okx.pass(seconds(2)));
    // Back from the end, page by page.
    std::map<i64, json> history;
    for (i64 after = sent.rbegin()->first + 1; after > sent.begin()->first;) {
        const json page =
            okx.get_json("/api/v5/market/history-trades?instId=ETH-USDT&type=1&limit=100&after=" +
                         std::to_string(after));
        ASSERT_EQ(page.at("code"), "0");
        for (const json& trade : page.at("data")) {
            const i64 id = std::stoll(trade.at("tradeId").get<std::string>());
            EXPECT_LT(id, after);  // Newest first.
            history[id] = trade;
            after = id;
        }
    }
    for (const auto& [id, trade] : sent)
        for (const char* field : {"instId", "px", "sz", "side", "ts"})
            EXPECT_EQ(history.at(id).at(field), trade.at(field)) << id;
}

TEST(Okx, HistoryPages) {
    Drive okx("okx");
    const std::string target = "/api/v5/market/history-trades?instId=BTC-USDT";
    const i64 last = okx.trades("BTC-USDT").last_at(okx.now());
    const auto ids = [&](const std::string& query) {
        std::vector<i64> found;
        const json page = okx.get_json(target + query);
        for (const json& trade : page.at("data"))
            found.push_back(std::stoll(trade.at("tradeId").get<std::string>()));
        return found;
    };
    EXPECT_EQ(ids("").size(), 100U);
    EXPECT_EQ(ids("").front(), last);
    EXPECT_EQ(ids("&after=5"), (std::vector<i64>{4, 3, 2, 1}));
    EXPECT_EQ(ids("&after=5&before=2"), (std::vector<i64>{4, 3}));
    EXPECT_EQ(ids("&after=1"), std::vector<i64>{});
    EXPECT_EQ(ids("&before=" + std::to_string(last - 2)), (std::vector<i64>{last, last - 1}));
    EXPECT_EQ(ids("&before=5&limit=2"),
              (std::vector<i64>{last, last - 1}));  // The newest page, not the next one.
    const i64 ms = okx.trades("BTC-USDT").time(1000).millis();
    const auto by_time = ids("&type=2&after=" + std::to_string(ms) + "&limit=1");
    ASSERT_EQ(by_time.size(), 1U);
    EXPECT_LT(okx.trades("BTC-USDT").time(by_time[0]).millis(), ms);
    EXPECT_GE(okx.trades("BTC-USDT").time(by_time[0] + 1).millis(), ms);
    EXPECT_EQ(okx.get_json(target + "&after=x").at("code"), "51000");
    EXPECT_EQ(okx.get_json(target + "&type=3").at("code"), "51000");
}

TEST(Okx, ListsInstruments) {
    Drive okx("okx");
    const json spot = okx.get_json("/api/v5/public/instruments?instType=SPOT").at("data");
    EXPECT_GE(spot.size(), 13U);
    EXPECT_EQ(spot[0].at("instId"), "BTC-USDT");
    EXPECT_EQ(spot[0].at("tickSz"), "0.1");
    EXPECT_EQ(spot[0].at("lotSz"), "0.00000001");
    const json swap = okx.get_json("/api/v5/public/instruments?instType=SWAP").at("data");
    ASSERT_EQ(swap.size(), 1U);
    EXPECT_EQ(swap[0].at("instId"), "BTC-USDT-SWAP");
    EXPECT_EQ(swap[0].at("settleCcy"), "USDT");
    EXPECT_EQ(
        okx.get_json("/api/v5/public/instruments?instType=SPOT&instId=ETH-USDT").at("data").size(),
        1U);
    EXPECT_EQ(okx.get_json("/api/v5/public/instruments?instType=FUTURES").at("data").size(), 0U);
}

TEST(Okx, AnswersTickersTradesCandlesAndTime) {
    Drive okx("okx", {.rate = 50, .venues = 2});
    EXPECT_EQ(okx.get_json("/api/v5/market/ticker?instId=BTC-USDT").at("data")[0].at("instId"),
              "BTC-USDT");
    EXPECT_GE(okx.get_json("/api/v5/market/tickers?instType=SPOT").at("data").size(), 13U);
    EXPECT_EQ(okx.get_json("/api/v5/market/trades?instId=BTC-USDT&limit=3").at("data").size(), 3U);
    EXPECT_EQ(okx.get_json("/api/v5/public/time").at("data")[0].at("ts"),
              std::to_string(okx.now().millis()));
    const json candles =
        okx.get_json("/api/v5/market/candles?instId=BTC-USDT&bar=1m&limit=5").at("data");
    ASSERT_EQ(candles.size(), 5U);
    EXPECT_EQ(candles[0].size(), 9U);
    EXPECT_EQ(candles[1][8], "1");
    const std::string start = candles[2][0];
    EXPECT_EQ(
        okx.get_json("/api/v5/market/candles?instId=BTC-USDT&limit=1&after=" + start).at("data")[0],
        candles[3]);
    const json newer =
        okx.get_json("/api/v5/market/candles?instId=BTC-USDT&before=" + start).at("data");
    EXPECT_EQ(newer, (json{candles[0], candles[1]}));
}

TEST(Okx, RefusesBadRestRequests) {
    Drive okx("okx");
    EXPECT_EQ(okx.get("/api/v5/market/ticker").status, 400);
    EXPECT_EQ(okx.get_json("/api/v5/market/ticker").at("code"), "50014");
    EXPECT_EQ(okx.get_json("/api/v5/market/trades?instId=FOO-BAR").at("code"), "51001");
    EXPECT_EQ(okx.get_json("/api/v5/public/instruments").at("code"), "50014");
    EXPECT_EQ(okx.get_json("/api/v5/public/instruments?instType=STOCK").at("code"), "51000");
    EXPECT_EQ(okx.get_json("/api/v5/market/candles?instId=BTC-USDT&bar=7m").at("code"), "51000");
    EXPECT_EQ(okx.get("/nothing").status, 404);
    EXPECT_EQ(okx.get_json("/nothing").at("code"), "404");
}

}  // namespace
}  // namespace tape::sim
