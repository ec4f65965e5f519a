// How a slot comes by its connection and keeps it: tokens, welcomes, pace, replacements that
// overlap, mute streams, polls.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/log.h"
#include "base/metrics.h"
#include "feed/test_venue.h"

namespace tape::feed {
namespace {

using Lines = std::vector<std::string>;

std::unique_ptr<Feed> start(FeedOptions options) {
    set_log_level(LogLevel::off);
    auto feed = Feed::start(std::move(options));
    EXPECT_TRUE(feed) << (feed ? "" : feed.error().what);
    return feed ? std::move(*feed) : nullptr;
}

// One slot against one server.
struct Bench {
    TempFolder folder;
    TestServer server;
    FeedOptions options;
    std::unique_ptr<Feed> feed;

    Bench(TestServer::Behaviour behaviour, const std::string& venue_settings)
        : server(std::move(behaviour)),
          options(quick_options(folder.path(), server.port(), test_spec(venue_settings))) {
        options.overlap_rest = millis(20);
        // Long against the time for which a busy machine leaves a thread waiting.
        options.mute_margin = millis(200);
        options.silence_min = millis(400);
        options.stale_after = millis(600);
    }
    void begin() { feed = start(options); }
    SlotStatus status() const { return feed->status()[0]; }
    Lines lines() const { return recorded(folder.path(), "test-1"); }
    i64 count(std::string_view begin) const { return count_of(lines(), begin); }
    bool said(std::string_view begin, i64 times = 1) const {
        return eventually([&] { return count(begin) >= times; });
    }
    // When each record of that kind was made.
    std::vector<Nanos> times(log::RecordKind kind) const {
        std::vector<Nanos> times;
        auto reader = log::LogReader::open(folder.path() / "test-1");
        for (auto records = (*reader)->read(1'000); records && !records->empty();
             records = (*reader)->read(1'000))
            for (const log::Record& record : *records)
                if (record.kind == kind) times.push_back(record.ts_recv);
        return times;
    }
    // The ids that frames brought, once each.
    std::set<i64> trades() const {
        std::set<i64> ids;
        constexpr std::string_view start = R"(frame {"channel":"trades","symbol":"A","n":)";
        for (const std::string& line : lines())
            if (line.starts_with(start)) ids.insert(std::stoll(line.substr(start.size())));
        return ids;
    }
    bool trades_have_no_hole() const {
        const std::set<i64> ids = trades();
        return !ids.empty() && *ids.rbegin() - *ids.begin() + 1 == std::ssize(ids);
    }
    bool asked(std::string_view begin, i64 times = 1) const {
        return eventually([&] { return count_of(server.asked(), begin) >= times; });
    }
};

TEST(Token, IsFetchedAnewForEachConnection) {
    Bench bench({.frames = 1, .close_after = true}, "token,keepalive=10s");
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.server.connections() >= 3; }));
    const Lines asked = bench.server.asked();
    EXPECT_GE(count_of(asked, "POST /token"), 3);
    for (const i64 number : {1, 2, 3})
        EXPECT_EQ(count_of(asked, fmt::format("WS /ws?token={}&id=", number)), 1) << number;
    EXPECT_EQ(bench.count(R"(rest {"method":"POST")"), 0);
}

TEST(Token, BringsThePingIntervalOfTheConnection) {
    Bench bench({.every = millis(2)}, "token,keepalive=10s");
    bench.begin();
    EXPECT_TRUE(eventually([&] { return count_of(bench.server.received(), "1:ping") >= 3; }));
}

TEST(Token, RefusedIsAnOutageOfThatReason) {
    Bench bench({.token_status = 500}, "token");
    bench.begin();
    ASSERT_TRUE(bench.said(
        R"(disconnected {"cause":"token: /token answers with status 500","reason":"token"})", 2));
    bench.server.set({.token_status = 429});
    ASSERT_TRUE(bench.said(
        R"(disconnected {"cause":"token: /token answers with status 429","reason":"ban"})"));
    EXPECT_EQ(bench.server.connections(), 0);
}

TEST(Welcome, ComesBeforeAnythingIsSaid) {
    Bench bench({.frames = 1, .welcome = true}, "welcome");
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.status().frames == 4; }));
    const Lines lines = bench.lines();
    const auto place = [&](std::string_view begin) {
        return std::ranges::find_if(lines,
                                    [&](const auto& line) { return line.starts_with(begin); });
    };
    EXPECT_LT(place("connected "), place(R"(frame {"welcome":1})"));
    EXPECT_LT(place(R"(frame {"welcome":1})"), place("sent "));
    EXPECT_LT(place("sent "), lines.end());
}

