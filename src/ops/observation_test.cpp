#include "ops/observation.h"

#include <gtest/gtest.h>

namespace tape::ops {
namespace {

const Instrument btc{.venue = "fake", .symbol = "BTC", .native_symbol = "BTC", .index = 0};
const Instrument eth{.venue = "fake", .symbol = "ETH", .native_symbol = "ETH", .index = 1};

i64 gap(const Observation& observation, const Instrument& instrument, i64 from, i64 to,
        i64 since = 0) {
    return observation.gap_ms(TickKind::trade, instrument, seconds(from), seconds(to),
                              seconds(since));
}

TEST(Observation, BeginsWithTheWordOfTheVenueAndEndsWithTheConnection) {
    Observation observation;
    EXPECT_EQ(gap(observation, btc, 100, 110), 10'000);
    EXPECT_TRUE(observation.observed(TickKind::trade, &btc, seconds(104)));
    EXPECT_EQ(gap(observation, btc, 100, 110), 4'000);
    EXPECT_EQ(gap(observation, btc, 110, 120), 0);
    EXPECT_EQ(gap(observation, eth, 110, 120), 10'000);
    EXPECT_EQ(observation.gap_ms(TickKind::ticker, btc, seconds(110), seconds(120), {}), 10'000);
    observation.lost(seconds(125));
    EXPECT_EQ(gap(observation, btc, 120, 130), 5'000);
    EXPECT_EQ(gap(observation, btc, 130, 140), 10'000);
}

TEST(Observation, EachStreamIsObservedAgainByItself) {
    Observation observation;
    observation.observed(TickKind::trade, &btc, seconds(100));
    observation.observed(TickKind::trade, &eth, seconds(100));
    EXPECT_TRUE(observation.lost(seconds(103)));
    EXPECT_FALSE(observation.lost(seconds(104)));
    EXPECT_TRUE(observation.observed(TickKind::trade, &eth, seconds(107)));
    EXPECT_TRUE(observation.observed(TickKind::trade, &btc, seconds(108)));
    EXPECT_EQ(gap(observation, eth, 100, 110), 4'000);
    EXPECT_EQ(gap(observation, btc, 100, 110), 5'000);
}

TEST(Observation, AMuteStreamIsLostAlone) {
    Observation observation;
    observation.observed(TickKind::trade, &btc, seconds(100));
    observation.observed(TickKind::trade, &eth, seconds(100));
    observation.lost(TickKind::trade, btc, seconds(104));
    EXPECT_EQ(gap(observation, btc, 100, 110), 6'000);
    EXPECT_EQ(gap(observation, eth, 100, 110), 0);
}

TEST(Observation, WhatWasRepairedIsKnown) {
    Observation observation;
    observation.observed(TickKind::trade, &btc, seconds(100));
    observation.lost(seconds(103));
    observation.observed(TickKind::trade, &btc, seconds(107));
    observation.repaired(TickKind::trade, 0, seconds(105), seconds(107));
    EXPECT_EQ(gap(observation, btc, 100, 110), 2'000);
    observation.repaired(TickKind::trade, 0, seconds(103), seconds(105));
    EXPECT_EQ(gap(observation, btc, 100, 110), 0);
    observation.interrupted(seconds(112), seconds(114));
    EXPECT_EQ(gap(observation, btc, 110, 120), 2'000);
}

TEST(Observation, MissingIdsAreCutOutOfWhatWasObserved) {
    Observation observation;
    observation.observed(TickKind::trade, &btc, seconds(100));
    observation.lost(seconds(105));
    const std::vector<Span> missing{{seconds(101), seconds(102)}, {seconds(104), seconds(107)}};
    EXPECT_EQ(observation.gap_ms(TickKind::trade, btc, seconds(100), seconds(110), {}, missing),
              7'000);
}

TEST(Observation, NothingObservedYetIsNoOutage) {
    Observation observation;
    observation.lost(seconds(100));
    EXPECT_TRUE(observation.observed(TickKind::trade, &btc, seconds(101)));
}

TEST(Observation, WordForTheWholeSlotServesEveryInstrument) {
    Observation observation;
    observation.observed(TickKind::trade, nullptr, seconds(100));
    EXPECT_EQ(gap(observation, btc, 100, 110), 0);
    EXPECT_EQ(gap(observation, eth, 95, 105), 5'000);
    observation.observed(TickKind::trade, &btc, seconds(105));
    observation.lost(seconds(108));
    EXPECT_EQ(gap(observation, btc, 100, 110),
              2'000);  // What two streams say is not counted twice.
}

TEST(Observation, NothingBeforeAWindowWasAskedForCounts) {
    Observation observation;
    observation.observed(TickKind::trade, &btc, seconds(100));
    EXPECT_EQ(gap(observation, btc, 110, 120, 113), 3'000);
    EXPECT_EQ(gap(observation, btc, 110, 120, 200), 10'000);
}

TEST(Observation, FractionsOfAMillisecondCountAsOne) {
    Observation observation;
    observation.observed(TickKind::trade, &btc, seconds(100) + Nanos{1});
    EXPECT_EQ(gap(observation, btc, 100, 110), 1);
}

TEST(Observation, RemembersABoundedNumberOfSpans) {
    Observation observation;
    for (i64 i = 0; i < 2'000; ++i) {
        observation.observed(TickKind::trade, &btc, seconds(2 * i));
        observation.lost(seconds(2 * i + 1));
    }
    EXPECT_EQ(gap(observation, btc, 3'900, 4'000), 50'000);
    EXPECT_EQ(gap(observation, btc, 0, 100), 100'000);
    std::string state, again;
    stream::StateWriter out(state), out_again(again);
    observation.save(out);
    Observation restored;
    stream::StateReader in(state);
    restored.load(in);
    EXPECT_TRUE(in.at_end() && !in.failed());
    restored.save(out_again);
    EXPECT_EQ(state, again);
}

}  // namespace
}  // namespace tape::ops
