// What a venue must never send and some day will: cut, huge, binary. (Wrong values in sound JSON
// are golden cases.)
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "venues/decoder.h"
#include "venues/test_events.h"

namespace tape::venues {
namespace {

constexpr std::string_view okx_trade =
    R"({"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474",)"
    R"("px":"42219.9","sz":"0.12060306","side":"buy","ts":"1630048897897","count":"3"}]})";
constexpr std::string_view coinbase_match =
    R"({"type":"match","trade_id":501,"side":"buy","size":"0.01","price":"68340.1","product_id":"BTC-USD",)"
    R"("sequence":9007,"time":"2023-11-14T22:13:21.123456Z"})";
constexpr std::string_view advanced_trades =
    R"({"channel":"market_trades","timestamp":"2023-11-14T22:13:31.158Z","sequence_num":2,"events":[{"type":"update",)"
    R"("trades":[{"product_id":"ETH-USD","trade_id":"22381691","price":"3500.56","size":"0.5",)"
    R"("time":"2023-11-14T22:13:31.088388Z","side":"BUY"}]}]})";

constexpr std::string_view kucoin_match =
    R"({"topic":"/market/match:BTC-USDT","type":"message","subject":"trade.l3match","data":{"price":"68340.1",)"
    R"("sequence":"10000000000000001","side":"buy","size":"0.00102","symbol":"BTC-USDT",)"
    R"("time":"1700000001123456789","tradeId":"10000000000000001","type":"match"}})";
constexpr std::string_view binance_trade =
    R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1700000001124456,"s":"BTCUSDT","t":501,)"
    R"("p":"68340.1","q":"0.001","T":1700000001123456,"m":true,"M":true}})";
constexpr std::string_view kraken_trade =
    R"({"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":68340.1,)"
    R"("qty":40.0,"ord_type":"market","trade_id":501,"timestamp":"2023-11-14T22:13:21.123456Z"}]})";
const std::vector<std::pair<std::string_view, std::string_view>> sound_frames = {
    {"okx", okx_trade},       {"coinbase", coinbase_match}, {"coinbase", advanced_trades},
    {"kucoin", kucoin_match}, {"binance", binance_trade},   {"kraken", kraken_trade}};

constexpr std::string_view simple_price =
    R"({"bitcoin":{"usd":70187.123,"last_updated_at":1700000000},"pepe":{"usd":1.2e-05}})";
constexpr std::string_view kraken_history =
    R"({"error":[],"result":{"XXBTZUSD":[["68340.1","0.3",1700000000.8,"b","m","",61044952]],"last":"17"}})";
struct Answer {
    std::string_view venue, target, body;
};
constexpr Answer sound_answers[] = {
    {"coingecko", "/api/v3/simple/price?ids=bitcoin", simple_price},
    {"kraken", "/0/public/Trades?pair=BTC/USD", kraken_history},
    {"binance", "/api/v3/klines?symbol=BTCUSDT&interval=1m",
     R"([[1699999920000,"68330","68341","68329","68340","1.5",1699999979999,"24.3",308,"17.8","28.4","0"]])"},
};

std::string reason_of(std::string_view venue, std::string_view frame) {
    const Decoded decoded = decode_frame(venue, frame);
    EXPECT_TRUE(!decoded.error || decoded.events.ticks.empty()) << frame;
    return decoded.error ? std::string(decoded.error->reason) : "none";
}

TEST(BadInput, AFrameCutAnywhereGivesNothing) {
    for (const auto& [venue, frame] : sound_frames) {
        ASSERT_EQ(reason_of(venue, frame), "none");
        for (std::size_t size = 0; size < frame.size(); ++size) {
            const Decoded decoded = decode_frame(venue, frame.substr(0, size));
            ASSERT_TRUE(decoded.error) << frame.substr(0, size);
            EXPECT_TRUE(decoded.events.ticks.empty());
            EXPECT_TRUE(decoded.error->detail.starts_with(venue)) << decoded.error->detail;
        }
    }
}

TEST(BadInput, AnAnswerCutAnywhereGivesNothing) {
    for (const auto& [venue, target, body] : sound_answers) {
        ASSERT_FALSE(decode_answer(venue, target, 200, body).error) << body;
        for (std::size_t size = 0; size < body.size(); ++size) {
            const Decoded decoded = decode_answer(venue, target, 200, body.substr(0, size));
            ASSERT_TRUE(decoded.error) << body.substr(0, size);
            EXPECT_TRUE(decoded.events.ticks.empty());
            EXPECT_TRUE(decoded.events.candles.empty());
        }
    }
}

TEST(BadInput, AHugeFrameIsNamedAsSuchAndNotParsed) {
    const std::string frame = std::string(okx_trade.substr(0, okx_trade.size() - 1)) +
                              R"(,"more":")" + std::string(10'000'000, 'x') + "\"}";
    const Decoded decoded = decode_frame("okx", frame);
    ASSERT_TRUE(decoded.error);
    EXPECT_EQ(decoded.error->reason, "too_long");
    EXPECT_EQ(decoded.error->detail, fmt::format("okx: the frame has {} bytes, at most {} are read",
                                                 frame.size(), frame_bytes_max));
}

