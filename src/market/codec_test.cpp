#include "market/codec.h"

#include <gtest/gtest.h>

namespace tape {
namespace {

Tick sample_tick(InstrumentTable& table) {
    Tick tick;
    tick.instrument = &table.list("okx", "BTC-USDT", "BTC-USDT");
    tick.side = Side::sell;
    tick.price = *Decimal::parse("68340.12");
    tick.size = *Decimal::parse("0.00001");
    EXPECT_TRUE(tick.trade_id.assign("242720720"));
    tick.ts_event = {1652459225'503000000};
    tick.ts_recv = {1652459225'603000001};
    tick.identity = 242720720;
    tick.covers = 3;
    tick.source_offset = {77};
    tick.source_index = 2;
    return tick;
}

TEST(Codec, ATickComesBackAsItWas) {
    InstrumentTable here, there;
    const Tick tick = sample_tick(here);
    std::string payload;
    encode(tick, payload);
    const auto back = decode_tick(payload, there);
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_EQ(back->instrument->symbol, "BTC-USDT");
    EXPECT_TRUE(back->instrument->listed);
    EXPECT_EQ(back->price->to_string(), "68340.12");
    EXPECT_EQ(back->bid, std::nullopt);
    EXPECT_EQ(back->trade_id.view(), "242720720");
    EXPECT_EQ(back->covers, 3u);
    std::string again;
    encode(*back, again);
    EXPECT_EQ(again, payload);
}

TEST(Codec, AWindowComesBackAsItWas) {
    InstrumentTable table;
    WindowRow row{.window_name = "avg_30s",
                  .instrument = &table.intern("coinbase", "BTC-USD"),
                  .window_start = seconds(30),
                  .window_end = seconds(60),
                  .tick_count = 5,
                  .open = {1},
                  .high = {2},
                  .low = {3},
                  .close = {4},
                  .mean = {5},
                  .vwap = Decimal{6},
                  .stddev = std::nullopt,
                  .volume = Decimal{8},
                  .change_pct = Decimal{-9},
                  .complete = true,
                  .gap_ms = 12,
                  .revision = 1};
    std::string payload, again;
    encode(row, payload);
    const auto back = decode_window(payload, table);
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_EQ(back->stddev, std::nullopt);
    EXPECT_EQ(back->change_pct->units == -9, true);
    encode(*back, again);
    EXPECT_EQ(again, payload);
}

TEST(Codec, ACandleComesBackAsItWas) {
    InstrumentTable here, there;
    const Candle candle{.instrument = &here.list("binance", "BTCUSDT", "BTC-USDT"),
                        .size = seconds(60),
                        .open_time = seconds(120),
                        .open = {1},
                        .high = {4},
                        .low = {-1},
                        .close = {2},
                        .volume = {9},
                        .trade_count = 7,
                        .closed = true,
                        .ts_recv = seconds(181),
                        .source_offset = {5},
                        .source_index = 3};
    std::string payload, again;
    encode(candle, payload);
    const auto back = decode_candle(payload, there);
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_EQ(back->instrument->symbol, "BTC-USDT");
    EXPECT_EQ(back->size, seconds(60));
    EXPECT_EQ(back->trade_count, 7);
    EXPECT_TRUE(back->closed);
    encode(*back, again);
    EXPECT_EQ(again, payload);
}

TEST(Codec, AQualityFlagComesBackAsItWas) {
    const QualityFlag flag{.venue = "okx",
                           .symbol = "BTC-USDT",
                           .rule = "crossed",
                           .quarantined = true,
                           .ts_event = seconds(1),
                           .ts_recv = seconds(2),
                           .detail = "bid 2, ask 1",
                           .source_offset = {6},
                           .source_index = 1};
    std::string payload, again;
    encode(flag, payload);
    const auto back = decode_quality(payload);
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_EQ(back->rule, "crossed");
    EXPECT_TRUE(back->quarantined);
    EXPECT_EQ(back->detail, "bid 2, ask 1");
    encode(*back, again);
    EXPECT_EQ(again, payload);
}

TEST(Codec, TheLayoutIsThatOfTheReadme) {
    const Gap gap{.venue = "okx",
                  .symbol = "",
                  .channel = "t",
                  .cause = "é",
                  .from_ts = {1},
                  .to_ts = {-1},
                  .from_id = 258,
                  .status = Gap::Status::unrecoverable,
                  .repaired_ts = {}};
    std::string payload;
    encode(gap, payload);
    using namespace std::string_literals;
    EXPECT_EQ(payload,
              "\1"
              "\3\0\0\0okx"
              "\0\0\0\0"
              "\1\0\0\0t"
              "\2\0\0\0\303\251"
              "\1\0\0\0\0\0\0\0"
              "\377\377\377\377\377\377\377\377"
              "\1\2\1\0\0\0\0\0\0"
              "\0"
              "\0"
              "\2"
              "\0"s);
}

TEST(Codec, EveryCutPayloadIsNamedAndNoneIsMisread) {
    InstrumentTable table;
    std::string payload;
    encode(sample_tick(table), payload);
    for (std::size_t size = 0; size < payload.size(); ++size)
        EXPECT_FALSE(decode_tick(std::string_view(payload).substr(0, size), table)) << size;
    EXPECT_FALSE(decode_tick(payload + "x", table));
    payload[0] = 9;
    EXPECT_NE(decode_tick(payload, table).error().what.find("version 9"), std::string::npos);
}

TEST(Instruments, UnlistedUntilAListNamesThem) {
    InstrumentTable table;
    const Instrument& seen = table.intern("okx", "btc-usd-swap");
    EXPECT_EQ(seen.symbol, "BTC-USD-SWAP");
    EXPECT_FALSE(seen.listed);
    EXPECT_EQ(&table.list("okx", "btc-usd-swap", "BTC-USD-SWAP"), &seen);
    EXPECT_TRUE(seen.listed);
    EXPECT_NE(&table.intern("kucoin", "btc-usd-swap"), &seen);
    EXPECT_EQ(table.all().size(), 2u);
}

}  // namespace
}  // namespace tape
