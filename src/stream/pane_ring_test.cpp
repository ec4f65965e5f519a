#include "stream/pane_ring.h"

#include <gtest/gtest.h>

#include <tuple>

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
    for (const i64 time :
         {0L, 999'999'999L, 1'000'000'000L, -1L, 5'000'000'001L, 4'999'999'999L, 0L})
        EXPECT_EQ(finder.find(Nanos{time}), pane_of(Nanos{time}, seconds(1))) << time;
}

TEST(PaneRing, HoldsTheNewestPanes) {
    PaneRing<int> ring(4);
    for (int pane = -6; pane < 10; ++pane) ring.at(pane, 1) = pane * 10;
    EXPECT_EQ(ring.find(5, 1), nullptr);
    for (int pane = 6; pane < 10; ++pane) EXPECT_EQ(*ring.find(pane, 1), pane * 10);
    EXPECT_EQ(ring.find(10, 1), nullptr);
    EXPECT_EQ(ring.find(9, 0), nullptr);
}

TEST(PaneRing, MakesPanesEmptyWhenTheirPlaceWasAnothers) {
    PaneRing<int> ring(4);
    ring.at(1, 0) = 7;
    ring.at(1, 1) = 8;
    EXPECT_EQ(ring.at(1, 0), 7);
    EXPECT_EQ(ring.at(1 + 4'000'000, 0), 0);
    EXPECT_EQ(ring.find(1, 0), nullptr);
    EXPECT_EQ(ring.find(1 + 4'000'000, 1), nullptr);
}

TEST(PaneRing, MakesRoomForMoreSeriesAndKeepsWhatItHas) {
    PaneRing<int> ring(4);
    for (u32 series = 0; series < 100; ++series) ring.at(2, series) = static_cast<int>(series);
    for (u32 series = 0; series < 100; ++series)
        EXPECT_EQ(*ring.find(2, series), static_cast<int>(series));
}

TEST(PaneRing, VisitsByNumberThenSeries) {
    PaneRing<int> ring(8);
    for (const int pane : {9, 3, 7}) ring.at(pane, 2) = pane;
    ring.at(7, 0) = 5;
    std::vector<std::tuple<i64, u32, int>> seen;
    ring.each([&](i64 number, u32 series, int value) { seen.emplace_back(number, series, value); });
    EXPECT_EQ(seen,
              (std::vector<std::tuple<i64, u32, int>>{{3, 2, 3}, {7, 0, 5}, {7, 2, 7}, {9, 2, 9}}));
}

}  // namespace
}  // namespace tape::stream