TEST(BadInput, ALongListInALongAnswerIsRead) {
    std::string body = R"({"code":"0","msg":"","data":[)";
    for (int i = 0; i < 20'000; ++i)
        body += fmt::format(
            R"({}{{"instType":"SPOT","instId":"C{}-USDT","baseCcy":"C{}","quoteCcy":"USDT","x":"{:0300}"}})",
            i ? "," : "", i, i, i);
    body += "]}";
    ASSERT_GT(body.size(), frame_bytes_max);
    const Decoded decoded =
        decode_answer("okx", "/api/v5/public/instruments?instType=SPOT", 200, body);
    EXPECT_FALSE(decoded.error) << decoded.error->detail;
    EXPECT_EQ(decoded.decoder->instruments().all().size(), 20'000u);
}

TEST(BadInput, BinaryAndBrokenTextIsMalformed) {
    for (const std::string_view venue :
         {"okx", "coinbase", "kucoin", "binance", "kraken", "coingecko"}) {
        EXPECT_EQ(reason_of(venue, ""), "malformed");
        EXPECT_EQ(reason_of(venue, "ping"), "malformed");
        EXPECT_EQ(reason_of(venue, std::string_view("\0\x01\x02\xFF\xFE", 5)), "malformed");
        EXPECT_EQ(reason_of(venue, "\x1F\x8B\x08\x01\x02"), "malformed");
        EXPECT_EQ(reason_of(venue, "\"unclosed"), "malformed");
        EXPECT_EQ(reason_of(venue, "}{"), "malformed");
        EXPECT_EQ(reason_of(venue, std::string(100'000, '[')), "malformed");
        EXPECT_EQ(reason_of(venue, std::string(100'000, '{')), "malformed");
    }
    std::string invalid_utf8(okx_trade);
    invalid_utf8[okx_trade.find("buy")] = '\xC0';
    EXPECT_EQ(reason_of("okx", invalid_utf8), "malformed");
}

TEST(BadInput, NoSingleByteBreaksTheDecoder) {
    for (const auto& [venue, frame] : sound_frames)
        for (std::size_t at = 0; at < frame.size(); ++at)
            for (const char byte :
                 {'\0', '"', '\\', '{', '}', '[', ']', ',', ':', '-', '9', 'x', '\x80', '\xFF'}) {
                std::string changed(frame);
                changed[at] = byte;
                reason_of(venue, changed);
            }
    for (const auto& [venue, target, body] : sound_answers)
        for (std::size_t at = 0; at < body.size(); ++at)
            for (const char byte : {'"', '\\', '{', '}', '[', ']', ',', ':', '-', 'x'}) {
                std::string changed(body);
                changed[at] = byte;
                decode_answer(venue, target, 200, changed);
            }
}

TEST(BadInput, EscapesAreUndone) {
    const Decoded decoded = decode_frame(
        "okx",
        R"({"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC\u002dUSDT","tradeId":"7",)"
        R"("px":"42\u0032","sz":"1","side":"b\u0075y","ts":"1630048897897","count":"1"}]})");
    ASSERT_FALSE(decoded.error) << decoded.error->detail;
    ASSERT_EQ(decoded.events.ticks.size(), 1u);
    EXPECT_EQ(decoded.events.ticks[0].instrument->native_symbol, "BTC-USDT");
    EXPECT_EQ(decoded.events.ticks[0].price->to_string(), "422");
    EXPECT_EQ(decoded.events.ticks[0].side, Side::buy);
}

TEST(BadInput, ALongValueIsCutInTheMessageBetweenTwoCharacters) {
    std::string price;
    for (int i = 0; i < 100; ++i) price += "ä";
    std::string frame(okx_trade);
    frame.replace(frame.find("42219.9"), 7, "x" + price);
    const Decoded decoded = decode_frame("okx", frame);
    ASSERT_TRUE(decoded.error);
    EXPECT_EQ(decoded.error->detail,
              fmt::format("okx: px 'x{}…': not a number", price.substr(0, 78)));
}

std::string replaced(std::string_view frame, std::string_view from, std::string_view to) {
    std::string changed(frame);
    changed.replace(changed.find(from), from.size(), to);
    return changed;
}

TEST(BadInput, AnIdThatIsNoneIsRefused) {
    for (const std::string_view id :
         {"9223372036854775808", "18446744073709551615", "-1", "1e3", "1.0", "null", "{}", "[7]"})
        EXPECT_EQ(reason_of("coinbase", replaced(coinbase_match, "501", id)), "bad_value") << id;
    EXPECT_EQ(reason_of("coinbase", replaced(coinbase_match, "501", "9223372036854775807")),
              "none");
    constexpr std::string_view kucoin_id = R"("tradeId":"10000000000000001")";
    for (const std::string_view id : {"null", "{}", "[]", "true", R"("a\u0000b")", R"("")"}) {
        const std::string frame =
            replaced(kucoin_match, kucoin_id, fmt::format(R"("tradeId":{})", id));
        EXPECT_EQ(reason_of("kucoin", frame), "bad_value") << id;
    }
    EXPECT_EQ(reason_of("coinbase", R"({"type":"heartbeat","last_trade_id":18446744073709551615,)"
                                    R"("product_id":"BTC-USD","time":"2023-11-14T22:13:21Z"})"),
              "bad_value");
}

TEST(BadInput, ASymbolOfOddCharactersIsTakenAsItIsOrRefused) {
    const auto with = [](std::string_view symbol) {
        return decode_frame("kraken", replaced(kraken_trade, "BTC/USD", symbol));
    };
    for (const std::string_view bad : {R"(A\u0000B)", R"(A\nB)", R"(\ud800)", R"(\u12)", ""})
        EXPECT_TRUE(with(bad).error) << bad;
    EXPECT_TRUE(with(std::string(65, 'A')).error);
    const Decoded odd = with(R"(\u5e01\u5b89/USD)");
    ASSERT_FALSE(odd.error);
    EXPECT_EQ(odd.events.ticks.at(0).instrument->native_symbol, "币安/USD");
}

TEST(BadInput, MessageNumbersReachAsFarAsTheyCan) {
    const auto decoder = find_venue("coinbase")->make_decoder();
    EventLog events;
    for (const std::string_view number :
         {"9223372036854775806", "9223372036854775807", "0", "9223372036854775807"}) {
        const std::string frame = replaced(advanced_trades, R"("sequence_num":2)",
                                           fmt::format(R"("sequence_num":{})", number));
        EXPECT_FALSE(decoder->decode({.kind = log::RecordKind::frame, .payload = frame}, events));
    }
    EXPECT_EQ(reason_of("coinbase", replaced(advanced_trades, R"("sequence_num":2)",
                                             R"("sequence_num":9223372036854775808)")),
              "bad_value");
}

TEST(BadInput, WordsOfAVenueAreClippedInMessages) {
    const std::string words(100'000, 'w');
    const auto longest_line = [](const Decoded& decoded) {
        std::size_t longest = decoded.error ? decoded.error->detail.size() : 0;
        for (const std::string& line : decoded.events.lines)
            longest = std::max(longest, line.size());
        return longest;
    };
    for (const Decoded& decoded :
         {decode_frame("okx", fmt::format(R"({{"event":"error","code":"1","msg":"{}"}})", words)),
          decode_frame("coinbase", fmt::format(R"({{"type":"error","message":"{}"}})", words)),
          decode_frame("kucoin", fmt::format(R"({{"type":"error","data":"{}"}})", words)),
          decode_frame("binance", fmt::format(R"({{"error":{{"code":1,"msg":"{}"}}}})", words)),
          decode_frame("kraken", fmt::format(R"({{"method":"m","error":"{}"}})", words)),
          decode_answer("coingecko", "/simple/price", 200, fmt::format(R"({{"{}":7}})", words))}) {
        EXPECT_GT(longest_line(decoded), 0u);
        EXPECT_LT(longest_line(decoded), 1'000u);
    }
}

TEST(BadInput, AListedPairIsOfTwoNames) {
    const auto reason = [](std::string_view base) {
        const Decoded decoded = decode_answer(
            "binance", "/api/v3/exchangeInfo", 200,
            fmt::format(
                R"({{"symbols":[{{"symbol":"AB","status":"TRADING","baseAsset":{},"quoteAsset":"B"}}]}})",
                base));
        return decoded.error ? std::string(decoded.error->reason) : "none";
    };
    EXPECT_EQ(reason("\"A\""), "none");
    EXPECT_EQ(reason("\"\""), "bad_value");
    EXPECT_EQ(reason("7"), "bad_value");
    EXPECT_EQ(reason("\"" + std::string(65, 'A') + "\""), "too_long");
}

TEST(BadInput, AnAnswerOnDiskThatIsNoAnswerIsMalformed) {
    const auto decoder = find_venue("okx")->make_decoder();
    EventLog events;
    const auto error =
        decoder->decode({.kind = log::RecordKind::rest, .payload = "{\"method\":\"GET\"}"}, events);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->reason, "missing_field");
    EXPECT_FALSE(decoder->decode({.kind = log::RecordKind::heartbeat, .payload = ""}, events));
    EXPECT_FALSE(decoder->decode({.kind = log::RecordKind::sent, .payload = "ping"}, events));
    EXPECT_TRUE(events.lines.empty());
}

}  // namespace
}  // namespace tape::venues
