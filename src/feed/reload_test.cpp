// A running feed follows another plan.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/log.h"
#include "feed/plan.h"
#include "feed/test_venue.h"

namespace tape::feed {
namespace {

using Lines = std::vector<std::string>;

constexpr std::string_view second_config = R"({"hash":"2"})";

class Reload : public testing::Test {
 protected:
    void start(venues::SourceSpec spec) {
        set_log_level(LogLevel::off);
        options_ = quick_options(folder_.path(), server_.port(), std::move(spec));
        options_.overlap_rest = millis(20);
        auto feed = Feed::start(options_);
        ASSERT_TRUE(feed) << feed.error().what;
        feed_ = std::move(*feed);
        ASSERT_TRUE(eventually([&] { return all_connected(); }));
    }
    bool all_connected() const {
        return std::ranges::all_of(feed_->status(),
                                   [](const SlotStatus& slot) { return slot.connected; });
    }
    Result<void> reload(std::vector<SourceOptions> sources) {
        return feed_->reload(std::move(sources), std::string(second_config));
    }
    SourceOptions source(venues::SourceSpec spec) const {
        SourceOptions source = options_.sources[0];
        source.spec = std::move(spec);
        return source;
    }
    Lines lines(const std::string& slot) const { return recorded(folder_.path(), slot); }

