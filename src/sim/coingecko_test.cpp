#include <gtest/gtest.h>

#include <set>

#include "sim/coingecko_coins.h"
#include "sim/drive_test.h"

namespace tape::sim {
namespace {

using nlohmann::json;

const std::string simple = "/api/v3/simple/price?ids=bitcoin,ethereum&vs_currencies=usd,eur";

TEST(CoinGecko, HasNoWebSocket) {
    Drive gecko("coingecko");
    gecko.connect("/");
    EXPECT_FALSE(gecko.connected());
    EXPECT_EQ(gecko.get_json("/api/v3/ping").at("gecko_says"), "(V3) To the Moon!");
}

TEST(CoinGecko, PricesHoldWhatIsAskedFor) {
    Drive gecko("coingecko");
    const json plain = gecko.get_json(simple);
    EXPECT_EQ(plain.size(), 2U);
    EXPECT_EQ(plain.at("bitcoin").size(), 2U);
    EXPECT_LT(plain.at("bitcoin").at("eur"), plain.at("bitcoin").at("usd"));
    const json all =
        gecko.get_json(simple +
                       "&include_last_updated_at=true&include_24hr_vol=true&include_market_cap=true"
                       "&include_24hr_change=true&precision=full");
    const Look look = look_at(gecko.trades("bitcoin"), gecko.now());
    EXPECT_EQ(all.at("bitcoin").at("last_updated_at"), look.time.count / seconds(1).count);
    for (const char* field : {"usd_market_cap", "usd_24h_vol", "usd_24h_change", "eur_24h_vol"})
        EXPECT_TRUE(all.at("bitcoin").contains(field)) << field;
    EXPECT_NEAR(all.at("bitcoin").at("usd").get<double>(), static_cast<double>(look.price) / 1e8,
                1e-6);
}

TEST(CoinGecko, FullPrecisionHasAllDigits) {
    Drive gecko("coingecko");
    const Look look = look_at(gecko.trades("bitcoin"), gecko.now());
    const std::string body = gecko.get(simple + "&precision=full").body;
    const std::string text = in_currency(look.price, 8, *find_currency("usd"), {});
    EXPECT_NE(body.find("\"usd\":" + text + ","), std::string::npos) << body;
    EXPECT_EQ(
        gecko.get("/api/v3/simple/price?ids=bitcoin&vs_currencies=usd&precision=2").body,
        R"({"bitcoin":{"usd":)" + in_currency(look.price, 8, *find_currency("usd"), 2) + "}}");
    EXPECT_EQ(in_currency(150'000'000, 8, *find_currency("usd"), {}), "1.5");
    EXPECT_EQ(in_currency(149'999'999, 8, *find_currency("usd"), 2), "1.5");
}

TEST(CoinGecko, EachCoinIsLookedAtInAnIntervalOfItsOwn) {
    Drive gecko("coingecko");
    std::set<i64> intervals;
    for (const TradeSequence& coin : gecko.market().all()) {
        const Look now = look_at(coin, gecko.now()), before = look_at(coin, now.time - Nanos{1});
        const Nanos interval = now.time - before.time;
        EXPECT_GE(interval, seconds(10));
        EXPECT_LE(interval, seconds(60));
        EXPECT_EQ(look_at(coin, before.time + interval - Nanos{1}).price, before.price);
        intervals.insert(interval.count);
    }
    EXPECT_GT(intervals.size(), 5U);
}

TEST(CoinGecko, AnUnchangedAnswerIsNotSentAgain) {
    Drive gecko("coingecko");
    const net::Response first = gecko.get(simple);
    ASSERT_EQ(first.headers.at(0).first, "ETag");
    const std::string tag = first.headers[0].second;
    const net::Response again = gecko.ask("GET", simple, {{"If-None-Match", tag}});
    EXPECT_EQ(again.status, 304);
    EXPECT_TRUE(again.body.empty());
    EXPECT_EQ(gecko.ask("GET", simple, {{"If-None-Match", "W/\"other\""}}).status, 200);
}

TEST(CoinGecko, ListsCoinsAndMarkets) {
    Drive gecko("coingecko");
    const json list = gecko.get_json("/api/v3/coins/list");
    EXPECT_EQ(list.size(), gecko.market().all().size());
    EXPECT_EQ(list[0], (json{{"id", "bitcoin"}, {"symbol", "btc"}, {"name", "Bitcoin"}}));
    const json markets = gecko.get_json("/api/v3/coins/markets?vs_currency=usd&per_page=5");
    ASSERT_EQ(markets.size(), 5U);
    EXPECT_EQ(markets[0].at("id"), "bitcoin");
    for (std::size_t i = 1; i < markets.size(); ++i) {
        EXPECT_LE(markets[i].at("market_cap"), markets[i - 1].at("market_cap"));
        EXPECT_EQ(markets[i].at("market_cap_rank"), i + 1);
    }
    EXPECT_EQ(gecko.get_json("/api/v3/coins/markets?vs_currency=usd&per_page=5&page=2").size(), 5U);
    EXPECT_EQ(gecko.get_json("/api/v3/coins/markets?vs_currency=usd&ids=solana")[0].at("symbol"),
              "sol");
}

TEST(CoinGecko, ChartsHoldWhatPollsSaw) {
    Drive gecko("coingecko");
    const i64 to = gecko.now().count / seconds(1).count, from = to - 3'600;
    const json chart = gecko.get_json(
        "/api/v3/coins/bitcoin/market_chart/range?vs_currency=usd&from=" + std::to_string(from) +
        "&to=" + std::to_string(to));
    const json& prices = chart.at("prices");
    EXPECT_GE(prices.size(), 12U);
    EXPECT_EQ(prices.size(), chart.at("total_volumes").size());
    for (const json& point : prices) {
        const Look look = look_at(gecko.trades("bitcoin"), millis(point[0].get<i64>()));
        EXPECT_EQ(look.time.millis(), point[0]);
        EXPECT_NEAR(point[1].get<double>(), static_cast<double>(look.price) / 1e8, 1e-6);
    }
    EXPECT_GE(gecko.get_json("/api/v3/coins/bitcoin/market_chart?vs_currency=usd&days=1")
                  .at("prices")
                  .size(),
              288U);
    const json candles = gecko.get_json("/api/v3/coins/bitcoin/ohlc?vs_currency=usd&days=1");
    EXPECT_GE(candles.size(), 47U);
    for (const json& candle : candles) {
        EXPECT_GE(candle[2], candle[3]);
        EXPECT_GE(candle[2], candle[1]);
        EXPECT_LE(candle[3], candle[4]);
    }
}

TEST(CoinGecko, RefusesInItsOwnWords) {
    Drive gecko("coingecko");
    EXPECT_EQ(gecko.get("/api/v3/simple/price?ids=bitcoin").status, 422);
    EXPECT_EQ(gecko.get_json("/api/v3/simple/price?ids=bitcoin").at("error"),
              "Missing parameter vs_currencies");
    EXPECT_EQ(gecko.get_json("/api/v3/simple/price?ids=nocoin&vs_currencies=usd"), json::object());
    EXPECT_EQ(gecko.get("/api/v3/coins/nocoin/ohlc?vs_currency=usd&days=1").status, 404);
    EXPECT_EQ(gecko.get_json("/api/v3/coins/nocoin/ohlc?vs_currency=usd&days=1").at("error"),
              "coin not found");
    EXPECT_EQ(gecko.get_json("/api/v3/coins/markets?vs_currency=shells").at("error"),
              "invalid vs_currency");
    EXPECT_EQ(gecko.get("/nothing").status, 404);
}

}  // namespace
}  // namespace tape::sim
