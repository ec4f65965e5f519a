// OKX, API v5: https://www.okx.com/docs-v5/en/
// Times are milliseconds since the epoch, numbers are text, and "" stands for none. `side` is the
// taker's.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "venues/decoder.h"
#include "venues/plan.h"

namespace tape::venues {
namespace {

constexpr std::string_view venue_name = "okx";
constexpr std::string_view public_path = "/ws/v5/public";
constexpr std::string_view business_path = "/ws/v5/business";

// A request may hold many subscriptions but no more than 64 KB, and an hour no more than 480
// requests: one argument is below 100 bytes.
// https://www.okx.com/docs-v5/en/#overview-websocket-subscribe
constexpr std::size_t arguments_per_request = 100;

constexpr std::array<ChannelName, 3> channel_names = {
    {{"trades", "trades"}, {"tickers", "tickers"}, {"trades-all", "trades-all"}}};

class OkxDecoder final : public JsonDecoder {
 public:
    OkxDecoder() : JsonDecoder(venue_name) {}

 private:
    // The answer to our keepalive: https://www.okx.com/docs-v5/en/#overview-websocket-connect
    bool is_control(std::string_view frame) const override { return frame == "pong"; }

    void on_frame(json::Document frame, EventSink& out) override {
        json::Object message = frame.object();
        std::optional<json::Object> arg = message.find_object("arg");
        const std::string_view channel = arg ? (*arg)["channel"].text : "";
        const bool candles = channel.starts_with("candle");
        const json::Field id = candles ? arg->find("instId") : json::Field{};
        const auto data = arg ? message.find_objects("data") : std::nullopt;
        if (!data) return on_event(message, out);
        if (json::is(channel, "trades") || json::is(channel, "trades-all")) return on_trades(*data);
        if (json::is(channel, "tickers")) return on_tickers(*data, TickKind::ticker);
        if (!candles) return out.on_unknown(channel);
        on_candles(data->of<json::Elements<json::Field>>(), id, channel.substr(6), out);
    }

    // {"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"},"connId":"a4d3ae55"}
    // {"event":"error","code":"60018","msg":"…","connId":"a4d3ae55"}; "notice" announces that the
    // server will close.
    void on_event(json::Object& message, EventSink& out) {
        const std::string_view event = message["event"].text;
        if (event == "subscribe") {
            json::Object arg = message.object("arg");
            const std::string_view channel = arg["channel"].text;
            out.on_subscribed(channel, &instrument(arg["instId"]));
        } else if (event == "error") {
            const std::string code = words(message["code"]);
            out.on_refused(fmt::format("{} {}: {}", event, code, words(message["msg"])));
        } else if (event != "unsubscribe" && event != "notice") {
            out.on_unknown(event);
        }
    }

    // https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-trades-channel and
    // …-all-trades-channel `trades` merges fills of one taker order at one price: the frame bears
    // the last id and how many there are. An answer of /market/trades lists them alike, without
    // `count`.
    void on_trades(json::Elements<json::Object> data) {
        for (json::Object item : data) {
            Tick& trade = tick(TickKind::trade, instrument(item["instId"]));
            json::assign_identity(trade, item["tradeId"]);
            trade.price = json::price(item["px"]);
            trade.size = json::size(item["sz"]);
            trade.side = json::side(item["side"]);
            trade.ts_event = json::epoch_ms(item["ts"]);
            if (const auto count = item.find("count"))
                trade.covers = covered(count, *trade.identity);
            if (const auto sequence = item.find("seqId")) trade.sequence = json::sequence(sequence);
        }
    }

    // Of a frame with the last id `last`, which covers the ids after last − count.
    static u32 covered(const json::Field& count, u64 last) {
        const u64 value = json::number(count);
        if (value == 0 || value > UINT32_MAX || value > last + 1)
            json::fail_value(count.name, count.text, "no count of trades");
        return static_cast<u32>(value);
    }

    // https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-tickers-channel
    // Answers of /market/ticker and /market/tickers list the same.
    void on_tickers(json::Elements<json::Object> data, TickKind kind) {
        for (json::Object item : data) {
            Tick& ticker = tick(kind, instrument(item["instId"]));
            json::assign_last(ticker, item.find("last"));
            if (const auto last_size = item.find("lastSz")) ticker.size = json::size(last_size);
            ticker.ask = json::quote(item.find("askPx"));
            ticker.bid = json::quote(item.find("bidPx"));
            ticker.ts_event = json::epoch_ms(item["ts"]);
        }
    }

