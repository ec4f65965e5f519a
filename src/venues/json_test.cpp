// However a venue writes the same JSON — with blanks, its fields in another order, with escapes —
// the events are the same.
#include "venues/json.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "venues/test_events.h"
#include "venues/values.h"

namespace tape::venues {
namespace {

using nlohmann::ordered_json;

const std::vector<std::pair<std::string, std::string>> frames = {
    {"okx",
     R"({"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"9","px":"68340.12",)"
     R"("sz":"0.00001","side":"buy","ts":"1700000000123","count":"1","source":"0","seqId":123},{"instId":"ÄB-€",)"
     R"("tradeId":"10","px":"1","sz":"2","side":"sell","ts":"1700000000124","count":"2","more":[{"px":"[3"},"}"]}]})"},
    {"okx",
     R"({"arg":{"channel":"tickers","instId":"ETH-USDT"},"data":[{"instType":"SPOT","instId":"ETH-USDT","last":"3501",)"
     R"("lastSz":"0.1","askPx":"3502","bidPx":"","ts":"1700000000085"}]})"},
    {"coinbase",
     R"({"type":"match","trade_id":501,"maker_order_id":"27f","taker_order_id":"1da","side":"buy","size":"0.01",)"
     R"("price":"68340.1","product_id":"BTC-USD","sequence":9007,"time":"2023-11-14T22:13:21.123456789Z"})"},
    {"coinbase",
     R"({"channel":"market_trades","client_id":"","timestamp":"2023-11-14T22:13:31Z","sequence_num":2,"events":[)"
     R"({"type":"snapshot","trades":[{"product_id":"ETH-USD","trade_id":"7","price":"3500.56","size":"0.5",)"
     R"("time":"2023-11-14T22:13:31.08Z","side":"BUY"}]},{"type":"update","trades":[]}]})"},
    {"coinbase",
     R"({"type":"subscriptions","channels":[{"name":"ticker","product_ids":["A-B","C-D"]},{"name":"x"}]})"},
    {"kucoin",
     R"({"topic":"/market/match:BTC-USDT","type":"message","subject":"trade.l3match","data":{"price":"68340.1",)"
     R"("sequence":"10000000000000001","side":"buy","size":"0.00102","symbol":"BTC-USDT",)"
     R"("time":"1700000001123456789","tradeId":"10000000000000001","type":"match"}})"},
    {"kucoin",
     R"({"topic":"/market/ticker:all","type":"message","subject":"ETH-USDT","data":{"bestAsk":"3501.2","bestBid":"",)"
     R"("price":"3501.1","sequence":"7","size":"0.5","time":1700000003000}})"},
    {"kucoin",
     R"({"topic":"/market/candles:BTC-USDT_1min","type":"message","subject":"trade.candles.update","data":)"
     R"({"symbol":"BTC-USDT","candles":["1699999980","68330.5","68340.1","68341","68330","1.25","85425.125"],)"
     R"("time":1700000004000000000}})"},
    {"binance",
     R"({"stream":"btcusdt@ticker","data":{"e":"24hrTicker","E":1700000002000123,"s":"BTCUSDT","c":"68340.30",)"
     R"("Q":"1.5","b":"68340.20","B":"10","a":"68340.40","A":"100","O":0,"C":86400000,"L":18150}})"},
    {"binance",
     R"({"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1700000002000000,"s":"BTCUSDT","k":{"t":1699999980000,)"
     R"("s":"BTCUSDT","i":"1m","o":"68330.5","c":"68340.1","h":"68341","l":"68330","v":"1.25","n":101,"x":false}}})"},
    {"binance", R"({"error":{"code":2,"msg":"Invalid request: unknown variant"},"id":2})"},
    {"kraken",
     R"({"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":68340.1,"qty":40.0,)"
     R"("ord_type":"market","trade_id":501,"timestamp":"2023-11-14T22:13:21.123456Z"}]})"},
    {"kraken",
     R"({"method":"subscribe","result":{"channel":"trade","snapshot":true,"symbol":"BTC/USD"},"success":true})"},
};

// Every object's fields in an order of chance.
ordered_json shuffled(const ordered_json& value, std::mt19937& random) {
    if (value.is_array()) {
        ordered_json list = ordered_json::array();
        for (const auto& each : value) list.push_back(shuffled(each, random));
        return list;
    }
    if (!value.is_object()) return value;
    std::vector<std::string> keys;
    for (const auto& [key, each] : value.items()) keys.push_back(key);
    std::ranges::shuffle(keys, random);
    ordered_json object = ordered_json::object();
    for (const std::string& key : keys) object[key] = shuffled(value[key], random);
    return object;
}

std::vector<std::string> events_of(const std::string& venue, std::string_view frame) {
    const Decoded decoded = decode_frame(venue, frame);
    EXPECT_FALSE(decoded.error) << decoded.error->detail << ": " << frame;
    return decoded.events.lines;
}

// A copy without a byte to spare behind it, so that reading beyond the end shows under a sanitizer.
std::vector<char> exactly(std::string_view text) {
    return {text.begin(), text.end()};
}

TEST(Json, BlanksOrderAndEscapesChangeNothing) {
    for (const auto& [venue, frame] : frames) {
        const auto expected = events_of(venue, frame);
        ASSERT_FALSE(expected.empty());
        const ordered_json value = ordered_json::parse(frame);
        EXPECT_EQ(events_of(venue, value.dump(3)), expected);
        EXPECT_EQ(events_of(venue, " \r\n\t" + frame + "\n "), expected);
        EXPECT_EQ(events_of(venue, value.dump(-1, ' ', true)), expected) << "non-ASCII as escapes";
        std::mt19937 random(7);
        for (int i = 0; i < 50; ++i) {
            const ordered_json mixed = shuffled(value, random);
            EXPECT_EQ(events_of(venue, mixed.dump()), expected) << mixed;
            EXPECT_EQ(events_of(venue, mixed.dump(1)), expected) << mixed;
        }
    }
}

TEST(Json, NothingIsReadBeyondTheEnd) {
    for (const auto& [venue, frame] : frames)
        for (std::size_t size = 0; size <= frame.size(); ++size) {
            const std::vector<char> bytes = exactly(std::string_view(frame).substr(0, size));
            EXPECT_EQ(decode_frame(venue, {bytes.data(), bytes.size()}).error.has_value(),
                      size < frame.size());
        }
}

TEST(Json, BrokenStructureIsMalformed) {
    for (const std::string_view text :
         {R"({"event":"x" "code":"1"})", R"({"event" "x"})", R"({"event":})", R"({event:"x"})",
          R"({"event":"x"]})", R"({"event":"x"}})", R"({"event":"x"},)",
          R"({"event":"x"} {"event":"x"})", R"({,"event":"x"})", R"({"event":"x\)",
          R"({"event":"x\")", R"({"arg":{"channel":"trades"},"data":[{} {}]})",
          R"({"event":"unsubscribe","more":[1,{"x":2]}})", R"({"event":"unsubscribe","more":{]})",
          R"({"event":"unsubscribe","more":yes})", R"({"event":"unsubscribe","more":.5})",
          R"({"event":"unsubscribe","more":1 2})"}) {
        const Decoded decoded = decode_frame("okx", text);
        ASSERT_TRUE(decoded.error) << text;
        EXPECT_NE(decoded.error->reason, "bad_value") << text;
    }
}

