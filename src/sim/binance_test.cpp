#include <gtest/gtest.h>

#include "sim/binance_messages.h"
#include "sim/drive_test.h"

namespace tape::sim {
namespace {

using nlohmann::json;

TEST(Binance, NamesStreamsInTheQuery) {
    Drive binance("binance");
    binance.connect("/stream?streams=btcusdt@trade/ethusdt@trade");
    const i64 before = binance.trades("BTCUSDT").last_at(binance.now());
    i64 id = before;
    for (const json& frame : parse_all(binance.pass(seconds(2)))) {
        if (frame.at("stream") != "btcusdt@trade") {
            EXPECT_EQ(frame.at("stream"), "ethusdt@trade");
            continue;
        }
        const json& data = frame.at("data");
        const SimTrade trade = binance.trades("BTCUSDT").trade(++id);
        EXPECT_EQ(data.at("e"), "trade");
        EXPECT_EQ(data.at("t"), id);
        EXPECT_EQ(data.at("p"), binance_number(trade.price, 2));
        EXPECT_EQ(data.at("q"), binance_number(trade.size, 5));
        EXPECT_EQ(data.at("T"), trade.time.millis());
        EXPECT_EQ(data.at("m"), trade.side == Side::sell);
    }
    EXPECT_EQ(id, binance.trades("BTCUSDT").last_at(binance.now()));
    EXPECT_GT(id, before + 100);
}

TEST(Binance, WrapsEventsOnlyOnTheCombinedPath) {
    Drive binance("binance");
    binance.connect("/ws/btcusdt@trade");
    EXPECT_EQ(parse_all(binance.pass(seconds(1)))[0].at("e"), "trade");
    binance.connect("/ws");
    EXPECT_EQ(binance.say(R"({"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1})"),
              std::vector<std::string>{R"({"result":null,"id":1})"});
    EXPECT_EQ(parse_all(binance.pass(seconds(1)))[0].at("e"), "trade");
    binance.say(R"({"method":"SET_PROPERTY","params":["combined",true],"id":2})");
    EXPECT_EQ(binance.say(R"({"method":"GET_PROPERTY","params":["combined"],"id":"x"})"),
              std::vector<std::string>{R"({"result":true,"id":"x"})"});
    EXPECT_EQ(parse_all(binance.pass(seconds(1)))[0].at("stream"), "btcusdt@trade");
    binance.connect("/elsewhere");
    EXPECT_FALSE(binance.connected());
}

TEST(Binance, SubscribesAndLists) {
    Drive binance("binance");
    binance.connect("/stream");
    binance.say(R"({"method":"SUBSCRIBE","params":["btcusdt@trade","ethusdt@bookTicker"],"id":1})");
    binance.say(R"({"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":2})");
    EXPECT_EQ(
        binance.say(R"({"method":"LIST_SUBSCRIPTIONS","id":3})"),
        std::vector<std::string>{R"({"result":["btcusdt@trade","ethusdt@bookTicker"],"id":3})"});
    binance.say(R"({"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":4})");
    for (const json& frame : parse_all(binance.pass(seconds(1)))) {
        EXPECT_EQ(frame.at("stream"), "ethusdt@bookTicker");
        EXPECT_FALSE(frame.at("data").contains("E"));
    }
}

TEST(Binance, AStreamThatDoesNotExistIsMute) {
    Drive binance("binance");
    binance.connect("/ws/0");
    EXPECT_EQ(
        parse_all(binance.say(
            R"({"method":"SUBSCRIBE","params":["foobar@trade","BTCUSDT@trade","btcusdt@x"],"id":1})"))
            [0]
                .at("result"),
        nullptr);
    EXPECT_TRUE(binance.pass(seconds(2)).empty());
}

TEST(Binance, RefusesBadRequestsAndGoesOn) {
    Drive binance("binance");
    binance.connect("/stream");
    const auto code = [&binance](std::string_view text) {
        const auto answers = parse_all(binance.say(text));
        return answers.size() == 1 && answers[0].contains("code") ? answers[0].at("code").get<int>()
                                                                  : -1;
    };
    EXPECT_EQ(code("{"), 3);
    EXPECT_EQ(code("[]"), 2);
    EXPECT_EQ(code(R"({"method":"SUBSCRIBE","params":["btcusdt@trade"]})"), 2);
    EXPECT_EQ(code(R"({"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1.5})"), 2);
    EXPECT_EQ(code(R"({"id":1})"), 2);
    EXPECT_EQ(code(R"({"method":"DANCE","id":1})"), 2);
    EXPECT_EQ(code(R"({"method":"SUBSCRIBE","params":[7],"id":1})"), 2);
    EXPECT_EQ(code(R"({"method":"GET_PROPERTY","params":["colour"],"id":1})"), 0);
    EXPECT_EQ(code(R"({"method":"SET_PROPERTY","params":["combined",1],"id":1})"), 1);
    EXPECT_EQ(binance.say(R"({"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":null})"),
              std::vector<std::string>{R"({"result":null,"id":null})"});
    EXPECT_FALSE(binance.pass(seconds(1)).empty());
}

TEST(Binance, AggregatesAreOrdersWithIdsOfTheirOwn) {
    Drive binance("binance");
    binance.connect("/ws/btcusdt@aggTrade");
    const TradeSequence& trades = binance.trades("BTCUSDT");
    i64 number = 0, last = 0, merged = 0;
    for (const json& data : parse_all(binance.pass(seconds(5)))) {
        if (number != 0) {
            EXPECT_EQ(data.at("a"), number + 1);
            EXPECT_EQ(data.at("f"), last + 1);
        }
        number = data.at("a");
        last = data.at("l");
        i64 size = 0;
        for (i64 id = data.at("f"); id <= last; ++id) size += trades.trade(id).size;
        EXPECT_EQ(data.at("q"), binance_number(size, 5));
        EXPECT_EQ(data.at("T"), trades.time(last).millis());
        merged += last > data.at("f").get<i64>();
    }
    EXPECT_GT(merged, 20);
    EXPECT_EQ(trades.order_number(last), number);
    EXPECT_EQ(number, last_aggregate_at(trades, binance.now()));
}

TEST(Binance, TimesAreMicrosecondsWhereAsked) {
    Drive binance("binance");
    binance.connect("/stream?streams=btcusdt@trade&timeUnit=MICROSECOND");
    const json data = parse_all(binance.pass(seconds(1)))[0].at("data");
    EXPECT_EQ(data.at("T"), binance.trades("BTCUSDT").time(data.at("t")).micros());
}

TEST(Binance, TickersComeEachSecond) {
    Drive binance("binance");
    binance.connect("/stream?streams=btcusdt@ticker/btcusdt@miniTicker");
    i64 tickers = 0, small = 0;
    for (const json& frame : parse_all(binance.pass(seconds(5)))) {
        const json& data = frame.at("data");
        EXPECT_EQ(data.at("s"), "BTCUSDT");
        if (data.at("e") == "24hrMiniTicker") {
            ++small;
            continue;
        }
        ++tickers;
        EXPECT_EQ(data.at("e"), "24hrTicker");
        EXPECT_EQ(data.at("n"), data.at("L").get<i64>() - data.at("F").get<i64>() + 1);
        EXPECT_LT(std::stod(data.at("b").get<std::string>()),
                  std::stod(data.at("a").get<std::string>()));
    }
    EXPECT_NEAR(static_cast<double>(tickers), 5, 1);
    EXPECT_EQ(small, tickers);
}

TEST(Binance, AKlineIsClosedOnceAndSaysWhatTheTradesSay) {
    Drive binance("binance");
    binance.connect("/stream?streams=btcusdt@kline_1m");
    const TradeSequence& trades = binance.trades("BTCUSDT");
    i64 closed = 0, previous_end = 0;
    for (const json& frame : parse_all(binance.pass(seconds(180), millis(50)))) {
        const json& kline = frame.at("data").at("k");
        EXPECT_EQ(kline.at("i"), "1m");
        EXPECT_EQ(kline.at("T"), kline.at("t").get<i64>() + 59'999);
        if (!kline.at("x").get<bool>()) continue;
        const i64 first = kline.at("f"), last = kline.at("L");
        if (previous_end != 0) {
            EXPECT_EQ(first, previous_end + 1);
        }
        previous_end = last;
        EXPECT_EQ(floor_to(trades.time(first), seconds(60)).millis(), kline.at("t"));
        EXPECT_EQ(floor_to(trades.time(last), seconds(60)).millis(), kline.at("t"));
        EXPECT_EQ(kline.at("c"), binance_number(trades.trade(last).price, 2));
        i64 volume = 0;
        for (i64 id = first; id <= last; ++id) volume += trades.trade(id).size;
        EXPECT_EQ(kline.at("v"), binance_number(volume, 5));
        ++closed;
    }
    EXPECT_EQ(closed, 3);
}

TEST(Binance, PingsAndClosesAfterADay) {
    Drive binance("binance", {.rate = 1, .venues = 1});
    binance.connect("/ws");
    binance.pass(seconds(61), millis(500));
    EXPECT_EQ(binance.pings(), 3);
    binance.pass(seconds(86'400 - 62), seconds(1));
    EXPECT_FALSE(binance.closed());
    binance.pass(seconds(2), seconds(1));
    EXPECT_TRUE(binance.closed());
}

}  // namespace
}  // namespace tape::sim
