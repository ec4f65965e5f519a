#include "ops/outliers.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>
#include <utility>

#include "ops/session.h"

namespace tape::ops {
namespace {

// The gate and what it counts for each venue; times in seconds.
struct Gate {
    explicit Gate(OutlierOptions options = {.percent = 2, .patience = seconds(7)}) : all(options) {}

    void row(const char* venue, const char* symbol, const char* close, i64 start, i64 now,
             i64 revision = 0) {
        WindowRow row{};
        row.window_name = "w10";
        row.instrument = &instruments.list(venue, symbol, symbol);
        row.window_start = seconds(start);
        row.window_end = row.window_start + seconds(10);
        row.close = *Decimal::parse(close);
        row.revision = revision;
        all.on_row(row, seconds(now), counter_of(venue));
    }
    void advance(i64 now) { all.advance(seconds(now)); }
    // Since the last call.
    i64 counted(const char* venue) {
        const i64 value = counter_of(venue).value();
        return value - std::exchange(before[venue], value);
    }

    // Of this test alone, as counters live as long as the process.
    Counter counter_of(const std::string& venue) {
        const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
        return counter("tape_quality_flags_total",
                       {{"partition", test + venue}, {"rule", "outlier"}});
    }

    InstrumentTable instruments;
    WindowOutliers all;
    std::map<std::string, i64> before;
};

TEST(WindowOutliers, ACloseFarFromTheMedianOfTheOtherVenuesIsCountedWhenAllHadTheTimeToCome) {
    for (const auto& order : {std::array{0, 1, 2, 3}, std::array{3, 2, 1, 0}}) {
        Gate gate;
        for (const int venue : {0, 1, 2, 3}) gate.counted(std::array{"a", "b", "c", "d"}[venue]);
        for (const int venue : order)
            gate.row(std::array{"a", "b", "c", "d"}[venue], "BTC-USD",
                     std::array{"100", "101", "103", "99.5"}[venue], 0, 12);
        gate.advance(18);
        EXPECT_EQ(gate.counted("c"), 0);
        gate.advance(19);
        EXPECT_EQ(gate.counted("a"), 0);
        EXPECT_EQ(gate.counted("b"), 0);
        EXPECT_EQ(gate.counted("c"), 1);
        EXPECT_EQ(gate.counted("d"), 0);
    }
}

TEST(WindowOutliers, AllDollarsAreOneMarketAndTheSameVenueIsNoWitness) {
    Gate gate;
    gate.row("okx", "BTC-USDT", "100", 0, 12);
    gate.row("coinbase", "BTC-USD", "101", 0, 12);
    gate.row("kucoin", "BTC-USDT", "104", 0, 12);
    gate.row("kucoin", "BTC-USDC", "104", 0, 12);
    gate.row("binance", "BTC-EUR", "90", 0, 12);
    gate.row("kraken", "BTC-USD-220527", "150", 0, 12);
    gate.advance(20);
    EXPECT_EQ(gate.counted("okx"), 1);  // The median of 101, 104 and 104 is 104.
    EXPECT_EQ(gate.counted("coinbase"), 1);
    EXPECT_EQ(gate.counted("kucoin"), 2);
    EXPECT_EQ(gate.counted("binance"), 0);
    EXPECT_EQ(gate.counted("kraken"), 0);
}

TEST(WindowOutliers, AloneOrAgainstNothingNobodyIsAnOutlier) {
    Gate gate;
    gate.row("a", "BTC-USD", "100", 0, 12);
    gate.row("b", "BTC-USD", "200", 10, 12);  // Another window.
    gate.row("a", "ETH-USD", "0", 0, 12);
    gate.row("b", "ETH-USD", "5", 0, 12);
    gate.advance(100);
    EXPECT_EQ(gate.counted("a"), 1);  // 0 is far from 5.
    EXPECT_EQ(gate.counted("b"), 0);  // Nothing is a share of 0.
}

TEST(WindowOutliers, ARowIsCountedOnceAndALaterRevisionTakesItsPlace) {
    Gate gate;
    gate.row("a", "BTC-USD", "100", 0, 12);
    gate.row("b", "BTC-USD", "100", 0, 12);
    gate.row("c", "BTC-USD", "110", 0, 12);
    gate.row("c", "BTC-USD", "100.5", 0, 13, 1);
    gate.row("c", "BTC-USD", "110", 0, 13, 0);  // Older than what is known.
    gate.advance(30);
    EXPECT_EQ(gate.counted("c"), 0);
    gate.row("c", "BTC-USD", "120", 0, 31, 2);
    EXPECT_EQ(gate.counted("c"), 1);
    gate.row("c", "BTC-USD", "130", 0, 32, 3);
    EXPECT_EQ(gate.counted("c"), 0);
}

TEST(WindowOutliers, OneThatComesMuchLaterIsJudgedAtOnce) {
    Gate gate;
    gate.row("a", "BTC-USD", "100", 0, 12);
    gate.row("b", "BTC-USD", "100", 0, 12);
    gate.advance(60);
    gate.row("c", "BTC-USD", "110", 0, 15);  // Its own log is far behind.
    EXPECT_EQ(gate.counted("c"), 1);
}

TEST(WindowOutliers, TheOldestWindowsAreJudgedAndForgotten) {
    Gate gate({.percent = 2, .patience = seconds(7), .windows_max = 2});
    gate.row("a", "BTC-USD", "100", 0, 12);
    gate.row("b", "BTC-USD", "110", 0, 12);
    gate.row("a", "BTC-USD", "100", 10, 12);
    EXPECT_EQ(gate.counted("b"), 0);
    gate.row("a", "BTC-USD", "100", 20, 12);
    EXPECT_EQ(gate.counted("b"), 1);
    gate.row("b", "BTC-USD", "110", 0, 12);  // As if it had never been.
    gate.row("b", "BTC-USD", "110", 20, 12);
    gate.advance(30);
    EXPECT_EQ(gate.counted("b"), 1);
}

TEST(WindowOutliers, APipelineShowsItsWindowsAndTheTimeOfItsLog) {
    Gate gate;
    Session run;
    run.pipeline = *pipeline_factory({.partition = "outliers-1",
                                      .options = options(),
                                      .parse = {},
                                      .venue = &fake_venue(),
                                      .outliers = &gate.all})();
    const Counter flags =
        counter("tape_quality_flags_total", {{"partition", "outliers-1"}, {"rule", "outlier"}});
    gate.row("other", "BTC-USD", "100", 100, 112);
    run.frame(100'000, "trade BTC-USD 103 1 1 100000");
    run.frame(112'000, "trade BTC-USD 100 1 2 112000");
    run.heartbeat(118'000);
    run.pipeline->report();
    EXPECT_EQ(flags.value(), 0);
    run.heartbeat(119'000);
    run.pipeline->report();
    EXPECT_EQ(flags.value(), 1);
}

}  // namespace
}  // namespace tape::ops