TEST(Json, NestingIsBounded) {
    const auto nested = [](std::size_t depth) {
        return fmt::format(R"({{"event":"unsubscribe","more":{}1{}}})", std::string(depth, '['),
                           std::string(depth, ']'));
    };
    EXPECT_FALSE(decode_frame("okx", nested(63)).error);
    ASSERT_TRUE(decode_frame("okx", nested(64)).error);
    EXPECT_EQ(decode_frame("okx", nested(64)).error->reason, "malformed");
}

TEST(Json, NumbersAreWholeOrRefused) {
    const auto number = [](std::string_view text) -> std::string {
        try {
            return fmt::format("{}", json::number(json::Field{"n", text, true}));
        } catch (const json::Fault& fault) {
            return std::string(fault.reason);
        }
    };
    for (const char* const text :
         {"0", "7", "12345678", "123456789", "1234567890123456", "18446744073709551615"})
        EXPECT_EQ(number(text), text);
    EXPECT_EQ(number("00000000000000000000017"), "17");
    for (const char* const text : {"", "-1", "+1", "1.0", "1e3", "18446744073709551616", "1234567x",
                                   "1234/678", "12:45678", " 1"})
        EXPECT_EQ(number(text), "bad_value") << text;
    for (int at = 0; at < 16; ++at)
        for (int byte = 0; byte < 256; ++byte) {
            std::string text = "1234567890123456";
            text[static_cast<std::size_t>(at)] = static_cast<char>(byte);
            EXPECT_EQ(number(text), byte >= '0' && byte <= '9'
                                        ? fmt::format("{}", std::stoull(text))
                                        : "bad_value");
        }
}

