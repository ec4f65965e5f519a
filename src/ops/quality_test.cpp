#include "ops/quality.h"

#include <gtest/gtest.h>

namespace tape::ops {
namespace {

using log::RecordKind;

const Instrument btc{.venue = "fake", .symbol = "BTC-USD", .native_symbol = "BTC", .index = 0};
const Instrument eth{.venue = "fake", .symbol = "ETH-USD", .native_symbol = "ETH", .index = 1};
const Nanos noon = seconds(1'000'000);

// A trade of id `id` at noon + `at`, received at once in record `offset`.
Tick trade(u64 id, Nanos at, i64 offset) {
    Tick tick;
    tick.instrument = &btc;
    tick.price = *Decimal::parse("100");
    tick.size = *Decimal::parse("0.5");
    tick.identity = id;
    tick.ts_event = noon + at;
    tick.ts_recv = noon + at;
    tick.source_offset = {offset};
    return tick;
}
Tick quote(const char* bid, const char* ask) {
    Tick tick = trade(1, {}, 1);
    tick.kind = TickKind::quote;
    tick.identity.reset();
    tick.price.reset();
    tick.bid = *Decimal::parse(bid);
    tick.ask = *Decimal::parse(ask);
    return tick;
}
// The rules that a tick breaks, in one text; "!" where it is quarantined.
std::string rules(Quality& quality, const Tick& tick, RecordKind from = RecordKind::frame) {
    const Verdict verdict = quality.check(tick, from);
    std::string all;
    for (const QualityFlag& flag : verdict.flags) {
        if (!all.empty()) all += ' ';
        all += flag.rule;
        EXPECT_EQ(flag.quarantined, verdict.quarantined);
    }
    return all + (verdict.quarantined ? "!" : "");
}
i64 count(const std::array<i64, quality_rules>& counts, QualityRule rule) {
    return counts[static_cast<std::size_t>(rule)];
}

TEST(Quality, AnOrdinaryTickBreaksNoRule) {
    Quality quality({}, seconds(2));
    EXPECT_EQ(rules(quality, trade(1, {}, 1)), "");
    EXPECT_EQ(rules(quality, trade(2, millis(1), 2)), "");
    EXPECT_EQ(rules(quality, quote("99", "100")), "");
}

TEST(Quality, ACrossedQuoteIsFlaggedAndALockedOneOnlyIfAsked) {
    Quality quality({}, seconds(2));
    EXPECT_EQ(rules(quality, quote("101", "100")), "crossed");
    EXPECT_EQ(rules(quality, quote("100", "100")), "");
    quality.configure({.locked = QualityAction::quarantine}, seconds(2));
    EXPECT_EQ(rules(quality, quote("100", "100.0")), "locked!");
    EXPECT_EQ(quality.check(quote("101", "100"), RecordKind::frame).flags[0].detail,
              "bid 101, ask 100");
}

TEST(Quality, ALowerIdThanAnEarlierFramesIsFlaggedButNotWithinOneFrame) {
    Quality quality({}, seconds(2));
    EXPECT_EQ(rules(quality, trade(10, {}, 1)), "");
    EXPECT_EQ(rules(quality, trade(15, {}, 2)), "");
    EXPECT_EQ(rules(quality, trade(14, {}, 2)), "");  // One frame lists its trades newest first.
    EXPECT_EQ(rules(quality, trade(13, {}, 3)), "id_backwards");
    EXPECT_EQ(rules(quality, trade(12, {}, 4), RecordKind::rest), "");  // A back-fill.
    EXPECT_EQ(rules(quality, trade(16, {}, 5)), "");
    Tick other = trade(1, {}, 6);
    other.instrument = &eth;
    EXPECT_EQ(rules(quality, other), "");
}

TEST(Quality, ATimeBehindAnEarlierFramesByMoreThanTheLatenessIsFlagged) {
    Quality quality({}, seconds(2));
    EXPECT_EQ(rules(quality, trade(1, seconds(10), 1)), "");
    EXPECT_EQ(rules(quality, trade(2, seconds(8), 2)), "");
    EXPECT_EQ(rules(quality, trade(3, millis(7'999), 3)), "time_backwards");
    EXPECT_EQ(rules(quality, trade(4, seconds(1), 4), RecordKind::rest), "");
    Tick quoted = quote("1", "2");  // Another kind has times of its own.
    EXPECT_EQ(rules(quality, quoted), "");
    Tick estimated = trade(5, seconds(0), 5);
    estimated.ts_estimated = true;
    EXPECT_EQ(rules(quality, estimated), "");
}

TEST(Quality, AClockThatIsOffIsToldWhenItBeginsAndOnceAMinute) {
    Quality quality({.max_clock_skew = seconds(10)}, seconds(2));
    const auto delayed = [](i64 id, i64 at_s, i64 delay_s) {
        Tick tick = trade(static_cast<u64>(id), seconds(at_s), id);
        tick.ts_recv = tick.ts_event + seconds(delay_s);
        return tick;
    };
    EXPECT_EQ(rules(quality, delayed(1, 0, 10)), "");
    EXPECT_EQ(rules(quality, delayed(2, 1, 11)), "clock_skew");
    EXPECT_EQ(rules(quality, delayed(3, 2, 11)), "");
    EXPECT_EQ(rules(quality, delayed(4, 61, 11)), "clock_skew");
    EXPECT_EQ(rules(quality, delayed(5, 200, -11)), "clock_skew");
    EXPECT_EQ(count(quality.take_counts(), QualityRule::clock_skew), 4);
    EXPECT_EQ(rules(quality, delayed(6, 300, 60), RecordKind::rest), "");
    Tick ticker = delayed(7, 310, 3'600);  // In a quiet market its last trade was long ago.
    ticker.kind = TickKind::ticker;
    ticker.identity.reset();
    EXPECT_EQ(rules(quality, ticker), "");
}

TEST(Quality, ZeroValuesAreFlaggedWhereTheyMean) {
    Quality quality({}, seconds(2));
    Tick tick = trade(1, {}, 1);
    tick.size = Decimal{0};
    EXPECT_EQ(rules(quality, tick), "zero_size");
    tick.price = Decimal{-1};
    EXPECT_EQ(rules(quality, tick), "zero_price zero_size");
    Tick ticker = quote("0", "100");  // An empty book's bid.
    ticker.kind = TickKind::ticker;
    ticker.price = Decimal{1};
    ticker.size = Decimal{0};
    EXPECT_EQ(rules(quality, ticker), "");
}

TEST(Quality, AQuarantinedTickMovesNothingAndAllItsRowsSaySo) {
    Quality quality({.id_backwards = QualityAction::flag, .zero_size = QualityAction::quarantine},
                    seconds(2));
    EXPECT_EQ(rules(quality, trade(10, {}, 1)), "");
    Tick empty = trade(99, seconds(60), 2);
    empty.size = Decimal{0};
    EXPECT_EQ(rules(quality, empty), "zero_size!");
    EXPECT_EQ(rules(quality, trade(11, {}, 3)), "");
    empty = trade(5, {}, 4);
    empty.size = Decimal{0};
    EXPECT_EQ(rules(quality, empty), "zero_size id_backwards!");
}

TEST(Quality, EachRuleIsCountedAlsoDuplicatesWhichHaveNoRow) {
    Quality quality({}, seconds(2));
    rules(quality, quote("2", "1"));
    rules(quality, quote("2", "1"));
    rules(quality, quote("1", "1"));  // Off: not looked for.
    quality.count_duplicate();
    const auto counts = quality.take_counts();
    EXPECT_EQ(count(counts, QualityRule::crossed), 2);
    EXPECT_EQ(count(counts, QualityRule::locked), 0);
    EXPECT_EQ(count(counts, QualityRule::duplicate), 1);
    EXPECT_EQ(count(quality.take_counts(), QualityRule::crossed), 0);
}

TEST(Quality, ARestoredOneGoesOnAsIfNothingHappened) {
    Quality quality({}, seconds(2)), restored({}, seconds(2));
    rules(quality, trade(10, seconds(10), 1));
    rules(quality, trade(20, seconds(20), 2));
    std::string bytes, again;
    stream::StateWriter out(bytes);
    quality.save(out);
    stream::StateReader in(bytes);
    restored.load(in);
    EXPECT_TRUE(in.at_end() && !in.failed());
    stream::StateWriter twice(again);
    restored.save(twice);
    EXPECT_EQ(again, bytes);
    EXPECT_EQ(rules(restored, trade(15, seconds(15), 2)), "");
    EXPECT_EQ(rules(restored, trade(16, seconds(15), 3)), "id_backwards time_backwards");
}

}  // namespace
}  // namespace tape::ops
