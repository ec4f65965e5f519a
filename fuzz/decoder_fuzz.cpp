// The decoders of all venues on bytes of any kind: as a frame, and as the body of an answer whose
// path the input chooses. Whatever comes, no byte outside of the input is read, ticks come all or
// none, and a restored decoder decodes alike.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "venues/venue.h"

namespace tape {
namespace {

class Counting final : public venues::EventSink {
 public:
    void on(const Tick& tick) override {
        ensure(tick.instrument != nullptr, "a tick has an instrument");
        ensure(!tick.price || tick.price->units > 0, "a price is above zero");
        ensure(!tick.size || !tick.size->negative(), "a size is not negative");
        ensure(tick.kind != TickKind::trade || (tick.price && tick.identity && tick.covers > 0),
               "a trade is whole");
        ensure(tick.identity.value_or(0) <= INT64_MAX, "an id is one that gaps can name");
        ++ticks;
    }
    void on_candle(const Candle& candle) override {
        ensure(candle.size > Nanos{} && candle.open.units > 0, "a candle is whole");
        ++ticks;
    }
    void on_subscribed(std::string_view, const Instrument*) override {}
    void on_refused(std::string_view) override {}
    void on_unknown(std::string_view) override {}
    void on_last_trade(const Instrument&, u64, Nanos) override {}
    i64 ticks{};
};

void decode(const venues::Venue& venue, log::RecordKind kind, std::string_view payload) {
    const log::Record record{
        .offset = {1}, .kind = kind, .ts_recv = seconds(1), .payload = payload};
    const auto decoder = venue.make_decoder();
    Counting first;
    const bool failed = decoder->decode(record, first).has_value();
    ensure(!failed || first.ticks == 0, "a record that fails gives no tick");
    std::string state;
    decoder->save(state);
    const auto restored = venue.make_decoder();
    ensure(restored->load(state).has_value(), "a saved state loads");
    Counting second, third;
    const bool fails = decoder->decode(record, second).has_value();
    ensure(restored->decode(record, third).has_value() == fails && third.ticks == second.ticks,
           "and decodes alike");
}

}  // namespace
}  // namespace tape

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace tape;
    if (size == 0) return 0;
    constexpr const char* paths[] = {"/api/v5/public/instruments",
                                     "/api/v5/market/trades",
                                     "/api/v5/market/tickers",
                                     "/api/v5/market/candles?instId=BTC-USDT",
                                     "/products",
                                     "/products/BTC-USD/trades",
                                     "/products/BTC-USD/candles",
                                     "/api/v3/brokerage/market/products",
                                     "/api/v3/brokerage/market/products/BTC-USD/ticker",
                                     "/api/v2/symbols",
                                     "/api/v1/market/histories?symbol=BTC-USDT",
                                     "/api/v1/market/allTickers",
                                     "/api/v1/market/candles?symbol=BTC-USDT&type=1min",
                                     "/api/v1/market/orderbook/level1?symbol=BTC-USDT",
                                     "/api/v3/exchangeInfo",
                                     "/api/v3/trades?symbol=BTCUSDT",
                                     "/api/v3/ticker/bookTicker",
                                     "/api/v3/aggTrades?symbol=BTCUSDT",
                                     "/api/v3/ticker/price",
                                     "/api/v3/ticker/24hr",
                                     "/api/v3/klines?symbol=BTCUSDT&interval=1m",
                                     "/api/v3/simple/price",
                                     "/api/v3/coins/markets?vs_currency=usd&precision=full",
                                     "/0/public/AssetPairs",
                                     "/0/public/Trades?pair=BTC/USD"};
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const nlohmann::json answer = {{"method", "GET"},
                                   {"target", paths[data[0] % std::size(paths)]},
                                   {"status", 200},
                                   {"body", text}};
    const std::string payload =
        answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    for (const venues::Venue* venue : venues::venue_table()) {
        decode(*venue, log::RecordKind::frame, text);
        decode(*venue, log::RecordKind::sent, text);
        decode(*venue, log::RecordKind::rest, payload);
        static_cast<void>(venue->make_decoder()->load(text));
    }
    return 0;
}
