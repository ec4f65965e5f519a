#include "base/time.h"

#include <gtest/gtest.h>

namespace tape {
namespace {

i64 rfc(std::string_view text) {
    const auto time = parse_rfc3339(text);
    EXPECT_TRUE(time) << (time ? "" : time.error().what);
    return time ? time->count : -1;
}

TEST(Time, ReadsRfc3339) {
    EXPECT_EQ(rfc("1970-01-01T00:00:00Z"), 0);
    EXPECT_EQ(rfc("2022-05-13T16:27:05.5037491Z"), 1652459225'503749100);
    EXPECT_EQ(rfc("2022-05-13T16:27:05.123456789999Z"), 1652459225'123456789);
    EXPECT_EQ(rfc("2022-05-13t18:27:05+02:00"), 1652459225'000000000);
    EXPECT_EQ(rfc("2022-05-13 10:57:05.000001-05:30"), 1652459225'000001000);
    EXPECT_EQ(rfc("1969-12-31T23:59:59.5Z"), -500'000'000);
    EXPECT_EQ(rfc("2016-12-31T23:59:60Z"), rfc("2016-12-31T23:59:59Z"));
}

TEST(Time, RefusesWhatIsNoTime) {
    for (const char* text :
         {"", "2022-05-13", "2022-05-13T16:27:05", "2022-13-01T00:00:00Z", "2022-02-30T00:00:00Z",
          "2022-05-13T24:00:00Z", "2022-05-13T16:27:05.Z", "2022-05-13T16:27:05Z ",
          "1600-01-01T00:00:00Z", "2022-05-13T16:27:05+2:00", "2300-01-01T00:00:00Z",
          "2022/05/13T16:27:05Z"})
        EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(Time, WritesTheShortestExactFraction) {
    EXPECT_EQ(format_rfc3339({1652459225'000000000}), "2022-05-13T16:27:05Z");
    EXPECT_EQ(format_rfc3339({1652459225'500000000}), "2022-05-13T16:27:05.500Z");
    EXPECT_EQ(format_rfc3339({1652459225'000001000}), "2022-05-13T16:27:05.000001Z");
    EXPECT_EQ(format_rfc3339({-1}), "1969-12-31T23:59:59.999999999Z");
    EXPECT_EQ(format_date({-1}), "1969-12-31");
}

TEST(Time, ReadsEpochsOfEveryUnit) {
    EXPECT_EQ(parse_epoch("1652459225", EpochUnit::s)->count, 1652459225'000000000);
    EXPECT_EQ(parse_epoch("1652459225.5037491", EpochUnit::s)->count, 1652459225'503749100);
    EXPECT_EQ(parse_epoch("1652459225503", EpochUnit::ms)->count, 1652459225'503000000);
    EXPECT_EQ(parse_epoch("1652459225503.25", EpochUnit::ms)->count, 1652459225'503250000);
    EXPECT_EQ(parse_epoch("1652459225503749", EpochUnit::us)->count, 1652459225'503749000);
    EXPECT_EQ(parse_epoch("1652459225503749100", EpochUnit::ns)->count, 1652459225'503749100);
    EXPECT_EQ(parse_epoch("-1.5", EpochUnit::s)->count, -1'500'000'000);
    for (const char* text : {"", "x", "1.", "1.5x", "99999999999999999999", "9300000000"})
        EXPECT_FALSE(parse_epoch(text, EpochUnit::s)) << text;
}

TEST(Time, FloorsToStepsAlsoBefore1970) {
    EXPECT_EQ(floor_to({1'500}, {1'000}).count, 1'000);
    EXPECT_EQ(floor_to({-500}, {1'000}).count, -1'000);
    EXPECT_EQ(floor_to({-1'000}, {1'000}).count, -1'000);
}

TEST(Time, DurationsAndSizesBothWays) {
    for (const char* text : {"200ms", "5s", "1m", "1h", "30d", "7us", "9ns"})
        EXPECT_EQ(format_duration(*parse_duration(text)), text);
    EXPECT_EQ(format_duration(*parse_duration("90s")), "90s");
    for (const char* text : {"", "5", "s", "-5s", "5 s", "5S", "1.5s", "99999999999d"})
        EXPECT_FALSE(parse_duration(text)) << text;
    EXPECT_EQ(*parse_size("64MiB"), 64 << 20);
    EXPECT_EQ(*parse_size("10MB"), 10'000'000);
    EXPECT_EQ(*parse_size("512"), 512);
    EXPECT_EQ(format_size(64 << 20), "64MiB");
    EXPECT_EQ(format_size(1000), "1000B");
    for (const char* text : {"", "MiB", "64Mib", "-1B", "9999999999TiB"})
        EXPECT_FALSE(parse_size(text)) << text;
}

}  // namespace
}  // namespace tape