    const TempFolder folder_;
    TestServer server_{{.frames = 1}};
    FeedOptions options_;
    Doorbell bell_;  // Outlives the feed.
    std::unique_ptr<Feed> feed_;
};

TEST_F(Reload, AddsAndRemovesWithoutTouchingTheOthers) {
    start(test_spec("", {"A", "B"}));
    ASSERT_TRUE(reload({source(test_spec("", {"A", "B", "C"}))}));
    EXPECT_EQ(feed_->slots(), (Lines{"test-1", "test-2", "test-3"}));
    ASSERT_TRUE(eventually([&] { return all_connected(); }));
    EXPECT_EQ(lines("test-3")[0],
              R"(config {"hash":"2","streams":[["trades","C"],["tickers","C"]]})");

    ASSERT_TRUE(reload({source(test_spec("", {"A"}))}));
    EXPECT_EQ(feed_->slots(), Lines{"test-1"});
    ASSERT_TRUE(eventually([&] { return server_.open_connections() == 1; }));
    EXPECT_TRUE(eventually([&] {
        return lines("test-2").back() ==
               R"(disconnected {"cause":"no longer configured","reason":"planned"})";
    }));
    EXPECT_EQ(count_of(lines("test-2"), R"(config {"hash":"2","streams":[]})"), 1);
    EXPECT_EQ(server_.connections(), 3);
    EXPECT_EQ(feed_->status()[0].session, 1);
    feed_->stop();
    EXPECT_EQ(count_of(lines("test-1"), "config "), 3);
    EXPECT_EQ(count_of(lines("test-1"), "disconnected "), 1);
}

TEST_F(Reload, TakesUpASlotThatWasRemoved) {
    start(test_spec("", {"A", "B"}));
    feed_->ring_on_flush("test-2", bell_);
    ASSERT_TRUE(reload({source(test_spec("", {"A"}))}));
    ASSERT_TRUE(reload({source(test_spec("", {"A", "B"}))}));
    EXPECT_EQ(feed_->slots(), (Lines{"test-1", "test-2"}));
    ASSERT_TRUE(eventually([&] { return all_connected(); }));
    EXPECT_TRUE(eventually([&] { return count_of(lines("test-2"), "connected ") == 2; }));
    EXPECT_EQ(count_of(lines("test-2"), "config "), 3) << "the one of its end among them";
    EXPECT_EQ(count_of(lines("test-1"), "connected "), 1);
}

TEST_F(Reload, ReplacesTheSocketOfAChangedSlot) {
    start(test_spec());
    TestServer other({.frames = 1});
    SourceOptions elsewhere = source(test_spec());
    elsewhere.websocket = fmt::format("ws://127.0.0.1:{}", other.port());
    ASSERT_TRUE(reload({elsewhere}));
    ASSERT_TRUE(eventually([&] { return server_.open_connections() == 0; }));
    EXPECT_TRUE(feed_->status()[0].connected);
    EXPECT_EQ(other.open_connections(), 1);
    ASSERT_TRUE(eventually([&] { return count_of(lines("test-1"), "connected ") == 2; }));
    const Lines all = lines("test-1");
    EXPECT_EQ(count_of(all, "disconnected "), 0);
    EXPECT_EQ(count_of(all, "config "), 2);
    EXPECT_NE(std::ranges::find_if(all,
                                   [](const std::string& line) {
                                       return line.ends_with(R"("session":2,"overlaps":true})");
                                   }),
              all.end());
}

TEST_F(Reload, TurnsASocketIntoPolling) {
    start(test_spec());
    ASSERT_TRUE(reload({source(test_spec("poll=20ms"))}));
    ASSERT_TRUE(eventually([&] { return feed_->status()[0].polls >= 2; }));
    EXPECT_EQ(server_.open_connections(), 0);
    EXPECT_EQ(count_of(lines("test-1"), "config "), 3) << "of the slot that ends, too";
}

TEST_F(Reload, AsksChangedPollsAtOnce) {
    start(test_spec("poll=3600s"));
    ASSERT_TRUE(reload({source(test_spec("poll=20ms"))}));
    EXPECT_TRUE(eventually([&] { return feed_->status()[0].polls >= 3; }));
}

TEST_F(Reload, ChangesNothingWhereThePlanIsWrong) {
    start(test_spec());
    venues::SourceSpec wrong = test_spec();
    wrong.venue = "nowhere";
    const auto refused = reload({source(test_spec("", {"A", "B"})), source(wrong)});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().what, "there is no venue 'nowhere'");
    EXPECT_EQ(feed_->slots(), Lines{"test-1"});
    EXPECT_EQ(feed_->status()[0].session, 1);
    EXPECT_EQ(count_of(lines("test-1"), "config "), 1);
}

TEST_F(Reload, FetchesTheListsOfChangedSourcesAgain) {
    start(test_spec());
    const auto lists = [&] {
        return std::ranges::count(server_.asked(), "GET /instruments?all=1");
    };
    ASSERT_TRUE(reload({source(test_spec())}));
    EXPECT_EQ(lists(), 1);
    ASSERT_TRUE(reload({source(test_spec("", {"A", "B"}))}));
    EXPECT_TRUE(eventually([&] { return lists() == 2; }));
    EXPECT_TRUE(eventually([&] { return count_of(lines("test-2"), "rest ") == 1; }));
}

TEST(Connecting, DoesNotKeepWhatAnOlderPlanBegan) {
    const TempFolder folder;
    TestServer former({.frames = 1}), present({.frames = 1});
    auto frozen = former.freeze();
    FeedOptions options = quick_options(folder.path(), present.port());
    SourceOptions source = options.sources[0];
    options.sources[0].websocket = fmt::format("ws://127.0.0.1:{}", former.port());
    set_log_level(LogLevel::off);
    const auto feed = Feed::start(options);
    ASSERT_TRUE(feed);
    ASSERT_TRUE(  // Then it connects.
        eventually([&] { return count_of(recorded(folder.path(), "test-1"), "rest ") == 1; }));
    ASSERT_TRUE((*feed)->reload({source}, std::string(second_config)));
    frozen.unlock();
    EXPECT_TRUE(eventually([&] { return present.open_connections() == 1; }));
    EXPECT_TRUE(eventually([&] { return former.open_connections() == 0; }));
}

TEST(Lists, AreFetchedAgainWhileTheFeedRuns) {
    const TempFolder folder;
    TestServer server({.frames = 1});
    FeedOptions options = quick_options(folder.path(), server.port());
    options.lists_every = millis(20);
    set_log_level(LogLevel::off);
    const auto feed = Feed::start(options);
    ASSERT_TRUE(feed);
    EXPECT_TRUE(
        eventually([&] { return count_of(recorded(folder.path(), "test-1"), "rest ") >= 3; }));
    EXPECT_EQ((*feed)->status()[0].session, 1);
}

TEST(Lists, HaveALimitOfTheirOwn) {
    const TempFolder folder;
    TestServer server({.frames = 1});
    FeedOptions options = quick_options(folder.path(), server.port());
    options.answer_bytes = 4;
    options.lists_wait = millis(20);
    set_log_level(LogLevel::off);
    const auto feed = Feed::start(options);
    ASSERT_TRUE(feed);
    EXPECT_TRUE(eventually([&] { return (*feed)->status()[0].frames == 3; }));
    EXPECT_EQ(count_of(recorded(folder.path(), "test-1"), "rest "), 0);
}

TEST_F(Reload, IsRefusedAfterTheEnd) {
    start(test_spec());
    feed_->stop();
    EXPECT_FALSE(reload({source(test_spec())}));
}

TEST(Plan, KeepsThePlacesOfSymbolsThatWereThere) {
    std::vector<SourceOptions> had(2), wanted(2);
    had[0].spec = test_spec("", {"C", "A"});
    had[1].spec = test_spec("other", {"X", "Y"});
    wanted[0].spec = test_spec("other", {"Z", "Y"});
    wanted[1].spec = test_spec("", {"B", "A", "D", "C"});
    keep_places(wanted, had);
    EXPECT_EQ(wanted[0].spec.symbols, (Lines{"Z", "Y"}));
    EXPECT_EQ(wanted[1].spec.symbols, (Lines{"C", "A", "B", "D"}));
}

}  // namespace
}  // namespace tape::feed
