// What the simulator sends must be what the product decodes: its frames and answers go through the
// venues' own decoders and come out as the trades that the market made.
#include <gtest/gtest.h>

#include <map>

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
    void on_candle(const Candle& candle) override { candles.push_back(candle); }

    std::vector<Tick> ticks;
    std::vector<std::string> subscribed, refused, unknown;
    std::vector<u64> last_trades;
    std::vector<Candle> candles;
};

// A simulated venue with the real venue's subscriptions, instrument lists and decoder.
class Decoding {
 public:
    Decoding(std::string_view name, std::string_view feed, std::vector<std::string> symbols,
             std::vector<std::string> channels, std::map<std::string, std::string> ids = {})
        : drive(name),
          venue_(*venues::find_venue(name)),
          spec_{.venue = std::string(name),
                .feed = std::string(feed),
                .symbols = std::move(symbols),
                .channels = std::move(channels),
                .ids = std::move(ids)},
          decoder_(venue_.make_decoder()) {
        for (const venues::RestRequest& request : venue_.instruments(spec_)) take_answer(request);
        const auto plan = venue_.plan(spec_);
        EXPECT_TRUE(plan);
        connection_ = plan->at(0);
        if (connection_.polls.empty()) connect();
    }

    void pass(Nanos span) { take(drive.pass(span)); }
    void poll() {
        for (const venues::RestRequest& request : connection_.polls) take_answer(request);
    }
    void take(const std::vector<std::string>& frames) {
        for (const std::string& frame : frames) decode(log::RecordKind::frame, frame);
    }
    void take_answer(const venues::RestRequest& request) {
        const net::Response response = drive.ask(request.method, request.target, request.headers);
        decode(log::RecordKind::rest, R"({"method":"GET","target":)" + json_quoted(request.target) +
                                          R"(,"status":)" + std::to_string(response.status) +
                                          R"(,"body":)" + json_quoted(response.body) + "}");
    }
    /// What the venue offers of trades that were missed.
    void repair(const venues::Missing& missing) {
        const auto request = venue_.backfill(spec_, missing);
        ASSERT_TRUE(request);
        take_answer(*request);
    }

    Drive drive;
    Events events;

 private:
    void connect() {
        std::string target = connection_.websocket_path;
        if (connection_.token) {
            const net::Response answer =
                drive.ask(connection_.token->method, connection_.token->target, {{"Host", "sim"}});
            const auto admission = venue_.admit(answer.body, "mine");
            ASSERT_TRUE(admission);
            target = admission->websocket.substr(std::string_view("ws://sim").size());
        }
        drive.connect(target.empty() ? "/" : target);
        ASSERT_TRUE(drive.connected());
        decode(log::RecordKind::connected, R"({"address":"sim","session":1})");
        if (connection_.welcome) {
            const auto frames = drive.pass(millis(10));
            ASSERT_EQ(frames.size(), 1U);
            EXPECT_TRUE(venue_.is_welcome(frames[0]));
            take(frames);
        }
        for (const std::string& frame : connection_.subscribe) {
            decode(log::RecordKind::sent, frame);
            take(drive.say(frame));
        }
        if (connection_.keepalive) take(drive.say(connection_.keepalive->text));
    }

