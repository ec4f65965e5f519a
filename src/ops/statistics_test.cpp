#include "ops/statistics.h"

#include <gtest/gtest.h>

namespace tape::ops {
namespace {

Decimal d(std::string_view text) {
    return *Decimal::parse(text);
}
std::string text(const std::optional<Decimal>& value) {
    return value ? value->to_string() : "null";
}

struct Observed {
    std::string_view price, size;
};
Statistics collect(std::initializer_list<Observed> ticks) {
    Statistics statistics{};
    i64 n = 0;
    for (const Observed& tick : ticks) {
        ++n;
        statistics.add(d(tick.price).units, d(tick.size).units, {.ts_event = {n}});
    }
    return statistics;
}

TEST(Statistics, OfThreeTradesByHand) {
    const Statistics statistics = collect({{"10", "1"}, {"13", "2"}, {"11", "1"}});
    WindowRow row;
    EXPECT_EQ(fill_row(statistics, TickKind::trade, row), "");
    EXPECT_EQ(row.tick_count, 3);
    EXPECT_EQ(row.open.to_string(), "10");
    EXPECT_EQ(row.high.to_string(), "13");
    EXPECT_EQ(row.low.to_string(), "10");
    EXPECT_EQ(row.close.to_string(), "11");
    EXPECT_EQ(row.mean.to_string(), "11.333333333333333333");
    EXPECT_EQ(text(row.vwap), "11.75");
    EXPECT_EQ(text(row.volume), "4");
    EXPECT_EQ(text(row.stddev), "1.527525231651946669");  // sqrt(7/3) = 1.52752523165194666886…
}

TEST(Statistics, TickersHaveNeitherVolumeNorVwap) {
    WindowRow row;
    fill_row(collect({{"10", "0"}, {"10", "0"}}), TickKind::ticker, row);
    EXPECT_EQ(text(row.volume), "null");
    EXPECT_EQ(text(row.vwap), "null");
    EXPECT_EQ(text(row.stddev), "0");
}

TEST(Statistics, OneTickHasNoDeviationAndNoVolumeNoVwap) {
    WindowRow row;
    fill_row(collect({{"10", "0"}}), TickKind::trade, row);
    EXPECT_EQ(text(row.stddev), "null");
    EXPECT_EQ(text(row.volume), "0");
    EXPECT_EQ(text(row.vwap), "null");
}

TEST(Statistics, MeanIsRoundedHalfToEven) {
    WindowRow row;
    fill_row(collect({{"0.000000000000000001", "1"}, {"0.000000000000000002", "1"}}),
             TickKind::trade, row);
    EXPECT_EQ(row.mean.to_string(), "0.000000000000000002");
    fill_row(collect({{"0.000000000000000002", "1"}, {"0.000000000000000003", "1"}}),
             TickKind::trade, row);
    EXPECT_EQ(row.mean.to_string(), "0.000000000000000002");
}

TEST(Statistics, TheLargestValuesDoNotWrap) {
    const std::string_view largest = "99999999999999999999.999999999999999999";
    WindowRow row;
    const Statistics statistics =
        collect({{largest, largest}, {largest, largest}, {largest, largest}});
    EXPECT_EQ(fill_row(statistics, TickKind::trade, row), "volume");
    EXPECT_EQ(row.mean.to_string(), largest);
    EXPECT_EQ(text(row.vwap), largest);
    EXPECT_EQ(text(row.stddev), "0");
    EXPECT_EQ(text(row.volume), "null");
}

TEST(Statistics, OrderDecidesOpenAndCloseNotArrival) {
    Statistics statistics{};
    // One frame, newest first: the same time, ids 12, 11, 10.
    statistics.add(112, 1,
                   {.ts_event = {5}, .identity = 12, .source_offset = {0}, .source_index = 0});
    statistics.add(111, 1,
                   {.ts_event = {5}, .identity = 11, .source_offset = {0}, .source_index = 1});
    statistics.add(110, 1,
                   {.ts_event = {5}, .identity = 10, .source_offset = {0}, .source_index = 2});
    EXPECT_EQ(statistics.open, 110);
    EXPECT_EQ(statistics.close, 112);
    statistics.add(99, 1,
                   {.ts_event = {4}, .identity = 50, .source_offset = {9}, .source_index = 0});
    EXPECT_EQ(statistics.open, 99);
    EXPECT_EQ(statistics.close, 112);
}

TEST(Statistics, ChangeIsInPerCentAndExactToTheDigit) {
    bool fits = false;
    EXPECT_EQ(text(change_percent(d("103"), d("100"), fits)), "3");
    EXPECT_EQ(text(change_percent(d("1"), d("3"), fits)), "-66.666666666666666667");
    EXPECT_EQ(text(change_percent(d("5"), d("5"), fits)), "0");
    EXPECT_TRUE(fits);
    EXPECT_EQ(text(change_percent(d("5"), d("0"), fits)), "null");
    EXPECT_TRUE(fits);
    EXPECT_EQ(text(change_percent(d("1000"), d("1e-18"), fits)), "null");
    EXPECT_FALSE(fits);
}

}  // namespace
}  // namespace tape::ops
