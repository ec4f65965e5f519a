// Coinbase, both of its public feeds, under one name because they carry the same trades:
// `exchange`, https://docs.cdp.coinbase.com/exchange/websocket-feed/channels, one message a trade,
// and `advanced`,
// https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels,
// batches in an envelope. Times are RFC 3339. Mind the side: a trade's is the maker's in both
// feeds, a ticker's is the taker's.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "venues/decoder.h"
#include "venues/message_order.h"
#include "venues/plan.h"

namespace tape::venues {
namespace {

constexpr std::string_view venue_name = "coinbase";
constexpr std::size_t products_per_request = 100;
// At most 8 messages a second of who does not authenticate:
// https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-rate-limits
constexpr Nanos between_advanced_requests = millis(150);
constexpr std::size_t channel_bytes_max = 64;

// The heartbeat stands last: it is subscribed to in any case.
constexpr std::array<ChannelName, 5> exchange_channels = {{{"trades", "matches"},
                                                           {"matches", "matches"},
                                                           {"tickers", "ticker"},
                                                           {"ticker", "ticker"},
                                                           {"heartbeat", "heartbeat"}}};
constexpr std::array<ChannelName, 5> advanced_channels = {{{"trades", "market_trades"},
                                                           {"market_trades", "market_trades"},
                                                           {"tickers", "ticker"},
                                                           {"ticker", "ticker"},
                                                           {"heartbeats", "heartbeats"}}};

// Of the channel `candles`:
// https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/websocket/candles
constexpr Nanos advanced_candle_size = seconds(300);

class CoinbaseDecoder final : public JsonDecoder {
 public:
    CoinbaseDecoder() : JsonDecoder(venue_name) {}

 private:
    // What tells the feeds apart comes first in their messages: `channel` is Advanced's, `type` the
    // Exchange's. Errors of either have a `type`.
    void on_frame(json::Document frame, EventSink& out) override {
        json::Object message = frame.object();
        if (frame.starts_with(R"({"channel")"))
            if (const auto channel = message.find("channel"))
                return on_advanced(channel.text, message, out);
        if (const auto type = message.find("type")) return on_exchange(type.text, message, out);
        on_advanced(message["channel"].text, message, out);
    }

    void on_exchange(std::string_view type, json::Object& message, EventSink& out) {
        if (json::is(type, "match") || json::is(type, "last_match")) return on_match(message);
        if (json::is(type, "ticker")) return on_ticker(message);
        if (type == "heartbeat") return on_heartbeat(message, out);
        if (type == "subscriptions") return on_subscriptions(message, out);
        if (type == "error") return on_error(message, out);
        out.on_unknown(type);
    }

    // `last_match` is the trade before the subscription: a trade like any other, sent again at each
    // subscription.
    void on_match(json::Object& message) {
        const json::Field id = message["trade_id"];
        const json::Field side = message["side"], size = message["size"], price = message["price"];
        Tick& trade = tick(TickKind::trade, instrument(message["product_id"]));
        json::assign_identity(trade, id);
        trade.side = json::opposite(json::side(side));
        trade.size = json::size(size);
        trade.price = json::price(price);
        if (const auto sequence = message.find("sequence"))
            trade.sequence = json::sequence(sequence);
        trade.ts_event = times_.read(message["time"]);
    }

    // A product that was not traded lately has a ticker without trade_id, side, time and last_size.
    void on_ticker(json::Object& message) {
        const auto sequence = message.find("sequence");
        Tick& ticker = tick(TickKind::ticker, instrument(message["product_id"]));
        if (sequence) ticker.sequence = json::sequence(sequence);
        json::assign_last(ticker, message["price"]);
        ticker.bid = json::quote(message.find("best_bid"));
        ticker.ask = json::quote(message.find("best_ask"));
        if (const auto side = message.find("side")) ticker.side = json::side(side);
        const auto time = message.find("time");
        ticker.ts_estimated = !time;
        ticker.ts_event = time ? times_.read(time) : ts_recv();
        if (const auto id = message.find("trade_id")) json::assign_id(ticker, id);
        if (const auto size = message.find("last_size")) ticker.size = json::size(size);
    }

    void on_heartbeat(json::Object& message, EventSink& out) {
        const i64 last = json::sequence(message["last_trade_id"]);
        const Instrument& product = instrument(message["product_id"]);
        out.on_last_trade(product, static_cast<u64>(last), times_.read(message["time"]));
    }

