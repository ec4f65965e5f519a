#include "feed/payloads.h"

#include <gtest/gtest.h>

namespace tape::feed {
namespace {

TEST(Payloads, AreJsonWithKeysInOrder) {
    EXPECT_EQ(connected_payload("127.0.0.1:9440", 3),
              R"({"address":"127.0.0.1:9440","session":3})");
    EXPECT_EQ(overlapping_payload("127.0.0.1:9440", 4),
              R"({"address":"127.0.0.1:9440","session":4,"overlaps":true})");
    EXPECT_EQ(config_payload(R"({"hash":"1"})", {{"trades", "BTC-USDT"}, {"tickers", "A\"B"}}),
              R"({"hash":"1","streams":[["trades","BTC-USDT"],["tickers","A\"B"]]})");
    EXPECT_EQ(config_payload(R"({"hash":"1"})", {}), R"({"hash":"1","streams":[]})");
    EXPECT_EQ(disconnected_payload("token: status 500", Reason::token),
              R"({"cause":"token: status 500","reason":"token"})");
    EXPECT_EQ(muted_payload("trades", "BTC-USDT", {5}, {7}),
              R"({"cause":"muted","channel":"trades","symbol":"BTC-USDT","from_ts":5,"to_ts":7})");
    EXPECT_EQ(disconnected_payload("closed by the peer: 1001 \"bye\"\n"),
              R"({"cause":"closed by the peer: 1001 \"bye\"\n"})");
    EXPECT_EQ(disconnected_payload("bad \xff byte"), R"({"cause":"bad ? byte"})");
    EXPECT_EQ(rest_payload("GET", "/a?b=c", 200, R"({"data":[]})"),
              R"({"method":"GET","target":"/a?b=c","status":200,"body":"{\"data\":[]}"})");
    EXPECT_EQ(gap_payload("disk full", {5}, {7}), R"({"cause":"disk full","from_ts":5,"to_ts":7})");
}

}  // namespace
}  // namespace tape::feed
