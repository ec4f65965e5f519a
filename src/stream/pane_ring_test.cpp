#include "stream/pane_ring.h"

#include <gtest/gtest.h>

namespace tape::stream {
namespace {

TEST(Panes, AreTheWidestThatDivideEveryWindow) {
    EXPECT_EQ(pane_width({seconds(30), seconds(30)}), seconds(30));
    EXPECT_EQ(pane_width({seconds(60), seconds(1), seconds(300), seconds(10)}), seconds(1));
    EXPECT_EQ(pane_width({millis(1500), seconds(1)}), millis(500));
}

TEST(Panes, AreFoundAlsoBefore1970AndInAnyOrder) {
    EXPECT_EQ(pane_of(Nanos{-1}, seconds(1)), -1);
    EXPECT_EQ(pane_of(seconds(-1), seconds(1)), -1);
    PaneFinder finder(seconds(1));
    for (const i64 time : {0L, 999'999'999L, 1'000'000'000L, -1L, 5'000'000'001L, 4'999'999'999L, 0L})
        EXPECT_EQ(finder.find(Nanos{time}), pane_of(Nanos{time}, seconds(1))) << time;
}

TEST(PaneRing, HoldsTheNewestPanes) {
    PaneRing<int> ring(4);
    for (int pane = -6; pane < 10; ++pane) ring.at(pane) = pane * 10;
    EXPECT_EQ(ring.find(5), nullptr);
    for (int pane = 6; pane < 10; ++pane) EXPECT_EQ(*ring.find(pane), pane * 10);
    EXPECT_EQ(ring.find(10), nullptr);
}

TEST(PaneRing, MakesAPaneEmptyWhenItsPlaceWasAnothers) {
    PaneRing<int> ring(4);
    ring.at(1) = 7;
    EXPECT_EQ(ring.at(1), 7);
    EXPECT_EQ(ring.at(1 + 4'000'000), 0);
    EXPECT_EQ(ring.find(1), nullptr);
}

TEST(PaneRing, VisitsOldestFirst) {
    PaneRing<int> ring(8);
    for (const int pane : {9, 3, 7}) ring.at(pane) = pane;
    std::vector<i64> seen;
    ring.each([&](i64 number, int value) {
        EXPECT_EQ(number, value);
        seen.push_back(number);
    });
    EXPECT_EQ(seen, (std::vector<i64>{3, 7, 9}));
}

}  // namespace
}  // namespace tape::stream
