// What goes wrong on the way, and how capture comes back from it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/log.h"
#include "base/metrics.h"
#include "feed/test_venue.h"

namespace tape::feed {
namespace {

std::unique_ptr<Feed> start(FeedOptions options) {
    set_log_level(LogLevel::off);
    auto feed = Feed::start(std::move(options));
    EXPECT_TRUE(feed) << (feed ? "" : feed.error().what);
    return feed ? std::move(*feed) : nullptr;
}

TEST(Outage, ReconnectsAndSubscribesAgain) {
    const TempFolder folder;
    TestServer server({.frames = 1, .close_after = true});
    const auto feed = start(quick_options(folder.path(), server.port()));
    ASSERT_TRUE(eventually([&] { return feed->status()[0].session >= 4; }));
    feed->stop();
    const auto lines = recorded(folder.path(), "test-1");
    const i64 sessions = count_of(lines, "connected ");
    EXPECT_GE(sessions, 4);
    EXPECT_EQ(count_of(lines, "disconnected "), sessions);
    EXPECT_GE(count_of(lines, R"(disconnected {"cause":"closed by the peer: 1000 "})"),
              sessions - 1);
    EXPECT_GE(count_of(lines, R"(sent {"subscribe":"trades"})"), sessions - 1);
    EXPECT_GE(count_of(lines, R"(frame {"symbol":"A","n":0})"), sessions - 1);
    EXPECT_EQ(count_of(lines, "config "), 1);
    EXPECT_EQ(count_of(lines, "rest "), 1);
    for (i64 number = 1; number <= sessions; ++number)
        EXPECT_EQ(
            std::ranges::count_if(lines,
                                  [&](const std::string& line) {
                                      return line.starts_with("connected ") &&
                                             line.ends_with(":" + std::to_string(number) + "}");
                                  }),
            1);
}

TEST(Outage, CutsASilentConnection) {
    const TempFolder folder;
    TestServer server({.frames = 0});
    const auto feed = start(quick_options(folder.path(), server.port(), test_spec("silence=60ms")));
    EXPECT_TRUE(eventually([&] {
        return count_of(recorded(folder.path(), "test-1"),
                        R"(disconnected {"cause":"silent for 60ms"})") >= 2;
    }));
}

TEST(Outage, CountsStaleSubscriptions) {
    const TempFolder folder;
    TestServer server({.frames = 1});
    FeedOptions options = quick_options(folder.path(), server.port(), test_spec("keepalive=10s"));
    options.stale_after = millis(50);
    const auto feed = start(options);
    EXPECT_TRUE(eventually([&] { return feed->status()[0].stale == 2; }));
    EXPECT_TRUE(
        eventually([] { return gauge("tape_feed_stale", {{"slot", "test-1"}}).value() == 2; }));
    EXPECT_TRUE(feed->status()[0].connected);
}

TEST(Outage, EndsAConnectionThatSendsTooMuch) {
    const TempFolder folder;
    TestServer server({.extra = std::string(70'000, 'x')});
    FeedOptions options = quick_options(folder.path(), server.port());
    options.writer.max_record_bytes = 65'536;
    const auto feed = start(options);
    EXPECT_TRUE(eventually([&] {
        return count_of(
                   recorded(folder.path(), "test-1"),
                   R"(disconnected {"cause":"a message is longer than the limit of 65536 bytes"})") >=
               1;
    }));
}

TEST(Outage, ConnectsWithoutInstrumentListsAndAddsThemLater) {
    const TempFolder folder;
    TestServer server({.frames = 1, .rest_status = 503});
    FeedOptions options = quick_options(folder.path(), server.port());
    options.lists_wait = millis(30);
    const auto feed = start(options);
    ASSERT_TRUE(eventually([&] { return feed->status()[0].frames == 3; }));
    EXPECT_EQ(count_of(recorded(folder.path(), "test-1"), "rest "), 0);
    server.set({});
    EXPECT_TRUE(
        eventually([&] { return count_of(recorded(folder.path(), "test-1"), "rest ") == 1; }));
}

TEST(Outage, StopsInTimeWhateverHangs) {
    const TempFolder folder;
    TestServer server({.frames = 0, .rest_hangs = true});
    FeedOptions options = quick_options(folder.path(), server.port());
    options.lists_wait = seconds(60);
    const auto feed = start(options);
    ASSERT_TRUE(eventually([&] { return server.asked().size() == 1; }));
    const Nanos begin = steady_clock();
    feed->stop();
    EXPECT_LT(steady_clock() - begin, seconds(15)) << "less than a request may take";
}

// A small file system of its own would need root, so shared memory is the disk: all but a bit of it
// is kept in reserve, and a large file takes that bit.
TEST(Outage, PausesWhileTheDiskIsFullAndLeavesAGap) {
    constexpr i64 slack_bytes = 24 << 20;
    const std::filesystem::path memory = "/dev/shm";
    std::error_code none;
    const auto space = std::filesystem::space(memory, none);
    if (none || static_cast<i64>(space.available) < 2 * slack_bytes)
        GTEST_SKIP() << "no room in /dev/shm";
    const TempFolder folder(memory);
    TestServer server({.frames = 1, .close_after = true});
    FeedOptions options = quick_options(folder.path(), server.port());
    options.writer.reserve_bytes = static_cast<i64>(space.available) - slack_bytes;
    const auto feed = start(options);
    ASSERT_TRUE(eventually([&] { return feed->status()[0].frames >= 3; }));

    const std::filesystem::path large = folder.path() / "large";
    const int file = ::open(large.c_str(), O_WRONLY | O_CREAT, 0600);
    ASSERT_EQ(::posix_fallocate(file, 0, slack_bytes), 0);
    ::close(file);
    server.set({.frames = 100'000});  // The writer asks for the free space now and then only.
    ASSERT_TRUE(eventually([&] { return feed->status()[0].paused; }));
    EXPECT_TRUE(eventually([] { return gauge("tape_feed_paused").value() == 1; }));
    EXPECT_FALSE(feed->status()[0].connected);
    EXPECT_EQ(feed->status()[0].cause, "disk full");

    server.set({.frames = 1});
    std::filesystem::remove(large);
    ASSERT_TRUE(eventually([&] { return feed->status()[0].connected; }));
    EXPECT_TRUE(eventually([] { return gauge("tape_feed_paused").value() == 0; }));
    feed->stop();
    const auto lines = recorded(folder.path(), "test-1");
    const auto gap = std::ranges::find_if(lines, [](const std::string& line) {
        return line.starts_with(R"(gap {"cause":"disk full","from_ts":)");
    });
    ASSERT_LT(gap + 1, lines.end());
    EXPECT_TRUE((gap + 1)->starts_with("connected ")) << *(gap + 1);
}

std::atomic<bool> disk_fails{false};

TEST(Outage, OpensTheLogAnewAfterAFailedDisk) {
    const TempFolder folder;
    TestServer server({.frames = 1});
    FeedOptions options = quick_options(folder.path(), server.port());
    options.writer.sync_interval = millis(10);
    options.writer.sync_call = [](int) {
        if (!disk_fails) return 0;
        errno = EIO;
        return -1;
    };
    const auto feed = start(options);
    ASSERT_TRUE(eventually([&] { return feed->status()[0].frames == 3; }));
    disk_fails = true;
    ASSERT_TRUE(eventually([&] { return feed->status()[0].paused; }));
    disk_fails = false;
    ASSERT_TRUE(eventually([&] { return feed->status()[0].frames == 6; }));
    feed->stop();
    EXPECT_GE(count_of(recorded(folder.path(), "test-1"), "gap "), 1);
    EXPECT_EQ(feed->status()[0].durable, feed->status()[0].readable);
}

}  // namespace
}  // namespace tape::feed
