// Binance, spot streams:
// https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
// Streams are named in the path, in the query, or by requests. Events are bare on /ws and wrapped
// with their stream's name on /stream. A stream that does not exist is acknowledged and mute.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "sim/binance_events.h"
#include "sim/binance_rest.h"
#include "sim/sim_venue.h"

namespace tape::sim {
namespace {

constexpr auto spot = Listing::Type::spot;
constexpr std::array<Listing, 14> binance_listings = {{
    {"BTCUSDT", "BTC", "USDT", spot, 6'800'000, 2, 1'500, 5, 20},
    {"ETHUSDT", "ETH", "USDT", spot, 250'000, 2, 4'000, 4, 16},
    {"SOLUSDT", "SOL", "USDT", spot, 17'000, 2, 6'000, 3, 12},
    {"XRPUSDT", "XRP", "USDT", spot, 22'000, 4, 4'000, 1, 1},
    {"DOGEUSDT", "DOGE", "USDT", spot, 16'000, 5, 3'000, 0, 1},
    {"ADAUSDT", "ADA", "USDT", spot, 6'500, 4, 8'000, 1, 1},
    {"LTCUSDT", "LTC", "USDT", spot, 8'400, 2, 5'000, 3, 1},
    {"LINKUSDT", "LINK", "USDT", spot, 1'420, 2, 3'000, 2, 1},
    {"AVAXUSDT", "AVAX", "USDT", spot, 2'650, 2, 2'000, 2, 1},
    {"DOTUSDT", "DOT", "USDT", spot, 4'300, 3, 10'000, 2, 1},
    {"BCHUSDT", "BCH", "USDT", spot, 38'000, 2, 200, 3, 1},
    {"UNIUSDT", "UNI", "USDT", spot, 8'100, 3, 4'000, 2, 1},
    {"ATOMUSDT", "ATOM", "USDT", spot, 4'600, 3, 9'000, 2, 1},
    {"TRXUSDT", "TRX", "USDT", spot, 16'000, 5, 25'000, 1, 1},
}};

constexpr Nanos ping_interval = seconds(20), connection_life = seconds(86'400);
constexpr Nanos warning = seconds(600);  // Of the end of a connection.
constexpr std::size_t streams_max = 1'024;

enum class Channel : u8 { trade, aggregate, ticker, mini_ticker, book_ticker, kline };
struct ChannelInfo {
    std::string_view name;
    Channel channel;
};
constexpr std::array<ChannelInfo, 5> channels = {{{"trade", Channel::trade},
                                                  {"aggTrade", Channel::aggregate},
                                                  {"ticker", Channel::ticker},
                                                  {"miniTicker", Channel::mini_ticker},
                                                  {"bookTicker", Channel::book_ticker}}};
constexpr std::string_view kline_prefix = "kline_";
constexpr Nanos longest_kline = seconds(3'600);

struct Stream {
    std::string name;
    const TradeSequence* trades = nullptr;  // Null: it does not exist.
    Channel channel{};
    i64 sent = 0;  // The last trade (or aggregate) that was looked at.
    Nanos next{};  // When it may send again, of those that send at intervals.
    const Interval* interval = nullptr;
    Kline kline{};
};

class BinanceSession final : public Session {
 public:
    BinanceSession(bool combined, TimeUnit unit, const Market& market, Nanos now)
        : combined_(combined), unit_(unit), market_(market), connected_(now), pinged_(now) {}

    /// Names that a slash parts.
    void subscribe_all(std::string_view names, Nanos now) {
        while (!names.empty()) {
            const std::size_t slash = std::min(names.find('/'), names.size());
            if (slash > 0) subscribe(names.substr(0, slash), now);
            names.remove_prefix(std::min(slash + 1, names.size()));
        }
    }

    void on_text(std::string_view text, Nanos now, Outbox& out) override {
        const nlohmann::json request = nlohmann::json::parse(text, nullptr, false);
        if (request.is_discarded())
            return refuse(3, "Invalid JSON: expected value at line 1 column 1", out);
        if (!request.is_object()) return refuse(2, "Invalid request: expected an object", out);
        const auto id = request.find("id");
        if (id == request.end() || !is_id(*id))
            return refuse(2, "Invalid request: request ID must be an unsigned integer", out);
        const auto method = request.find("method");
        if (method == request.end() || !method->is_string())
            return refuse(2,
                          fmt::format("Invalid request: missing field `method` at line 1 column {}",
                                      text.size()),
                          out);
        const nlohmann::json parameters = request.value("params", nlohmann::json::array());
        answer(method->get<std::string>(), parameters, id->dump(), now, out);
        if (streams_.size() > streams_max) out.close = {1008, "Too many streams"};
    }

    void advance(Nanos now, Outbox& out) override {
        if (now - pinged_ >= ping_interval) {
            pinged_ = now;
            out.ping = true;
        }
        for (Stream& stream : streams_)
            if (stream.trades) send_due(stream, now, out);
        if (now - connected_ >= connection_life - warning && !warned_) announce_end(now, out);
        if (now - connected_ >= connection_life) out.close = {1000, ""};
    }

    void announce_end(Nanos now, Outbox& out) override {
        warned_ = true;
        out.frames.push_back(fmt::format(R"({{"e":"serverShutdown","E":{}}})",
                                         binance_time(market_.stamp(now), unit_)));
    }

 private:
    static bool is_id(const nlohmann::json& id) {
        constexpr std::size_t length_max = 36;
        return id.is_null() || id.is_number_integer() ||
               (id.is_string() && id.get<std::string>().size() <= length_max);
    }

    static void refuse(int code, std::string_view why, Outbox& out) {
        out.frames.push_back(fmt::format(R"({{"code":{},"msg":{}}})", code, json_quoted(why)));
    }

    void answer(const std::string& method, const nlohmann::json& parameters, const std::string& id,
                Nanos now, Outbox& out) {
        std::string result = "null";
        if (method == "SUBSCRIBE" || method == "UNSUBSCRIBE") {
            for (const nlohmann::json& name : parameters) {
                if (!name.is_string())
                    return refuse(2, "Invalid request: stream name must be a string", out);
                if (method == "SUBSCRIBE")
                    subscribe(name.get<std::string>(), now);
                else
                    std::erase_if(streams_, [&](const Stream& one) { return name == one.name; });
            }
        } else if (method == "LIST_SUBSCRIPTIONS") {
            nlohmann::json names = nlohmann::json::array();
            for (const Stream& stream : streams_) names.push_back(stream.name);
            result = names.dump();
        } else if (method == "SET_PROPERTY" || method == "GET_PROPERTY") {
            if (!parameters.is_array() || parameters.empty() || !parameters[0].is_string())
                return refuse(2, "Invalid request: property name must be a string", out);
            if (parameters[0] != "combined") {
                out.frames.push_back(
                    fmt::format(R"({{"code":0,"msg":"Unknown property","id":{}}})", id));
                return;
            }
            if (method == "GET_PROPERTY") {
                result = combined_ ? "true" : "false";
            } else {
                if (parameters.size() < 2 || !parameters[1].is_boolean())
                    return refuse(1, "Invalid value type: expected Boolean", out);
                combined_ = parameters[1].get<bool>();
            }
        } else {
            return refuse(2,
                          fmt::format("Invalid request: unknown variant `{}`, expected one of "
                                      "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, "
                                      "`SET_PROPERTY`, `GET_PROPERTY` at line 1 column {}",
                                      method, method.size() + 13),
                          out);
        }
        out.frames.push_back(fmt::format(R"({{"result":{},"id":{}}})", result, id));
    }

    void subscribe(std::string_view name, Nanos now) {
        if (std::ranges::find(streams_, name, &Stream::name) != streams_.end()) return;
        Stream& stream = streams_.emplace_back(Stream{.name = std::string(name), .next = now});
        const std::size_t at = std::min(name.find('@'), name.size());
        const std::string_view channel = name.substr(std::min(at + 1, name.size()));
        const auto info = std::ranges::find(channels, channel, &ChannelInfo::name);
        if (info != channels.end())
            stream.channel = info->channel;
        else if (channel.starts_with(kline_prefix))
            stream.interval = find_interval(channel.substr(kline_prefix.size()));
        if (stream.interval && stream.interval->size > longest_kline) return;
        if (info == channels.end() && !stream.interval) return;
        std::string symbol(name.substr(0, at));
        if (std::ranges::any_of(symbol, [](char c) { return c >= 'A' && c <= 'Z'; })) return;
        std::ranges::transform(symbol, symbol.begin(), [](char c) {
            return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        });
        stream.trades = market_.find(symbol);
        if (!stream.trades) return;
        stream.sent = stream.channel == Channel::aggregate ? last_aggregate_at(*stream.trades, now)
                                                           : stream.trades->last_at(now);
        if (stream.interval) {
            stream.channel = Channel::kline;
            stream.kline = empty_kline(*stream.trades, floor_to(now, stream.interval->size));
        }
    }

    void send_due(Stream& stream, Nanos now, Outbox& out) const {
        const TradeSequence& trades = *stream.trades;
        const i64 last = trades.last_at(now);
        switch (stream.channel) {
            case Channel::trade:
                while (stream.sent < last)
                    if (trades.on_socket(++stream.sent))
                        send(stream, out, append_trade_event, stream.sent);
                break;
            case Channel::book_ticker:
                while (stream.sent < last) send(stream, out, append_book_event, ++stream.sent);
                break;
            case Channel::aggregate:
                for (const i64 newest = last_aggregate_at(trades, now); stream.sent < newest;)
                    if (all_fills(trades, ++stream.sent, &TradeSequence::on_socket))
                        send(stream, out, append_aggregate_event, stream.sent);
                break;
            case Channel::kline:
                send_klines(stream, now, out);
                break;
            case Channel::ticker:
            case Channel::mini_ticker:
                if (now < stream.next || stream.sent >= last) break;
                stream.next = now + seconds(1);
                stream.sent = last;
                if (stream.channel == Channel::ticker)
                    send(stream, out, append_ticker_event, last, now);
                else
                    send(stream, out, append_mini_ticker_event, last, now);
        }
    }

    template <class Append, class... Arguments>
    void send(const Stream& stream, Outbox& out, Append append, Arguments... arguments) const {
        std::string& frame = out.frames.emplace_back();
        frame.reserve(320);
        if (combined_) frame += fmt::format(R"({{"stream":"{}","data":)", stream.name);
        append(frame, *stream.trades, unit_, arguments...);
        if (combined_) frame += '}';
    }

    // The last word on a candle that is over, then what there is of the one that lasts.
    void send_klines(Stream& stream, Nanos now, Outbox& out) const {
        const TradeSequence& trades = *stream.trades;
        const Nanos size = stream.interval->size;
        const Nanos start = floor_to(now, size);
        if (start > stream.kline.start) {
            extend(stream.kline, trades, trades.last_at(stream.kline.start + size - Nanos{1}));
            if (stream.kline.last >= stream.kline.first)
                send(stream, out, append_kline_event,
                     KlineEvent{stream.kline, *stream.interval, start, true});
            stream.kline = empty_kline(trades, start);
            stream.sent = stream.kline.last;
        }
        if (now < stream.next || trades.last_at(now) <= stream.sent) return;
        stream.next = now + (size == seconds(1) ? seconds(1) : seconds(2));
        extend(stream.kline, trades, trades.last_at(now));
        stream.sent = stream.kline.last;
        send(stream, out, append_kline_event,
             KlineEvent{stream.kline, *stream.interval, now, false});
    }

    bool combined_;
    const TimeUnit unit_;
    const Market& market_;
    const Nanos connected_;
    Nanos pinged_;
    bool warned_ = false;
    std::vector<Stream> streams_;
};

class Binance final : public SimVenue {
 public:
    std::string_view name() const override { return "binance"; }
    std::span<const Listing> listings() const override { return binance_listings; }
    std::unique_ptr<Session> connect(const net::Request& request, const Market& market,
                                     Nanos now) const override {
        const bool combined = request.path == "/stream";
        const bool raw = request.path == "/ws" || request.path.starts_with("/ws/");
        if (!combined && !raw) return nullptr;
        const std::string unit = request.parameter("timeUnit").value_or("");
        auto session = std::make_unique<BinanceSession>(
            combined,
            unit == "MICROSECOND" || unit == "microsecond" ? TimeUnit::microseconds
                                                           : TimeUnit::milliseconds,
            market, now);
        session->subscribe_all(combined ? request.parameter("streams").value_or("")
                                        : request.path.substr(std::string_view("/ws").size()),
                               now);
        return session;
    }
    net::Response answer(const net::Request& request, const Market& market,
                         Nanos now) const override {
        return binance_answer(request, market, now);
    }
    // https://developers.binance.com/docs/binance-spot-api-docs/errors
    std::string too_many_requests(const Throttled& throttled) const override {
        if (throttled.banned)
            return fmt::format(
                R"({{"code":-1003,"msg":"Way too much request weight used; IP banned until {}. Please use WebSocket )"
                R"(Streams for live updates to avoid bans."}})",
                throttled.until.millis());
        return R"({"code":-1003,"msg":"Too much request weight used; current limit is 6000 request weight per 1 )"
               R"(MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."})";
    }
};

const Registration binance{std::make_unique<Binance>()};

}  // namespace
}  // namespace tape::sim