TEST(Welcome, IsNotWaitedForInVain) {
    Bench bench({}, "welcome");
    bench.options.welcome_wait = millis(50);
    bench.begin();
    EXPECT_TRUE(bench.said(R"(disconnected {"cause":"no welcome within 50ms"})", 2));
    EXPECT_TRUE(bench.server.received().empty());
}

TEST(Pace, KeepsSentTextsApart) {
    Bench bench({.frames = 1}, "pace=80ms");
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.status().frames == 3; }));
    bench.feed->stop();
    const std::vector<Nanos> sent = bench.times(log::RecordKind::sent);
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_GE(sent[1] - sent[0], millis(75));
}

TEST(Replacement, OverlapsAConnectionBeforeItsAge) {
    Bench bench({.every = millis(2)}, "replace=300ms");
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.status().session >= 3; }));
    ASSERT_TRUE(eventually([&] { return bench.server.open_connections() == 1; }));
    const Lines lines = bench.lines();
    EXPECT_EQ(count_of(lines, "disconnected "), 0);
    EXPECT_GE(std::ranges::count_if(
                  lines, [](const auto& line) { return line.ends_with(R"("overlaps":true})"); }),
              2);
    EXPECT_TRUE(bench.status().connected);
    bench.feed->stop();
    EXPECT_TRUE(bench.trades_have_no_hole());
    EXPECT_EQ(bench.count("disconnected "), 1);
}

TEST(Replacement, FollowsAnAnnouncedEnd) {
    Bench bench({.extra = R"({"closing":1})", .every = millis(2)}, "");
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.status().session >= 2; }));
    bench.server.set({.every = millis(2)});
    ASSERT_TRUE(eventually([&] { return bench.server.open_connections() == 1; }));
    EXPECT_EQ(bench.count("disconnected "), 0);
}

TEST(Replacement, ThatFailsLeavesTheOldOneAndIsTriedAgain) {
    Bench bench({.every = millis(2)}, "replace=200ms");
    bench.options.overlap_wait = millis(60);
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.status().frames > 3; }));
    bench.server.set({.every = millis(2), .hang_up = true});
    ASSERT_TRUE(bench.asked("HUNG UP", 3));
    EXPECT_TRUE(bench.status().connected);
    EXPECT_EQ(bench.count("disconnected "), 0);
    bench.server.set({.every = millis(2)});
    ASSERT_TRUE(bench.asked("WS ", 2));
    EXPECT_EQ(bench.count("disconnected "), 0);
    bench.feed->stop();
    EXPECT_TRUE(bench.trades_have_no_hole());
}

TEST(Replacement, ThatStaysMuteIsNone) {
    Bench bench({.every = millis(2)}, "replace=200ms");
    bench.options.overlap_wait = millis(60);
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.status().frames > 3; }));
    bench.server.set({.every = millis(2), .silent_from = 2});
    ASSERT_TRUE(eventually([&] { return bench.status().session >= 4; }));
    EXPECT_TRUE(bench.status().connected);
    EXPECT_EQ(bench.count("disconnected "), 0);
    bench.server.set({.every = millis(2)});
    const i64 frames = bench.status().frames;
    EXPECT_TRUE(eventually([&] { return bench.status().frames > frames + 10; }));
}

