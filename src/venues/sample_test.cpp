// Samples of what the venues send and answer today: each decodes, or what it is instead stands here
// by its name. Skipped where they are absent.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "venues/test_events.h"

namespace tape::venues {
namespace {

namespace fs = std::filesystem;

const fs::path samples = "../shared/exchanges";

// What a sample gives: the number of events of each kind, in the order of their names.
// The query is what its body needs to be understood and its path leaves out.
struct Expected {
    std::string events, query = {};
};
const std::map<std::string, Expected> expected = {
    {"binance/rest_agg_trades", {"trade 1", "symbol=ETHBTC"}},
    {"binance/rest_exchange_info", {"listed 1"}},
    {"binance/rest_historical_trades", {"trade 1", "symbol=ETHBTC"}},
    {"binance/rest_klines", {"candle 1", "symbol=ETHBTC&interval=1w"}},
    {"binance/rest_ticker_24hr", {"poll 1"}},
    {"binance/rest_ticker_book", {"quote 1"}},
    {"binance/rest_ticker_price", {"poll 1"}},
    {"binance/rest_time", {"unknown 1"}},  // The venue's clock is not asked for.
    {"binance/rest_trades", {"trade 1", "symbol=ETHBTC"}},
    {"binance/ws_aggregatedtrades", {"subscribed 1, trade 1"}},
    {"binance/ws_bookticker", {"quote 1, subscribed 1"}},
    {"binance/ws_klines", {"candle 1, subscribed 1"}},
    {"binance/ws_miniticker", {"subscribed 1, unknown 1"}},  // `ticker` says more.
    {"binance/ws_ticker", {"subscribed 1, ticker 1"}},
    {"binance/ws_trades", {"subscribed 1, trade 1"}},
    {"coinbase/rest_candles", {"candle 1", "granularity=ONE_HOUR"}},
    {"coinbase/rest_products", {"listed 1"}},
    {"coinbase/rest_trades", {"trade 1"}},
    {"coinbase/ws_advanced_batchticker", {"ticker 1"}},
    {"coinbase/ws_advanced_heartbeat", {"subscribed 1"}},  // It names no product.
    {"coinbase/ws_advanced_klines", {"candle 1"}},
    {"coinbase/ws_advanced_ticker", {"subscribed 1, ticker 1"}},
    {"coinbase/ws_advanced_trades", {"subscribed 1, trade 2"}},
    {"coingecko/rest_coins_list", {"unknown 1"}},  // Its symbols are not unique.
    {"coingecko/rest_coins_markets", {"listed 1, poll 1", "vs_currency=usd&precision=full"}},
    {"coingecko/rest_market_chart", {"unknown 1"}},  // Of a resolution of its own.
    {"coingecko/rest_ohlc", {"unknown 1"}},          // Without a volume it is no candle.
    {"coingecko/rest_ping", {"unknown 1"}},
    {"coingecko/rest_simple_price", {"poll 1"}},
    {"coingecko/rest_tickers", {"unknown 1"}},  // Of other exchanges, minutes late.
    {"kucoin/rest_candles", {"candle 2", "symbol=BTC-USDT&type=1min"}},
    {"kucoin/rest_symbols", {"listed 2"}},
    {"kucoin/rest_ticker", {"poll 1", "symbol=BTC-USDT"}},
    {"kucoin/rest_tickers", {"poll 1"}},
    {"kucoin/rest_trades", {"trade 2", "symbol=BTC-USDT"}},
    {"kucoin/ws_klines", {"candle 1"}},
    {"kucoin/ws_snapshot", {"unknown 1"}},  // The ticker says it sooner.
    {"kucoin/ws_ticker", {"subscribed 1, ticker 1"}},
    {"kucoin/ws_tickers", {"subscribed 1, ticker 1"}},
    {"kucoin/ws_trades", {"subscribed 1, trade 1"}},
    {"kucoin/ws_unified_kline", {"unknown 2"}},  // And the acknowledgement, which names nothing.
    {"kucoin/ws_unified_ticker", {"ticker 1, unknown 1"}},
    {"kucoin/ws_unified_trade", {"trade 1, unknown 1"}},
    {"okx/rest_candles", {"candle 2", "instId=BTC-USDT"}},
    {"okx/rest_history_trades", {"trade 2"}},
    {"okx/rest_instruments", {"listed 1"}},
    {"okx/rest_ticker", {"poll 1"}},
    {"okx/rest_tickers", {"poll 2"}},
    {"okx/rest_trades", {"trade 2"}},
    {"okx/ws_klines", {"candle 1, subscribed 1"}},
    {"okx/ws_ticker", {"subscribed 1, ticker 1"}},
    {"okx/ws_trades", {"subscribed 1, trade 1"}},
};

struct Sample {
    std::unique_ptr<Decoder> decoder;
    EventLog events;
    void decode(log::RecordKind kind, std::string_view payload) {
        const auto error = decoder->decode(
            {.kind = kind, .ts_recv = seconds(1'800'000'000), .payload = payload}, events);
        EXPECT_FALSE(error) << error->detail << " in " << payload;
    }
};

// A `>` line was sent, a `<` line received, and so was all that follows `=`. |1| stands for a value
// of the client's choice.
void decode_messages(std::istream& file, Sample& sample) {
    std::string line, frame;
    while (std::getline(file, line) && !line.starts_with('=')) {
        for (std::size_t at; (at = line.find("|1|")) != std::string::npos;)
            line.replace(at, 3, "1");
        if (line.starts_with("> ")) sample.decode(log::RecordKind::sent, line.substr(2));
        if (line.starts_with("< ")) sample.decode(log::RecordKind::frame, line.substr(2));
    }
    frame.assign(std::istreambuf_iterator<char>(file), {});
    sample.decode(log::RecordKind::frame, frame);
}

// Method, path, whether it is signed, and then the body.
void decode_answer(std::istream& file, const std::string& query, Sample& sample) {
    std::string method, path, is_signed;
    std::getline(file, method);
    std::getline(file, path);
    std::getline(file, is_signed);
    const std::string body(std::istreambuf_iterator<char>(file), {});
    sample.decode(log::RecordKind::rest,
                  rest_payload(query.empty() ? path : path + "?" + query, 200, body));
}

Sample decode_sample(const std::string& name) {
    Sample sample{.decoder = find_venue(name.substr(0, name.find('/')))->make_decoder()};
    std::ifstream file(samples / (name + ".txt"));
    if (name.find("/ws_") != std::string::npos)
        decode_messages(file, sample);
    else
        decode_answer(file, expected.at(name).query, sample);
    return sample;
}

std::string summary(const Sample& sample) {
    std::map<std::string, i64> counts;
    for (const std::string& line : sample.events.lines)
        ++counts[nlohmann::json::parse(line).at("event")];
    for (const Instrument& each : sample.decoder->instruments().all())
        if (each.listed) ++counts["listed"];
    std::string text;
    for (const auto& [event, count] : counts)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", event, count);
    return text;
}

class Samples : public testing::Test {
    void SetUp() override {
        if (!fs::exists(samples)) GTEST_SKIP() << "no samples at " << samples;
    }
};

TEST_F(Samples, EachDecodesOrIsNamedHere) {
    std::set<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(samples)) {
        const std::string stem = entry.path().stem().string();
        const bool recorded = stem.find("_20") != std::string::npos;  // With a date: sessions.
        if (recorded || (!stem.starts_with("ws_") && !stem.starts_with("rest_"))) continue;
        const std::string name = entry.path().parent_path().filename().string() + "/" + stem;
        found.insert(name);
        ASSERT_TRUE(expected.contains(name)) << name << " is new";
        EXPECT_EQ(summary(decode_sample(name)), expected.at(name).events) << name;
    }
    for (const auto& [name, what] : expected) EXPECT_TRUE(found.contains(name)) << name;
}

Tick tick_of(const std::string& name) {
    const Sample sample = decode_sample(name);
    Tick tick = sample.events.ticks.at(0);
    tick.instrument = nullptr;
    return tick;
}

TEST_F(Samples, TradesHaveTheValuesThatStandThere) {
    const Tick kucoin = tick_of("kucoin/ws_trades");
    EXPECT_EQ(kucoin.price->to_string(), "0.082");
    EXPECT_EQ(kucoin.size->to_string(), "0.01022222");
    EXPECT_EQ(kucoin.side, Side::buy);
    EXPECT_EQ(kucoin.trade_id.view(), "5c24c5da03aa673885cd67aa");
    EXPECT_EQ(kucoin.identity, 1545896669145u);
    EXPECT_EQ(kucoin.ts_event.count, 1545913818099033203);

    const Tick binance = tick_of("binance/ws_trades");
    EXPECT_EQ(binance.price->to_string(), "0.001");
    EXPECT_EQ(binance.size->to_string(), "100");
    EXPECT_EQ(binance.side, Side::sell) << "the buyer was the maker";
    EXPECT_EQ(binance.identity, 12345u);
    EXPECT_EQ(binance.ts_event.count, 1672515782136000000);

    const Tick history = tick_of("kucoin/rest_trades");
    EXPECT_EQ(history.identity, 1545896668571u);
    EXPECT_EQ(history.ts_event.count, 1545904567062140823);
    EXPECT_TRUE(history.trade_id.view().empty());
    EXPECT_EQ(tick_of("binance/rest_agg_trades").identity, 26129u);
    EXPECT_EQ(tick_of("okx/rest_history_trades").identity, 242720720u);
    EXPECT_EQ(tick_of("coinbase/rest_trades").side, Side::sell) << "the maker bought";
}

TEST_F(Samples, PollsAndTickersHaveTheValuesThatStandThere) {
    const Tick all = tick_of("kucoin/rest_tickers");
    EXPECT_EQ(all.price->to_string(), "11328.9");
    EXPECT_EQ(all.bid->to_string(), "11328.9");
    EXPECT_EQ(all.ask->to_string(), "11329");
    EXPECT_EQ(all.ts_event, millis(1602832092060));
    const Tick day = tick_of("binance/rest_ticker_24hr");
    EXPECT_EQ(day.price->to_string(), "4.000002");
    EXPECT_EQ(day.ts_event, millis(1499869899040));
    const Tick market = tick_of("coingecko/rest_coins_markets");
    EXPECT_EQ(market.price->to_string(), "70187");
    EXPECT_EQ(format_rfc3339(market.ts_event), "2024-04-07T16:49:31.736Z");
    const Tick simple = tick_of("coingecko/rest_simple_price");
    EXPECT_EQ(simple.price->to_string(), "1498.64");
    EXPECT_TRUE(simple.ts_estimated);
    const Tick book = tick_of("binance/ws_bookticker");
    EXPECT_EQ(book.bid->to_string(), "25.3519");
    EXPECT_EQ(book.sequence, 400900217);
    EXPECT_TRUE(book.ts_estimated);
}

TEST_F(Samples, CandlesHaveTheValuesThatStandThere) {
    const Sample kline = decode_sample("binance/rest_klines");
    const Candle& candle = kline.events.candles.at(0);
    EXPECT_EQ(candle.size, seconds(7 * 86'400));
    EXPECT_EQ(candle.open_time, millis(1499040000000));
    EXPECT_EQ(candle.open.to_string(), "0.0163479");
    EXPECT_EQ(candle.high.to_string(), "0.8");
    EXPECT_EQ(candle.low.to_string(), "0.015758");
    EXPECT_EQ(candle.close.to_string(), "0.015771");
    EXPECT_EQ(candle.volume.to_string(), "148976.11427815");
    EXPECT_EQ(candle.trade_count, 308);
    EXPECT_TRUE(candle.closed);
    const Sample kucoin = decode_sample("kucoin/ws_klines");
    EXPECT_EQ(kucoin.events.candles.at(0).size, seconds(8 * 3'600));
    EXPECT_EQ(kucoin.events.candles.at(0).close.to_string(), "9740.8");
    EXPECT_EQ(kucoin.events.candles.at(0).high.to_string(), "9806.1");
}

}  // namespace
}  // namespace tape::venues