    void decode(log::RecordKind kind, const std::string& payload) {
        const auto error =
            decoder_->decode({.kind = kind, .ts_recv = drive.now(), .payload = payload}, events);
        EXPECT_FALSE(error) << error->detail << " in " << payload.substr(0, 1'000);
    }

    const venues::Venue& venue_;
    const venues::SourceSpec spec_;
    std::unique_ptr<venues::Decoder> decoder_;
    venues::Connection connection_;
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
    decoding.take_answer({.target = "/api/v5/market/trades?instId=FOO-BAR"});
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

// The trades of a symbol that have come, one by one, are the market's from the first on.
void expect_each_trade(const Decoding& decoding, const std::string& symbol, Nanos resolution,
                       u64 (*identity)(const TradeSequence&, i64)) {
    const TradeSequence& trades = decoding.drive.trades(symbol);
    const Listing& listing = trades.listing();
    i64 id = 0;
    for (const Tick& tick : decoding.events.ticks) {
        if (tick.kind != TickKind::trade || tick.instrument->native_symbol != symbol) continue;
        if (id == 0)
            for (id = trades.last_at(tick.ts_event) - 1; identity(trades, id) != *tick.identity;)
                ++id;
        const SimTrade trade = trades.trade(id);
        EXPECT_EQ(*tick.identity, identity(trades, id));
        EXPECT_EQ(*tick.price, decimal(trade.price, listing.price_decimals));
        EXPECT_EQ(*tick.size, decimal(trade.size, listing.size_decimals));
        EXPECT_EQ(tick.side, trade.side);
        EXPECT_EQ(tick.ts_event, floor_to(trade.time, resolution));
        EXPECT_TRUE(tick.instrument->listed);
        ++id;
    }
    EXPECT_GT(id, 0);
}
u64 own_id(const TradeSequence&, i64 id) {
    return static_cast<u64>(id);
}
u64 its_sequence(const TradeSequence& trades, i64 id) {
    return static_cast<u64>(trades.sequence(id));
}

void expect_no_complaint(const Decoding& decoding) {
    EXPECT_TRUE(decoding.events.unknown.empty()) << decoding.events.unknown[0];
    EXPECT_TRUE(decoding.events.refused.empty()) << decoding.events.refused[0];
}

TEST(Decoding, KuCoin) {
    Decoding decoding("kucoin", "", {"BTC-USDT", "ETH-USDT"}, {"trades", "tickers"});
    decoding.pass(seconds(3));
    EXPECT_EQ(decoding.events.subscribed.size(), 4U);
    expect_each_trade(decoding, "BTC-USDT", Nanos{1}, its_sequence);
    expect_each_trade(decoding, "ETH-USDT", Nanos{1}, its_sequence);
    EXPECT_GT(count(decoding.events, TickKind::trade), 500);
    EXPECT_GT(count(decoding.events, TickKind::ticker), 50);
    expect_no_complaint(decoding);
}

TEST(Decoding, KuCoinOffersTheLastHundredAgain) {
    Decoding decoding("kucoin", "", {"BTC-USDT"}, {"trades"});
    decoding.drive.pass(seconds(2));  // Nobody listens.
    decoding.repair({.native_symbol = "BTC-USDT", .channel = "match"});
    EXPECT_EQ(count(decoding.events, TickKind::trade), 100);
    expect_each_trade(decoding, "BTC-USDT", Nanos{1}, its_sequence);
    expect_no_complaint(decoding);
}

TEST(Decoding, KuCoinPolls) {
    Decoding decoding("kucoin", "", {"BTC-USDT"}, {"all_tickers"});
    decoding.poll();
    EXPECT_EQ(count(decoding.events, TickKind::poll), std::ssize(decoding.drive.market().all()));
    expect_no_complaint(decoding);
}

TEST(Decoding, BinanceTradesTickersQuotesAndCandles) {
    Decoding decoding("binance", "", {"BTC-USDT", "ETH-USDT"},
                      {"trades", "tickers", "quotes", "klines"});
    EXPECT_EQ(decoding.events.subscribed.size(), 8U);
    decoding.pass(seconds(5));
    expect_each_trade(decoding, "BTCUSDT", micros(1), own_id);
    expect_each_trade(decoding, "ETHUSDT", micros(1), own_id);
    EXPECT_GT(count(decoding.events, TickKind::trade), 900);
    EXPECT_GE(count(decoding.events, TickKind::ticker), 8);
    EXPECT_GT(count(decoding.events, TickKind::quote), 900);
    EXPECT_GE(decoding.events.candles.size(), 4U);
    EXPECT_EQ(decoding.events.ticks[0].instrument->symbol.substr(3), "-USDT");
    expect_no_complaint(decoding);
}

TEST(Decoding, BinanceAggregatesAndTheirRepair) {
    Decoding decoding("binance", "", {"BTC-USDT"}, {"agg_trades"});
    decoding.pass(seconds(2));
    const i64 sent = count(decoding.events, TickKind::trade);
    EXPECT_GT(sent, 200);
    const u64 from = *decoding.events.ticks.back().identity + 1;
    decoding.drive.pass(seconds(1));  // Nobody listens.
    decoding.repair(
        {.native_symbol = "BTCUSDT", .channel = "aggTrade", .from_id = from, .to_id = from + 49});
    const TradeSequence& trades = decoding.drive.trades("BTCUSDT");
    u64 next = *decoding.events.ticks[0].identity;
    for (const Tick& tick : decoding.events.ticks) {
        EXPECT_EQ(*tick.identity, next++);
        const i64 first = trades.order_start(static_cast<i64>(*tick.identity));
        i64 size = 0;
        for (i64 id = first; id <= trades.order_last(first); ++id) size += trades.trade(id).size;
        EXPECT_EQ(*tick.size, decimal(size, 5));
        EXPECT_EQ(*tick.price, decimal(trades.trade(first).price, 2));
    }
    EXPECT_GE(next, from + 50);
    expect_no_complaint(decoding);
}

TEST(Decoding, BinanceRepairsTrades) {
    Decoding decoding("binance", "", {"BTC-USDT"}, {"trades"});
    decoding.repair({.native_symbol = "BTCUSDT", .channel = "trade"});
    EXPECT_EQ(count(decoding.events, TickKind::trade), 1'000);
    expect_each_trade(decoding, "BTCUSDT", micros(1), own_id);
    decoding.events.ticks.clear();
    decoding.repair(
        {.native_symbol = "BTCUSDT", .channel = "trade", .from_id = 1'000, .to_id = 1'500});
    EXPECT_EQ(decoding.events.ticks.front().identity, 1'000U);
    expect_each_trade(decoding, "BTCUSDT", micros(1), own_id);
    expect_no_complaint(decoding);
}

TEST(Decoding, BinancePolls) {
    Decoding decoding("binance", "", {"BTC-USDT", "ETH-USDT"}, {"price", "ticker_24hr"});
    decoding.poll();
    EXPECT_EQ(count(decoding.events, TickKind::poll), 4);
    expect_no_complaint(decoding);
}

TEST(Decoding, KrakenTradesTickersAndRepair) {
    Decoding decoding("kraken", "", {"BTC-USD", "DOGE-USD"}, {"trades", "tickers"});
    EXPECT_EQ(decoding.events.subscribed.size(), 4U);
    decoding.pass(seconds(3));
    expect_each_trade(decoding, "BTC/USD", micros(1), own_id);
    expect_each_trade(decoding, "DOGE/USD", micros(1), own_id);
    EXPECT_GT(count(decoding.events, TickKind::trade), 400);
    EXPECT_GT(count(decoding.events, TickKind::ticker), 100);
    decoding.events.ticks.clear();
    const TradeSequence& trades = decoding.drive.trades("DOGE/USD");
    decoding.repair({.native_symbol = "DOGE/USD",
                     .channel = "trade",
                     .from_id = 1'000,
                     .to_id = 1'500,
                     .from_ts = trades.time(1'000)});
    EXPECT_LE(decoding.events.ticks.front().identity, 1'000U);
    EXPECT_GE(decoding.events.ticks.back().identity, 1'500U);
    EXPECT_EQ(count(decoding.events, TickKind::trade), 1'000);
    expect_each_trade(decoding, "DOGE/USD", micros(1), own_id);
    expect_no_complaint(decoding);
}

TEST(Decoding, CoinGeckoPolls) {
    Decoding decoding("coingecko", "", {"BTC-USD", "ETH-USD"}, {"prices"},
                      {{"BTC-USD", "bitcoin"}, {"ETH-USD", "ethereum"}});
    decoding.poll();
    EXPECT_EQ(count(decoding.events, TickKind::poll), 2);
    decoding.poll();
    ASSERT_EQ(count(decoding.events, TickKind::poll), 4);
    for (const std::size_t i : {0U, 1U})
        EXPECT_EQ(decoding.events.ticks[i].ts_event, decoding.events.ticks[i + 2].ts_event)
            << "nothing is new";
    const TradeSequence& coin = decoding.drive.trades("bitcoin");
    for (const Tick& tick : decoding.events.ticks) {
        EXPECT_TRUE(tick.instrument->listed);
        if (tick.instrument->native_symbol == "bitcoin/usd") {
            EXPECT_EQ(*tick.price, decimal(coin.price_at(tick.ts_event), 8));
        }
    }
    decoding.drive.skip(seconds(61));
    decoding.poll();
    EXPECT_EQ(count(decoding.events, TickKind::poll), 6);
    EXPECT_LT(decoding.events.ticks[2].ts_event, decoding.events.ticks[4].ts_event);
    expect_no_complaint(decoding);
}

}  // namespace
}  // namespace tape::sim
