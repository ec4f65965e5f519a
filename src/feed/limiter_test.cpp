#include "feed/limiter.h"

#include <gtest/gtest.h>

namespace tape::feed {
namespace {

constexpr venues::RestBudget budget{.weight = 10, .per = seconds(60), .used_header = "X-Used"};
constexpr Limiter::Options shares{.capture_share = 0.8, .backfill_share = 0.5};
constexpr Nanos start = seconds(1'000);

Limiter limiter() {
    return Limiter(budget, shares, 7);
}

TEST(Limiter, GivesEachUseItsShareOfASlidingWindow) {
    Limiter limit = limiter();
    for (i64 n = 0; n < 5; ++n) {
        EXPECT_EQ(limit.ready_at(start + seconds(n), 1, RestUse::backfill), start + seconds(n));
        limit.spend(start + seconds(n), 1);
    }
    const Nanos now = start + seconds(5);
    EXPECT_EQ(limit.ready_at(now, 1, RestUse::backfill), start + seconds(60));
    EXPECT_EQ(limit.ready_at(now, 3, RestUse::backfill), start + seconds(62));
    EXPECT_EQ(limit.ready_at(now, 3, RestUse::capture), now);
    EXPECT_EQ(limit.ready_at(now, 4, RestUse::capture), start + seconds(60));
    EXPECT_EQ(limit.ready_at(start + seconds(60), 1, RestUse::backfill), start + seconds(60));
}

TEST(Limiter, SendsWhatIsHeavierThanTheShareAlone) {
    Limiter limit = limiter();
    EXPECT_EQ(limit.ready_at(start, 50, RestUse::backfill), start);
    limit.spend(start, 1);
    EXPECT_EQ(limit.ready_at(start, 50, RestUse::backfill), start + seconds(60));
}

TEST(Limiter, CountsWhatOthersOfTheAddressUsed) {
    Limiter limit = limiter();
    limit.spend(start, 1);
    limit.on_answer(start, RestUse::backfill, {.status = 200, .used = 4});
    EXPECT_EQ(limit.ready_at(start, 1, RestUse::backfill), start);
    limit.spend(start, 1);
    EXPECT_EQ(limit.ready_at(start, 1, RestUse::backfill), start + seconds(60));
    EXPECT_EQ(limit.ready_at(start, 3, RestUse::capture), start);
    limit.on_answer(start + seconds(1), RestUse::backfill, {.status = 200, .used = 0});
    EXPECT_EQ(limit.ready_at(start + seconds(1), 1, RestUse::backfill), start + seconds(1));
}

TEST(Limiter, WaitsAsLongAsAVenueAsks) {
    for (const int status : {429, 418}) {
        Limiter limit = limiter();
        limit.on_answer(start, RestUse::backfill, {.status = status, .retry_after = seconds(30)});
        EXPECT_TRUE(limit.barred(start + seconds(30)));
        for (const RestUse use : {RestUse::capture, RestUse::backfill})
            EXPECT_EQ(limit.ready_at(start, 1, use), start + seconds(31));
        EXPECT_FALSE(limit.barred(start + seconds(31)));
    }
}

TEST(Limiter, WaitsLongerEachTimeWhereTheVenueDoesNotSay) {
    Limiter limit = limiter();
    limit.on_answer(start, RestUse::capture, {.status = 429});
    EXPECT_EQ(limit.ready_at(start, 1, RestUse::capture), start + seconds(60));
    limit.on_answer(start + seconds(60), RestUse::capture, {.status = 429});
    EXPECT_EQ(limit.ready_at(start, 1, RestUse::capture), start + seconds(180));
    limit.on_answer(start + seconds(180), RestUse::capture, {.status = 200});
    limit.on_answer(start + seconds(200), RestUse::capture, {.status = 418});
    EXPECT_EQ(limit.ready_at(start, 1, RestUse::backfill), start + seconds(320));
}

TEST(Limiter, BacksOffFromFailuresOfOneUseOnly) {
    Limiter limit = limiter();
    Nanos least{};
    for (const i64 expected_ms : {500, 1'000, 2'000, 4'000}) {
        limit.on_answer(start, RestUse::backfill, {.status = 503});
        const Nanos wait = limit.ready_at(start, 1, RestUse::backfill) - start;
        EXPECT_GE(wait, millis(expected_ms / 2));
        EXPECT_LE(wait, millis(expected_ms));
        EXPECT_GE(wait, least);
        least = millis(expected_ms / 2);
    }
    EXPECT_EQ(limit.ready_at(start, 1, RestUse::capture), start);
    limit.on_answer(start + seconds(5), RestUse::backfill, {.status = 200});
    limit.on_failure(start + seconds(5), RestUse::backfill);
    EXPECT_LE(limit.ready_at(start + seconds(5), 1, RestUse::backfill),
              start + seconds(5) + millis(500));
}

TEST(Limiter, WaitsAsLongAsA503Says) {
    Limiter limit = limiter();
    limit.on_answer(start, RestUse::backfill, {.status = 503, .retry_after = seconds(20)});
    EXPECT_EQ(limit.ready_at(start, 1, RestUse::backfill), start + seconds(20));
    EXPECT_EQ(limit.ready_at(start, 1, RestUse::capture), start);
}

TEST(Limiter, ReadsRetryAfter) {
    EXPECT_EQ(parse_retry_after("30"), seconds(30));
    EXPECT_EQ(parse_retry_after("0"), seconds(0));
    EXPECT_EQ(parse_retry_after("2.5"), seconds(3));
    EXPECT_EQ(parse_retry_after("99999999999999"), seconds(3 * 86'400));
    EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), std::nullopt);
    EXPECT_EQ(parse_retry_after("-3"), std::nullopt);
    EXPECT_EQ(parse_retry_after(""), std::nullopt);
}

}  // namespace
}  // namespace tape::feed