    // https://www.okx.com/docs-v5/en/#order-book-trading-market-data-get-candlesticks
    // Time, open, high, low, close, three volumes, whether it is closed; the channel candle1m
    // alike.
    void on_candles(json::Rows rows, const json::Field& id, std::string_view bar, EventSink& out) {
        const auto size = json::candle_size(bar);
        if (!size) return out.on_unknown("candle");
        const Instrument& named = instrument(id);
        for (const json::Elements<json::Field> row : rows) {
            const auto fields = json::first<9>(row);
            Candle& made = candle(named, *size, json::epoch_ms(fields[0]),
                                  {fields[1], fields[2], fields[3], fields[4], fields[5]});
            made.closed = fields[8].text == "1";
        }
    }

    void on_answer(RestAnswer answer, EventSink& out) override {
        json::Object body = answer.body.object();
        const std::string_view code = body["code"].text;
        if (code != "0")
            return out.on_refused(
                fmt::format("{}: {} {}", answer.path, json::clip(code), words(body["msg"])));
        if (answer.path.ends_with("/public/instruments"))
            return on_instruments(body.objects("data"));
        if (answer.path.ends_with("/market/trades") ||
            answer.path.ends_with("/market/history-trades"))
            return on_trades(body.objects("data"));
        if (answer.path.ends_with("/market/ticker") || answer.path.ends_with("/market/tickers"))
            return on_tickers(body.objects("data"), TickKind::poll);
        if (answer.path.ends_with("candles")) {
            const auto bar = answer.find_parameter("bar");
            return on_candles(body.rows("data"), answer.parameter("instId"), bar ? bar.text : "1m",
                              out);
        }
        out.on_unknown(answer.path);
    }

    // https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments
    void on_instruments(json::Elements<json::Object> data) {
        for (json::Object item : data) {
            const bool spot = item["instType"].text == "SPOT";
            const json::Field id = item["instId"];
            const auto base = item.find("baseCcy"), quote = item.find("quoteCcy");
            const bool live = json::is(item.find("state").text, "live");
            if (spot && base && quote)
                list_pair(id, base, quote, live);
            else
                list_instrument(id, to_capitals(id.text), live);
        }
    }
};

// "SPOT", or what a derivative's suffix says: BTC-USD-SWAP, BTC-USD-220527, BTC-USD-231229-42000-C.
std::string_view type_of(std::string_view symbol) {
    const auto dashes = std::ranges::count(symbol, '-');
    if (dashes < 2) return "SPOT";
    if (symbol.ends_with("-SWAP")) return "SWAP";
    return dashes == 2 ? "FUTURES" : "OPTION";
}

// The first two parts: BTC-USD of BTC-USD-231229-42000-C.
std::string_view family_of(std::string_view symbol) {
    return symbol.substr(0, symbol.find('-', symbol.find('-') + 1));
}

class Okx final : public Venue {
 public:
    std::string_view name() const override { return venue_name; }
    i32 decoder_version() const override { return 3; }
    std::string_view default_websocket(std::string_view) const override {
        return "wss://ws.okx.com:8443";
    }
    std::string_view default_rest(std::string_view) const override { return "https://www.okx.com"; }
    std::vector<std::string_view> channels(std::string_view) const override {
        return {"trades", "tickers", "trades-all"};
    }
    IdentityRule identity() const override { return {.consecutive = true}; }
    TickKind kind_of(std::string_view channel) const override {
        return channel == "tickers" ? TickKind::ticker : TickKind::trade;
    }
    std::unique_ptr<Decoder> make_decoder() const override {
        return std::make_unique<OkxDecoder>();
    }

