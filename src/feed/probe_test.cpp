#include <gtest/gtest.h>

#include "feed/test_venue.h"

namespace tape::feed {
namespace {

SourceOptions source_of(u16 port) {
    return quick_options("", port).sources[0];
}

std::string summary(const std::vector<ProbeStep>& steps) {
    std::string text;
    for (const ProbeStep& step : steps) text += step.what + (step.ok ? "+ " : "- ");
    return text;
}

TEST(Probe, NamesEachStep) {
    TestServer server({});
    const auto steps = probe(source_of(server.port()), seconds(10));
    EXPECT_EQ(summary(steps), "DNS+ TCP+ WebSocket+ subscription+ REST+ ");
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
    TestServer server({}, {.certificate_file = (folder.path() / "cert.pem").string(),
                           .key_file = (folder.path() / "key.pem").string()});
    SourceOptions source = source_of(server.port());
    source.websocket = "wss://127.0.0.1:" + std::to_string(server.port());
    source.rest = "https://127.0.0.1:" + std::to_string(server.port());
    EXPECT_EQ(summary(probe(source, seconds(10))), "DNS+ TCP+ TLS- REST- ");
    source.ca_file = (folder.path() / "ca.pem").string();
    EXPECT_EQ(summary(probe(source, seconds(10))),
              "DNS+ TCP+ TLS+ WebSocket+ subscription+ REST+ ");
}

TEST(Probe, DoesNotWaitForever) {
    TestServer server({.rest_hangs = true});
    EXPECT_EQ(summary(probe(source_of(server.port()), millis(300))),
              "DNS+ TCP+ WebSocket+ subscription+ REST- ");
}

}  // namespace
}  // namespace tape::feed
