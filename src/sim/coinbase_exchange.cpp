// Coinbase's Exchange feed. A subscription to `matches` begins with the trade before it as
// `last_match`; `side` is the maker's in matches and the taker's in tickers.
#include "sim/coinbase_exchange.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "sim/coinbase_rest.h"

namespace tape::sim {
namespace {

using Channel = ExchangeFeed::Channel;
struct ChannelInfo {
    std::string_view name;
    Channel channel;
};
// Clients mix up the two feeds' names of the heartbeat; both are understood. The first name of a
// channel is its own.
constexpr std::array<ChannelInfo, 4> channels = {{{"ticker", Channel::ticker},
                                                  {"matches", Channel::matches},
                                                  {"heartbeat", Channel::heartbeat},
                                                  {"heartbeats", Channel::heartbeat}}};
constexpr std::size_t own_names = 3;

std::string& new_frame(Outbox& out) {
    std::string& frame = out.frames.emplace_back();
    frame.reserve(512);
    return frame;
}

void send_match(std::string_view type, const TradeSequence& trades, i64 id, Outbox& out) {
    const Listing& listing = trades.listing();
    const SimTrade trade = trades.trade(id);
    const i64 taker = trades.order_first(id);  // One taker's order fills those of several makers.
    fmt::format_to(
        std::back_inserter(new_frame(out)),
        R"({{"type":"{}","trade_id":{},"maker_order_id":"{}","taker_order_id":"{}","side":"{}","size":"{}",)"
        R"("price":"{}","product_id":"{}","sequence":{},"time":"{}"}})",
        type, id, uuid(trades.noise(id, 17), trades.noise(id, 18)),
        uuid(trades.noise(taker, 19), trades.noise(taker, 20)), maker_side(trade),
        coinbase_size(listing, trade.size), coinbase_price(listing, trade.price),
        listing.native_symbol, trades.sequence(id), time_text(trades.stamp(trade.time), 6));
}

void send_ticker(const TradeSequence& trades, i64 id, Outbox& out) {
    const Listing& listing = trades.listing();
    const SimTrade trade = trades.trade(id);
    const Best best = best_after(trade);
    const Day day = trades.day_before(trade);
    const auto price = [&listing](i64 ticks) { return coinbase_price(listing, ticks); };
    const auto size = [&listing](i128 lots) { return coinbase_size(listing, lots); };
    fmt::format_to(
        std::back_inserter(new_frame(out)),
        R"({{"type":"ticker","sequence":{},"product_id":"{}","price":"{}","open_24h":"{}","volume_24h":"{}",)"
        R"("low_24h":"{}","high_24h":"{}","volume_30d":"{}","best_bid":"{}","best_bid_size":"{}","best_ask":"{}",)"
        R"("best_ask_size":"{}","side":"{}","time":"{}","trade_id":{},"last_size":"{}"}})",
        trades.sequence(id), listing.native_symbol, price(trade.price), price(day.open),
        size(day.volume), price(day.low), price(day.high), size(day.volume * 30), price(best.bid),
        size(listing.size), price(best.ask), size(listing.size * 2), to_string(trade.side),
        time_text(trades.stamp(trade.time), 6), id, size(trade.size));
}

void send_heartbeat(const TradeSequence& trades, Nanos moment, Outbox& out) {
    const i64 last = trades.last_at(moment);
    fmt::format_to(
        std::back_inserter(new_frame(out)),
        R"({{"type":"heartbeat","last_trade_id":{},"product_id":"{}","sequence":{},"time":"{}"}})",
        last, trades.symbol(), trades.sequence(last), time_text(trades.stamp(moment), 6));
}

}  // namespace

// The whole request is ignored when a part of it is wrong.
bool ExchangeFeed::read_streams(const nlohmann::json& request, bool subscribing,
                                std::vector<Stream>& streams, Outbox& out) const {
    const auto refuse = [&](std::string_view reason) {
        out.frames.push_back(
            coinbase_error(subscribing ? "Failed to subscribe" : "Failed to unsubscribe", reason));
        return false;
    };
    const auto list = request.find("channels");
    if (list == request.end() || !list->is_array() || list->empty())
        return refuse("No channels provided");
    for (const nlohmann::json& item : *list) {
        const auto name_of = [](const nlohmann::json& value) {
            return value.is_string() ? value.get<std::string>() : "";
        };
        const std::string name =
            item.is_object() ? name_of(item.value("name", nlohmann::json())) : name_of(item);
        const auto info = std::ranges::find(channels, name, &ChannelInfo::name);
        if (info == channels.end()) return refuse(fmt::format("{} is not a valid channel", name));
        const bool own_products = item.is_object() && item.contains("product_ids");
        const std::vector<std::string> products =
            strings_of(own_products ? item : request, "product_ids");
        if (products.empty() && subscribing) return refuse("No product IDs provided");
        if (products.empty()) streams.push_back({.channel = info->channel, .trades = nullptr});
        for (const std::string& product : products) {
            const TradeSequence* trades = market_.find(product);
            if (!trades) return refuse(fmt::format("{} is not a valid product", product));
            streams.push_back({.channel = info->channel, .trades = trades});
        }
    }
    return true;
}

void ExchangeFeed::on_request(const nlohmann::json& request, bool subscribing, Nanos now,
                              Outbox& out) {
    std::vector<Stream> asked;
    if (!read_streams(request, subscribing, asked, out)) return;
    std::vector<Stream> fresh;
    for (const Stream& stream : asked) {
        const auto covers = [&stream](const Stream& other) {
            return other.channel == stream.channel &&
                   (!stream.trades || other.trades == stream.trades);
        };
        if (!subscribing) {
            std::erase_if(streams_, covers);
        } else if (std::ranges::none_of(streams_, covers)) {
            streams_.push_back(stream);
            fresh.push_back(stream);
        }
    }
    acknowledge(out);
    for (const Stream& stream : fresh) begin(stream, now, out);
}

// {"type":"subscriptions","channels":[{"name":"ticker","product_ids":["BTC-USD"],"account_ids":null}]}:
// all there are.
void ExchangeFeed::acknowledge(Outbox& out) const {
    std::string& frame = new_frame(out);
    frame = R"({"type":"subscriptions","channels":[)";
    for (const ChannelInfo& info : std::span(channels).first(own_names)) {
        std::string products;
        for (const Stream& stream : streams_)
            if (stream.channel == info.channel)
                products +=
                    fmt::format(R"({}"{}")", products.empty() ? "" : ",", stream.trades->symbol());
        if (products.empty()) continue;
        if (frame.back() == '}') frame += ',';
        fmt::format_to(std::back_inserter(frame),
                       R"({{"name":"{}","product_ids":[{}],"account_ids":null}})", info.name,
                       products);
    }
    frame += "]}";
}

void ExchangeFeed::begin(Stream stream, Nanos now, Outbox& out) {
    const auto place = std::ranges::find_if(streams_, [&](const Stream& other) {
        return other.channel == stream.channel && other.trades == stream.trades;
    });
    place->sent = stream.trades->last_at(now);
    place->next_beat = now + seconds(1);
    if (place->sent == 0) return;
    if (stream.channel == Channel::matches && stream.trades->on_socket(place->sent))
        send_match("last_match", *stream.trades, place->sent, out);
    if (stream.channel == Channel::ticker) send_ticker(*stream.trades, place->sent, out);
}

void ExchangeFeed::send_due(Stream& stream, Nanos now, Outbox& out) {
    const i64 due = stream.trades->last_at(now);
    while (stream.sent < due) {
        ++stream.sent;
        if (stream.channel == Channel::matches) {
            if (stream.trades->on_socket(stream.sent))
                send_match("match", *stream.trades, stream.sent, out);
        } else if (stream.sent % trades_per_ticker == 0) {
            send_ticker(*stream.trades, stream.sent, out);
        }
    }
}

// Heartbeats come last: the trades that they tell of have been sent.
void ExchangeFeed::advance(Nanos now, Outbox& out) {
    for (Stream& stream : streams_)
        if (stream.channel != Channel::heartbeat) send_due(stream, now, out);
    for (Stream& stream : streams_)
        for (; stream.channel == Channel::heartbeat && stream.next_beat <= now;
             stream.next_beat += seconds(1))
            send_heartbeat(*stream.trades, stream.next_beat, out);
}

}  // namespace tape::sim
