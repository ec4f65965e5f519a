#include "feed/backoff.h"

#include <gtest/gtest.h>

namespace tape::feed {
namespace {

constexpr Backoff::Options options{
    .min = millis(200), .max = seconds(30), .healthy_after = seconds(60)};

TEST(Backoff, DoublesUpToItsBound) {
    Backoff backoff(options, 1);
    for (Nanos span = options.min; span < options.max; span += span) {
        const Nanos wait = backoff.next({});
        EXPECT_GE(wait.count, span.count / 2);
        EXPECT_LE(wait, span);
    }
    for (int i = 0; i < 100; ++i) {
        const Nanos wait = backoff.next(seconds(59));
        EXPECT_GE(wait, seconds(15));
        EXPECT_LE(wait, options.max);
    }
}

TEST(Backoff, StartsAnewAfterAHealthyTime) {
    Backoff backoff(options, 1);
    for (int i = 0; i < 20; ++i) (void)backoff.next({});
    EXPECT_LE(backoff.next(seconds(60)), options.min);
    EXPECT_LE(backoff.next({}), millis(400));
}

TEST(Backoff, DiffersBySeed) {
    Backoff a(options, 1), b(options, 2);
    EXPECT_NE(a.next({}), b.next({}));
}

}  // namespace
}  // namespace tape::feed
