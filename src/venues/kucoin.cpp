// KuCoin, spot: https://www.kucoin.com/docs-new/websocket-api/base-info/introduction
// Trades bear nanoseconds, tickers milliseconds. `side` is the taker's. A trade's identity is its
// `sequence`, which grows but is not consecutive, because /market/histories knows no tradeId.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "venues/decoder.h"
#include "venues/pending.h"
#include "venues/plan.h"

namespace tape::venues {
namespace {

constexpr std::string_view venue_name = "kucoin";

// A subscription names at most 100 topics, a connection carries at most 300, and takes at most 100
// messages in 10 s.
constexpr std::size_t symbols_per_request = 100;
constexpr std::size_t topics_per_connection = 300;
constexpr Nanos between_requests = millis(100);
// A token, and with it the connection, lives 24 hours.
constexpr Nanos connection_age = seconds(23 * 3'600);

constexpr std::array<ChannelName, 3> channel_names = {
    {{"trades", "match"}, {"tickers", "ticker"}, {"all_tickers", "all_tickers"}}};

// "/market/match:BTC-USDT" → "match" and "BTC-USDT"; the channel is empty where it is another's.
struct Topic {
    explicit Topic(std::string_view text) {
        constexpr std::string_view prefix = "/market/";
        const std::size_t colon = std::min(text.find(':'), text.size());
        if (!text.starts_with(prefix) || colon < prefix.size()) return;
        channel = text.substr(prefix.size(), colon - prefix.size());
        symbols = text.substr(std::min(colon + 1, text.size()));
        symbols.remove_prefix(std::min(symbols.find_first_not_of(' '), symbols.size()));
    }
    std::string_view channel, symbols;
};

class KucoinDecoder final : public JsonDecoder {
 public:
    KucoinDecoder() : JsonDecoder(venue_name) {}

 private:
    // {"topic":"/market/match:BTC-USDT","type":"message","subject":"trade.l3match","data":{…}}
    void on_frame(json::Document frame, EventSink& out) override {
        json::Object message = frame.object();
        const auto topic = message.find("topic");
        if (!topic) return on_control_frame(message, out);
        const auto [channel, symbols] = Topic(topic.text);
        if (channel == "match") return on_match(message.object("data"));
        if (channel == "ticker") return on_ticker(message, {"topic", symbols, true});
        if (channel == "candles") return on_candles(message.object("data"), symbols, out);
        out.on_unknown(channel.empty() ? topic.text : channel);
    }

    // {"id":"1","type":"ack"}, {"id":"1","type":"error","code":404,"data":"topic … is not found"}
    void on_control_frame(json::Object& message, EventSink& out) {
        const auto type = message.find("type");
        if (!type) return on_unified(message, out);
        if (type.text == "welcome" || type.text == "pong") return;
        if (type.text == "ack") return on_acknowledged(message["id"], out);
        if (type.text != "error") return out.on_unknown(type.text);
        if (const auto id = message.find("id")) static_cast<void>(pending_.take(id.text));
        const auto code = message.find("code"), data = message.find("data");
        out.on_refused(fmt::format("error {}: {}", words(code), words(data)));
    }

    void on_acknowledged(const json::Field& id, EventSink& out) {
        const auto streams = pending_.take(id.text);
        if (!streams) return out.on_unknown("ack");
        for (const Connection::Stream& stream : *streams)
            out.on_subscribed(stream.channel, &instrument({"symbol", stream.native_symbol, true}));
    }

    // https://www.kucoin.com/docs/websocket/spot-trading/public-channels/match-execution-data
    void on_match(json::Object data) {
        const auto symbol = data["symbol"];
        Tick& trade = tick(TickKind::trade, instrument(symbol));
        on_trade(data, trade);
        json::assign_id(trade, data["tradeId"]);
    }

    // What frames and /market/histories have in common.
    static void on_trade(json::Object& data, Tick& trade) {
        const json::Field sequence = data["sequence"];
        trade.identity = json::number(sequence);
        trade.sequence = json::sequence(sequence);
        trade.price = json::price(data["price"]);
        trade.size = json::size(data["size"]);
        trade.side = json::side(data["side"]);
        trade.ts_event = json::epoch_ns(data["time"]);
    }

    // https://www.kucoin.com/docs/websocket/spot-trading/public-channels/ticker
    // Of the topic "all", the subject names the symbol.
    void on_ticker(json::Object& message, json::Field symbol) {
        if (symbol.text == "all") symbol = message["subject"];
        json::Object data = message.object("data");
        on_level1(data, tick(TickKind::ticker, instrument(symbol)));
    }

    // /market/orderbook/level1 answers the same.
    static void on_level1(json::Object& data, Tick& ticker) {
        if (const auto sequence = data.find("sequence")) ticker.sequence = json::sequence(sequence);
        json::assign_last(ticker, data.find("price"));
        if (const auto size = data.find("size")) ticker.size = json::size(size);
        ticker.bid = json::quote(data.find("bestBid"));
        ticker.ask = json::quote(data.find("bestAsk"));
        ticker.ts_event = json::epoch_ms(data["time"]);
    }

    // https://www.kucoin.com/docs-new/3470071w0, the topic being /market/candles:BTC-USDT_1min
    void on_candles(json::Object data, std::string_view topic, EventSink& out) {
        const std::size_t bar = topic.rfind('_');
        const auto size = json::candle_size(topic.substr(std::min(bar, topic.size() - 1) + 1));
        if (bar == std::string_view::npos || !size) return out.on_unknown("candles");
        const Instrument& named = instrument(data["symbol"]);
        const auto fields = json::first<6>(data.values("candles"));
        on_candle(fields, named, *size, json::epoch_ns(data["time"]));
    }

    // Start, open, close, high, low, volume.
    void on_candle(const std::array<json::Field, 6>& fields, const Instrument& of, Nanos size,
                   Nanos now) {
        Candle& made = candle(of, size, json::epoch_s(fields[0]),
                              {.open = fields[1],
                               .high = fields[3],
                               .low = fields[4],
                               .close = fields[2],
                               .volume = fields[5]});
        made.closed = made.open_time + size <= now;
    }

    // The unified protocol, which is not subscribed to but decoded all the same:
    // {"T":"trade.SPOT","P":1768802538491160904,"d":{"E":…,"M":…,"S":"sell","p":…,"q":…,"s":…}}
    void on_unified(json::Object& message, EventSink& out) {
        const auto type = message.find("T");
        if (!type) {
            const bool accepted = message["result"].text == "true";
            return accepted ? out.on_unknown("result") : out.on_refused("result: false");
        }
        const bool trade = type.text == "trade.SPOT";
        if (!trade && type.text != "ticker.SPOT") return out.on_unknown(type.text);
        json::Object data = message.object("d");
        Tick& made = tick(trade ? TickKind::trade : TickKind::ticker, instrument(data["s"]));
        made.sequence = json::sequence(data["E"]);
        made.ts_event = json::epoch_ns(data["M"]);
        made.side = json::side(data["S"]);
        made.size = json::size(data["q"]);
        made.price = json::price(data[trade ? "p" : "l"]);
        if (trade) {
            json::assign_id(made, data["ti"]);
            made.identity = json::number(data["E"]);
        } else {
            made.ask = json::quote(data.find("a"));
            made.bid = json::quote(data.find("b"));
        }
    }

    void on_answer(RestAnswer answer, EventSink& out) override {
        json::Object body = answer.body.object();
        const std::string_view code = body["code"].text;
        if (code != "200000") {
            const auto what = body.find("msg");
            return out.on_refused(
                fmt::format("{}: {} {}", answer.path, json::clip(code), words(what)));
        }
        if (answer.path.ends_with("/symbols")) return on_symbols(body.objects("data"));
        if (answer.path.ends_with("/market/histories"))
            return on_histories(body.objects("data"), answer);
        if (answer.path.ends_with("/market/allTickers")) return on_all(body.object("data"));
        if (answer.path.ends_with("/market/orderbook/level1")) {
            json::Object data = body.object("data");
            return on_level1(data, tick(TickKind::poll, instrument(answer.parameter("symbol"))));
        }
        if (answer.path.ends_with("/market/candles"))
            return on_candle_list(body.rows("data"), answer, out);
        if (!answer.path.ends_with("/bullet-public")) out.on_unknown(answer.path);
    }

    // https://www.kucoin.com/docs/rest/spot-trading/market-data/get-symbols-list
    void on_symbols(json::Elements<json::Object> data) {
        for (json::Object item : data) {
            const json::Field symbol = item["symbol"];
            const json::Field base = item["baseCurrency"], quote = item["quoteCurrency"];
            list_pair(symbol, base, quote, json::is(item.find("enableTrading").text, "true"));
        }
    }

    // https://www.kucoin.com/docs/rest/spot-trading/market-data/get-trade-histories
    // The last 100 trades of the symbol that the query names.
    void on_histories(json::Elements<json::Object> data, const RestAnswer& answer) {
        const Instrument& named = instrument(answer.parameter("symbol"));
        for (json::Object item : data) on_trade(item, tick(TickKind::trade, named));
    }

    // All symbols as they were at one time. What was never traded has no last price.
    void on_all(json::Object data) {
        const Nanos time = json::epoch_ms(data["time"]);
        for (json::Object item : data.objects("ticker")) {
            const json::Field symbol = item["symbol"];
            const auto buy = item.find("buy"), sell = item.find("sell"), last = item.find("last");
            const auto price = json::quote(last);
            if (!price) continue;
            Tick& poll = tick(TickKind::poll, instrument(symbol));
            poll.price = price;
            poll.bid = json::quote(buy);
            poll.ask = json::quote(sell);
            poll.ts_event = time;
        }
    }

    void on_candle_list(json::Rows rows, const RestAnswer& answer, EventSink& out) {
        const auto size = json::candle_size(answer.parameter("type").text);
        if (!size) return out.on_unknown("candles");
        const Instrument& named = instrument(answer.parameter("symbol"));
        for (const json::Elements<json::Field> row : rows)
            on_candle(json::first<6>(row), named, *size, ts_recv());
    }

    // {"id":"1","type":"subscribe","topic":"/market/match:BTC-USDT,ETH-USDT","response":true}
    void on_sent(json::Document text) override {
        json::Object request = text.object();
        const json::Field id = request["id"];
        const std::string_view type = request["type"].text;
        if (type != "subscribe" && type != "unsubscribe") return;
        std::vector<Connection::Stream> streams;
        const auto [channel, symbols] = Topic(request["topic"].text);
        for (std::string_view rest = symbols; type == "subscribe" && !rest.empty();) {
            const std::string_view symbol = rest.substr(0, rest.find(','));
            rest.remove_prefix(std::min(symbol.size() + 1, rest.size()));
            if (channel == "match" || channel == "ticker")
                streams.push_back({std::string(channel), std::string(symbol)});
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

class Kucoin final : public Venue {
 public:
    std::string_view name() const override { return venue_name; }
    i32 decoder_version() const override { return 2; }
    // The token's answer says where to connect.
    std::string_view default_websocket(std::string_view) const override {
        return "wss://ws-api-spot.kucoin.com";
    }
    std::string_view default_rest(std::string_view) const override {
        return "https://api.kucoin.com";
    }
    std::vector<std::string_view> channels(std::string_view) const override {
        return {"trades", "tickers", "all_tickers"};
    }
    IdentityRule identity() const override { return {.consecutive = false}; }
    TickKind kind_of(std::string_view channel) const override {
        if (channel == "all_tickers") return TickKind::poll;
        return channel == "ticker" || channel == "tickers" ? TickKind::ticker : TickKind::trade;
    }
    std::unique_ptr<Decoder> make_decoder() const override {
        return std::make_unique<KucoinDecoder>();
    }

    std::vector<RestRequest> instruments(const SourceSpec&) const override {
        return {{.target = "/api/v2/symbols", .weight = 4}};
    }

    // A symbol's channels share a connection, and polling has one of its own.
    Result<std::vector<Connection>> plan(const SourceSpec& spec) const override {
        auto channels = channels_of_spec(venue_name, channel_names, spec);
        if (!channels) return channels.error();
        const bool polled = std::erase(*channels, "all_tickers") > 0;
        std::vector<Connection> connections;
        if (!channels->empty())
            for (const auto batch : batches(spec.symbols, topics_per_connection / channels->size()))
                connections.push_back(connection(*channels, present(batch)));
        if (polled)
            connections.push_back({.streams = {{"all_tickers", ""}},
                                   .polls = {{.target = "/api/v1/market/allTickers", .weight = 15}},
                                   .poll_interval = spec.interval});
        return connections;
    }

    // https://www.kucoin.com/docs-new/websocket-api/base-info/get-public-token-spot-margin
    // {"code":"200000","data":{"token":"…","instanceServers":[{"endpoint":"wss://…","pingInterval":18000,…}]}}
    Result<Admission> admit(std::string_view answer, std::string_view id) const override {
        try {
            const auto body = nlohmann::json::parse(answer);
            if (body.at("code") != "200000")
                return external_error(fmt::format("kucoin: no token: {}", json::clip(answer)));
            const nlohmann::json& server = body.at("data").at("instanceServers").at(0);
            return Admission{
                .websocket = fmt::format("{}?token={}&connectId={}",
                                         server.at("endpoint").get<std::string>(),
                                         body.at("data").at("token").get<std::string>(), id),
                .ping_interval = ping_interval(server.at("pingInterval").get<i64>())};
        } catch (const nlohmann::json::exception&) {
            return external_error(
                fmt::format("kucoin: no answer with a token: {}", json::clip(answer)));
        }
    }
    // {"id":"hQvf8jkno","type":"welcome"}
    bool is_welcome(std::string_view frame) const override {
        const auto message = nlohmann::json::parse(frame, nullptr, false);
        return message.is_object() && message.contains("type") && message["type"] == "welcome";
    }

    std::vector<std::string> resubscribe(const Connection::Stream& stream) const override {
        return {fmt::format(R"({{"id":"again","type":"unsubscribe","topic":"/market/{}:{}",)"
                            R"("response":true}})",
                            stream.channel, stream.native_symbol),
                request("again", stream.channel, stream.native_symbol)};
    }

    // The last 100 trades are all there is.
    std::optional<RestRequest> backfill(const SourceSpec&, const Missing& missing) const override {
        if (missing.channel != "match") return std::nullopt;
        return RestRequest{
            .target = fmt::format("/api/v1/market/histories?symbol={}", missing.native_symbol),
            .weight = 3};
    }
    // https://www.kucoin.com/docs-new/rate-limit: the pool of public endpoints.
    RestBudget rest_budget() const override { return {.weight = 2'000, .per = seconds(30)}; }
    RestBudget connect_budget() const override { return {.weight = 30, .per = seconds(60)}; }

 private:
    // Whatever the answer says, neither without pause nor never.
    static Nanos ping_interval(i64 written_ms) {
        return millis(std::clamp<i64>(written_ms, 1'000, 60'000));
    }

    static std::string request(std::string_view id, std::string_view channel,
                               std::string_view symbols) {
        return fmt::format(
            R"({{"id":"{}","type":"subscribe","topic":"/market/{}:{}","response":true}})", id,
            channel, symbols);
    }

    static Connection connection(const std::vector<std::string_view>& channels,
                                 std::span<const std::string> symbols) {
        Connection made{
            .token = RestRequest{.method = "POST", .target = "/api/v1/bullet-public", .weight = 10},
            .welcome = true,
            .subscribe_interval = between_requests,
            .replace_after = connection_age,
            .keepalive =
                Connection::Keepalive{R"({"id":"alive","type":"ping"})", seconds(18), true}};
        for (const std::string_view channel : channels) {
            for (const auto batch : batches(symbols, symbols_per_request))
                made.subscribe.push_back(
                    request(fmt::format("{}", made.subscribe.size() + 1), channel, joined(batch)));
            for (const std::string& symbol : symbols)
                made.streams.push_back({std::string(channel), symbol});
        }
        return made;
    }
};

const Registration kucoin{std::make_unique<Kucoin>()};

}  // namespace
}  // namespace tape::venues