    // Spot always; of derivatives only what is asked for, because their lists are long. Options are
    // listed by family.
    std::vector<RestRequest> instruments(const SourceSpec& spec) const override {
        std::vector<std::string> targets = {"/api/v5/public/instruments?instType=SPOT"};
        for (const std::string& symbol : present(spec.symbols)) {
            std::string target =
                fmt::format("/api/v5/public/instruments?instType={}", type_of(symbol));
            if (type_of(symbol) == "OPTION")
                target += fmt::format("&instFamily={}", family_of(symbol));
            if (std::ranges::find(targets, target) == targets.end())
                targets.push_back(std::move(target));
        }
        std::vector<RestRequest> requests;
        for (std::string& target : targets) requests.push_back({.target = std::move(target)});
        return requests;
    }

    // `trades-all` is offered on another path only.
    Result<std::vector<Connection>> plan(const SourceSpec& spec) const override {
        const auto named = channels_of_spec(venue_name, channel_names, spec);
        if (!named) return named.error();
        const bool all = std::ranges::find(*named, "trades-all") != named->end();
        if (all && std::ranges::find(*named, "trades") != named->end())
            return user_error(
                "okx: trades and trades-all carry the same trades; configure one of them");
        std::vector<std::string_view> open;
        std::ranges::copy_if(*named, std::back_inserter(open),
                             [](auto channel) { return channel != "trades-all"; });
        const std::vector<std::string> symbols = present(spec.symbols);
        std::vector<Connection> connections;
        if (!open.empty()) connections.push_back(connection(public_path, open, symbols));
        if (all) connections.push_back(connection(business_path, {"trades-all"}, symbols));
        return connections;
    }

    // https://www.okx.com/docs-v5/en/#overview-websocket-notification: before a service upgrade.
    bool announces_end(std::string_view frame) const override {
        return frame.starts_with(R"({"event":"notice")");
    }
    std::vector<std::string> resubscribe(const Connection::Stream& stream) const override {
        const std::string each = argument(stream.channel, stream.native_symbol);
        return {request("unsubscribe", each), request("subscribe", each)};
    }

    // https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel: not on
    // the path of `trades-all`. {"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update",
    // "data":[{"asks":[…],"bids":[…],"ts":"…","checksum":-855196043,"prevSeqId":…,"seqId":…}]}
    std::optional<std::string> look_at_book(const Connection& connection) const override {
        if (connection.websocket_path != public_path) return std::nullopt;
        return request("subscribe", argument("books", connection.streams.front().native_symbol));
    }

    // https://www.okx.com/docs-v5/en/#order-book-trading-market-data-get-trades-history
    // Older than an id, newest first, for three months; /market/trades has the last 500.
    std::optional<RestRequest> backfill(const SourceSpec&, const Missing& missing) const override {
        if (!missing.channel.starts_with("trades")) return std::nullopt;
        if (!missing.to_id)
            return RestRequest{.target = fmt::format("/api/v5/market/trades?instId={}&limit=500",
                                                     missing.native_symbol)};
        return RestRequest{.target = fmt::format(
                               "/api/v5/market/history-trades?instId={}&type=1&after={}&limit=100",
                               missing.native_symbol, *missing.to_id + 1)};
    }
    // The least of what the endpoints above allow.
    RestBudget rest_budget() const override { return {.weight = 20, .per = seconds(2)}; }

 private:
    static std::string request(std::string_view operation, std::string_view arguments) {
        return fmt::format(R"({{"op":"{}","args":[{}]}})", operation, arguments);
    }
    static std::string argument(std::string_view channel, std::string_view symbol) {
        return fmt::format(R"({{"channel":"{}","instId":"{}"}})", channel, symbol);
    }

    // The server cuts a connection that was silent for 30 s; the text "ping" is answered by "pong".
    static Connection connection(std::string_view path,
                                 const std::vector<std::string_view>& channels,
                                 const std::vector<std::string>& symbols) {
        Connection made{.websocket_path = std::string(path),
                        .keepalive = Connection::Keepalive{"ping", seconds(15)}};
        std::vector<std::string> arguments;
        for (const std::string_view channel : channels)
            for (const std::string& symbol : symbols) {
                arguments.push_back(argument(channel, symbol));
                made.streams.push_back({std::string(channel), symbol});
            }
        for (const auto batch : batches(arguments, arguments_per_request))
            made.subscribe.push_back(request("subscribe", joined(batch)));
        return made;
    }
};

const Registration okx{std::make_unique<Okx>()};

}  // namespace
}  // namespace tape::venues
