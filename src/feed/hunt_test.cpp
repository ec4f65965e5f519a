#include "feed/hunt.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace tape::feed {
namespace {

using Missing = venues::Missing;
using Trades = std::vector<FetchedTrade>;

constexpr venues::IdentityRule consecutive{.consecutive = true}, scattered{.consecutive = false};

// Trade k happens in second k.
FetchedTrade trade(u64 id) {
    return {id, id, seconds(static_cast<i64>(id))};
}

Missing by_id(u64 from, std::optional<u64> to) {
    return {.from_id = from,
            .to_id = to,
            .from_ts = seconds(static_cast<i64>(from)),
            .to_ts = seconds(static_cast<i64>(to.value_or(from + 50)))};
}

Missing by_time(i64 from, i64 to) {
    return {.from_ts = seconds(from), .to_ts = seconds(to)};
}

// A venue that has trades 1 to `newest` but some, and lists `page` of what is asked for.
struct Shop {
    u64 newest = 1'000;
    size_t page = 10;
    std::function<bool(u64)> lacks = [](u64) { return false; };

    // Newest first, as OKX and Coinbase do.
    Trades down(const Missing& missing) const {
        Trades trades;
        for (u64 id = std::min(newest, missing.to_id.value_or(newest));
             id > 0 && trades.size() < page; --id)
            if (!lacks(id)) trades.push_back(trade(id));
        return trades;
    }
    // Oldest first from an id on, as Binance does.
    Trades up(const Missing& missing) const {
        if (!missing.to_id) return down(missing);
        Trades trades;
        for (u64 id = missing.from_id.value_or(*missing.to_id - page + 1);
             id <= newest && trades.size() < page; ++id)
            if (!lacks(id)) trades.push_back(trade(id));
        return trades;
    }
    // Oldest first from a time on, whatever is asked for, as Kraken does.
    Trades since(const Missing& missing) const {
        Trades trades;
        for (u64 id = static_cast<u64>(missing.from_ts.count / 1'000'000'000); id <= newest; ++id)
            if (trades.size() < page && id > 0 && !lacks(id)) trades.push_back(trade(id));
        return trades;
    }
};

struct Outcome {
    i64 requests{}, fetched{};
    std::vector<std::string> details;
};

using Way = std::function<Trades(const Missing&)>;

Outcome run(StreamHunt hunt, const Way& answer) {
    Outcome outcome;
    while (!hunt.empty() && outcome.requests < 1'000) {
        const StreamHunt::Request request = hunt.next({});
        ++outcome.requests;
        outcome.fetched += hunt.on_answer(request, answer(request.missing));
        for (const auto& done : hunt.take_done()) outcome.details.push_back(done.detail);
    }
    return outcome;
}

Outcome run(const Missing& missing, const venues::IdentityRule& rule, const Way& answer) {
    StreamHunt hunt(rule);
    EXPECT_TRUE(hunt.add(missing, {}));
    return run(std::move(hunt), answer);
}

std::vector<std::pair<std::string, Way>> ways(const Shop& shop) {
    return {{"down", [&shop](const Missing& missing) { return shop.down(missing); }},
            {"up", [&shop](const Missing& missing) { return shop.up(missing); }},
            {"since", [&shop](const Missing& missing) { return shop.since(missing); }}};
}

TEST(Hunt, FollowsPagesUntilEveryIdIsThere) {
    const Shop shop;
    for (const auto& [name, way] : ways(shop)) {
        const Outcome outcome = run(by_id(301, 345), consecutive, way);
        EXPECT_EQ(outcome.fetched, 45) << name;
        EXPECT_LE(outcome.requests, 6) << name;
        EXPECT_EQ(outcome.details, std::vector<std::string>{""}) << name;
    }
}

TEST(Hunt, GivesUpExactlyWhatTheVenueLacks) {
    Shop shop;
    shop.lacks = [](u64 id) { return id >= 320 && id < 335; };
    for (const auto& [name, way] : ways(shop)) {
        const Outcome outcome = run(by_id(301, 345), consecutive, way);
        EXPECT_EQ(outcome.fetched, 30) << name;
        EXPECT_EQ(outcome.details,
                  std::vector<std::string>{"the venue has 15 of the trades no more"})
            << name;
        EXPECT_LE(outcome.requests, 10) << name;
    }
}

TEST(Hunt, BeginsWithTheNewestPageWhereTheEndIsUnknown) {
    const Shop shop;
    const Outcome outcome =
        run(by_id(960, std::nullopt), consecutive, [&](const Missing& m) { return shop.down(m); });
    EXPECT_EQ(outcome.fetched, 41);
    EXPECT_EQ(outcome.requests, 5);
    EXPECT_EQ(outcome.details, std::vector<std::string>{""});
}

TEST(Hunt, IsThroughAtOnceWhereNothingHappened) {
    const Shop shop;
    const Outcome outcome = run(by_id(1'001, std::nullopt), consecutive,
                                [&](const Missing& m) { return shop.down(m); });
    EXPECT_EQ(outcome.fetched, 0);
    EXPECT_EQ(outcome.requests, 1);
    const Outcome none =
        run(by_id(1, std::nullopt), consecutive, [](const Missing&) { return Trades{}; });
    EXPECT_EQ(none.details, std::vector<std::string>{"the venue lists no trades"});
}

TEST(Hunt, GoesBackInTimeWhereNoIdIsKnown) {
    const Shop shop;
    const Outcome outcome =
        run(by_time(955, 990), consecutive, [&](const Missing& m) { return shop.down(m); });
    EXPECT_EQ(outcome.fetched, 36);
    EXPECT_EQ(outcome.requests, 5);
    const Outcome all =
        run(by_time(-5, 1'000), consecutive, [&](const Missing& m) { return shop.down(m); });
    EXPECT_EQ(all.fetched, 1'000);
}

TEST(Hunt, GoesOnInTimeWhereTheVenueListsFromATimeOn) {
    const Shop shop;
    const Outcome outcome =
        run(by_time(555, 590), consecutive, [&](const Missing& m) { return shop.since(m); });
    EXPECT_GE(outcome.fetched, 36);
    EXPECT_LE(outcome.requests, 6);
}

TEST(Hunt, LeapsToAGapThatLiesFarBack) {
    const Shop shop{.newest = 1'000'000};
    for (const auto& [name, way] : ways(shop)) {
        if (name == "since") continue;
        std::set<u64> seen;
        const Outcome outcome =
            run(by_time(5'000, 5'100), consecutive, [&](const Missing& missing) {
                const Trades trades = way(missing);
                for (const FetchedTrade& trade : trades) seen.insert(trade.last);
                return trades;
            });
        for (u64 id = 5'000; id <= 5'100; ++id) EXPECT_TRUE(seen.contains(id)) << name << id;
        EXPECT_LE(outcome.requests, 40) << name;
    }
}

TEST(Hunt, FillsWhatALeapLeftOut) {
    // Trades were ten times as frequent in the newest page as before: the leap goes too far.
    const Way way = [](const Missing& missing) {
        Trades trades;
        for (u64 id = std::min<u64>(10'000, missing.to_id.value_or(10'000));
             id > 0 && trades.size() < 10; --id)
            trades.push_back({id, id,
                              id > 9'900 ? seconds(99'000) + millis(static_cast<i64>(id))
                                         : seconds(static_cast<i64>(id) * 10)});
        return trades;
    };
    std::set<u64> seen;
    run(by_time(40'000, 60'000), consecutive, [&](const Missing& missing) {
        const Trades trades = way(missing);
        for (const FetchedTrade& trade : trades) seen.insert(trade.last);
        return trades;
    });
    for (u64 id = 4'000; id <= 6'000; ++id) ASSERT_TRUE(seen.contains(id)) << id;
}

TEST(Hunt, FillsTheMiddleWhereTheVenueGivesTheNewestAndThenFromATimeOn) {
    const Shop shop;
    std::set<u64> seen;
    const Outcome outcome = run(by_time(900, 999), consecutive, [&](const Missing& missing) {
        const Trades trades = missing.to_id ? shop.since(missing) : shop.down(missing);
        for (const FetchedTrade& trade : trades) seen.insert(trade.last);
        return trades;
    });
    for (u64 id = 900; id <= 999; ++id) EXPECT_TRUE(seen.contains(id)) << id;
    EXPECT_EQ(outcome.fetched, 100);
    EXPECT_LE(outcome.requests, 15);
}

TEST(Hunt, TakesWhatThereIsWhereIdsAreScattered) {
    Shop shop{.page = 100};
    shop.lacks = [](u64 id) { return id % 7 == 0; };
    const Way newest = [&](const Missing&) { return shop.down({}); };
    const Outcome within = run(by_time(950, 1'000), scattered, newest);
    EXPECT_EQ(within.requests, 1);
    EXPECT_EQ(within.details, std::vector<std::string>{""});
    const Outcome beyond = run(by_time(500, 1'000), scattered, newest);
    EXPECT_LE(beyond.requests, 3);
    EXPECT_NE(beyond.details[0].find("the venue lists trades from"), std::string::npos);
}

TEST(Hunt, AsksOnceForWhatLiesClose) {
    const Shop shop{.page = 100};
    StreamHunt hunt(consecutive);
    EXPECT_TRUE(hunt.add(by_id(510, 510), {}));
    EXPECT_TRUE(hunt.add(by_id(540, 545), {}));
    EXPECT_TRUE(hunt.add(by_id(546, 560), {}));
    EXPECT_TRUE(hunt.add(by_id(500, 550), {}));
    EXPECT_TRUE(hunt.add(by_id(900, 901), {}));
    const Missing first = hunt.next({}).missing;
    EXPECT_EQ(first.from_id, 500);
    EXPECT_EQ(first.to_id, 560);
    const Outcome outcome = run(std::move(hunt), [&](const Missing& m) { return shop.down(m); });
    EXPECT_EQ(outcome.requests, 2);
    EXPECT_EQ(outcome.details.size(), 5);
}

TEST(Hunt, HuntsEachGapOnce) {
    StreamHunt hunt(consecutive);
    EXPECT_TRUE(hunt.add(by_id(5, 9), {}));
    EXPECT_FALSE(hunt.add(by_id(5, 9), {}));
    EXPECT_TRUE(hunt.add(by_id(5, 10), {}));
    EXPECT_EQ(hunt.size(), 2);
}

TEST(Hunt, LeavesAloneWhatCameAfterTheRequest) {
    StreamHunt hunt(consecutive);
    hunt.add(by_id(100, 110), {});
    const StreamHunt::Request request = hunt.next({});
    hunt.add(by_id(105, 120), {});
    hunt.on_answer(request, {});
    ASSERT_EQ(hunt.take_done().size(), 1);
    EXPECT_EQ(hunt.next({}).missing.from_id, 105);
}

TEST(Hunt, DoesNotBelieveAnEmptyAnswerTooSoon) {
    StreamHunt hunt(consecutive, seconds(2));
    hunt.add(by_id(100, 110), seconds(50));
    const StreamHunt::Request request = hunt.next({});
    const Trades others = {trade(99)}, some = {trade(105)};
    EXPECT_TRUE(hunt.may_lag(request, others, seconds(51)));
    EXPECT_FALSE(hunt.may_lag(request, some, seconds(51)));
    EXPECT_FALSE(hunt.may_lag(request, others, seconds(52)));
}

TEST(Hunt, AsksForTheNewestNotTooSoon) {
    StreamHunt hunt(consecutive, seconds(2));
    hunt.add(by_id(100, std::nullopt), seconds(50));
    hunt.add(by_id(101, std::nullopt), seconds(51));
    EXPECT_EQ(hunt.next(seconds(50)).due, seconds(52));
    const StreamHunt::Request request = hunt.next(seconds(52));
    const Trades newest = {trade(100), trade(101), trade(102)};
    hunt.on_answer(request, newest);
    ASSERT_EQ(hunt.take_done().size(), 1);
    EXPECT_EQ(hunt.next(seconds(52)).due, seconds(53));
}

TEST(Hunt, GivesUpAfterFailingForLong) {
    StreamHunt hunt(consecutive);
    hunt.add(by_id(100, 110), seconds(0));
    hunt.on_failure(seconds(5));
    hunt.add(by_id(200, 210), seconds(8));
    hunt.on_failure(seconds(9));
    hunt.give_up(seconds(14), seconds(10), std::nullopt, "status 503");
    EXPECT_TRUE(hunt.take_done().empty());
    hunt.give_up(seconds(15), seconds(10), std::nullopt, "status 503");
    const auto done = hunt.take_done();
    ASSERT_EQ(done.size(), 1);
    EXPECT_EQ(done[0].asked.from_id, 100);
    EXPECT_EQ(done[0].detail, "status 503");
    EXPECT_TRUE(done[0].given_up);
    hunt.give_up(seconds(18), seconds(10), seconds(5), "status 503");
    EXPECT_EQ(hunt.take_done().size(), 1);
}

}  // namespace
}  // namespace tape::feed