TEST(Replacement, SurvivesTheHardEndOfTheOldOne) {
    Bench bench({.every = millis(2)}, "replace=200ms");
    bench.options.overlap_rest = seconds(30);
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.server.open_connections() == 2; }));
    ASSERT_TRUE(bench.said(R"(frame {"ack":1})", 4));  // The second one is ready.
    bench.server.cut(1);
    ASSERT_TRUE(eventually([&] { return bench.server.connections() == 3; }));
    EXPECT_EQ(bench.count("disconnected "), 0);
    EXPECT_TRUE(bench.status().connected);
    bench.feed->stop();
    EXPECT_TRUE(bench.trades_have_no_hole());
}

TEST(Replacement, IsNoHelpBeforeItIsReady) {
    Bench bench({.every = millis(2)}, "replace=200ms");
    bench.options.overlap_wait = seconds(30);
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.status().frames > 3; }));
    bench.server.set({.every = millis(2), .silent_from = 2});
    ASSERT_TRUE(eventually([&] { return bench.server.open_connections() == 2; }));
    bench.server.cut(1);
    EXPECT_TRUE(bench.said("disconnected "));
    bench.server.set({.every = millis(2)});
    EXPECT_TRUE(
        eventually([&] { return bench.status().session >= 3 && bench.status().connected; }));
    EXPECT_EQ(bench.count(R"(disconnected {"cause":"connection lost)") +
                  bench.count(R"(disconnected {"cause":"cut by the peer)"),
              bench.count("disconnected "));
}

TEST(HalfOpen, IsEndedBySilence) {
    Bench bench({.every = millis(2), .half_open = true}, "silence=60ms");
    bench.begin();
    EXPECT_TRUE(bench.said(R"(disconnected {"cause":"silent for 60ms"})", 2));
    bench.server.set({.every = millis(2)});
    EXPECT_TRUE(eventually([&] { return bench.trades().size() > 10; }));
}

TEST(HalfOpen, IsFoundSoonerWhereTheMarketIsKnownToTrade) {
    Bench bench({.every = millis(2)}, "silence=60s");
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.trades().size() > 50; }));
    bench.server.set({.every = millis(2), .silent_until = 1});
    ASSERT_TRUE(eventually([&] { return bench.status().session >= 2; }));
    const size_t known = bench.trades().size();
    EXPECT_TRUE(eventually([&] { return bench.trades().size() > known + 5; }));
    EXPECT_EQ(bench.count(R"(sent {"unsubscribe")"), 0);
    EXPECT_GE(bench.count(R"(gap {"cause":"muted")"), 1);
}

TEST(Mute, IsFoundAndSubscribedAnewAlone) {
    Bench bench({.every = millis(2)}, "");
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.trades().size() > 50; }));
    bench.server.set({.every = millis(2), .mute = {"trades"}, .heals = true});
    ASSERT_TRUE(bench.said(R"(gap {"cause":"muted","channel":"trades","symbol":"A","from_ts":)"));
    ASSERT_TRUE(bench.said(R"(sent {"unsubscribe":"trades"})"));
    const size_t known = bench.trades().size();
    EXPECT_TRUE(eventually([&] { return bench.trades().size() > known + 5; }));
    EXPECT_TRUE(eventually([&] { return bench.status().mute.empty(); }));
    EXPECT_EQ(bench.count(R"(gap {"cause":"muted","channel":"tickers")"), 0);
    EXPECT_EQ(bench.count(R"(sent {"unsubscribe":"tickers"})"), 0);
    EXPECT_GE(bench.count(R"(rest {"method":"GET","target":"/trades?symbol=A")"), 1);
    EXPECT_EQ(bench.status().session, 1);
    EXPECT_EQ(bench.count("disconnected "), 0);
}

TEST(Mute, OfAnotherKindIsJudgedByTheTrades) {
    Bench bench({.every = millis(2)}, "");
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.trades().size() > 50; }));
    bench.server.set({.every = millis(2), .mute = {"tickers"}, .heals = true});
    ASSERT_TRUE(bench.said(R"(sent {"unsubscribe":"tickers"})"));
    EXPECT_EQ(bench.count(R"(rest {"method":"GET","target":"/trades)"), 0);
}