    // All subscriptions of the connection so far:
    // {"type":"subscriptions","channels":[{"name":"ticker","product_ids":[…]}]}
    void on_subscriptions(json::Object& message, EventSink& out) {
        for (json::Object channel : message.objects("channels")) {
            const std::string_view name = json::text(channel["name"], channel_bytes_max);
            if (auto products = channel.find_values("product_ids"))
                for (const json::Field product : *products)
                    out.on_subscribed(name, &instrument(product));
            else
                out.on_subscribed(name, nullptr);
        }
    }

    // {"type":"error","message":"Failed to subscribe","reason":"XYZ-USD is not a valid product"}
    void on_error(json::Object& message, EventSink& out) {
        const std::string what = words(message["message"]);
        const auto reason = message.find("reason");
        out.on_refused(reason ? fmt::format("{}: {}", what, words(reason)) : what);
    }

    // {"channel":"ticker","client_id":"","timestamp":"…","sequence_num":0,"events":[{"type":"snapshot","tickers":[…]}]}
    void on_advanced(std::string_view channel, json::Object& message, EventSink& out) {
        const json::Field timestamp = message["timestamp"];
        const i64 sequence = json::sequence(message["sequence_num"]);
        if (const auto lost = order_.follow(sequence)) out.on_lost_messages(lost->from, lost->to);
        const bool trades = json::is(channel, "market_trades");
        if (!trades && channel != "ticker" && channel != "ticker_batch")
            return on_other_channel(channel, message, timestamp, out);
        for (json::Object event : message.objects("events")) {
            if (trades)
                on_market_trades(event.objects("trades"), sequence);
            else
                on_tickers(event.objects("tickers"), sequence, times_.read(timestamp));
        }
    }

    void on_other_channel(std::string_view channel, json::Object& message,
                          const json::Field& timestamp, EventSink& out) {
        if (channel == "heartbeats") return;  // It counts seconds and names no product.
        if (channel == "subscriptions") return on_advanced_subscriptions(message, out);
        if (channel != "candles") return out.on_unknown(channel);
        const Nanos now = times_.read(timestamp);
        for (json::Object event : message.objects("events"))
            on_candles(event.objects("candles"), nullptr, advanced_candle_size, now);
    }

    // Newest first. An answer of /products/{id}/ticker lists them alike.
    void on_market_trades(json::Elements<json::Object> trades, std::optional<i64> sequence) {
        for (json::Object item : trades) {
            Tick& trade = tick(TickKind::trade, instrument(item["product_id"]));
            on_trade(item, trade);
            trade.sequence = sequence;
        }
    }

    // What all lists of trades have. `side` is the maker's:
    // https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-product-trades
    void on_trade(json::Object& item, Tick& trade) {
        json::assign_identity(trade, item["trade_id"]);
        trade.price = json::price(item["price"]);
        trade.size = json::size(item["size"]);
        trade.ts_event = times_.read(item["time"]);
        trade.side = json::opposite(json::side(item["side"]));
    }

    // No time of its own, no size and no side: the envelope's time is when it was true.
    void on_tickers(json::Elements<json::Object> tickers, i64 sequence, Nanos timestamp) {
        for (json::Object item : tickers) {
            Tick& ticker = tick(TickKind::ticker, instrument(item["product_id"]));
            json::assign_last(ticker, item["price"]);
            ticker.bid = json::quote(item.find("best_bid"));
            ticker.ask = json::quote(item.find("best_ask"));
            ticker.ts_event = timestamp;
            ticker.sequence = sequence;
        }
    }

    // All subscriptions so far:
    // "events":[{"subscriptions":{"ticker":["ETH-USD"],"heartbeats":["heartbeats"]}}]
    void on_advanced_subscriptions(json::Object& message, EventSink& out) {
        for (json::Object event : message.objects("events")) {
            json::Object subscriptions = event.object("subscriptions");
            for (const std::string_view name : {"market_trades", "ticker"})
                if (auto products = subscriptions.find_values(name))
                    for (const json::Field product : *products)
                        out.on_subscribed(name, &instrument(product));
            if (subscriptions.find_values("heartbeats")) out.on_subscribed("heartbeats", nullptr);
        }
    }

    // Exchange: /products and /products/{id}/trades. Advanced: /api/v3/brokerage/market/products
    // and …/{id}/ticker.
    void on_answer(RestAnswer answer, EventSink& out) override {
        const bool advanced = answer.path.find("/brokerage/") != std::string_view::npos;
        if (answer.path.ends_with("/products"))
            return advanced ? list_advanced(answer.body.object().objects("products"))
                            : list_exchange(answer.body.objects());
        if (advanced && answer.path.ends_with("/ticker"))
            return on_market_trades(answer.body.object().objects("trades"), std::nullopt);
        if (answer.path.ends_with("/candles")) return on_product_candles(answer, advanced, out);
        if (advanced || !answer.path.ends_with("/trades")) return out.on_unknown(answer.path);
        const Instrument& product = product_of(answer);
        for (json::Object item : answer.body.objects())
            on_trade(item, tick(TickKind::trade, product));
    }

