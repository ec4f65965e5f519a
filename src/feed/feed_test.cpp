#include "feed/feed.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/log.h"
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

TEST(Feed, RecordsASessionInOrder) {
    const TempFolder folder;
    TestServer server({.frames = 3});
    const auto feed = start(quick_options(folder.path(), server.port()));
    ASSERT_TRUE(eventually([&] { return feed->status()[0].frames == 5; }));
    const SlotStatus status = feed->status()[0];
    EXPECT_TRUE(status.connected);
    EXPECT_EQ(status.slot, "test-1");
    EXPECT_EQ(status.venue, "test");
    EXPECT_EQ(status.session, 1);
    EXPECT_EQ(status.address, "127.0.0.1:" + std::to_string(server.port()));
    EXPECT_GT(status.last_recv, Nanos{});
    feed->stop();

    Lines lines = recorded(folder.path(), "test-1");
    const Lines sent = {R"(sent {"subscribe":"trades"})", R"(sent {"subscribe":"tickers"})"};
    for (const std::string& line : sent) EXPECT_EQ(std::erase(lines, line), 1) << line;
    const Lines expected = {
        R"(config {"hash":"1","streams":[["trades","A"],["tickers","A"]]})",
        R"(rest {"method":"GET","target":"/instruments?all=1","status":200,"body":"[\"A\"]all=1"})",
        R"(connected {"address":"127.0.0.1:)" + std::to_string(server.port()) + R"(","session":1})",
        R"(frame {"ack":1})",
        R"(frame {"ack":1})",
        R"(frame {"symbol":"A","n":0})",
        R"(frame {"symbol":"A","n":1})",
        R"(frame {"symbol":"A","n":2})",
        R"(disconnected {"cause":"stopped","reason":"stopped"})"};
    EXPECT_EQ(lines, expected);
    EXPECT_EQ(server.received(),
              (Lines{R"(1:{"subscribe":"trades"})", R"(1:{"subscribe":"tickers"})"}));
    const SlotStatus last = feed->status()[0];
    EXPECT_FALSE(last.connected);
    EXPECT_EQ(last.cause, "stopped");
    EXPECT_EQ(last.durable, last.readable);
}

TEST(Feed, WorksOverTls) {
    const TempFolder folder;
    const auto made = net::make_test_certificates((folder.path() / "tls").string());
    ASSERT_TRUE(made);
    TestServer server({}, {.certificate_file = (folder.path() / "tls/cert.pem").string(),
                           .key_file = (folder.path() / "tls/key.pem").string()});
    FeedOptions options = quick_options(folder.path() / "log", server.port());
    options.sources[0].websocket = "wss://localhost:" + std::to_string(server.port()) + "/";
    options.sources[0].rest = "https://localhost:" + std::to_string(server.port());
    options.sources[0].ca_file = (folder.path() / "tls/ca.pem").string();
    auto feed = start(options);
    EXPECT_TRUE(eventually([&] { return feed->status()[0].frames == 5; }));
    feed.reset();
    EXPECT_EQ(count_of(recorded(options.log_root, "test-1"), "rest "), 1);

    options.lists_wait = millis(1);
    options.sources[0].ca_file.clear();  // The system's authorities do not know the server.
    const auto distrustful = start(options);
    EXPECT_TRUE(eventually(
        [&] { return distrustful->status()[0].cause.find("certificate") != std::string::npos; }));
    EXPECT_EQ(distrustful->status()[0].session, 0);
}

TEST(Feed, BeatsWhileConnectedAndNot) {
    const TempFolder folder;
    FeedOptions options = quick_options(folder.path(), 1);  // Nobody listens there.
    options.lists_wait = millis(1);
    const auto feed = start(options);
    const auto beats = [&] {
        auto reader = log::LogReader::open(folder.path() / "test-1");
        i64 count = 0;
        for (auto records = (*reader)->read(1'000); records && !records->empty();
             records = (*reader)->read(1'000))
            count += std::ranges::count(*records, log::RecordKind::heartbeat, &log::Record::kind);
        return count;
    };
    EXPECT_TRUE(eventually([&] { return beats() >= 5; }));
    EXPECT_TRUE(eventually(
        [&] { return count_of(recorded(folder.path(), "test-1"), "disconnected ") >= 3; }));
    EXPECT_NE(feed->status()[0].cause.find("cannot connect to 127.0.0.1:1: Connection refused"),
              std::string::npos)
        << feed->status()[0].cause;
    EXPECT_EQ(count_of(recorded(folder.path(), "test-1"), "connected "), 0);
}

TEST(Feed, NumbersSlotsOverAllSourcesOfAVenue) {
    const TempFolder folder;
    TestServer server({});
    FeedOptions options = quick_options(folder.path(), server.port(), test_spec("", {"A", "B"}));
    options.sources.push_back(options.sources[0]);
    EXPECT_EQ(*plan_slots(options.sources), (Lines{"test-1", "test-2", "test-3", "test-4"}));
    const auto feed = start(options);
    EXPECT_EQ(feed->slots(), (Lines{"test-1", "test-2", "test-3", "test-4"}));
    EXPECT_TRUE(eventually([&] { return server.connections() == 4; }));
}

TEST(Feed, RingsWhenRecordsBecomeReadable) {
    const TempFolder folder;
    TestServer server({});
    Doorbell bell;
    const auto feed = start(quick_options(folder.path(), server.port()));
    feed->ring_on_flush("test-1", bell);
    Offset seen{};
    EXPECT_TRUE(eventually([&] {
        bell.wait(seconds(1));
        const Offset readable = feed->status()[0].readable;
        EXPECT_GE(readable, seen);
        seen = readable;
        return seen.value > 10;
    }));
    feed->stop();
}

TEST(Feed, AnswersAndKeepsAlive) {
    const TempFolder folder;
    TestServer server({.frames = 0, .extra = "hello?"});
    const auto feed =
        start(quick_options(folder.path(), server.port(), test_spec("keepalive=20ms")));
    EXPECT_TRUE(eventually([&] { return std::ranges::count(server.received(), "1:ping") >= 2; }));
    EXPECT_EQ(std::ranges::count(server.received(), "1:hello!"), 1);
    EXPECT_TRUE(
        eventually([&] { return count_of(recorded(folder.path(), "test-1"), "sent ping") >= 2; }));
}

TEST(Feed, RefusesAConfigItCannotServe) {
    const TempFolder folder;
    const auto error_of = [&](auto change) {
        FeedOptions options = quick_options(folder.path(), 1);
        change(options.sources[0]);
        const auto feed = Feed::start(options);
        EXPECT_FALSE(feed);
        return feed ? std::string() : feed.error().what;
    };
    EXPECT_EQ(error_of([](SourceOptions& source) { source.spec.venue = "nowhere"; }),
              "there is no venue 'nowhere'");
    EXPECT_NE(error_of([](SourceOptions& source) {
                  source.websocket = "localhost";
              }).find("test: websocket"),
              std::string::npos);
    EXPECT_NE(error_of([](SourceOptions& source) {
                  source.rest = "wss://a/";
              }).find("must begin with https://"),
              std::string::npos);
}

TEST(Feed, TellsOfALogInUse) {
    const TempFolder folder;
    TestServer server({});
    const auto feed = start(quick_options(folder.path(), server.port()));
    EXPECT_FALSE(Feed::start(quick_options(folder.path(), server.port())));
}

}  // namespace
}  // namespace tape::feed
