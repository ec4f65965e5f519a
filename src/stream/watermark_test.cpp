#include "stream/watermark.h"

#include <gtest/gtest.h>

namespace tape::stream {
namespace {

TEST(Watermark, FollowsTheNewestEventAtADistance) {
    Watermark mark(seconds(2), seconds(5));
    EXPECT_EQ(mark.value(), Watermark::none);
    mark.on_event(seconds(100), seconds(100));
    EXPECT_EQ(mark.value(), seconds(98));
    mark.on_event(seconds(90), seconds(101));
    EXPECT_EQ(mark.value(), seconds(98));
}

TEST(Watermark, FollowsHeartbeatsOnlyWhenIdle) {
    Watermark mark(seconds(2), seconds(5));
    mark.on_event(seconds(100), seconds(100));
    mark.on_heartbeat(seconds(104));
    EXPECT_EQ(mark.value(), seconds(98));
    mark.on_heartbeat(seconds(105));
    EXPECT_EQ(mark.value(), seconds(100));
    mark.on_event(seconds(99), seconds(106));  // A slow venue's event does not turn time back.
    EXPECT_EQ(mark.value(), seconds(100));
    mark.on_heartbeat(seconds(110));  // Four seconds after the event: not idle.
    EXPECT_EQ(mark.value(), seconds(100));
}

TEST(Watermark, CountsIdlenessFromTheStartWhenThereWasNoEvent) {
    Watermark mark(seconds(2), seconds(5));
    mark.on_heartbeat(seconds(100));
    EXPECT_EQ(mark.value(), Watermark::none);
    mark.on_heartbeat(seconds(105));
    EXPECT_EQ(mark.value(), seconds(100));
}

TEST(Watermark, SurvivesACheckpoint) {
    Watermark mark(seconds(2), seconds(5));
    mark.on_event(seconds(100), seconds(103));
    std::string state;
    StateWriter out(state);
    mark.save(out);
    Watermark again(seconds(2), seconds(5));
    StateReader in(state);
    again.load(in);
    EXPECT_EQ(again.value(), seconds(98));
    again.on_heartbeat(seconds(107));
    EXPECT_EQ(again.value(), seconds(98));
    again.on_heartbeat(seconds(108));
    EXPECT_EQ(again.value(), seconds(103));
}

}  // namespace
}  // namespace tape::stream
