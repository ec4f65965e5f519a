// Kraken spot, WebSocket v2: https://docs.kraken.com/api/docs/websocket-v2/trade, /ticker and /book
// A status message at once, one acknowledgement a symbol, a heartbeat each second in which nothing
// else is sent. The fills of one order come in one message.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "sim/kraken_rest.h"
#include "sim/quotes.h"
#include "sim/text.h"

namespace tape::sim {
namespace {

constexpr auto spot = Listing::Type::spot;
constexpr std::array<Listing, 14> kraken_listings = {{
    {"BTC/USD", "BTC", "USD", spot, 680'000, 1, 1'500'000, 8, 20},
    {"ETH/USD", "ETH", "USD", spot, 250'000, 2, 40'000'000, 8, 16},
    {"SOL/USD", "SOL", "USD", spot, 17'000, 2, 600'000'000, 8, 12},
    {"XRP/USD", "XRP", "USD", spot, 220'000, 5, 40'000'000'000, 8, 1},
    {"DOGE/USD", "DOGE", "USD", spot, 1'600'000, 7, 300'000'000'000, 8, 1},
    {"ADA/USD", "ADA", "USD", spot, 650'000, 6, 80'000'000'000, 8, 1},
    {"LTC/USD", "LTC", "USD", spot, 8'400, 2, 500'000'000, 8, 1},
    {"LINK/USD", "LINK", "USD", spot, 1'420'000, 5, 3'000'000'000, 8, 1},
    {"AVAX/USD", "AVAX", "USD", spot, 2'650, 2, 2'000'000'000, 8, 1},
    {"DOT/USD", "DOT", "USD", spot, 43'000, 4, 10'000'000'000, 8, 1},
    {"BCH/USD", "BCH", "USD", spot, 38'000, 2, 20'000'000, 8, 1},
    {"UNI/USD", "UNI", "USD", spot, 8'100, 3, 4'000'000'000, 8, 1},
    {"ATOM/USD", "ATOM", "USD", spot, 46'000, 4, 9'000'000'000, 8, 1},
    {"TRX/USD", "TRX", "USD", spot, 160'000, 6, 250'000'000'000, 8, 1},
}};

constexpr i64 snapshot_trades = 50;
constexpr Nanos heartbeat_interval = seconds(1);
constexpr Nanos silence_limit = seconds(60);  // Without a subscription or a word of the client.

constexpr Nanos book_interval = millis(100);
constexpr std::array<i64, 5> book_depths = {10, 25, 100, 500, 1'000};

enum class Channel : u8 { trade, ticker, book };
struct ChannelInfo {
    std::string_view name;
    Channel channel;
};
constexpr std::array<ChannelInfo, 3> channels = {
    {{"trade", Channel::trade}, {"ticker", Channel::ticker}, {"book", Channel::book}}};

struct Subscription {
    Channel channel;
    const TradeSequence* trades;
    i64 sent;  // The last trade that was looked at.
    std::optional<BookFeed> book;
    bool with_snapshot;  // Of a book.
};

class KrakenSession final : public Session {
 public:
    KrakenSession(const Market& market, Nanos now) : market_(market), heard_(now), sent_(now) {}

    void on_text(std::string_view text, Nanos now, Outbox& out) override {
        greet(now, out);
        heard_ = now;
        const nlohmann::json request = nlohmann::json::parse(text, nullptr, false);
        if (!request.is_object()) return refuse({}, "", "Malformed request", now, out);
        const nlohmann::json method = request.value("method", nlohmann::json());
        if (method == "ping")
            out.frames.push_back(
                fmt::format(R"({{"method":"pong"{},{}}})", request_id(request), times(now)));
        else if (method == "subscribe" || method == "unsubscribe")
            change(request, method == "subscribe", now, out);
        else
            refuse(request, "", "Method not found", now, out);
    }

    void advance(Nanos now, Outbox& out) override {
        const std::size_t before = out.frames.size();
        greet(now, out);
        for (Subscription& subscription : subscriptions_) send_due(subscription, now, out);
        if (out.frames.size() > before) {
            sent_ = now;
        } else if (!subscriptions_.empty() && now - sent_ >= heartbeat_interval) {
            sent_ = now;
            out.frames.emplace_back(R"({"channel":"heartbeat"})");
        }
        if (subscriptions_.empty() && now - heard_ > silence_limit)
            out.close = {1000, "inactivity"};
    }

 private:
    void greet(Nanos now, Outbox& out) {
        if (std::exchange(greeted_, true)) return;
        out.frames.push_back(fmt::format(
            R"({{"channel":"status","data":[{{"api_version":"v2","connection_id":{},"system":"online",)"
            R"("version":"2.0.10"}}],"type":"update"}})",
            static_cast<u64>(now.count)));
    }

    // When a request came and was answered.
    std::string times(Nanos now) const {
        const std::string time = time_text(market_.stamp(now), 6);
        return fmt::format(R"("time_in":"{}","time_out":"{}")", time, time);
    }
    static std::string request_id(const nlohmann::json& request) {
        const auto id = request.is_object() ? request.find("req_id") : request.end();
        if (id == request.end() || !id->is_number_integer()) return "";
        return fmt::format(R"(,"req_id":{})", id->dump());
    }

    void refuse(const nlohmann::json& request, std::string_view symbol, std::string_view why,
                Nanos now, Outbox& out) const {
        const auto method = request.is_object() ? request.find("method") : request.end();
        out.frames.push_back(fmt::format(
            R"({{"error":{}{}{},"success":false{},{}}})", json_quoted(why),
            method != request.end() && method->is_string()
                ? fmt::format(R"(,"method":{})", method->dump())
                : "",
            request_id(request),
            symbol.empty() ? "" : fmt::format(R"(,"symbol":{})", json_quoted(symbol)), times(now)));
    }

    void change(const nlohmann::json& request, bool subscribing, Nanos now, Outbox& out) {
        const nlohmann::json parameters = request.value("params", nlohmann::json::object());
        if (!parameters.is_object())
            return refuse(request, "", "Params field must be an object", now, out);
        const auto channel = parameters.find("channel");
        if (channel == parameters.end())
            return refuse(request, "", "Channel field missing", now, out);
        const auto info = std::ranges::find_if(
            channels, [&](const ChannelInfo& one) { return *channel == one.name; });
        if (info == channels.end())
            return refuse(request, "", "Subscription name invalid", now, out);
        const auto symbols = parameters.find("symbol");
        if (symbols == parameters.end() || !symbols->is_array() || symbols->empty())
            return refuse(request, "", "Symbol(s) not found", now, out);
        for (const nlohmann::json& symbol : *symbols) {
            const std::string name = symbol.is_string() ? symbol.get<std::string>() : symbol.dump();
            const TradeSequence* trades = market_.find(name);
            if (!trades)
                refuse(request, name, fmt::format("Currency pair not supported {}", name), now,
                       out);
            else if (subscribing && info->channel == Channel::book)
                subscribe_book(request, *trades, now, out);
            else if (subscribing)
                subscribe(request, info->channel, *trades, now, out);
            else
                unsubscribe(request, info->channel, *trades, now, out);
        }
    }

    auto find(Channel channel, const TradeSequence& trades) {
        return std::ranges::find_if(subscriptions_, [&](const Subscription& one) {
            return one.channel == channel && one.trades == &trades;
        });
    }

    void subscribe(const nlohmann::json& request, Channel channel, const TradeSequence& trades,
                   Nanos now, Outbox& out) {
        if (find(channel, trades) != subscriptions_.end())
            return refuse(request, trades.symbol(), "Already subscribed", now, out);
        const nlohmann::json& parameters = request.at("params");
        // What is not said: tickers begin with one, trades do not.
        const nlohmann::json wish = parameters.value("snapshot", nlohmann::json());
        const bool snapshot = wish.is_boolean() ? wish.get<bool>() : channel == Channel::ticker;
        acknowledge(request, "subscribe",
                    fmt::format(R"("channel":"{}",{}"snapshot":{},"symbol":"{}")", name_of(channel),
                                channel == Channel::ticker ? R"("event_trigger":"trades",)" : "",
                                snapshot, trades.symbol()),
                    now, out);
        const i64 last = trades.last_at(now);
        Subscription made{.channel = channel,
                          .trades = &trades,
                          .sent = last,
                          .book = {},
                          .with_snapshot = false};
        if (channel == Channel::trade) made.sent = trades.order_first(last + 1) - 1;
        const i64 sent = made.sent;
        subscriptions_.push_back(std::move(made));
        if (!snapshot || last == 0) return;
        if (channel == Channel::ticker) return send_ticker(trades, last, "snapshot", out);
        send_trades(trades, std::max<i64>(1, sent - snapshot_trades + 1), sent, "snapshot", out);
    }

    void subscribe_book(const nlohmann::json& request, const TradeSequence& trades, Nanos now,
                        Outbox& out) {
        const nlohmann::json& parameters = request.at("params");
        const nlohmann::json depth = parameters.value("depth", nlohmann::json(book_depths[0]));
        if (!depth.is_number_integer())
            return refuse(request, trades.symbol(), "Subscription book depth must be an integer",
                          now, out);
        if (std::ranges::find(book_depths, depth.get<i64>()) == book_depths.end())
            return refuse(request, trades.symbol(), "Subscription depth not supported", now, out);
        if (find(Channel::book, trades) != subscriptions_.end())
            return refuse(request, trades.symbol(), "Already subscribed", now, out);
        const bool snapshot = parameters.value("snapshot", nlohmann::json(true)) != false;
        acknowledge(request, "subscribe",
                    fmt::format(R"("channel":"book","depth":{},"snapshot":{},"symbol":"{}")",
                                depth.dump(), snapshot, trades.symbol()),
                    now, out);
        subscriptions_.push_back({.channel = Channel::book,
                                  .trades = &trades,
                                  .sent = 0,
                                  .book = BookFeed(trades, depth.get<i64>(), book_interval, now),
                                  .with_snapshot = snapshot});
    }

    void unsubscribe(const nlohmann::json& request, Channel channel, const TradeSequence& trades,
                     Nanos now, Outbox& out) {
        const auto found = find(channel, trades);
        if (found == subscriptions_.end())
            return refuse(request, trades.symbol(), "Subscription Not Found", now, out);
        subscriptions_.erase(found);
        acknowledge(
            request, "unsubscribe",
            fmt::format(R"("channel":"{}","symbol":"{}")", name_of(channel), trades.symbol()), now,
            out);
    }

    static std::string_view name_of(Channel channel) {
        return channels[static_cast<std::size_t>(channel)].name;
    }

    void acknowledge(const nlohmann::json& request, std::string_view method,
                     std::string_view result, Nanos now, Outbox& out) const {
        out.frames.push_back(fmt::format(R"({{"method":"{}"{},"result":{{{}}},"success":true,{}}})",
                                         method, request_id(request), result, times(now)));
    }

    static void send_due(Subscription& subscription, Nanos now, Outbox& out) {
        if (subscription.book) return send_book(subscription, now, out);
        const TradeSequence& trades = *subscription.trades;
        const i64 due = trades.last_at(now);
        while (subscription.sent < due) {
            const i64 first = subscription.sent + 1;
            const i64 last =
                subscription.channel == Channel::trade ? trades.order_last(first) : first;
            if (last > due) return;  // The order is not filled yet.
            subscription.sent = last;
            if (subscription.channel == Channel::trade)
                send_trades(trades, first, last, "update", out);
            else if (first % trades_per_ticker == 0)
                send_ticker(trades, first, "update", out);
        }
    }

    static void send_trades(const TradeSequence& trades, i64 first, i64 last, std::string_view type,
                            Outbox& out) {
        const Listing& listing = trades.listing();
        std::string list;
        for (i64 id = first; id <= last; ++id) {
            if (!trades.on_socket(id)) continue;
            const SimTrade trade = trades.trade(id);
            fmt::format_to(
                std::back_inserter(list),
                R"({}{{"symbol":"{}","side":"{}","price":{},"qty":{},"ord_type":"{}","trade_id":{},"timestamp":"{}"}})",
                list.empty() ? "" : ",", listing.native_symbol, to_string(trade.side),
                kraken_price(listing, trade.price), kraken_size(listing, trade.size),
                trades.noise(trades.order_first(id), 17) % 3 == 0 ? "market" : "limit", id,
                time_text(trades.stamp(trade.time), 6));
        }
        if (!list.empty())
            out.frames.push_back(
                fmt::format(R"({{"channel":"trade","type":"{}","data":[{}]}})", type, list));
    }

    static void send_ticker(const TradeSequence& trades, i64 id, std::string_view type,
                            Outbox& out) {
        const Listing& listing = trades.listing();
        const SimTrade last = trades.trade(id);
        const Quote quote = quote_after(trades, last);
        const Day day = trades.day_before(last);
        const auto price = [&](i64 ticks) { return kraken_price(listing, ticks); };
        const i64 change = last.price - day.open;
        out.frames.push_back(fmt::format(
            R"({{"channel":"ticker","type":"{}","data":[{{"symbol":"{}","bid":{},"bid_qty":{},"ask":{},"ask_qty":{},)"
            R"("last":{},"volume":{},"vwap":{},"low":{},"high":{},"change":{},"change_pct":{},"timestamp":"{}"}}]}})",
            type, listing.native_symbol, price(quote.bid), kraken_size(listing, quote.bid_size),
            price(quote.ask), kraken_size(listing, quote.ask_size), price(last.price),
            kraken_size(listing, day.volume), price(day.open), price(day.low), price(day.high),
            price(change), number(i128{change} * 10'000 / day.open, 2),
            time_text(trades.stamp(last.time), 6)));
    }

    static void append_side(std::string& out, const Listing& listing, std::string_view name,
                            const std::vector<Level>& levels) {
        fmt::format_to(std::back_inserter(out), R"("{}":[)", name);
        for (const Level& level : levels)
            fmt::format_to(std::back_inserter(out), R"({}{{"price":{},"qty":{}}})",
                           &level == levels.data() ? "" : ",", kraken_price(listing, level.price),
                           kraken_book_size(listing, level.size));
        out += "],";
    }

    // What leaves the depth that is subscribed goes unsaid: a client cuts its book to it.
    static void send_book(Subscription& subscription, Nanos now, Outbox& out) {
        const TradeSequence& trades = *subscription.trades;
        const Listing& listing = trades.listing();
        while (auto update = subscription.book->next(now)) {
            if (update->first && !subscription.with_snapshot) continue;
            const Book& book = subscription.book->book();
            Book& changes = update->changes;
            std::erase_if(changes.bids,
                          [&](const Level& level) { return level.price < book.bids.back().price; });
            std::erase_if(changes.asks,
                          [&](const Level& level) { return level.price > book.asks.back().price; });
            std::string& frame = out.frames.emplace_back();
            fmt::format_to(std::back_inserter(frame),
                           R"({{"channel":"book","type":"{}","data":[{{"symbol":"{}",)",
                           update->first ? "snapshot" : "update", listing.native_symbol);
            append_side(frame, listing, "bids", changes.bids);
            append_side(frame, listing, "asks", changes.asks);
            fmt::format_to(std::back_inserter(frame), R"("checksum":{})",
                           kraken_checksum(listing, book));
            if (!update->first)
                fmt::format_to(std::back_inserter(frame), R"(,"timestamp":"{}")",
                               time_text(trades.stamp(update->moment), 6));
            frame += "}]}";
        }
    }

    const Market& market_;
    Nanos heard_, sent_;
    bool greeted_ = false;
    std::vector<Subscription> subscriptions_;
};

class Kraken final : public SimVenue {
 public:
    std::string_view name() const override { return "kraken"; }
    std::span<const Listing> listings() const override { return kraken_listings; }
    std::unique_ptr<Session> connect(const net::Request& request, const Market& market,
                                     Nanos now) const override {
        if (request.path != "/v2") return nullptr;
        return std::make_unique<KrakenSession>(market, now);
    }
    net::Response answer(const net::Request& request, const Market& market,
                         Nanos now) const override {
        return kraken_answer(request, market, now);
    }
    std::string too_many_requests(const Throttled&) const override {
        return R"({"error":["EGeneral:Too many requests"]})";
    }
};

const Registration kraken{std::make_unique<Kraken>()};

}  // namespace
}  // namespace tape::sim