    // The product is named by the path alone: /products/BTC-USD/trades
    const Instrument& product_of(const RestAnswer& answer) {
        const std::string_view path = answer.path.substr(0, answer.path.rfind('/'));
        return instrument({"product", path.substr(path.rfind('/') + 1), true});
    }

    // https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-product-candles
    // [[1639508050,low,high,open,close,volume],…], of 60 s unless the query says another
    // granularity in seconds; the Advanced interface has objects, and words for the granularity.
    void on_product_candles(RestAnswer& answer, bool advanced, EventSink& out) {
        const auto named = answer.find_parameter("granularity");
        const auto size = json::candle_size(named ? named.text : "60");
        if (!size) return out.on_unknown("candles");
        const Instrument& product = product_of(answer);
        if (advanced)
            return on_candles(answer.body.object().objects("candles"), &product, *size, ts_recv());
        for (const json::Elements<json::Field> row : answer.body.rows()) {
            const auto fields = json::first<6>(row);
            Candle& made = candle(product, *size, json::epoch_s(fields[0]),
                                  {fields[3], fields[2], fields[1], fields[4], fields[5]});
            made.closed = made.open_time + *size <= ts_recv();
        }
    }

    // {"start":"1688998200","high":"1867.72","low":"1865.63","open":"1867.38","close":"1866.81",
    //  "volume":"0.20269406","product_id":"ETH-USD"}; the product may be known already.
    void on_candles(json::Elements<json::Object> candles, const Instrument* product, Nanos size,
                    Nanos now) {
        for (json::Object item : candles) {
            const json::Field start = item["start"], high = item["high"], low = item["low"];
            const json::Field open = item["open"], close = item["close"], volume = item["volume"];
            const Instrument& named = product ? *product : instrument(item["product_id"]);
            Candle& made =
                candle(named, size, json::epoch_s(start), {open, high, low, close, volume});
            made.closed = made.open_time + size <= now;
        }
    }

    void list_exchange(json::Elements<json::Object> products) {
        for (json::Object item : products) {
            const json::Field id = item["id"];
            const json::Field base = item["base_currency"], quote = item["quote_currency"];
            list_pair(id, base, quote, trades(item));
        }
    }

    // Futures keep their id, which tells them apart: base and quote do not.
    void list_advanced(json::Elements<json::Object> products) {
        for (json::Object item : products) {
            const json::Field id = item["product_id"];
            const bool future = item["product_type"].text == "FUTURE";
            const auto quote = item.find("quote_currency_id"), base = item.find("base_currency_id");
            if (future || !quote || !base)
                list_instrument(id, to_capitals(id.text), trades(item));
            else
                list_pair(id, base, quote, trades(item));
        }
    }
    static bool trades(json::Object& product) {
        const bool online = json::is(product.find("status").text, "online");
        return online && !json::is(product.find("trading_disabled").text, "true");
    }

    void on_connected(Overlap overlap) override { order_.restart(overlap); }
    void save_more(std::string& out) const override { order_.save(out); }
    bool load_more(std::string_view state) override { return order_.load(state) && state.empty(); }

    json::Rfc3339 times_;
    MessageOrder order_;
};

class Coinbase final : public Venue {
 public:
    std::string_view name() const override { return venue_name; }
    i32 decoder_version() const override { return 3; }
    std::string_view default_websocket(std::string_view feed) const override {
        return feed == "advanced" ? "wss://advanced-trade-ws.coinbase.com"
                                  : "wss://ws-feed.exchange.coinbase.com";
    }
    // Of both feeds: they carry the same trades, and only this one pages by their ids.
    std::string_view default_rest(std::string_view) const override {
        return "https://api.exchange.coinbase.com";
    }
    std::vector<std::string_view> channels(std::string_view feed) const override {
        return config_names(channels_of(feed));
    }
    IdentityRule identity() const override { return {.consecutive = true}; }
    // Heartbeats speak of trades.
    TickKind kind_of(std::string_view channel) const override {
        return channel == "ticker" || channel == "tickers" ? TickKind::ticker : TickKind::trade;
    }
    std::unique_ptr<Decoder> make_decoder() const override {
        return std::make_unique<CoinbaseDecoder>();
    }

