// What a fault script takes away is neither sent nor listed, by any venue; what it takes from the
// sockets alone, REST still has.
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "sim/drive_test.h"

namespace tape::sim {
namespace {

using nlohmann::json;

std::string token_target(const Drive& kucoin) {
    return "/?token=" + json::parse(kucoin.ask("POST", "/api/v1/bullet-public").body)
                            .at("data")
                            .at("token")
                            .get<std::string>();
}

struct Case {
    std::string_view venue, symbol;
    std::function<std::string(const Drive&)> target;
    std::string subscribe, list;
    // The trades' ids in a frame, and in an answer.
    std::function<std::vector<i64>(const TradeSequence&, const json&)> sent, listed;
};

std::vector<i64> fills(const json& aggregate) {
    std::vector<i64> ids;
    for (i64 id = aggregate.at("f"); id <= aggregate.at("l"); ++id) ids.push_back(id);
    return ids;
}

const std::vector<Case>& cases() {
    static const std::vector<Case> all = {
        {"kucoin", "BTC-USDT", token_target,
         R"({"id":"1","type":"subscribe","topic":"/market/match:BTC-USDT"})",
         "/api/v1/market/histories?symbol=BTC-USDT",
         [](const TradeSequence&, const json& frame) -> std::vector<i64> {
             if (!frame.contains("data")) return {};
             return {std::stoll(frame.at("data").at("tradeId").get<std::string>())};
         },
         [](const TradeSequence& trades, const json& answer) {
             std::vector<i64> ids;
             for (const json& one : answer.at("data"))  // Sequences are about seven times the ids.
                 for (i64 id = std::stoll(one.at("sequence").get<std::string>()) / 7;; --id)
                     if (one.at("sequence") == std::to_string(trades.sequence(id))) {
                         ids.push_back(id);
                         break;
                     }
             return ids;
         }},
        {"binance", "BTCUSDT", [](const Drive&) { return "/ws/btcusdt@trade"; }, "",
         "/api/v3/trades?symbol=BTCUSDT&limit=1000",
         [](const TradeSequence&, const json& frame) -> std::vector<i64> {
             return {frame.at("t").get<i64>()};
         },
         [](const TradeSequence&, const json& answer) {
             std::vector<i64> ids;
             for (const json& one : answer) ids.push_back(one.at("id"));
             return ids;
         }},
        {"binance", "BTCUSDT", [](const Drive&) { return "/ws/btcusdt@aggTrade"; }, "",
         "/api/v3/aggTrades?symbol=BTCUSDT&limit=1000",
         [](const TradeSequence&, const json& frame) { return fills(frame); },
         [](const TradeSequence&, const json& answer) {
             std::vector<i64> ids;
             for (const json& one : answer) std::ranges::copy(fills(one), std::back_inserter(ids));
             return ids;
         }},
        {"kraken", "BTC/USD", [](const Drive&) { return "/v2"; },
         R"({"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]}})",
         "/0/public/Trades?pair=XBTUSD",
         [](const TradeSequence&, const json& frame) {
             std::vector<i64> ids;
             if (frame.value("channel", "") == "trade")
                 for (const json& one : frame.at("data")) ids.push_back(one.at("trade_id"));
             return ids;
         },
         [](const TradeSequence&, const json& answer) {
             std::vector<i64> ids;
             for (const json& row : answer.at("result").at("XXBTZUSD")) ids.push_back(row[6]);
             return ids;
         }}};
    return all;
}

struct Seen {
    std::set<i64> sent, listed;
};
Seen look(const Case& one, Drive& drive) {
    drive.connect(one.target(drive));
    drive.pass(millis(10));
    if (!one.subscribe.empty()) drive.say(one.subscribe);
    Seen seen;
    const TradeSequence& trades = drive.trades(one.symbol);
    for (const json& frame : parse_all(drive.pass(millis(300))))
        for (const i64 id : one.sent(trades, frame)) seen.sent.insert(id);
    for (const i64 id : one.listed(trades, drive.get_json(one.list))) seen.listed.insert(id);
    return seen;
}

TEST(Dropping, OfTheSocketsAlone) {
    for (const Case& one : cases()) {
        SCOPED_TRACE(one.list);
        Drive drive(one.venue);
        const i64 first = drive.trades(one.symbol).last_at(drive.now()) + 20, last = first + 15;
        drive.set_faults(one.symbol, {.drops = {{.first = first, .last = last}}});
        const Seen seen = look(one, drive);
        EXPECT_GT(*seen.sent.rbegin(), last);
        for (i64 id = first; id <= last; ++id) {
            EXPECT_FALSE(seen.sent.contains(id)) << id;
            EXPECT_TRUE(seen.listed.contains(id)) << id;
        }
        EXPECT_TRUE(seen.sent.contains(first - 3));
        EXPECT_TRUE(seen.sent.contains(last + 3));
    }
}

TEST(Dropping, OfEverything) {
    for (const Case& one : cases()) {
        SCOPED_TRACE(one.list);
        Drive drive(one.venue);
        const i64 first = drive.trades(one.symbol).last_at(drive.now()) + 20, last = first + 15;
        drive.set_faults(one.symbol,
                         {.drops = {{.first = first, .last = last, .from_rest = true}}});
        const Seen seen = look(one, drive);
        for (i64 id = first; id <= last; ++id) {
            EXPECT_FALSE(seen.sent.contains(id)) << id;
            EXPECT_FALSE(seen.listed.contains(id)) << id;
        }
        EXPECT_TRUE(seen.listed.contains(last + 3));
    }
}

TEST(Dropping, TimesFollowTheVenuesClock) {
    for (const Case& one : cases()) {
        SCOPED_TRACE(one.list);
        Drive plain(one.venue), stepped(one.venue);
        stepped.set_faults(one.symbol, {.clock_steps = {{.from = test_start - seconds(10),
                                                         .to = test_start + seconds(10),
                                                         .by = seconds(-7)}}});
        EXPECT_EQ(look(one, plain).sent, look(one, stepped).sent);
        EXPECT_NE(plain.get(one.list).body, stepped.get(one.list).body);
    }
}

}  // namespace
}  // namespace tape::sim
