#include <gtest/gtest.h>

#include <set>

#include "sim/drive_test.h"
#include "sim/text.h"

namespace tape::sim {
namespace {

using nlohmann::json;

// The target that an answer of bullet-public leads to.
std::string admitted(const Drive& kucoin) {
    const json answer =
        json::parse(kucoin.ask("POST", "/api/v1/bullet-public", {{"Host", "127.0.0.1:9441"}}).body);
    return "/?token=" + answer.at("data").at("token").get<std::string>() + "&connectId=mine";
}

Drive connected() {
    Drive kucoin("kucoin");
    kucoin.connect(admitted(kucoin));
    kucoin.pass(millis(10));
    return kucoin;
}

std::string request(std::string_view type, std::string_view topic) {
    return json{{"id", "7"}, {"type", type}, {"topic", topic}, {"response", true}}.dump();
}

TEST(KuCoin, ATokenLeadsToTheSameHost) {
    Drive kucoin("kucoin");
    const json answer =
        json::parse(kucoin.ask("POST", "/api/v1/bullet-public", {{"Host", "127.0.0.1:9441"}}).body);
    EXPECT_EQ(answer.at("code"), "200000");
    const json& server = answer.at("data").at("instanceServers")[0];
    EXPECT_EQ(server.at("endpoint"), "ws://127.0.0.1:9441/");
    EXPECT_EQ(server.at("pingInterval"), 18'000);
    EXPECT_EQ(server.at("pingTimeout"), 10'000);
    EXPECT_EQ(kucoin.get("/api/v1/bullet-public").status, 404);
}

TEST(KuCoin, WelcomesWithTheClientsId) {
    Drive kucoin("kucoin");
    kucoin.connect(admitted(kucoin));
    EXPECT_EQ(parse_all(kucoin.pass(millis(100))),
              (std::vector<json>{{{"id", "mine"}, {"type", "welcome"}}}));
    EXPECT_FALSE(kucoin.closed());
}

TEST(KuCoin, RefusesATokenThatIsNotItsOwn) {
    for (const char* target : {"/", "/?token=", "/?token=abc",
                               "/?token=00000000000000000000000000000000&connectId=mine"}) {
        Drive kucoin("kucoin");
        kucoin.connect(target);
        const auto frames = parse_all(kucoin.pass(millis(100)));
        ASSERT_EQ(frames.size(), 1U) << target;
        EXPECT_EQ(frames[0].at("type"), "error");
        EXPECT_EQ(frames[0].at("code"), 401);
        EXPECT_EQ(frames[0].at("data"), "token is invalid");
        EXPECT_TRUE(kucoin.closed());
    }
}

TEST(KuCoin, ATokenLivesForADay) {
    Drive kucoin("kucoin", {.rate = 1, .venues = 1});
    kucoin.connect(admitted(kucoin));
    for (int minute = 0; minute < 24 * 60 - 1; ++minute) {
        kucoin.pass(seconds(60), seconds(30));
        ASSERT_FALSE(kucoin.closed()) << minute;
        kucoin.say(R"({"id":"1","type":"ping"})");
    }
    kucoin.pass(seconds(120), seconds(30));
    ASSERT_TRUE(kucoin.closed());
    EXPECT_EQ(kucoin.closed()->reason, "token is invalid");
}

TEST(KuCoin, AcknowledgesByIdOnlyWhereAsked) {
    Drive kucoin = connected();
    EXPECT_EQ(parse_all(kucoin.say(request("subscribe", "/market/match:BTC-USDT,ETH-USDT"))),
              (std::vector<json>{{{"id", "7"}, {"type", "ack"}}}));
    // Numbers come back as text, and ids may repeat.
    EXPECT_EQ(
        parse_all(kucoin.say(
            R"({"id":7,"type":"subscribe","topic":"/market/ticker: BTC-USDT","response":true})")),
        (std::vector<json>{{{"id", "7"}, {"type", "ack"}}}));
    EXPECT_TRUE(
        kucoin.say(R"({"id":8,"type":"subscribe","topic":"/market/ticker:ETH-USDT"})").empty());
    EXPECT_FALSE(kucoin.pass(seconds(1)).empty());
}

TEST(KuCoin, RefusesInItsOwnWords) {
    Drive kucoin = connected();
    const auto refusal = [&kucoin](std::string_view text) {
        const auto answers = parse_all(kucoin.say(text));
        return answers.size() == 1 && answers[0].at("type") == "error"
                   ? answers[0].at("code").get<int>()
                   : 0;
    };
    EXPECT_EQ(refusal("{"), 400);
    EXPECT_EQ(refusal("[]"), 400);
    EXPECT_EQ(refusal(R"({"id":"1","type":"dance"})"), 415);
    EXPECT_EQ(refusal(R"({"id":"1","type":"subscribe"})"), 406);
    EXPECT_EQ(refusal(request("subscribe", "/market/match:FOO-BAR")), 404);
    EXPECT_EQ(refusal(request("subscribe", "/market/match:BTC-USDT,FOO-BAR")), 404);
    EXPECT_EQ(refusal(request("subscribe", "/market/match:")), 404);
    EXPECT_EQ(refusal(request("subscribe", "/market/weather:BTC-USDT")), 404);
    EXPECT_EQ(refusal(request("subscribe", "/market/candles:BTC-USDT_7min")), 404);
    std::string many = "/market/match:BTC-USDT";
    for (int i = 0; i < 100; ++i) many += ",BTC-USDT";
    EXPECT_EQ(refusal(request("subscribe", many)), 509);
    EXPECT_TRUE(kucoin.pass(seconds(1)).empty());  // Nothing was subscribed.
}

TEST(KuCoin, MatchesGrowInSequenceAndBearNanoseconds) {
    Drive kucoin = connected();
    kucoin.say(request("subscribe", "/market/match:BTC-USDT"));
    const TradeSequence& trades = kucoin.trades("BTC-USDT");
    i64 id = trades.last_at(kucoin.now());
    for (const json& frame : parse_all(kucoin.pass(seconds(3)))) {
        EXPECT_EQ(frame.at("topic"), "/market/match:BTC-USDT");
        EXPECT_EQ(frame.at("subject"), "trade.l3match");
        const json& data = frame.at("data");
        const SimTrade trade = trades.trade(++id);
        EXPECT_EQ(data.at("sequence"), std::to_string(trades.sequence(id)));
        EXPECT_EQ(data.at("tradeId"), std::to_string(id));
        EXPECT_EQ(data.at("price"), number(trade.price, 1));
        EXPECT_EQ(data.at("size"), number(trade.size, 8));
        EXPECT_EQ(data.at("side"), to_string(trade.side));
        EXPECT_EQ(data.at("time"), std::to_string(trade.time.count));
    }
    EXPECT_EQ(id, trades.last_at(kucoin.now()));
}

TEST(KuCoin, TickersComeAtMostEachTenthOfASecond) {
    Drive kucoin = connected();
    kucoin.say(request("subscribe", "/market/ticker:BTC-USDT"));
    const auto frames = parse_all(kucoin.pass(seconds(3), millis(5)));
    EXPECT_GE(frames.size(), 25U);
    EXPECT_LE(frames.size(), 31U);
    std::set<std::string> sequences;
    for (const json& frame : frames) {
        EXPECT_EQ(frame.at("subject"), "trade.ticker");
        const json& data = frame.at("data");
        EXPECT_TRUE(sequences.insert(data.at("sequence")).second);
        EXPECT_LT(std::stod(data.at("bestBid").get<std::string>()),
                  std::stod(data.at("bestAsk").get<std::string>()));
    }
}

TEST(KuCoin, TickersOfAllNameTheirSymbolAsSubject) {
    Drive kucoin = connected();
    kucoin.say(request("subscribe", "/market/ticker:all"));
    std::set<std::string> subjects;
    for (const json& frame : parse_all(kucoin.pass(seconds(3)))) {
        EXPECT_EQ(frame.at("topic"), "/market/ticker:all");
        subjects.insert(frame.at("subject"));
    }
    EXPECT_EQ(subjects.size(), kucoin.market().all().size());
}

TEST(KuCoin, SendsSnapshotsAndCandles) {
    Drive kucoin = connected();
    kucoin.say(request("subscribe", "/market/snapshot:BTC-USDT"));
    kucoin.say(request("subscribe", "/market/candles:BTC-USDT_1min"));
    i64 snapshots = 0, candles = 0;
    for (const json& frame : parse_all(kucoin.pass(seconds(10)))) {
        if (frame.at("subject") == "trade.snapshot") {
            ++snapshots;
            EXPECT_GT(frame.at("data").at("data").at("lastTradedPrice"), 10'000);
        } else {
            ++candles;
            EXPECT_EQ(frame.at("topic"), "/market/candles:BTC-USDT_1min");
            EXPECT_EQ(frame.at("data").at("candles").size(), 7U);
        }
    }
    EXPECT_NEAR(static_cast<double>(snapshots), 5, 1);
    EXPECT_NEAR(static_cast<double>(candles), 10, 1);
}

TEST(KuCoin, UnsubscribingEndsOneOfAList) {
    Drive kucoin = connected();
    kucoin.say(request("subscribe", "/market/match:BTC-USDT,ETH-USDT"));
    EXPECT_EQ(parse_all(kucoin.say(request("unsubscribe", "/market/match:BTC-USDT")))[0].at("type"),
              "ack");
    for (const json& frame : parse_all(kucoin.pass(seconds(1))))
        EXPECT_EQ(frame.at("topic"), "/market/match:ETH-USDT");
}

TEST(KuCoin, AnswersPingsAndEndsWhoSendsNone) {
    Drive kucoin = connected();
    const auto pong = parse_all(kucoin.say(R"({"id":"abc","type":"ping"})"));
    ASSERT_EQ(pong.size(), 1U);
    EXPECT_EQ(pong[0].at("type"), "pong");
    EXPECT_EQ(pong[0].at("id"), "abc");
    kucoin.pass(seconds(59), millis(100));
    EXPECT_FALSE(kucoin.closed());
    kucoin.pass(seconds(2), millis(100));
    EXPECT_TRUE(kucoin.closed());
}

TEST(KuCoin, HistoriesAreTheLastHundredMatches) {
    Drive kucoin("kucoin");
    const TradeSequence& trades = kucoin.trades("ETH-USDT");
    const json answer = kucoin.get_json("/api/v1/market/histories?symbol=ETH-USDT");
    EXPECT_EQ(answer.at("code"), "200000");
    ASSERT_EQ(answer.at("data").size(), 100U);
    i64 id = trades.last_at(kucoin.now()) - 99;
    for (const json& trade : answer.at("data")) {
        EXPECT_EQ(trade.at("sequence"), std::to_string(trades.sequence(id)));
        EXPECT_EQ(trade.at("time"), trades.time(id).count);
        EXPECT_FALSE(trade.contains("tradeId"));
        ++id;
    }
}

TEST(KuCoin, AnswersListsTickersCandlesAndTime) {
    Drive kucoin("kucoin", {.rate = 50, .venues = 2});
    const json symbols = kucoin.get_json("/api/v2/symbols").at("data");
    EXPECT_EQ(symbols[0].at("symbol"), "BTC-USDT");
    EXPECT_EQ(symbols[0].at("priceIncrement"), "0.1");
    EXPECT_EQ(kucoin.get_json("/api/v1/symbols").at("data"), symbols);
    EXPECT_EQ(kucoin.get_json("/api/v1/timestamp").at("data"), kucoin.now().millis());
    EXPECT_EQ(kucoin.get_json("/api/v1/market/allTickers").at("data").at("ticker").size(),
              symbols.size());
    EXPECT_EQ(kucoin.get_json("/api/v3/currencies").at("data").size(), symbols.size() + 1);
    EXPECT_GT(
        kucoin.get_json("/api/v1/market/orderbook/level1?symbol=BTC-USDT").at("data").at("time"),
        0);
    EXPECT_EQ(kucoin.get_json("/api/v1/market/stats?symbol=ETH-USDT").at("data").at("symbol"),
              "ETH-USDT");
    const i64 now = kucoin.now().count / seconds(1).count;
    const json candles = kucoin
                             .get_json("/api/v1/market/candles?symbol=BTC-USDT&type=1min&startAt=" +
                                       std::to_string(now - 300) + "&endAt=" + std::to_string(now))
                             .at("data");
    ASSERT_EQ(candles.size(), 5U);
    EXPECT_GT(candles[0][0], candles[1][0]);  // Newest first.
}

TEST(KuCoin, RefusesBadRestRequests) {
    Drive kucoin("kucoin");
    EXPECT_EQ(kucoin.get_json("/api/v1/market/histories").at("code"), "400100");
    EXPECT_EQ(kucoin.get_json("/api/v1/market/histories?symbol=FOO-BAR").at("code"), "900001");
    EXPECT_EQ(kucoin.get_json("/api/v1/market/candles?symbol=BTC-USDT&type=7min").at("code"),
              "400100");
    EXPECT_EQ(kucoin.get("/nothing").status, 404);
    EXPECT_EQ(kucoin.get_json("/nothing").at("code"), "404000");
}

}  // namespace
}  // namespace tape::sim
