#include <gtest/gtest.h>

#include "sim/binance_messages.h"
#include "sim/drive_test.h"

namespace tape::sim {
namespace {

using nlohmann::json;

TEST(BinanceRest, TradesAreWhatTheStreamSent) {
    Drive binance("binance");
    binance.connect("/ws/ethusdt@trade");
    const auto sent = parse_all(binance.pass(seconds(1)));
    const json listed =
        binance.get_json("/api/v3/historicalTrades?symbol=ETHUSDT&limit=1000&fromId=" +
                         std::to_string(sent[0].at("t").get<i64>()));
    ASSERT_EQ(listed.size(), sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) {
        EXPECT_EQ(listed[i].at("id"), sent[i].at("t"));
        EXPECT_EQ(listed[i].at("price"), sent[i].at("p"));
        EXPECT_EQ(listed[i].at("qty"), sent[i].at("q"));
        EXPECT_EQ(listed[i].at("time"), sent[i].at("T"));
        EXPECT_EQ(listed[i].at("isBuyerMaker"), sent[i].at("m"));
    }
}

TEST(BinanceRest, TradesOfOneRequest) {
    Drive binance("binance");
    const i64 last = binance.trades("BTCUSDT").last_at(binance.now());
    EXPECT_EQ(binance.get_json("/api/v3/trades?symbol=BTCUSDT").size(), 500U);
    const json three = binance.get_json("/api/v3/trades?symbol=BTCUSDT&limit=3");
    EXPECT_EQ(three[0].at("id"), last - 2);
    EXPECT_EQ(three[2].at("id"), last);
    const json first = binance.get_json("/api/v3/historicalTrades?symbol=BTCUSDT&limit=2&fromId=1");
    EXPECT_EQ(first[0].at("id"), 1);
    EXPECT_EQ(first[1].at("id"), 2);
    EXPECT_EQ(binance.get_json("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=" +
                               std::to_string(last + 1)),
              json::array());
}

TEST(BinanceRest, AggregatesByIdAndByTime) {
    Drive binance("binance");
    const TradeSequence& trades = binance.trades("BTCUSDT");
    const std::string target = "/api/v3/aggTrades?symbol=BTCUSDT";
    const i64 newest = last_aggregate_at(trades, binance.now());
    EXPECT_EQ(binance.get_json(target + "&limit=2")[1].at("a"), newest);
    const json by_id = binance.get_json(target + "&fromId=10&limit=4");
    ASSERT_EQ(by_id.size(), 4U);
    for (i64 i = 0; i < 4; ++i) {
        EXPECT_EQ(by_id[static_cast<std::size_t>(i)].at("a"), 10 + i);
        EXPECT_EQ(by_id[static_cast<std::size_t>(i)].at("f"), trades.order_start(10 + i));
    }
    const i64 start = binance.now().millis() - 2'000, end = start + 1'000;
    const json by_time = binance.get_json(target + "&startTime=" + std::to_string(start) +
                                          "&endTime=" + std::to_string(end) + "&limit=1000");
    EXPECT_GT(by_time.size(), 20U);
    for (const json& one : by_time) {
        EXPECT_GE(one.at("T"), start);
        EXPECT_LE(one.at("T"), end);
    }
    EXPECT_EQ(binance.get_json(target + "&fromId=1&startTime=5").at("code"), -1128);
}

TEST(BinanceRest, ExchangeInfoIsMegabytesAndNamesWhatIsTraded) {
    Drive binance("binance");
    const net::Response all = binance.get("/api/v3/exchangeInfo");
    EXPECT_GT(all.body.size(), 2'000'000U);
    EXPECT_LT(binance.get("/api/v3/exchangeInfo?showPermissionSets=false").body.size(),
              all.body.size());
    const json info = json::parse(all.body);
    i64 trading = 0;
    for (const json& symbol : info.at("symbols")) trading += symbol.at("status") == "TRADING";
    EXPECT_EQ(trading, std::ssize(binance.market().all()));
    const json& bitcoin = info.at("symbols")[0];
    EXPECT_EQ(bitcoin.at("symbol"), "BTCUSDT");
    EXPECT_EQ(bitcoin.at("baseAsset"), "BTC");
    EXPECT_EQ(bitcoin.at("quoteAsset"), "USDT");
    EXPECT_EQ(bitcoin.at("filters")[0].at("tickSize"), "0.01000000");
    EXPECT_EQ(binance.get_json("/api/v3/exchangeInfo?symbol=ETHUSDT").at("symbols").size(), 1U);
    EXPECT_EQ(binance.get_json("/api/v3/exchangeInfo?symbols=%5B%22ETHUSDT%22,%22BTCUSDT%22%5D")
                  .at("symbols")
                  .size(),
              2U);
    EXPECT_EQ(binance.get_json("/api/v3/exchangeInfo?symbol=FOOBAR").at("code"), -1121);
}

TEST(BinanceRest, Klines) {
    Drive binance("binance", {.rate = 50, .venues = 2});
    const std::string target = "/api/v3/klines?symbol=BTCUSDT&interval=1m";
    const json klines = binance.get_json(target + "&limit=3");
    ASSERT_EQ(klines.size(), 3U);
    for (const json& kline : klines) {
        EXPECT_EQ(kline.size(), 12U);
        EXPECT_EQ(kline[6], kline[0].get<i64>() + 59'999);
    }
    EXPECT_EQ(klines[2][0], floor_to(binance.now(), seconds(60)).millis());
    const std::string start = klines[0][0].dump();
    EXPECT_EQ(binance.get_json(target + "&startTime=" + start), klines);
    EXPECT_EQ(binance.get_json(target + "&limit=1&startTime=" + start)[0], klines[0]);
    EXPECT_EQ(binance.get_json(target + "&limit=1&endTime=" + start)[0], klines[0]);
    EXPECT_EQ(binance.get_json("/api/v3/klines?symbol=BTCUSDT&interval=7m").at("code"), -1120);
    EXPECT_EQ(binance.get_json("/api/v3/klines?symbol=BTCUSDT").at("code"), -1102);
}

TEST(BinanceRest, KlinesAreFewerWhereTheyWouldTakeTooLong) {
    Drive binance("binance", {.rate = 100'000, .venues = 1});
    const json klines = binance.get_json("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=5");
    ASSERT_EQ(klines.size(), 1U);
    EXPECT_EQ(klines[0][0], floor_to(binance.now(), seconds(60)).millis());
    EXPECT_EQ(binance.get_json("/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=5").at("code"),
              -1007);
}

TEST(BinanceRest, Tickers) {
    Drive binance("binance");
    EXPECT_EQ(binance.get_json("/api/v3/ticker/price?symbol=BTCUSDT").at("symbol"), "BTCUSDT");
    EXPECT_EQ(binance.get_json("/api/v3/ticker/price").size(), binance.market().all().size());
    EXPECT_EQ(
        binance.get_json("/api/v3/ticker/bookTicker?symbols=%5B%22ETHUSDT%22%5D")[0].at("symbol"),
        "ETHUSDT");
    const json day = binance.get_json("/api/v3/ticker/24hr?symbol=SOLUSDT");
    EXPECT_EQ(day.at("closeTime"), binance.now().millis());
    EXPECT_EQ(day.at("lastId"), binance.trades("SOLUSDT").last_at(binance.now()));
    EXPECT_EQ(day.at("count"), day.at("lastId").get<i64>() - day.at("firstId").get<i64>() + 1);
    EXPECT_EQ(binance.get_json("/api/v3/ticker/24hr?symbol=FOOBAR").at("msg"), "Invalid symbol.");
}

TEST(BinanceRest, TimesAreMicrosecondsWhereAsked) {
    Drive binance("binance");
    const auto time = [&binance](const char* unit) {
        return json::parse(binance.ask("GET", "/api/v3/time", {{"X-MBX-TIME-UNIT", unit}}).body);
    };
    EXPECT_EQ(time("MICROSECOND").at("serverTime"), binance.now().micros());
    EXPECT_EQ(time("MILLISECOND").at("serverTime"), binance.now().millis());
    EXPECT_EQ(time("FORTNIGHT").at("code"), -1194);
    EXPECT_EQ(binance.get_json("/api/v3/ping"), json::object());
}

TEST(BinanceRest, RefusesInItsOwnWords) {
    Drive binance("binance");
    EXPECT_EQ(binance.get("/api/v3/trades").status, 400);
    EXPECT_EQ(binance.get_json("/api/v3/trades").at("code"), -1102);
    EXPECT_EQ(binance.get("/api/v3/trades?symbol=FOOBAR").body,
              R"({"code":-1121,"msg":"Invalid symbol."})");
    EXPECT_EQ(binance.get_json("/api/v3/trades?symbol=btcusdt").at("code"), -1100);
    EXPECT_EQ(binance.get_json("/api/v3/trades?symbol=BTCUSDT&limit=x").at("code"), -1100);
    EXPECT_EQ(binance.get_json("/api/v3/trades?symbol=BTCUSDT&limit=").at("code"), -1105);
    EXPECT_EQ(binance.get_json("/api/v3/trades?symbol=BTCUSDT&limit=0").at("code"), -1130);
    EXPECT_EQ(binance.get("/api/v3/nothing").status, 404);
}

}  // namespace
}  // namespace tape::sim
