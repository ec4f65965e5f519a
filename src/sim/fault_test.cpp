// Faults in force: by hand and without sockets.
#include <gtest/gtest.h>

#include <set>

#include "sim/faulty_test.h"

namespace tape::sim {
namespace {

using nlohmann::json;

std::vector<i64> ids_of(const std::vector<std::string>& frames) {
    std::vector<i64> ids;
    for (const std::string& frame : frames) {
        const json parsed = json::parse(frame, nullptr, false);
        if (parsed.is_object() && parsed.contains("data"))
            for (const json& trade : parsed.at("data"))
                ids.push_back(std::stoll(trade.at("tradeId").get<std::string>()));
    }
    return ids;
}
bool consecutive(const std::vector<i64>& ids) {
    for (std::size_t i = 1; i < ids.size(); ++i)
        if (ids[i] != ids[i - 1] + 1) return false;
    return ids.size() > 100;
}

TEST(Faults, DropIdsFromTheSocketWhileRestHasThem) {
    Faulty okx(R"([[fault]]
kind = "drop_ids"
venue = "okx"
symbol = "BTC-USDT"
at = "11s"
count = 5)");
    okx.subscribe("BTC-USDT");
    const i64 first = okx.market().find("BTC-USDT")->last_at(test_start + seconds(1)) + 1;
    const std::vector<i64> ids = ids_of(okx.pass(seconds(3)));
    const std::set<i64> seen(ids.begin(), ids.end());
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(*seen.rbegin() - *seen.begin() + 1 - 5));
    for (i64 id = first; id < first + 5; ++id) EXPECT_FALSE(seen.contains(id));
    const auto history =
        ids_of({okx.get("/api/v5/market/history-trades",
                        "instId=BTC-USDT&limit=5&after=" + std::to_string(first + 5))
                    .body});
    EXPECT_EQ(history.front(), first + 4);
    EXPECT_EQ(history.back(), first);
}

TEST(Faults, DropIdsEverywhereFromRestToo) {
    Faulty okx(R"([[fault]]
kind = "drop_ids_everywhere"
venue = "okx"
symbol = "BTC-USDT"
from_id = 1000
to_id = 1009)");
    const auto history = ids_of(
        {okx.get("/api/v5/market/history-trades", "instId=BTC-USDT&limit=5&after=1012").body});
    EXPECT_EQ(history, (std::vector<i64>{1011, 1010, 999, 998, 997}));
    EXPECT_TRUE(okx.market().find("ETH-USDT")->on_rest(1000));
}

TEST(Faults, AMergedFrameCoversNoDroppedId) {
    Faulty okx(R"([[fault]]
kind = "drop_ids"
venue = "okx"
probability = 0.3)",
               "okx", "/ws/v5/public");
    okx.subscribe("BTC-USDT", "trades");
    const TradeSequence& trades = *okx.market().find("BTC-USDT");
    i64 frames = 0;
    for (const std::string& frame : okx.pass(seconds(5))) {
        const json trade = json::parse(frame).at("data")[0];
        const i64 last = std::stoll(trade.at("tradeId").get<std::string>());
        const i64 count = std::stoll(trade.at("count").get<std::string>());
        for (i64 id = last - count + 1; id <= last; ++id) EXPECT_TRUE(trades.on_socket(id));
        ++frames;
    }
    EXPECT_GT(frames, 100);
}

TEST(Faults, TheSameScriptDoesTheSame) {
    const std::string text = R"(seed = 3
[[fault]]
kind = "drop_ids"
venue = "okx"
probability = 0.2
[[fault]]
kind = "duplicate"
venue = "okx"
probability = 0.1)";
    Faulty one(text), other(text);
    one.subscribe("BTC-USDT");
    other.subscribe("BTC-USDT");
    EXPECT_EQ(one.pass(seconds(3)), other.pass(seconds(3)));
    Faulty another("seed = 4\n" + text.substr(text.find('[')));
    another.subscribe("BTC-USDT");
    EXPECT_NE(one.pass(seconds(1)), another.pass(seconds(4)));
}

