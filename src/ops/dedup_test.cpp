#include "ops/dedup.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace tape::ops {
namespace {

std::string state_of(const auto& set) {
    std::string bytes;
    stream::StateWriter out(bytes);
    set.save(out);
    return bytes;
}

TEST(Dedup, ATradeCountsOnce) {
    Dedup dedup(true);
    EXPECT_TRUE(dedup.add(0, 5, 1));
    EXPECT_FALSE(dedup.add(0, 5, 1));
    EXPECT_TRUE(dedup.add(1, 5, 1));  // Another instrument's.
    EXPECT_TRUE(dedup.add(0, 4, 1));  // Out of order.
    EXPECT_TRUE(dedup.add(0, 7, 1));
    EXPECT_FALSE(dedup.add(0, 4, 1));
    EXPECT_TRUE(dedup.add(0, 6, 1));
}

TEST(Dedup, AMergedFrameIsADuplicateWhenAllItCoversIsKnown) {
    Dedup dedup(true);
    EXPECT_TRUE(dedup.add(0, 10, 3));  // 8, 9, 10
    EXPECT_FALSE(dedup.add(0, 9, 1));
    EXPECT_FALSE(dedup.add(0, 10, 2));
    EXPECT_TRUE(dedup.add(0, 11, 2));  // 11 is new.
    EXPECT_TRUE(dedup.add(0, 8, 4));   // 5, 6, 7 are new.
    EXPECT_FALSE(dedup.add(0, 11, 7));
    EXPECT_TRUE(dedup.add(0, 1, 100));  // Covers no ids below zero.
    EXPECT_FALSE(dedup.add(0, 0, 1));
    EXPECT_TRUE(dedup.add(0, ~u64{0}, 1));
    EXPECT_FALSE(dedup.add(0, ~u64{0}, 1));
}

TEST(Dedup, AgreesWithASetOfIds) {
    std::mt19937_64 random(1);
    IntervalSet intervals;
    std::set<u64> seen;
    for (int i = 0; i < 20'000; ++i) {
        const u64 last = random() % 3000, first = last - std::min<u64>(last, random() % 4);
        bool is_new = false;
        for (u64 id = first; id <= last; ++id) is_new |= seen.insert(id).second;
        ASSERT_EQ(intervals.add(first, last), is_new) << first << " to " << last;
    }
}

TEST(Dedup, HolesAreBoundedAndTheOldestIsGivenUp) {
    IntervalSet intervals;
    for (u64 i = 0; i <= IntervalSet::limit; ++i) EXPECT_TRUE(intervals.add(i * 10, i * 10));
    EXPECT_FALSE(intervals.add(5, 5));  // In the hole that was given up.
    EXPECT_TRUE(intervals.add(15, 15));
    EXPECT_LE(state_of(intervals).size(), 8 + IntervalSet::limit * 16);
}

TEST(Dedup, WhereIdsDoNotCountUpTheNewestAreRemembered) {
    Dedup dedup(false);
    for (u64 i = 0; i < RecentSet::generation; ++i) EXPECT_TRUE(dedup.add(0, i * i * 7919, 1));
    for (u64 i = 0; i < RecentSet::generation; ++i) EXPECT_FALSE(dedup.add(0, i * i * 7919, 1));
    for (u64 i = 0; i < 2 * RecentSet::generation; ++i) dedup.add(0, (u64{1} << 60) + i, 1);
    EXPECT_TRUE(dedup.add(0, 7919, 1));
}

TEST(Dedup, GoesOnAlikeAfterARestore) {
    for (const bool consecutive : {true, false}) {
        std::mt19937_64 random(2);
        Dedup whole(consecutive);
        for (int i = 0; i < 50'000; ++i)
            whole.add(static_cast<u32>(random() % 3), random() % 100'000, 1);
        const std::string state = state_of(whole);
        Dedup restored(consecutive);
        stream::StateReader in(state);
        restored.load(in);
        EXPECT_TRUE(in.at_end() && !in.failed());
        EXPECT_EQ(state_of(restored), state);
        for (int i = 0; i < 50'000; ++i) {
            const u32 instrument = static_cast<u32>(random() % 3);
            const u64 id = random() % 100'000;
            ASSERT_EQ(whole.add(instrument, id, 1), restored.add(instrument, id, 1));
        }
    }
}

}  // namespace
}  // namespace tape::ops
