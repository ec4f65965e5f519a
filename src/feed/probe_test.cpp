#include <gtest/gtest.h>

#include "feed/test_venue.h"

namespace tape::feed {
namespace {

SourceOptions source_of(u16 port, const std::string& settings = "") {
    return quick_options("", port, test_spec(settings)).sources[0];
}

std::string summary(const std::vector<ProbeStep>& steps) {
    std::string text;
    for (const ProbeStep& step : steps) text += step.what + (step.ok ? "+ " : "- ");
    return text;
}

TEST(Probe, NamesEachStep) {
    TestServer server({.every = millis(1)});
    const auto steps = probe(source_of(server.port()), seconds(10));
    EXPECT_EQ(summary(steps), "DNS+ TCP+ WebSocket+ subscription+ data+ drift+ REST+ ");
    EXPECT_TRUE(passed(steps));
}

TEST(Probe, StopsAtTheFirstFailureAndSaysWhatToDo) {
    TestServer server({.refuse = true, .rest_status = 500});
    const auto refused = probe(source_of(server.port()), seconds(10));
    EXPECT_EQ(summary(refused), "DNS+ TCP+ WebSocket+ subscription- REST- ");
    EXPECT_NE(refused[3].detail.find("no such symbol"), std::string::npos);
    EXPECT_NE(refused[3].advice.find("symbols"), std::string::npos);
    EXPECT_FALSE(passed(refused));

    const auto closed = probe(source_of(1), seconds(10));
    EXPECT_EQ(summary(closed), "DNS+ TCP- REST- ");
    EXPECT_NE(closed[1].detail.find("Connection refused"), std::string::npos);

    SourceOptions nowhere = source_of(1);
    nowhere.websocket = "ws://no-such-host.invalid";
    EXPECT_EQ(summary(probe(nowhere, seconds(10))).substr(0, 5), "DNS- ");
    nowhere.spec.venue = "nowhere";
    EXPECT_EQ(summary(probe(nowhere, seconds(10))), "config- ");
}

TEST(Probe, DistrustsAnUnknownAuthority) {
    const TempFolder folder;
    ASSERT_TRUE(net::make_test_certificates(folder.path().string()));
    TestServer server({.every = millis(1)},
                      {.certificate_file = (folder.path() / "cert.pem").string(),
                       .key_file = (folder.path() / "key.pem").string()});
    SourceOptions source = source_of(server.port());
    source.websocket = "wss://127.0.0.1:" + std::to_string(server.port());
    source.rest = "https://127.0.0.1:" + std::to_string(server.port());
    EXPECT_EQ(summary(probe(source, seconds(10))), "DNS+ TCP+ TLS- REST- ");
    source.ca_file = (folder.path() / "ca.pem").string();
    EXPECT_EQ(summary(probe(source, seconds(10))),
              "DNS+ TCP+ TLS+ WebSocket+ subscription+ data+ drift+ REST+ ");
}

TEST(Probe, DoesNotWaitForever) {
    TestServer server({.rest_hangs = true, .every = millis(1)});
    EXPECT_EQ(summary(probe(source_of(server.port()), millis(300))),
              "DNS+ TCP+ WebSocket+ subscription+ data+ drift+ REST- ");
    server.set({.silent = true});
    const auto steps = probe(source_of(server.port()), millis(300));
    EXPECT_EQ(summary(steps), "DNS+ TCP+ WebSocket+ subscription- REST+ ");
    EXPECT_EQ(steps[3].detail, "no answer within 300ms");
}

TEST(Probe, TakesTokenAndWelcomeLikeCapture) {
    TestServer server({.every = millis(1), .welcome = true});
    EXPECT_EQ(summary(probe(source_of(server.port(), "token,welcome"), seconds(10))),
              "token+ DNS+ TCP+ WebSocket+ welcome+ subscription+ data+ drift+ REST+ ");
    server.set({.token_status = 403});
    const auto refused = probe(source_of(server.port(), "token,welcome"), seconds(10));
    EXPECT_EQ(summary(refused), "token- REST+ ");
    EXPECT_EQ(refused[0].detail, "/token answers with status 403");
    server.set({});
    EXPECT_EQ(summary(probe(source_of(server.port(), "welcome"), millis(200))),
              "DNS+ TCP+ WebSocket+ welcome- REST+ ");
}

TEST(Probe, AsksEachPollOnce) {
    TestServer server({});
    EXPECT_EQ(summary(probe(source_of(server.port(), "poll=1s"), seconds(10))),
              "poll+ drift+ REST+ ");
    server.set({.rest_status = 500});
    EXPECT_EQ(summary(probe(source_of(server.port(), "poll=1s"), seconds(10))), "poll- REST- ");
}

TEST(Drift, NamesAChannelThatNeedsAuthenticationNow) {
    TestServer server({.refuse = true, .refusal = "This channel requires Authentication"});
    const auto steps = probe(source_of(server.port()), seconds(10));
    ASSERT_EQ(summary(steps), "DNS+ TCP+ WebSocket+ subscription- REST+ ");
    EXPECT_NE(steps[3].advice.find("needs authentication now"), std::string::npos);
}

TEST(Drift, NamesAStreamThatIsAcknowledgedAndMute) {
    TestServer server({.frames = 0, .every = millis(5), .mute = {"trades"}});
    const auto steps = probe(source_of(server.port()), seconds(3));
    ASSERT_EQ(summary(steps), "DNS+ TCP+ WebSocket+ subscription+ data- drift+ REST+ ");
    EXPECT_EQ(steps[4].detail, "acknowledged, but mute although the market trades: trades of A");
}

TEST(Drift, NamesUnknownMessagesAndAConstantChecksum) {
    TestServer server(
        {.frames = 0, .extra = R"({"unknown":1,"checksum":0})", .extras = 3, .every = millis(50)});
    const auto steps = probe(source_of(server.port()), seconds(10));
    ASSERT_EQ(summary(steps), "DNS+ TCP+ WebSocket+ subscription+ data+ drift+ REST+ ");
    EXPECT_EQ(steps[5].detail,
              "unknown message types: novelty; the checksum is 0 in all 3 messages that have one");
}

std::string drift_of_book(std::vector<std::string> frames) {
    TestServer server({.every = millis(1), .book = std::move(frames)});
    const auto steps = probe(source_of(server.port(), "book"), millis(500));
    EXPECT_EQ(summary(steps), "DNS+ TCP+ WebSocket+ subscription+ data+ drift+ REST+ ");
    EXPECT_EQ(server.received().back(), R"(1:{"book":1})");
    return steps[5].detail;
}

TEST(Drift, LooksAtTheChecksumOfAnOrderBook) {
    const std::string zero = R"({"unknown":1,"checksum":0})";
    const std::string sum = R"({"unknown":1,"checksum":-855196043})";
    EXPECT_EQ(drift_of_book({zero, zero, zero}),
              "the checksum is 0 in all 3 messages that have one");
    EXPECT_EQ(drift_of_book({zero, sum, zero}), "no sign of it") << "unknown messages are the book";
    EXPECT_EQ(drift_of_book({R"({"refused":"no book"})"}),
              R"(no look at the order book: {"refused":"no book"})");
    EXPECT_EQ(drift_of_book({R"({"unknown":1})"}), "no message of the order book has a checksum");
}

TEST(Drift, NamesAFieldThatVanished) {
    TestServer server({.frames = 0, .extra = R"({"broken":1})", .every = millis(50)});
    const auto steps = probe(source_of(server.port()), seconds(10));
    ASSERT_EQ(summary(steps), "DNS+ TCP+ WebSocket+ subscription+ data+ drift- REST+ ");
    EXPECT_EQ(steps[5].detail, "test: there is no field 'price'");
}

}  // namespace
}  // namespace tape::feed