TEST(Json, TimesAreExactWhetherTheDayIsKnownOrNot) {
    json::Rfc3339 times;
    for (const char* const text :
         {"2026-11-20T10:00:00Z", "2026-11-20T10:00:00.1Z", "2026-11-20T23:59:59.999999999Z",
          "2026-11-21T00:00:00.000001Z", "2026-11-20T10:00:00.123456789Z",
          "2026-11-20T10:00:00.5+05:30", "2026-11-20T10:00:00.1234567891Z",
          "1969-12-31T23:59:59.5Z", "1969-12-31T00:00:00Z"})
        EXPECT_EQ(times.read("time", text), *parse_rfc3339(text)) << text;
    times.read("time", "2026-11-20T10:00:00Z");
    for (const char* const text :
         {"2026-11-20T24:00:00Z", "2026-11-20T10:60:00Z", "2026-11-20T10:00:0xZ",
          "2026-11-20T10:00:00.Z", "2026-11-20T10:00:00", "2026-11-20T10:00:00.1x3Z", "2026-11-20T",
          ""})
        EXPECT_THROW(times.read("time", text), json::Fault) << text;
}

json::Field field(std::string_view text) {
    return {"it", text, true};
}

TEST(Json, TimesOfAllUnitsAreExact) {
    EXPECT_EQ(json::epoch_s(field("1688669597.8277369")).count, 1688669597827736900);
    EXPECT_EQ(json::epoch_s(field("1700000000")), seconds(1'700'000'000));
    EXPECT_EQ(json::epoch_ns(field("1545913818099033203")).count, 1545913818099033203);
    EXPECT_EQ(json::epoch_ms_or_us(field("1700000000123")), millis(1'700'000'000'123));
    EXPECT_EQ(json::epoch_ms_or_us(field("1700000000123456")), micros(1'700'000'000'123'456));
    for (const std::string_view bad : {"", "0", "-1", "x", "99999999999999999999"}) {
        EXPECT_THROW(json::epoch_s(field(bad)), json::Fault) << bad;
        EXPECT_THROW(json::epoch_ns(field(bad)), json::Fault) << bad;
        EXPECT_THROW(json::epoch_ms_or_us(field(bad)), json::Fault) << bad;
    }
}

TEST(Json, SizesOfCandlesAreReadInAllWords) {
    for (const std::string_view minute : {"1m", "1min", "60", "60s", "ONE_MINUTE"})
        EXPECT_EQ(json::candle_size(minute), seconds(60)) << minute;
    EXPECT_EQ(json::candle_size("8hour"), seconds(8 * 3'600));
    EXPECT_EQ(json::candle_size("1Dutc"), seconds(86'400));
    EXPECT_EQ(json::candle_size("1week"), seconds(7 * 86'400));
    for (const std::string_view none :
         {"", "m", "1M", "0m", "-1m", "1x", "utc", "99999999999999999m", "1000000w", "4w"})
        EXPECT_FALSE(json::candle_size(none)) << none;
}

TEST(Json, PricesOfFloatsAreCutToWhatADecimalHolds) {
    EXPECT_EQ(json::cut_price(field("70187.123")).to_string(), "70187.123");
    EXPECT_EQ(json::cut_price(field("1.2345678901234567e-05")).to_string(), "0.000012345678901234");
    EXPECT_EQ(json::cut_price(field("0.12345678901234567891234")).to_string(),
              "0.123456789012345678");
    for (const std::string_view bad : {"", "NaN", "-1.5", "0", "1.5e-30", "1e-19", "1.x", "1.5.5"})
        EXPECT_THROW(json::cut_price(field(bad)), json::Fault) << bad;
    EXPECT_THROW(json::cut_price(field("0." + std::string(1'000'000, '1'))), json::Fault)
        << "and in no time";
}

}  // namespace
}  // namespace tape::venues
