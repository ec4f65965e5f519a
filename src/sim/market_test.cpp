#include "sim/market.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "sim/candles.h"
#include "sim/sim_venue.h"
#include "sim/text.h"

namespace tape::sim {
namespace {

constexpr Listing bitcoin = {"BTC-USDT", "BTC", "USDT", Listing::Type::spot, 680'000, 1,
                             1'500'000,  8,     20};

bool same(const SimTrade& a, const SimTrade& b) {
    return a.id == b.id && a.time == b.time && a.price == b.price && a.size == b.size &&
           a.side == b.side;
}

TEST(Market, ATradeIsAFunctionOfSeedInstrumentAndNumber) {
    const TradeSequence one("okx", bitcoin, {.seed = 7}), again("okx", bitcoin, {.seed = 7});
    for (const i64 id : {1'000'000'007, 3, 12'345, 1})
        EXPECT_TRUE(same(one.trade(id), again.trade(id))) << id;
    // Asked alone, far away, or after its neighbours: always the same.
    const SimTrade far = one.trade(5'000'000'000'000);
    for (i64 id = 4'999'999'999'990; id < 5'000'000'000'010; ++id) one.trade(id);
    EXPECT_TRUE(same(one.trade(5'000'000'000'000), far));
}

TEST(Market, AnotherSeedVenueOrSymbolMakesOtherTrades) {
    const TradeSequence one("okx", bitcoin, {.seed = 7}), seed("okx", bitcoin, {.seed = 8}),
        venue("coinbase", bitcoin, {.seed = 7});
    Listing renamed = bitcoin;
    renamed.native_symbol = "BTC-EUR";
    const TradeSequence symbol("okx", renamed, {.seed = 7});
    int differ_seed = 0, differ_venue = 0, differ_symbol = 0;
    for (i64 id = 1'000; id < 1'100; ++id) {
        differ_seed += !same(one.trade(id), seed.trade(id));
        differ_venue += !same(one.trade(id), venue.trade(id));
        differ_symbol += !same(one.trade(id), symbol.trade(id));
    }
    EXPECT_GT(differ_seed, 90);
    EXPECT_GT(differ_venue, 90);
    EXPECT_GT(differ_symbol, 90);
}

TEST(Market, LastAtAndTimeAreInverse) {
    for (const double rate : {0.01, 1.0, 50.0, 33'333.3, 1e6}) {
        const TradeSequence trades("okx", bitcoin, {.rate = rate, .venues = 2});
        EXPECT_EQ(trades.last_at(default_epoch - Nanos{1}), 0);
        EXPECT_EQ(trades.last_at(default_epoch), 0);
        for (const i64 id : {1, 2, 999, 1'234'567}) {
            EXPECT_EQ(trades.last_at(trades.time(id)), id) << rate;
            EXPECT_EQ(trades.last_at(trades.time(id) - Nanos{1}), id - 1) << rate;
        }
    }
}

TEST(Market, PricesStayInBoundsAndMove) {
    const TradeSequence trades("okx", bitcoin, {});
    std::set<i64> prices;
    std::map<Side, int> sides;
    for (i64 id = 1; id < 2'000'000'000; id += 199'999) {
        const SimTrade trade = trades.trade(id);
        EXPECT_GT(trade.price, bitcoin.price * 87 / 100);
        EXPECT_LT(trade.price, bitcoin.price * 113 / 100);
        EXPECT_GT(trade.size, 0);
        EXPECT_LE(trade.size, bitcoin.size * 9);
        prices.insert(trade.price);
        ++sides[trade.side];
    }
    EXPECT_GT(prices.size(), 5'000U);
    EXPECT_GT(sides[Side::buy], 4'000);
    EXPECT_GT(sides[Side::sell], 4'000);
}

TEST(Market, NeighbouringPricesAreNear) {
    const TradeSequence trades("okx", bitcoin, {});
    for (i64 id = 5'000'000; id < 5'001'000; ++id)
        EXPECT_LT(std::abs(trades.trade(id + 1).price - trades.trade(id).price),
                  bitcoin.price / 1'000)
            << id;
}

TEST(Market, AnAssetCostsNearlyTheSameEverywhere) {
    Listing elsewhere = bitcoin;
    elsewhere.native_symbol = "BTC-USD";
    const TradeSequence one("okx", bitcoin, {}), other("coinbase", elsewhere, {});
    for (i64 id = 5'000'000; id < 5'000'100; ++id)
        EXPECT_LT(std::abs(one.trade(id).price - other.trade(id).price), bitcoin.price / 1'000);
}

TEST(Market, FillsOfAnOrderShareSideAndPrice) {
    const TradeSequence trades("okx", bitcoin, {});
    i64 orders = 0, merged = 0;
    for (i64 id = 1; id < 20'000; ++orders) {
        const i64 last = trades.order_last(id);
        EXPECT_LT(last - id, 3);
        EXPECT_EQ(trades.order_start(orders + 1), id);
        for (i64 fill = id; fill <= last; ++fill) {
            EXPECT_EQ(trades.order_first(fill), id);
            EXPECT_EQ(trades.order_last(fill), last);
            EXPECT_EQ(trades.order_number(fill), orders + 1);
            EXPECT_EQ(trades.trade(fill).price, trades.trade(id).price);
            EXPECT_EQ(trades.trade(fill).side, trades.trade(id).side);
        }
        merged += last > id;
        id = last + 1;
    }
    EXPECT_GT(merged, 1'000);
    EXPECT_LT(merged, orders / 4);
}

TEST(Market, SequenceGrowsInSteps) {
    const TradeSequence trades("okx", bitcoin, {});
    for (i64 id = 1; id < 5'000; ++id) {
        const i64 step = trades.sequence(id + 1) - trades.sequence(id);
        EXPECT_GE(step, 3);
        EXPECT_LE(step, 11);
    }
}

TEST(Market, TheDefaultSymbolsMakeUpTheRate) {
    const Nanos from = default_epoch + seconds(1'000'000), to = from + seconds(100);
    double messages = 0;
    for (const SimVenue* venue : sim_venues()) {
        const Market market(venue->name(), venue->listings(),
                            {.rate = 900, .venues = std::ssize(sim_venues())});
        for (const TradeSequence& trades : market.all()) {
            if (trades.listing().weight < 12) continue;  // BTC, ETH and SOL have more.
            const i64 first = trades.last_at(from), last = trades.last_at(to);
            messages += static_cast<double>(last - first + last / trades_per_ticker -
                                            first / trades_per_ticker);
        }
    }
    EXPECT_NEAR(messages, 90'000, 40);
}

TEST(Market, EachVenueIsRegisteredOnce) {
    std::vector<std::string_view> names;
    for (const SimVenue* venue : sim_venues()) names.push_back(venue->name());
    EXPECT_EQ(names, (std::vector<std::string_view>{"binance", "coinbase", "coingecko", "kraken",
                                                    "kucoin", "okx"}));
    EXPECT_EQ(find_sim_venue("mtgox"), nullptr);
}

TEST(Market, ListingsAreSound) {
    for (const SimVenue* venue : sim_venues()) {
        EXPECT_GE(venue->listings().size(), 13U);
        std::set<std::string_view> symbols;
        for (const Listing& listing : venue->listings()) {
            EXPECT_TRUE(symbols.insert(listing.native_symbol).second) << listing.native_symbol;
            EXPECT_GT(listing.price, 1'000) << listing.native_symbol;
            EXPECT_GT(listing.size, 10) << listing.native_symbol;
        }
    }
}

TEST(Candles, SayWhatTheTradesSay) {
    const TradeSequence trades("okx", bitcoin, {.rate = 20});
    const Nanos now = default_epoch + seconds(1'000'030);
    const auto found = candles(
        trades,
        {.size = seconds(60), .from = now - seconds(600), .to = now, .limit = 4, .now = now});
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 4U);
    EXPECT_FALSE(found->front().closed);
    EXPECT_TRUE(found->back().closed);
    for (const Candle& candle : *found) {
        i64 count = 0, high = 0, low = INT64_MAX, open = 0, close = 0;
        i128 volume = 0, turnover = 0;
        for (i64 id = trades.last_at(now - seconds(600)); id <= trades.last_at(now); ++id) {
            if (floor_to(trades.time(id), seconds(60)) != candle.start) continue;
            const SimTrade trade = trades.trade(id);
            if (count++ == 0) open = trade.price;
            close = trade.price;
            high = std::max(high, trade.price);
            low = std::min(low, trade.price);
            volume += trade.size;
            turnover += i128{trade.price} * trade.size;
        }
        EXPECT_EQ(candle.open, open);
        EXPECT_EQ(candle.high, high);
        EXPECT_EQ(candle.low, low);
        EXPECT_EQ(candle.close, close);
        EXPECT_TRUE(candle.volume == volume && candle.turnover == turnover);
    }
}

TEST(Candles, AreRefusedWhenTheyWouldTakeTooLong) {
    const TradeSequence trades("okx", bitcoin, {.rate = 50'000});
    const Nanos now = default_epoch + seconds(1'000'000);
    EXPECT_FALSE(
        candles(trades, {.size = seconds(86'400), .from = default_epoch, .to = now, .now = now}));
}

TEST(Text, NumbersAsExchangesWriteThem) {
    EXPECT_EQ(number(302'360, 1), "30236");
    EXPECT_EQ(number(302'435, 1), "30243.5");
    EXPECT_EQ(number(147'550, 4, Zeros::keep), "14.7550");
    EXPECT_EQ(number(1, 8), "0.00000001");
    EXPECT_EQ(number(0, 8), "0");
    EXPECT_EQ(number(0, 2, Zeros::keep), "0.00");
    EXPECT_EQ(number(700, 0), "700");
    EXPECT_EQ(number(-125, 2), "-1.25");
}

TEST(Text, TimesKeepTheirDigits) {
    const Nanos time = seconds(1'618'677'810) + Nanos{244'075'001};
    EXPECT_EQ(time_text(time, 6), "2021-04-17T16:43:30.244075Z");
    EXPECT_EQ(time_text(time, 9), "2021-04-17T16:43:30.244075001Z");
    EXPECT_EQ(time_text(seconds(1'618'677'810), 6), "2021-04-17T16:43:30.000000Z");
    EXPECT_EQ(time_text(time, 0), "2021-04-17T16:43:30Z");
}

TEST(Text, Uuids) {
    EXPECT_EQ(uuid(0x0123456789abcdef, 0x0), "01234567-89ab-4def-8000-000000000000");
}

TEST(Text, WholeNumbersOnly) {
    i64 value = 5;
    EXPECT_TRUE(parse_number("0012", value));
    EXPECT_EQ(value, 12);
    for (const std::string_view bad : {"", "-1", "1.0", "1e3", " 1", "1234567890123456789"})
        EXPECT_FALSE(parse_number(bad, value)) << bad;
    EXPECT_EQ(value, 12);
}

}  // namespace
}  // namespace tape::sim
