// Kraken, spot, WebSocket v2: https://docs.kraken.com/api/docs/websocket-v2/trade
// Times are RFC 3339 and numbers are numbers, read digit by digit. `side` is the taker's, and
// trade_id counts up by one for each pair. The REST interface is older: it says XBT and XDG for
// what is BTC and DOGE here.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "venues/decoder.h"
#include "venues/plan.h"

namespace tape::venues {
namespace {

constexpr std::string_view venue_name = "kraken";
constexpr std::size_t symbols_per_request = 100;
// Between an outage's clock, which is the capture's, and that of the trades.
constexpr Nanos clocks_apart = seconds(2);

constexpr std::array<ChannelName, 2> channel_names = {{{"trades", "trade"}, {"tickers", "ticker"}}};

// "XBT/USD" → "BTC/USD".
std::string todays_name(std::string_view pair) {
    std::string name = fmt::format("/{}/", pair);
    for (const auto& [old, today] : {std::pair("/XBT/", "/BTC/"), std::pair("/XDG/", "/DOGE/")})
        if (const std::size_t at = name.find(old); at != std::string::npos)
            name.replace(at, 5, today);
    return name.substr(1, name.size() - 2);
}

std::string with_separator(std::string_view symbol, char from, char to) {
    std::string name(symbol);
    std::ranges::replace(name, from, to);
    return name;
}

class KrakenDecoder final : public JsonDecoder {
 public:
    KrakenDecoder() : JsonDecoder(venue_name) {}

 private:
    // {"channel":"trade","type":"update","data":[…]}; a snapshot has the last 50 trades.
    void on_frame(json::Document frame, EventSink& out) override {
        json::Object message = frame.object();
        const auto channel = message.find("channel");
        if (!channel) return on_method(message, out);
        if (json::is(channel.text, "trade")) return on_trades(message.objects("data"));
        if (json::is(channel.text, "ticker")) return on_tickers(message.objects("data"));
        if (channel.text != "heartbeat" && channel.text != "status") out.on_unknown(channel.text);
    }

    // {"symbol":"BTC/USD","side":"buy","price":68340.1,"qty":0.01,"ord_type":"market",
    //  "trade_id":501,"timestamp":"2023-11-14T22:13:21.123456Z"}
    void on_trades(json::Elements<json::Object> data) {
        for (json::Object item : data) {
            Tick& trade = tick(TickKind::trade, instrument(item["symbol"]));
            trade.side = json::side(item["side"]);
            const auto price = item["price"];
            trade.size = json::size(item["qty"]);
            trade.price = json::price(price);
            json::assign_identity(trade, item["trade_id"]);
            trade.ts_event = times_.read(item["timestamp"]);
        }
    }

    // https://docs.kraken.com/api/docs/websocket-v2/ticker; the time is newer than most clients.
    void on_tickers(json::Elements<json::Object> data) {
        for (json::Object item : data) {
            Tick& ticker = tick(TickKind::ticker, instrument(item["symbol"]));
            ticker.bid = json::quote(item["bid"]);
            ticker.ask = json::quote(item["ask"]);
            json::assign_last(ticker, item["last"]);
            const auto time = item.find("timestamp");
            ticker.ts_estimated = !time;
            ticker.ts_event = time ? times_.read(time) : ts_recv();
        }
    }

    // {"method":"subscribe","result":{"channel":"trade","snapshot":true,"symbol":"BTC/USD"},
    //  "success":true,"time_in":"…","time_out":"…"}, one for each symbol
    // {"error":"Currency pair not supported XYZ/USD","method":"subscribe","success":false,…}
    void on_method(json::Object& message, EventSink& out) {
        const auto error = message.find("error");
        const std::string_view method = message["method"].text;
        if (error) return out.on_refused(fmt::format("{}: {}", json::clip(method), words(error)));
        if (method == "subscribe") {
            json::Object result = message.object("result");
            const std::string_view channel = result["channel"].text;
            out.on_subscribed(channel, &instrument(result["symbol"]));
        } else if (method != "unsubscribe" && method != "pong") {
            out.on_unknown(method);
        }
    }

    // {"error":[],"result":{…}}
    void on_answer(RestAnswer answer, EventSink& out) override {
        json::Object body = answer.body.object();
        for (const json::Field error : body.values("error"))
            return out.on_refused(fmt::format("{}: {}", answer.path, words(error)));
        if (answer.path.ends_with("/AssetPairs")) return on_pairs(body.object("result"));
        if (answer.path.ends_with("/Trades")) return on_old_trades(answer, body.object("result"));
        out.on_unknown(answer.path);
    }

    // https://docs.kraken.com/api/docs/rest-api/get-tradable-asset-pairs
    // {"XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT/USD",…},…}; hidden pairs have no wsname.
    void on_pairs(json::Object pairs) {
        while (const auto name = pairs.next_name()) {
            json::Object pair = pairs.object(*name);
            const auto written = pair.find("wsname");
            if (!written) continue;
            const std::string native = todays_name(written.text);
            list_instrument({"wsname", native, true}, to_capitals(with_separator(native, '/', '-')),
                            json::is(pair.find("status").text, "online"));
        }
    }