    std::vector<RestRequest> instruments(const SourceSpec&) const override {
        return {{.target = "/products"}};
    }

    // One connection. The heartbeat comes along unasked: each second it says which trade was the
    // last, and it keeps quiet channels open, which Coinbase closes after 60 to 90 s.
    Result<std::vector<Connection>> plan(const SourceSpec& spec) const override {
        if (!spec.feed.empty() && spec.feed != "exchange" && spec.feed != "advanced")
            return user_error(
                fmt::format("coinbase: no feed '{}'; there are exchange, advanced", spec.feed));
        if (auto checked = check_symbols(venue_name, spec.symbols); !checked)
            return checked.error();
        auto channels = native_channels(venue_name, channels_of(spec.feed), spec.channels);
        if (!channels) return channels.error();
        const bool advanced = spec.feed == "advanced";
        const std::string_view heartbeat = advanced ? "heartbeats" : "heartbeat";
        std::erase(*channels, heartbeat);
        Connection made{.websocket_path = "/"};
        if (advanced)
            subscribe_advanced(*channels, present(spec.symbols), made);
        else
            subscribe_exchange(*channels, present(spec.symbols), made);
        return std::vector{std::move(made)};
    }

    std::vector<std::string> resubscribe(const Connection::Stream& stream) const override {
        const std::string product = quoted_list({&stream.native_symbol, 1});
        const std::string channel = stream.feed == "advanced"
                                        ? fmt::format(R"("channel":"{}")", stream.channel)
                                        : fmt::format(R"("channels":["{}"])", stream.channel);
        std::vector<std::string> texts;
        for (const std::string_view type : {"unsubscribe", "subscribe"})
            texts.push_back(stream.native_symbol.empty()
                                ? fmt::format(R"({{"type":"{}",{}}})", type, channel)
                                : fmt::format(R"({{"type":"{}","product_ids":[{}],{}}})", type,
                                              product, channel));
        return texts;
    }

    // https://docs.cdp.coinbase.com/exchange/rest-api/pagination: `after` is older than an id.
    std::optional<RestRequest> backfill(const SourceSpec&, const Missing& missing) const override {
        if (missing.channel != "matches" && missing.channel != "market_trades") return std::nullopt;
        RestRequest made{.target =
                             fmt::format("/products/{}/trades?limit=1000", missing.native_symbol)};
        if (missing.to_id) made.target += fmt::format("&after={}", *missing.to_id + 1);
        return made;
    }
    // https://docs.cdp.coinbase.com/exchange/rest-api/rate-limits
    RestBudget rest_budget() const override { return {.weight = 10, .per = seconds(1)}; }

 private:
    static std::span<const ChannelName> channels_of(std::string_view feed) {
        return feed == "advanced" ? std::span(advanced_channels) : std::span(exchange_channels);
    }
    static void add_streams(std::string_view channel, const std::vector<std::string>& symbols,
                            std::string_view feed, Connection& made) {
        for (const std::string& symbol : symbols)
            made.streams.push_back({std::string(channel), symbol, std::string(feed)});
    }

    static void subscribe_exchange(std::vector<std::string_view> channels,
                                   const std::vector<std::string>& symbols, Connection& made) {
        channels.push_back("heartbeat");
        const std::vector<std::string> names(channels.begin(), channels.end());
        for (const auto batch : batches(symbols, products_per_request))
            made.subscribe.push_back(
                fmt::format(R"({{"type":"subscribe","product_ids":[{}],"channels":[{}]}})",
                            quoted_list(batch), quoted_list(names)));
        for (const std::string_view channel : channels) add_streams(channel, symbols, "", made);
    }

    // One channel a request. Heartbeats are the connection's and take no products.
    static void subscribe_advanced(const std::vector<std::string_view>& channels,
                                   const std::vector<std::string>& symbols, Connection& made) {
        made.subscribe_interval = between_advanced_requests;
        made.subscribe.push_back(R"({"type":"subscribe","channel":"heartbeats"})");
        for (const std::string_view channel : channels) {
            for (const auto batch : batches(symbols, products_per_request))
                made.subscribe.push_back(
                    fmt::format(R"({{"type":"subscribe","product_ids":[{}],"channel":"{}"}})",
                                quoted_list(batch), channel));
            add_streams(channel, symbols, "advanced", made);
        }
        made.streams.push_back({"heartbeats", "", "advanced"});
    }
};

const Registration coinbase{std::make_unique<Coinbase>()};

}  // namespace
}  // namespace tape::venues
