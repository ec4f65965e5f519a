#include "feed/liveness.h"

#include <gtest/gtest.h>

namespace tape::feed {
namespace {

using Step = Liveness::Step;
using Market = Liveness::Market;

// Ticks each second from 1,000 s on.
struct Clock {
    Liveness liveness{Liveness::Options{}};
    Nanos now = seconds(1'000);

    Clock() { liveness.on_connected(now); }
    // One second in which the stream is heard after 300 ms.
    void hear() {
        liveness.on_heard(now + millis(300));
        now += seconds(1);
        EXPECT_EQ(liveness.on_tick(now), Step::none);
    }
    // So many seconds of silence, which nothing comes of.
    void keep_silent(i64 count) {
        for (i64 k = 0; k < count; ++k) EXPECT_EQ(tick(), Step::none) << k;
    }
    Step tick() {
        now += seconds(1);
        return liveness.on_tick(now);
    }
};

TEST(Liveness, SuspectsALivelyStreamAfterTheShortestSilence) {
    Clock clock;
    for (int k = 0; k < 10; ++k) clock.hear();
    EXPECT_EQ(clock.liveness.usual_distance(), millis(300));
    clock.keep_silent(10);
    EXPECT_EQ(clock.tick(), Step::ask);
    EXPECT_EQ(clock.tick(), Step::none);  // It was asked; the answer is under way.
}

TEST(Liveness, GivesASlowStreamTwentyTimesItsOwnPace) {
    Clock clock;
    for (int k = 0; k < 12; ++k) {
        clock.keep_silent(5);
        clock.hear();
    }
    EXPECT_EQ(clock.liveness.usual_distance(), seconds(5) + millis(300));
    clock.keep_silent(106);
    EXPECT_EQ(clock.tick(), Step::ask);
}

TEST(Liveness, WaitsLongerForAStreamItDoesNotKnow) {
    Clock clock;
    clock.hear();
    EXPECT_EQ(clock.liveness.usual_distance(), Nanos{});
    clock.keep_silent(60);
    EXPECT_EQ(clock.tick(), Step::ask);
}

TEST(Liveness, RaisesNoAlarmOverAQuietMarketAndAsksEverLessOften) {
    Clock clock;
    for (int k = 0; k < 10; ++k) clock.hear();
    i64 questions = 0;
    for (i64 second = 0; second < 3'600; ++second) {
        const Step step = clock.tick();
        if (step == Step::none) continue;
        ASSERT_EQ(step, Step::ask);
        ++questions;
        clock.liveness.on_answer(clock.now, Market::quiet);
    }
    EXPECT_EQ(questions, 8);  // After 10, 20, 40, … s.
    EXPECT_FALSE(clock.liveness.mute());
}

TEST(Liveness, CuresAMuteStreamByASubscriptionThenByAConnection) {
    Clock clock;
    for (int k = 0; k < 10; ++k) clock.hear();
    clock.keep_silent(10);
    EXPECT_EQ(clock.tick(), Step::ask);
    clock.liveness.on_answer(clock.now, Market::traded);
    clock.keep_silent(2);  // What is on its way may come.
    EXPECT_FALSE(clock.liveness.mute());
    EXPECT_EQ(clock.tick(), Step::resubscribe);
    EXPECT_TRUE(clock.liveness.mute());

    clock.keep_silent(10);
    EXPECT_EQ(clock.tick(), Step::ask);
    clock.liveness.on_answer(clock.now, Market::traded);
    clock.keep_silent(2);
    EXPECT_EQ(clock.tick(), Step::replace);

    clock.keep_silent(20);  // Twice as long before the next connection.
    EXPECT_EQ(clock.tick(), Step::ask);
    clock.liveness.on_answer(clock.now, Market::traded);
    clock.keep_silent(2);
    EXPECT_EQ(clock.tick(), Step::replace);

    clock.hear();
    EXPECT_FALSE(clock.liveness.mute());
}

TEST(Liveness, BelievesAFrameThatComesAfterAll) {
    Clock clock;
    for (int k = 0; k < 10; ++k) clock.hear();
    clock.keep_silent(10);
    EXPECT_EQ(clock.tick(), Step::ask);
    clock.liveness.on_answer(clock.now, Market::traded);
    clock.hear();
    EXPECT_GT(clock.liveness.usual_distance(), seconds(1));  // That pause was one of its distances.
    for (i64 k = 0; k < 500 && clock.tick() == Step::none; ++k) {
    }
    clock.hear();
    clock.liveness.on_answer(clock.now, Market::traded);  // Too late.
    clock.keep_silent(10);
    EXPECT_FALSE(clock.liveness.mute());
}

TEST(Liveness, AsksAgainSoonWhereTheFirstAnswerIsOnlySomethingToCompareWith) {
    Clock clock;
    clock.keep_silent(60);
    EXPECT_EQ(clock.tick(), Step::ask);
    clock.liveness.on_answer(clock.now, Market::noted);
    clock.keep_silent(10);
    EXPECT_EQ(clock.tick(), Step::ask);
}

TEST(Liveness, DoesNotCountAnOutageAsSilence) {
    Clock clock;
    for (int k = 0; k < 10; ++k) clock.hear();
    clock.now += seconds(500);
    clock.liveness.on_connected(clock.now);
    clock.keep_silent(10);
    EXPECT_EQ(clock.tick(), Step::ask);
    EXPECT_EQ(clock.liveness.usual_distance(), millis(300));
}

}  // namespace
}  // namespace tape::feed