    // https://docs.kraken.com/api/docs/rest-api/get-recent-trades, of the pair that the query
    // names:
    // {"XXBTZUSD":[["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952],…],"last":"…"}
    void on_old_trades(RestAnswer& answer, json::Object result) {
        const std::string native = todays_name(answer.parameter("pair").text);
        const Instrument& pair = instrument({"pair", native, true});
        while (const auto name = result.next_name()) {
            if (*name == "last") {
                static_cast<void>(result[*name]);
                continue;
            }
            for (const json::Elements<json::Field> row : result.rows(*name)) {
                const auto fields = json::first<7>(row);
                Tick& trade = tick(TickKind::trade, pair);
                trade.price = json::price(fields[0]);
                trade.size = json::size(fields[1]);
                trade.ts_event = json::epoch_s(fields[2]);
                trade.side = fields[3].text == "b"   ? Side::buy
                             : fields[3].text == "s" ? Side::sell
                                                     : json::side(fields[3]);
                json::assign_identity(trade, fields[6]);
            }
        }
    }

    json::Rfc3339 times_;
};

class Kraken final : public Venue {
 public:
    std::string_view name() const override { return venue_name; }
    i32 decoder_version() const override { return 2; }
    std::string_view default_websocket(std::string_view) const override {
        return "wss://ws.kraken.com";
    }
    std::string_view default_rest(std::string_view) const override {
        return "https://api.kraken.com";
    }
    std::vector<std::string_view> channels(std::string_view) const override {
        return {"trades", "tickers"};
    }
    IdentityRule identity() const override { return {.consecutive = true}; }
    TickKind kind_of(std::string_view channel) const override {
        return channel.starts_with("ticker") ? TickKind::ticker : TickKind::trade;
    }
    std::unique_ptr<Decoder> make_decoder() const override {
        return std::make_unique<KrakenDecoder>();
    }

    std::vector<RestRequest> instruments(const SourceSpec&) const override {
        return {{.target = "/0/public/AssetPairs"}};
    }

    Result<std::vector<Connection>> plan(const SourceSpec& spec) const override {
        const auto channels = channels_of_spec(venue_name, channel_names, spec);
        if (!channels) return channels.error();
        std::vector<std::string> pairs;
        for (const std::string& symbol : present(spec.symbols))
            pairs.push_back(with_separator(symbol, '-', '/'));
        Connection made{.websocket_path = "/v2"};
        for (const std::string_view channel : *channels) {
            for (const auto batch : batches(pairs, symbols_per_request))
                made.subscribe.push_back(request("subscribe", channel, quoted_list(batch)));
            for (const std::string& pair : pairs)
                made.streams.push_back({std::string(channel), pair});
        }
        return std::vector{std::move(made)};
    }

    std::vector<std::string> resubscribe(const Connection::Stream& stream) const override {
        const std::string pair = quoted_list({&stream.native_symbol, 1});
        return {request("unsubscribe", stream.channel, pair),
                request("subscribe", stream.channel, pair)};
    }

    // https://docs.kraken.com/api/docs/websocket-v2/book:
    // {"channel":"book","type":"update","data":[
    // {"symbol":"BTC/USD","bids":[…],"asks":[…],"checksum":2439117997,"timestamp":"…"}]}
    std::optional<std::string> look_at_book(const Connection& connection) const override {
        const std::string& pair = connection.streams.front().native_symbol;
        return request("subscribe", "book", quoted_list({&pair, 1}));
    }

    // Pages by time, oldest first, at most 1000 trades; without a time, the newest. The pair may be
    // named as the WebSocket does.
    std::optional<RestRequest> backfill(const SourceSpec&, const Missing& missing) const override {
        if (missing.channel != "trade") return std::nullopt;
        RestRequest made{.target = fmt::format("/0/public/Trades?pair={}", missing.native_symbol)};
        if (missing.to_id)
            made.target +=
                fmt::format("&since={}", std::max<i64>((missing.from_ts - clocks_apart).count, 0));
        return made;
    }
    // https://support.kraken.com/articles/206548367-what-are-the-api-rate-limits-: once a second.
    RestBudget rest_budget() const override { return {.weight = 1, .per = seconds(1)}; }
    // https://docs.kraken.com/api/docs/guides/spot-ws-intro: about 150 in ten minutes.
    RestBudget connect_budget() const override { return {.weight = 150, .per = seconds(600)}; }

 private:
    static std::string request(std::string_view method, std::string_view channel,
                               std::string_view pairs) {
        const bool trades = channel == "trade" && method == "subscribe";
        return fmt::format(R"({{"method":"{}","params":{{"channel":"{}","symbol":[{}]{}}}}})",
                           method, channel, pairs, trades ? R"(,"snapshot":true)" : "");
    }
};

const Registration kraken{std::make_unique<Kraken>()};

}  // namespace
}  // namespace tape::venues