TEST(Mute, ThatLastsCostsTheConnection) {
    Bench bench({.every = millis(2)}, "");
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.trades().size() > 50; }));
    bench.server.set({.every = millis(2), .mute = {"trades"}});
    ASSERT_TRUE(eventually([&] { return bench.status().session >= 2; }));
    EXPECT_EQ(bench.status().mute, Lines{"trades of A"});
    EXPECT_TRUE(bench.said("gap ", 2));
    EXPECT_EQ(bench.count("disconnected "), 0);
    bench.server.set({.every = millis(2)});
    const size_t known = bench.trades().size();
    EXPECT_TRUE(eventually([&] { return bench.trades().size() > known + 5; }));
}

TEST(Mute, FromTheBeginningIsFoundToo) {
    Bench bench({.frames = 0, .every = millis(2), .mute = {"trades"}, .heals = true}, "");
    bench.begin();
    ASSERT_TRUE(bench.said(R"(gap {"cause":"muted","channel":"trades")"));
    EXPECT_TRUE(eventually([&] { return bench.trades().size() > 5; }));
}

TEST(Mute, IsNotWhatAQuietMarketIs) {
    Bench bench({.every = millis(2)}, "");
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.trades().size() > 50; }));
    bench.server.set({});  // No trades any more, neither here nor over REST.
    ASSERT_TRUE(bench.said(R"(rest {"method":"GET","target":"/trades?symbol=A")", 2));
    EXPECT_EQ(bench.count("gap "), 0);
    EXPECT_EQ(bench.status().session, 1);
    EXPECT_TRUE(bench.status().mute.empty());
}

TEST(Poll, RecordsAnswersAndSaysItIsConnected) {
    Bench bench({}, "poll=20ms");
    bench.options.sources[0].websocket = "none";  // Nobody needs it.
    bench.begin();
    ASSERT_TRUE(
        bench.said(R"(rest {"method":"GET","target":"/prices","status":200,"body":"{}"})", 4));
    EXPECT_EQ(bench.count(fmt::format(R"(connected {{"address":"127.0.0.1:{}","session":1}})",
                                      bench.server.port())),
              1);
    EXPECT_TRUE(bench.status().connected);
    EXPECT_GE(bench.status().polls, 4);
    EXPECT_GT(bench.status().next_poll, Nanos{});
    EXPECT_EQ(bench.server.connections(), 0);
    bench.feed->stop();
    EXPECT_EQ(bench.count(R"(disconnected {"cause":"stopped","reason":"stopped"})"), 1);
}

TEST(Poll, IsAnOutageWhenRefused) {
    Bench bench({}, "poll=20ms");
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.status().polls >= 2; }));
    bench.server.set({.rest_status = 500});
    ASSERT_TRUE(bench.said(R"(disconnected {"cause":"/prices answers with status 500"})", 2));
    EXPECT_FALSE(bench.status().connected);
    bench.server.set({.rest_status = 429, .rest_headers = {{"Retry-After", "1"}}});
    ASSERT_TRUE(
        bench.said(R"(disconnected {"cause":"/prices answers with status 429","reason":"ban"})"));
    bench.server.set({});
    ASSERT_TRUE(bench.said("connected ", 2));
    EXPECT_GE(bench.times(log::RecordKind::connected).back() -
                  bench.times(log::RecordKind::disconnected).back(),
              seconds(1));
    EXPECT_EQ(bench.status().session, 2);
}

TEST(Poll, DoesNotRecordWhatDidNotChange) {
    Bench bench({.rest_headers = {{"ETag", "\"7\""}}}, "poll=10ms");
    bench.begin();
    ASSERT_TRUE(eventually([&] { return bench.status().polls_unchanged >= 3; }));
    EXPECT_EQ(bench.count(R"(rest {"method":"GET","target":"/prices")"), 1);
    EXPECT_TRUE(bench.status().connected);
}

}  // namespace
}  // namespace tape::feed
