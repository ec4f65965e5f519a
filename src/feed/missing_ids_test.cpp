#include "feed/missing_ids.h"

#include <gtest/gtest.h>

namespace tape::feed {
namespace {

using Ranges = std::vector<IdRange>;

constexpr Nanos t0 = seconds(10), t1 = seconds(20), t = seconds(15);

MissingIds ids(u64 from, u64 to) {
    MissingIds made;
    made.add({from, to, t0, t1});
    return made;
}

TEST(MissingIds, IsCutWhereTradesCome) {
    MissingIds missing = ids(10, 20);
    EXPECT_EQ(missing.remove(14, 15, t), 2);
    EXPECT_EQ(missing.ranges(), (Ranges{{10, 13, t0, t}, {16, 20, t, t1}}));
    EXPECT_EQ(missing.count(), 9);
    EXPECT_EQ(missing.remove(14, 15, t), 0);
    EXPECT_EQ(missing.remove(5, 10, seconds(11)), 1);
    EXPECT_EQ(missing.remove(20, 30, seconds(19)), 1);
    EXPECT_EQ(missing.ranges(), (Ranges{{11, 13, seconds(11), t}, {16, 19, t, seconds(19)}}));
    EXPECT_EQ(missing.remove(12, 17, t), 4);
    EXPECT_EQ(missing.ranges(), (Ranges{{11, 11, seconds(11), t}, {18, 19, t, seconds(19)}}));
    EXPECT_EQ(missing.remove(0, 100, t), 3);
    EXPECT_TRUE(missing.empty());
}

TEST(MissingIds, ForgetsWithoutLearningTimes) {
    MissingIds missing = ids(10, 20);
    EXPECT_EQ(missing.drop(1, 12), 3);
    EXPECT_EQ(missing.ranges(), (Ranges{{13, 20, t0, t1}}));
    EXPECT_EQ(missing.drop(30, 40), 0);
    EXPECT_EQ(missing.drop(13, 20), 8);
    EXPECT_TRUE(missing.empty());
}

TEST(MissingIds, HoldsTheLargestIds) {
    constexpr u64 last = ~u64{0};
    MissingIds missing = ids(last - 1, last);
    EXPECT_EQ(missing.remove(last, last, t), 1);
    EXPECT_EQ(missing.ranges(), (Ranges{{last - 1, last - 1, t0, t}}));
}

}  // namespace
}  // namespace tape::feed