TEST(Faults, DuplicateReorderAndDelayLoseNothing) {
    Faulty twice(R"([[fault]]
kind = "duplicate"
venue = "okx"
count = 10)");
    twice.subscribe("BTC-USDT");
    const std::vector<i64> doubled = ids_of(twice.pass(seconds(2)));
    EXPECT_EQ(std::set<i64>(doubled.begin(), doubled.end()).size() + 10, doubled.size());

    Faulty swapped(R"([[fault]]
kind = "reorder"
venue = "okx"
probability = 0.2
distance = 2)");
    swapped.subscribe("BTC-USDT");
    std::vector<i64> ids = ids_of(swapped.pass(seconds(4)));
    EXPECT_FALSE(consecutive(ids));
    std::ranges::sort(ids);
    EXPECT_TRUE(consecutive(std::vector(ids.begin(), ids.end() - 10)));

    Faulty late(R"([[fault]]
kind = "delay"
venue = "okx"
at = "11s"
for = "1s"
by = "500ms")");
    late.subscribe("BTC-USDT");
    const i64 before = ids_of(late.pass(millis(1'400))).back();
    EXPECT_LE(before, late.market().find("BTC-USDT")->last_at(test_start + seconds(1)));
    std::vector<i64> rest = ids_of(late.pass(seconds(2)));
    EXPECT_TRUE(consecutive(rest));
    EXPECT_EQ(rest.front(), before + 1);
    EXPECT_EQ(rest.back(), late.market().find("BTC-USDT")->last_at(late.now));
}

TEST(Faults, AMutedSymbolIsHeardAgainWhenSubscribedAnew) {
    Faulty okx(R"([[fault]]
kind = "mute"
venue = "okx"
symbol = "BTC-USDT"
at = "11s")");
    okx.subscribe("BTC-USDT");
    okx.subscribe("ETH-USDT");
    okx.pass(seconds(1));
    for (const std::string& frame : okx.pass(seconds(2))) EXPECT_FALSE(mentions(frame, "BTC-USDT"));
    okx.say(R"({"op":"unsubscribe","args":[{"channel":"trades-all","instId":"BTC-USDT"}]})");
    okx.subscribe("BTC-USDT");
    EXPECT_TRUE(std::ranges::any_of(okx.pass(seconds(1)), [](const std::string& frame) {
        return mentions(frame, "BTC-USDT");
    }));
    okx.connect();
    okx.subscribe("BTC-USDT");
    EXPECT_TRUE(consecutive(ids_of(okx.pass(seconds(2)))));
}

TEST(Faults, AConnectionThatSubscribesAfterwardsIsMutedAfterItsAcknowledgement) {
    Faulty okx(R"([[fault]]
kind = "mute"
venue = "okx"
symbol = "BTC-USDT"
at = "0s")");
    EXPECT_EQ(json::parse(okx.subscribe("BTC-USDT").front()).at("event"), "subscribe");
    EXPECT_TRUE(okx.pass(seconds(2)).empty());
}

TEST(Faults, TruncatedFramesAndUnknownFields) {
    Faulty cut(R"([[fault]]
kind = "truncate"
venue = "okx"
count = 3)");
    cut.subscribe("BTC-USDT");
    i64 broken = 0;
    for (const std::string& frame : cut.pass(seconds(1))) broken += !json::accept(frame);
    EXPECT_EQ(broken, 3);

    Faulty more(R"([[fault]]
kind = "unknown_field"
venue = "okx")");
    more.subscribe("BTC-USDT");
    const json frame = json::parse(more.pass(seconds(1)).front());
    EXPECT_TRUE(frame.contains("unexpected"));
    EXPECT_TRUE(frame.at("data")[0].contains("unexpected"));
}

TEST(Faults, EndConnectionsInEveryWay) {
    using How = Outbox::Close::How;
    const auto end_of = [](const std::string& kind, const std::string& more = "") {
        Faulty okx("[[fault]]\nkind = \"" + kind + "\"\nvenue = \"okx\"\nat = \"12s\"\n" + more);
        okx.subscribe("BTC-USDT");
        EXPECT_FALSE(okx.pass(millis(1'990)).empty());
        EXPECT_FALSE(okx.closed) << kind;
        okx.pass(seconds(5));
        EXPECT_TRUE(okx.closed) << kind;
        const auto close = okx.closed.value_or(Outbox::Close{});
        okx.connect();  // The next connection is not struck.
        okx.subscribe("BTC-USDT");
        okx.pass(seconds(5));
        EXPECT_FALSE(okx.closed) << kind;
        return close;
    };
    EXPECT_EQ(end_of("close").how, How::cut);
    EXPECT_EQ(end_of("close", "code = 1011").code, 1011);
    EXPECT_EQ(end_of("close", "code = 1011").how, How::politely);
    EXPECT_EQ(end_of("reset").how, How::reset);
    EXPECT_EQ(end_of("half_open").how, How::silent);
    EXPECT_EQ(end_of("day_end").code, 1001);
    EXPECT_EQ(end_of("token_expiry").how, How::politely);
}

TEST(Faults, AVenueAnnouncesTheEndOfTheDay) {
    Faulty okx(R"([[fault]]
kind = "day_end"
venue = "okx"
at = "11s"
for = "2s")");
    EXPECT_TRUE(okx.pass(millis(999)).empty());
    const auto said = okx.pass(seconds(1));
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(json::parse(said[0]).at("code"), "64008");
    EXPECT_FALSE(okx.closed);
    okx.pass(seconds(2));
    EXPECT_TRUE(okx.closed);
}

TEST(Faults, BeginAfterSoManyMessages) {
    Faulty okx(R"([[fault]]
kind = "reset"
venue = "okx"
after_messages = 50)");
    okx.subscribe("BTC-USDT");
    EXPECT_GE(okx.pass(seconds(60)).size(), 50U);
    EXPECT_TRUE(okx.closed);
}

TEST(Faults, SlowMakesFramesAndAnswersTrickle) {
    Faulty okx(R"([[fault]]
kind = "slow"
venue = "okx"
at = "11s"
for = "1s"
bytes_per_second = 100)");
    okx.pass(millis(1'500));
    EXPECT_EQ(okx.bytes_per_second, 100);
    EXPECT_EQ(okx.faults.answer_speed({}, okx.now), 100);
    okx.pass(seconds(1));
    EXPECT_EQ(okx.bytes_per_second, 0);
    EXPECT_EQ(okx.faults.answer_speed({}, okx.now), 0);
}

TEST(Faults, AChecksumIsZeroWhereFramesHaveOne) {
    const auto sums = [](const std::string& extra, std::string_view venue, std::string_view path,
                         const std::string& request) {
        Faulty faulty(R"([[fault]]
kind = "checksum_zero"
venue = ")" + std::string(venue) +
                          "\"\n" + extra,
                      venue, path);
        faulty.say(request);
        std::vector<i64> found;
        for (const std::string& frame : faulty.pass(seconds(1)))
            if (const json parsed = json::parse(frame); frame.contains("checksum"))
                found.push_back(parsed.at("data")[0].at("checksum"));
        return found;
    };
    const std::string okx =
        R"({"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"},{"channel":"books","instId":"BTC-USDT"}]})";
    const std::string kraken =
        R"({"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]}})";
    EXPECT_EQ(sums("", "okx", "/ws/v5/public", okx), std::vector<i64>(11, 0));
    EXPECT_EQ(sums("", "kraken", "/v2", kraken), std::vector<i64>(11, 0));
    const auto some = sums("count = 3", "okx", "/ws/v5/public", okx);
    EXPECT_EQ(std::ranges::count(some, 0), 3) << "frames without a checksum are not struck";
    EXPECT_EQ(some.size(), 11U);
}

TEST(Faults, RefuseRestRequests) {
    Faulty okx(R"([[fault]]
kind = "rate_limit"
venue = "okx"
at = "10s"
for = "4s"
path = "/api/v5/market"
[[fault]]
kind = "ban"
venue = "okx"
at = "20s"
for = "5s"
retry_after = "7s"
[[fault]]
kind = "server_error"
venue = "okx"
at = "30s"
status = 502
count = 1)");
    const std::string path = "/api/v5/market/trades", query = "instId=BTC-USDT";
    EXPECT_EQ(okx.get(path, query).status, 429);
    EXPECT_EQ(okx.get(path, query).headers.at(0).second, "4");
    EXPECT_EQ(okx.get("/api/v5/public/time").status, 200);
    okx.pass(seconds(5));
    EXPECT_EQ(okx.get(path, query).status, 200);
    okx.pass(seconds(6));
    EXPECT_EQ(okx.get(path, query).status, 418);
    EXPECT_EQ(okx.get(path, query).headers.at(0).second, "7");
    okx.pass(seconds(10));
    EXPECT_EQ(okx.get(path, query).status, 502);
    EXPECT_EQ(okx.get(path, query).status, 200);
}

TEST(Faults, WhoAsksTooOftenIsToldInTheVenuesWords) {
    const auto told = [](std::string_view venue, bool banned) {
        const net::Response answer = throttle(*find_sim_venue(venue), banned, 60, test_start);
        EXPECT_EQ(answer.status, banned ? 418 : 429);
        EXPECT_EQ(answer.headers.at(0), (std::pair<std::string, std::string>("Retry-After", "60")));
        return json::parse(answer.body);
    };
    EXPECT_EQ(told("okx", false).at("code"), "50011");
    EXPECT_EQ(told("kucoin", false).at("code"), "429000");
    EXPECT_EQ(told("coinbase", false).at("message"), "Public rate limit exceeded");
    EXPECT_EQ(told("kraken", false).at("error")[0], "EGeneral:Too many requests");
    EXPECT_EQ(told("coingecko", false).at("status").at("error_code"), 429);
    EXPECT_EQ(told("binance", false).at("code"), -1003);
    EXPECT_NE(told("binance", true)
                  .at("msg")
                  .get<std::string>()
                  .find("banned until " + std::to_string((test_start + seconds(60)).millis())),
              std::string::npos);
}

TEST(Faults, TheExchangesClockSteps) {
    Faulty okx(R"([[fault]]
kind = "clock_step"
venue = "okx"
at = "11s"
for = "1s"
ms = -1500)");
    const TradeSequence& trades = *okx.market().find("BTC-USDT");
    EXPECT_EQ(trades.stamp(test_start), test_start);
    EXPECT_EQ(trades.stamp(test_start + millis(1'200)), test_start - millis(300));
    EXPECT_EQ(trades.stamp(test_start + seconds(3)), test_start + seconds(3));
    okx.pass(millis(1'200));
    EXPECT_EQ(json::parse(okx.get("/api/v5/public/time").body).at("data")[0].at("ts"),
              std::to_string((okx.now - millis(1'500)).millis()));
}

TEST(Faults, ASymbolIsDelistedOrRenamed) {
    Faulty okx(R"([[fault]]
kind = "delist"
venue = "okx"
symbol = "SOL-USDT"
at = "11s"
[[fault]]
kind = "rename"
venue = "okx"
symbol = "DOT-USDT"
to = "DOTS-USDT"
at = "12s")");
    okx.subscribe("SOL-USDT");
    const i64 last = okx.market().find("DOT-USDT")->last_at(test_start + seconds(20));
    okx.pass(seconds(1));
    EXPECT_TRUE(okx.pass(seconds(2)).empty());
    okx.connect();
    EXPECT_EQ(json::parse(okx.subscribe("SOL-USDT").front()).at("event"), "error");
    const std::string list = okx.get("/api/v5/public/instruments", "instType=SPOT").body;
    EXPECT_FALSE(mentions(list, "SOL-USDT"));
    EXPECT_FALSE(mentions(list, "DOT-USDT"));
    EXPECT_TRUE(mentions(list, "DOTS-USDT"));
    const TradeSequence& renamed = *okx.market().find("DOTS-USDT");
    EXPECT_EQ(renamed.listing().base, "DOTS");
    EXPECT_GE(renamed.last_at(test_start + seconds(20)), last);  // Its trades go on.
    EXPECT_EQ(renamed.trade(7).size, okx.markets.eras()[0].market.find("DOT-USDT")->trade(7).size);
}

TEST(Faults, TokensEnd) {
    Faulty okx(R"([[fault]]
kind = "token_expiry"
venue = "okx"
at = "11s")");
    const Nanos end = test_start + seconds(1);
    EXPECT_TRUE(okx.market().token_is_good(test_start, end - Nanos{1}));
    EXPECT_FALSE(okx.market().token_is_good(test_start, end));
    EXPECT_TRUE(okx.market().token_is_good(end, end));
}

TEST(Faults, ASymbolIsAWordOfItsOwn) {
    EXPECT_TRUE(mentions(R"("btcusdt@trade")", "BTCUSDT"));
    EXPECT_FALSE(mentions(R"("BTC-USDT-SWAP")", "BTC-USDT"));
    EXPECT_FALSE(mentions(R"("WBTC-USDT")", "BTC-USDT"));
    EXPECT_TRUE(mentions("/market/match:ETH-USDT,BTC-USDT", "BTC-USDT"));
}

}  // namespace
}  // namespace tape::sim
