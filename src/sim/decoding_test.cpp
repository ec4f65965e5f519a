// What the simulator sends must be what the product decodes: its frames and answers go through the
// venues' own decoders and come out as the trades that the market made.
#include <gtest/gtest.h>

#include "base/json_text.h"
#include "sim/drive_test.h"
#include "venues/venue.h"

namespace tape::sim {
namespace {

struct Events final : venues::EventSink {
    void on(const Tick& tick) override { ticks.push_back(tick); }
    void on_subscribed(std::string_view channel, const Instrument* instrument) override {
        subscribed.push_back(std::string(channel) + " " +
                             (instrument ? instrument->native_symbol : "*"));
    }
    void on_refused(std::string_view detail) override { refused.emplace_back(detail); }
    void on_unknown(std::string_view what) override { unknown.emplace_back(what); }
    void on_last_trade(const Instrument&, u64 trade_id, Nanos) override {
        last_trades.push_back(trade_id);
    }

    std::vector<Tick> ticks;
    std::vector<std::string> subscribed, refused, unknown;
    std::vector<u64> last_trades;
};

// A simulated venue with the real venue's subscriptions, instrument lists and decoder.
class Decoding {
 public:
    Decoding(std::string_view name, std::string_view feed, std::vector<std::string> symbols,
             std::vector<std::string> channels)
        : drive(name), venue_(*venues::find_venue(name)), decoder_(venue_.make_decoder()) {
        const venues::SourceSpec spec{std::string(name), std::string(feed), std::move(symbols),
                                      std::move(channels)};
        for (const venues::RestRequest& request : venue_.instruments(spec))
            take_answer(request.target);
        const auto plan = venue_.plan(spec);
        EXPECT_TRUE(plan);
        drive.connect(plan->at(0).websocket_path);
        for (const std::string& frame : plan->at(0).subscribe) take(drive.say(frame));
        if (plan->at(0).keepalive) take(drive.say(plan->at(0).keepalive->text));
    }

    void pass(Nanos span) { take(drive.pass(span)); }
    void take(const std::vector<std::string>& frames) {
        for (const std::string& frame : frames) decode(log::RecordKind::frame, frame);
    }
    void take_answer(const std::string& target) {
        const net::Response response = drive.get(target);
        decode(log::RecordKind::rest, R"({"method":"GET","target":)" + json_quoted(target) +
                                          R"(,"status":)" + std::to_string(response.status) +
                                          R"(,"body":)" + json_quoted(response.body) + "}");
    }

    Drive drive;
    Events events;

 private:
    void decode(log::RecordKind kind, const std::string& payload) {
        const auto error =
            decoder_->decode({.kind = kind, .ts_recv = drive.now(), .payload = payload}, events);
        EXPECT_FALSE(error) << error->detail << " in " << payload;
    }

    const venues::Venue& venue_;
    std::unique_ptr<venues::Decoder> decoder_;
};

Decimal decimal(i64 units, int decimals) {
    return {i128{units} * static_cast<i128>(pow10(Decimal::scale - decimals))};
}

// Each trade of the span came, and is the market's.
void expect_market_trades(const Decoding& decoding, const std::string& symbol) {
    const TradeSequence& trades = decoding.drive.trades(symbol);
    const Listing& listing = trades.listing();
    i64 next = 0;
    i64 seen = 0;
    for (const Tick& tick : decoding.events.ticks) {
        if (tick.kind != TickKind::trade || tick.instrument->native_symbol != symbol) continue;
        const i64 last = static_cast<i64>(*tick.identity),
                  first = last - static_cast<i64>(tick.covers) + 1;
        if (next != 0) {
            EXPECT_EQ(first, next);
        }
        next = last + 1;
        i64 size = 0;
        for (i64 id = first; id <= last; ++id) size += trades.trade(id).size;
        const SimTrade trade = trades.trade(last);
        EXPECT_EQ(*tick.price, decimal(trade.price, listing.price_decimals));
        EXPECT_EQ(*tick.size, decimal(size, listing.size_decimals));
        EXPECT_EQ(tick.side, trade.side);
        EXPECT_EQ(floor_to(tick.ts_event, millis(1)), floor_to(trade.time, millis(1)));
        EXPECT_TRUE(tick.instrument->listed);
        ++seen;
    }
    EXPECT_GT(seen, 200);
}

i64 count(const Events& events, TickKind kind) {
    return std::ranges::count(events.ticks, kind, &Tick::kind);
}

TEST(Decoding, OkxTradesAndTickers) {
    Decoding decoding("okx", "", {"BTC-USDT", "ETH-USDT"}, {"trades", "tickers"});
    EXPECT_EQ(decoding.events.subscribed.size(), 4U);
    decoding.pass(seconds(3));
    expect_market_trades(decoding, "BTC-USDT");
    expect_market_trades(decoding, "ETH-USDT");
    EXPECT_GT(count(decoding.events, TickKind::ticker), 100);
    EXPECT_TRUE(decoding.events.unknown.empty());
    EXPECT_TRUE(decoding.events.refused.empty());
}

TEST(Decoding, OkxEachTrade) {
    Decoding decoding("okx", "", {"BTC-USDT"}, {"trades-all"});
    decoding.pass(seconds(3));
    expect_market_trades(decoding, "BTC-USDT");
}

TEST(Decoding, OkxRefusals) {
    Decoding decoding("okx", "", {"FOO-BAR"}, {"trades"});
    EXPECT_EQ(decoding.events.refused.size(), 1U);
    decoding.take_answer("/api/v5/market/trades?instId=FOO-BAR");
    EXPECT_EQ(decoding.events.refused.size(), 2U);
}

TEST(Decoding, CoinbaseExchange) {
    Decoding decoding("coinbase", "", {"BTC-USD", "ETH-USD"}, {"matches", "ticker"});
    decoding.pass(seconds(3));
    expect_market_trades(decoding, "BTC-USD");
    expect_market_trades(decoding, "ETH-USD");
    EXPECT_GT(count(decoding.events, TickKind::ticker), 100);
    EXPECT_EQ(decoding.events.last_trades.size(), 6U);
    EXPECT_TRUE(decoding.events.unknown.empty());
}

TEST(Decoding, CoinbaseAdvanced) {
    Decoding decoding("coinbase", "advanced", {"BTC-USD"}, {"market_trades", "ticker"});
    decoding.pass(seconds(3));
    Events& events = decoding.events;
    EXPECT_GT(count(events, TickKind::ticker), 50);
    EXPECT_TRUE(events.unknown.empty());
    EXPECT_TRUE(events.refused.empty());
    // Frames list them newest first.
    std::erase_if(events.ticks, [](const Tick& tick) { return tick.kind != TickKind::trade; });
    std::ranges::sort(events.ticks, {}, [](const Tick& tick) { return *tick.identity; });
    expect_market_trades(decoding, "BTC-USD");
}

}  // namespace
}  // namespace tape::sim
