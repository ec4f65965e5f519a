// Binance, spot:
// https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams and …/rest-api
// Times are asked for in microseconds; those of old recordings are milliseconds, and both are read.
// Trades and aggregate trades number themselves apart, so a source has one of them and is repaired
// with the same. What a symbol is made of only exchangeInfo says: names have no separator.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "venues/decoder.h"
#include "venues/pending.h"
#include "venues/plan.h"

namespace tape::venues {
namespace {

constexpr std::string_view venue_name = "binance";

// https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#websocket-limits
// A connection carries at most 1024 streams, takes at most 5 messages a second, pongs included, and
// is closed after 24 hours.
// What is longer than 4096 bytes is never answered:
// https://github.com/binance/binance-connector-rust/issues/27
constexpr std::size_t streams_per_request = 100;
constexpr std::size_t streams_per_connection = 1'024;
constexpr Nanos between_requests = millis(250);
constexpr Nanos connection_age = seconds(23 * 3'600 + 30 * 60);
// Weight 2 up to this many symbols, 40 above: …/rest-api/market-data-endpoints
constexpr std::size_t symbols_per_poll = 20;

constexpr std::array<ChannelName, 7> channel_names = {{{"trades", "trade"},
                                                       {"agg_trades", "aggTrade"},
                                                       {"tickers", "ticker"},
                                                       {"quotes", "bookTicker"},
                                                       {"klines", "kline_1m"},
                                                       {"price", "price"},
                                                       {"ticker_24hr", "ticker_24hr"}}};

class BinanceDecoder final : public JsonDecoder {
 public:
    BinanceDecoder() : JsonDecoder(venue_name) {}

 private:
    // {"stream":"btcusdt@trade","data":{…}}, or the data alone where a stream has its own path.
    void on_frame(json::Document frame, EventSink& out) override {
        if (frame.is_list()) return out.on_unknown("a list");
        json::Object message = frame.object();
        const auto stream = message.find("stream");
        if (!stream) return on_event(message, out);
        if (stream.text.starts_with('!')) return out.on_unknown(stream.text);
        json::Object data = message.object("data");
        on_event(data, out);
    }

    void on_event(json::Object& data, EventSink& out) {
        const auto event = data.find("e");
        if (!event) return on_nameless(data, out);
        if (json::is(event.text, "trade")) return on_trade(data, "t");
        if (json::is(event.text, "aggTrade")) return on_trade(data, "a");
        if (json::is(event.text, "24hrTicker")) return on_ticker(data);
        if (json::is(event.text, "kline")) return on_kline(data, out);
        out.on_unknown(event.text);
    }

    // A best bid and ask, the answer to a request, or an error.
    void on_nameless(json::Object& data, EventSink& out) {
        if (const auto update = data.find("u")) return on_quote(data, update, out);
        if (auto error = data.find_object("error")) return on_error(*error, data, out);
        if (data.find("code")) return on_error(data, data, out);
        const auto id = data.find("id");
        if (!id) return out.on_unknown("a frame without 'e'");
        const auto streams = pending_.take(id.text);
        if (!streams) return out.on_unknown("result");
        for (const Connection::Stream& stream : *streams)
            out.on_subscribed(stream.channel, &instrument({"symbol", stream.native_symbol, true}));
    }

    // {"error":{"code":2,"msg":"Invalid request: …"},"id":1}, or code and msg alone
    void on_error(json::Object& error, json::Object& frame, EventSink& out) {
        const std::string code = words(error["code"]);
        out.on_refused(fmt::format("error {}: {}", code, words(error["msg"])));
        if (const auto id = frame.find("id")) static_cast<void>(pending_.take(id.text));
    }

    // …/web-socket-streams#trade-streams and #aggregate-trade-streams
    // {"e":"trade","E":…,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":…,"m":true,"M":true}
    // An aggregate trade is numbered `a` (in a trade, that is the seller's order).
    void on_trade(json::Object& data, std::string_view id_name) {
        Tick& trade = tick(TickKind::trade, instrument(data["s"]));
        json::assign_identity(trade, data[id_name]);
        trade.price = json::price(data["p"]);
        trade.size = json::size(data["q"]);
        trade.ts_event = json::epoch_ms_or_us(data["T"]);
        trade.side = taker(data["m"]);
    }

    // The field says whether the buyer was the maker: then the seller took.
    static Side taker(const json::Field& buyer_is_maker) {
        return json::boolean(buyer_is_maker) ? Side::sell : Side::buy;
    }

    // …/web-socket-streams#individual-symbol-ticker-streams
    void on_ticker(json::Object& data) {
        const Nanos time = json::epoch_ms_or_us(data["E"]);
        Tick& ticker = tick(TickKind::ticker, instrument(data["s"]));
        ticker.ts_event = time;
        json::assign_last(ticker, data["c"]);
        if (const auto size = data.find("Q")) ticker.size = json::size(size);
        ticker.bid = json::quote(data.find("b"));
        ticker.ask = json::quote(data.find("a"));
    }

    // …/web-socket-streams#individual-symbol-book-ticker-streams
    // {"u":400900217,"s":"BNBUSDT","b":"25.3519","B":"31.21","a":"25.3652","A":"40.66"}: no time.
    void on_quote(json::Object& data, const json::Field& update, EventSink& out) {
        const auto symbol = data.find("s");
        if (!symbol) return out.on_unknown("a frame without 'e'");
        Tick& quote = tick(TickKind::quote, instrument(symbol));
        quote.sequence = json::sequence(update);
        quote.bid = json::quote(data["b"]);
        quote.ask = json::quote(data["a"]);
        estimate_time(quote);
    }

    void estimate_time(Tick& tick) { tick.ts_estimated = true, tick.ts_event = ts_recv(); }

    // …/web-socket-streams#klinecandlestick-streams
    void on_kline(json::Object& data, EventSink& out) {
        const Instrument& named = instrument(data["s"]);
        json::Object kline = data.object("k");
        const json::Field start = kline["t"];
        const auto size = json::candle_size(kline["i"].text);
        if (!size) return out.on_unknown("kline");
        const json::Field open = kline["o"], close = kline["c"], high = kline["h"];
        const json::Field low = kline["l"], volume = kline["v"];
        Candle& made =
            candle(named, *size, json::epoch_ms_or_us(start), {open, high, low, close, volume});
        made.trade_count = json::sequence(kline["n"]);
        made.closed = json::boolean(kline["x"]);
    }

    void on_answer(RestAnswer answer, EventSink& out) override {
        const std::string_view path = answer.path;
        if (path.ends_with("/exchangeInfo")) return on_symbols(answer.body.object());
        if (path.ends_with("/historicalTrades") || path.ends_with("/api/v3/trades"))
            return on_trades(answer, {"id", "price", "qty", "time", "isBuyerMaker"});
        if (path.ends_with("/aggTrades")) return on_trades(answer, {"a", "p", "q", "T", "m"});
        if (path.ends_with("/ticker/price")) return on_each(answer, &BinanceDecoder::on_price);
        if (path.ends_with("/ticker/24hr")) return on_each(answer, &BinanceDecoder::on_24hr);
        if (path.ends_with("/ticker/bookTicker"))
            return on_each(answer, &BinanceDecoder::on_book_ticker);
        if (path.ends_with("/klines")) return on_klines(answer, out);
        out.on_unknown(path);
    }

    // …/rest-api/general-endpoints#exchange-information
    void on_symbols(json::Object body) {
        for (json::Object item : body.objects("symbols")) {
            const json::Field symbol = item["symbol"];
            const bool trading = json::is(item.find("status").text, "TRADING");
            const json::Field base = item["baseAsset"];
            list_pair(symbol, base, item["quoteAsset"], trading);
        }
    }

    // Oldest first, of the symbol that the query names.
    void on_trades(RestAnswer& answer, const std::array<std::string_view, 5>& names) {
        const Instrument& named = instrument(answer.parameter("symbol"));
        for (json::Object item : answer.body.objects()) {
            Tick& trade = tick(TickKind::trade, named);
            json::assign_identity(trade, item[names[0]]);
            trade.price = json::price(item[names[1]]);
            trade.size = json::size(item[names[2]]);
            trade.ts_event = json::epoch_ms_or_us(item[names[3]]);
            trade.side = taker(item[names[4]]);
        }
    }

    // A list, or of one symbol its object alone.
    void on_each(RestAnswer& answer, void (BinanceDecoder::*on_item)(json::Object&)) {
        if (!answer.body.is_list()) {
            json::Object item = answer.body.object();
            return (this->*on_item)(item);
        }
        for (json::Object item : answer.body.objects()) (this->*on_item)(item);
    }

    void on_price(json::Object& item) {
        Tick& poll = tick(TickKind::poll, instrument(item["symbol"]));
        poll.price = json::price(item["price"]);
        estimate_time(poll);
    }

    void on_24hr(json::Object& item) {
        const json::Field symbol = item["symbol"];
        const auto price = json::quote(item["lastPrice"]);
        if (!price) return;  // Never traded.
        Tick& poll = tick(TickKind::poll, instrument(symbol));
        poll.price = price;
        poll.size = json::size(item["lastQty"]);
        poll.bid = json::quote(item.find("bidPrice"));
        poll.ask = json::quote(item.find("askPrice"));
        poll.ts_event = json::epoch_ms_or_us(item["closeTime"]);
    }

    void on_book_ticker(json::Object& item) {
        Tick& quote = tick(TickKind::quote, instrument(item["symbol"]));
        quote.bid = json::quote(item["bidPrice"]);
        quote.ask = json::quote(item["askPrice"]);
        estimate_time(quote);
    }

    // Start, open, high, low, close, volume, end, quote volume, trades: …#klinecandlestick-data
    void on_klines(RestAnswer& answer, EventSink& out) {
        const auto size = json::candle_size(answer.parameter("interval").text);
        if (!size) return out.on_unknown("klines");
        const Instrument& named = instrument(answer.parameter("symbol"));
        for (const json::Elements<json::Field> row : answer.body.rows()) {
            const auto fields = json::first<9>(row);
            Candle& made = candle(named, *size, json::epoch_ms_or_us(fields[0]),
                                  {fields[1], fields[2], fields[3], fields[4], fields[5]});
            made.trade_count = json::sequence(fields[8]);
            made.closed = json::epoch_ms_or_us(fields[6]) < ts_recv();
        }
    }

    // {"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}
    void on_sent(json::Document text) override {
        json::Object request = text.object();
        const bool subscribes = request["method"].text == "SUBSCRIBE";
        const json::Field id = request["id"];
        std::vector<Connection::Stream> streams;
        if (auto params = request.find_values("params"); params && subscribes)
            for (const json::Field param : *params) {
                const std::size_t at = std::min(param.text.find('@'), param.text.size() - 1);
                streams.push_back({std::string(param.text.substr(at + 1)),
                                   to_capitals(param.text.substr(0, at))});
            }
        pending_.add(id.text, std::move(streams));
    }
    void on_connected(Overlap overlap) override {
        if (overlap == Overlap::none) pending_.clear();
    }
    void save_more(std::string& out) const override { pending_.save(out); }
    bool load_more(std::string_view state) override {
        return pending_.load(state) && state.empty();
    }

    PendingRequests pending_;
};

// "BTC-USDT" → "BTCUSDT"; only to ask for it: the other way round is exchangeInfo's to say.
std::string native_name(std::string_view symbol) {
    std::string name(symbol);
    std::erase(name, '-');
    return name;
}

class Binance final : public Venue {
 public:
    std::string_view name() const override { return venue_name; }
    i32 decoder_version() const override { return 2; }
    std::string_view default_websocket(std::string_view) const override {
        return "wss://stream.binance.com:9443";
    }
    std::string_view default_rest(std::string_view) const override {
        return "https://api.binance.com";
    }
    std::vector<std::string_view> channels(std::string_view) const override {
        return config_names(channel_names);
    }
    IdentityRule identity() const override { return {.consecutive = true}; }
    // Candles are no ticks; as quotes they are nobody's input.
    TickKind kind_of(std::string_view channel) const override {
        if (channel == "price" || channel == "ticker_24hr") return TickKind::poll;
        if (channel == "ticker" || channel == "tickers") return TickKind::ticker;
        const bool trades = channel == "trade" || channel == "trades" || channel == "aggTrade" ||
                            channel == "agg_trades";
        return trades ? TickKind::trade : TickKind::quote;
    }
    std::unique_ptr<Decoder> make_decoder() const override {
        return std::make_unique<BinanceDecoder>();
    }

    // All symbols: an answer for some would be an error if one of them were unknown. Without the
    // permission sets the list is a third as long.
    std::vector<RestRequest> instruments(const SourceSpec&) const override {
        return {{.target = "/api/v3/exchangeInfo?showPermissionSets=false", .weight = 20}};
    }

    // A symbol's streams share a connection, and polling has one of its own.
    Result<std::vector<Connection>> plan(const SourceSpec& spec) const override {
        auto channels = channels_of_spec(venue_name, channel_names, spec);
        if (!channels) return channels.error();
        if (std::ranges::count(*channels, "trade") + std::ranges::count(*channels, "aggTrade") > 1)
            return user_error(
                "binance: trades and agg_trades number the same trades apart; configure one of "
                "them");
        std::vector<std::string> symbols;
        for (const std::string& symbol : spec.symbols) symbols.push_back(native_name(symbol));
        Connection polled{.poll_interval = spec.interval};
        for (const std::string_view channel : {"price", "ticker_24hr"})
            if (std::erase(*channels, channel) > 0) add_polls(channel, present(symbols), polled);
        std::vector<Connection> connections;
        if (!channels->empty())
            for (const auto batch : batches(symbols, streams_per_connection / channels->size()))
                connections.push_back(connection(*channels, present(batch)));
        if (!polled.polls.empty()) connections.push_back(std::move(polled));
        return connections;
    }

    // {"e":"serverShutdown","E":1770123456789}, ten minutes before.
    bool announces_end(std::string_view frame) const override {
        return frame.size() < 100 && frame.find("\"serverShutdown\"") != std::string_view::npos;
    }
    std::vector<std::string> resubscribe(const Connection::Stream& stream) const override {
        const std::string name = stream_name(stream.native_symbol, stream.channel);
        return {request("UNSUBSCRIBE", {&name, 1}, 1'000), request("SUBSCRIBE", {&name, 1}, 1'001)};
    }

    // …/rest-api/market-data-endpoints: from an id on, oldest first; without one, the newest.
    std::optional<RestRequest> backfill(const SourceSpec& spec,
                                        const Missing& missing) const override {
        const bool aggregate = missing.channel == "aggTrade";
        if (!aggregate && missing.channel != "trade") return std::nullopt;
        const bool newest = !missing.to_id;
        RestRequest made{.target = fmt::format("/api/v3/{}?symbol={}&limit={}",
                                               aggregate ? "aggTrades"
                                               : newest  ? "trades"
                                                         : "historicalTrades",
                                               missing.native_symbol, trades_per_answer),
                         .weight = aggregate ? 4 : 25,
                         .headers = {{"X-MBX-TIME-UNIT", "MICROSECOND"}}};
        if (!newest) {
            const u64 to = *missing.to_id;
            const u64 from = to - std::min(to, trades_per_answer - 1);
            made.target += fmt::format("&fromId={}", missing.from_id.value_or(from));
        }
        if (!spec.api_key.empty()) made.headers.emplace_back("X-MBX-APIKEY", spec.api_key);
        return made;
    }
    // …/rest-api/limits
    RestBudget rest_budget() const override {
        return {.weight = 6'000, .per = seconds(60), .used_header = "x-mbx-used-weight-1m"};
    }

 private:
    static constexpr u64 trades_per_answer = 1'000;

    static std::string stream_name(std::string_view native_symbol, std::string_view channel) {
        return fmt::format("{}@{}", to_small_letters(native_symbol), channel);
    }
    static std::string request(std::string_view method, std::span<const std::string> streams,
                               std::size_t id) {
        return fmt::format(R"({{"method":"{}","params":[{}],"id":{}}})", method,
                           quoted_list(streams), id);
    }

    static Connection connection(const std::vector<std::string_view>& channels,
                                 std::span<const std::string> symbols) {
        Connection made{.websocket_path = "/stream?timeUnit=MICROSECOND",
                        .subscribe_interval = between_requests,
                        .replace_after = connection_age};
        std::vector<std::string> names;
        for (const std::string_view channel : channels)
            for (const std::string& symbol : symbols) {
                names.push_back(stream_name(symbol, channel));
                made.streams.push_back({std::string(channel), symbol});
            }
        for (const auto batch : batches(names, streams_per_request))
            made.subscribe.push_back(request("SUBSCRIBE", batch, made.subscribe.size() + 1));
        return made;
    }

    static void add_polls(std::string_view channel, std::span<const std::string> symbols,
                          Connection& made) {
        const bool price = channel == "price";
        for (const auto batch : batches(symbols, symbols_per_poll)) {
            std::string list = fmt::format("%5B%22{}%22%5D", fmt::join(batch, "%22%2C%22"));
            made.polls.push_back({.target = fmt::format("/api/v3/ticker/{}?symbols={}",
                                                        price ? "price" : "24hr", list),
                                  .weight = price ? 4 : 2});
        }
        for (const std::string& symbol : symbols)
            made.streams.push_back({std::string(channel), symbol});
    }
};

const Registration binance{std::make_unique<Binance>()};

}  // namespace
}  // namespace tape::venues
