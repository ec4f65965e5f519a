// Coinbase's Advanced Trade feed. `market_trades` gathers a product's trades for 250 ms and lists
// them newest first; a subscription begins with a snapshot. Heartbeats belong to the connection,
// not to products.
#include "sim/coinbase_advanced.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "sim/coinbase_rest.h"

namespace tape::sim {
namespace {

using Channel = AdvancedFeed::Channel;
struct ChannelInfo {
    std::string_view name;
    Channel channel;
};
// Clients mix up the two feeds' names of the heartbeat; both are understood. The first name of a
// channel is its own.
constexpr std::array<ChannelInfo, 4> channels = {{{"ticker", Channel::ticker},
                                                  {"market_trades", Channel::market_trades},
                                                  {"heartbeats", Channel::heartbeats},
                                                  {"heartbeat", Channel::heartbeats}}};
constexpr std::size_t product_channels = 2;

constexpr Nanos batch_span = millis(250);
constexpr i64 batch_max = 100;  // Trades a message; more make several messages.
constexpr i64 snapshot_trades = 20;

}  // namespace

void AdvancedFeed::on_request(const nlohmann::json& request, bool subscribing, Nanos now,
                              Outbox& out) {
    const auto refuse = [&](std::string_view reason) {
        out.frames.push_back(
            coinbase_error(subscribing ? "Failed to subscribe" : "Failed to unsubscribe", reason));
    };
    const auto channel = request.find("channel");
    const std::string name =
        channel != request.end() && channel->is_string() ? channel->get<std::string>() : "";
    const auto info = std::ranges::find(channels, name, &ChannelInfo::name);
    if (info == channels.end()) return refuse(fmt::format("{} is not a valid channel", name));
    std::vector<const TradeSequence*> products;
    for (const std::string& product : strings_of(request, "product_ids")) {
        products.push_back(market_.find(product));
        if (!products.back()) return refuse(fmt::format("{} is not a valid product", product));
    }
    if (info->channel == Channel::heartbeats) {
        if (subscribing && !heartbeats_) next_beat_ = floor_to(now, seconds(1)) + seconds(1);
        heartbeats_ = subscribing;
        return acknowledge(now, out);
    }
    if (!subscribing) {
        unsubscribe(info->channel, products);
        return acknowledge(now, out);
    }
    if (products.empty()) return refuse("No product IDs provided");
    std::erase_if(products, [&](const TradeSequence* trades) {
        return std::ranges::any_of(streams_, [&](const Stream& s) {
            return s.channel == info->channel && s.trades == trades;
        });
    });
    std::ranges::sort(products);
    products.erase(std::ranges::unique(products).begin(), products.end());
    for (const TradeSequence* trades : products) streams_.push_back({info->channel, trades});
    acknowledge(now, out);
    for (const TradeSequence* trades : products) subscribe(info->channel, *trades, now, out);
}

// No products: the whole channel.
void AdvancedFeed::unsubscribe(Channel channel, const std::vector<const TradeSequence*>& products) {
    std::erase_if(streams_, [&](const Stream& stream) {
        return stream.channel == channel &&
               (products.empty() || std::ranges::find(products, stream.trades) != products.end());
    });
}

void AdvancedFeed::subscribe(Channel channel, const TradeSequence& trades, Nanos now, Outbox& out) {
    const auto stream = std::ranges::find_if(
        streams_, [&](const Stream& s) { return s.channel == channel && s.trades == &trades; });
    stream->sent = trades.last_at(now);
    if (stream->sent == 0) return;
    if (channel == Channel::ticker)
        send_ticker(trades, "snapshot", stream->sent, out);
    else
        send_trades(*stream, "snapshot", std::max<i64>(1, stream->sent - snapshot_trades + 1),
                    stream->sent, out);
}

// {"channel":"subscriptions",…,"events":[{"subscriptions":{"ticker":["ETH-USD"],"heartbeats":["heartbeats"]}}]}
void AdvancedFeed::acknowledge(Nanos now, Outbox& out) {
    std::string lists;
    for (const ChannelInfo& info : std::span(channels).first(product_channels)) {
        std::string products;
        for (const Stream& stream : streams_)
            if (stream.channel == info.channel)
                products +=
                    fmt::format(R"({}"{}")", products.empty() ? "" : ",", stream.trades->symbol());
        if (!products.empty())
            lists += fmt::format(R"({}"{}":[{}])", lists.empty() ? "" : ",", info.name, products);
    }
    if (heartbeats_)
        lists += fmt::format(R"({}"heartbeats":["heartbeats"])", lists.empty() ? "" : ",");
    send("subscriptions", now, fmt::format(R"("subscriptions":{{{}}})", lists), out);
}

void AdvancedFeed::send(std::string_view channel, Nanos time, std::string_view event, Outbox& out) {
    out.frames.push_back(fmt::format(
        R"({{"channel":"{}","client_id":"","timestamp":"{}","sequence_num":{},"events":[{{{}}}]}})",
        channel, time_text(market_.stamp(time), 9), sequence_++, event));
}

void AdvancedFeed::send_trades(const Stream& stream, std::string_view type, i64 first, i64 last,
                               Outbox& out) {
    std::string event = fmt::format(R"("type":"{}","trades":[)", type);
    for (i64 id = last; id >= first; --id) {
        if (!stream.trades->on_socket(id)) continue;
        if (event.back() == '}') event += ',';
        append_market_trade(event, *stream.trades, id);
    }
    if (event.back() == '[') return;
    event += ']';
    send("market_trades", stream.trades->time(last), event, out);
}

void AdvancedFeed::send_ticker(const TradeSequence& trades, std::string_view type, i64 id,
                               Outbox& out) {
    const Listing& listing = trades.listing();
    const SimTrade trade = trades.trade(id);
    const Best best = best_after(trade);
    const Day day = trades.day_before(trade);
    const auto price = [&listing](i64 ticks) { return coinbase_price(listing, ticks); };
    const auto size = [&listing](i128 lots) { return coinbase_size(listing, lots); };
    const i64 change = static_cast<i64>(i128{trade.price - day.open} * 10'000'000'000 /
                                        day.open);  // Of 10^-8 per cent.
    send(
        "ticker", trade.time,
        fmt::format(
            R"("type":"{}","tickers":[{{"type":"ticker","product_id":"{}","price":"{}","volume_24_h":"{}",)"
            R"("low_24_h":"{}","high_24_h":"{}","low_52_w":"{}","high_52_w":"{}","price_percent_chg_24_h":"{}",)"
            R"("best_bid":"{}","best_bid_quantity":"{}","best_ask":"{}","best_ask_quantity":"{}"}}])",
            type, listing.native_symbol, price(trade.price), size(day.volume), price(day.low),
            price(day.high), price(listing.price * 85 / 100), price(listing.price * 115 / 100),
            number(change, 8), price(best.bid), size(listing.size), price(best.ask),
            size(listing.size * 2)),
        out);
}

void AdvancedFeed::send_heartbeat(Nanos moment, Outbox& out) {
    const Nanos uptime = moment - floor_to(market_.epoch(), seconds(1));
    std::string current = time_text(market_.stamp(moment), 9);
    current.replace(current.find('T'), 1, " ");
    current.pop_back();  // The "Z".
    const i64 counter = uptime.count / seconds(1).count;
    send("heartbeats", moment,
         fmt::format(R"("current_time":"{} +0000 UTC m=+{}","heartbeat_counter":{})", current,
                     number(uptime.count, 9, Zeros::keep), counter),
         out);
}

void AdvancedFeed::advance(Nanos now, Outbox& out) {
    for (Stream& stream : streams_) {
        const bool tickers = stream.channel == Channel::ticker;
        const i64 due = stream.trades->last_at(tickers ? now : floor_to(now, batch_span));
        while (stream.sent < due) {
            const i64 first = stream.sent + 1;
            stream.sent = tickers ? first : std::min(due, stream.sent + batch_max);
            if (!tickers)
                send_trades(stream, "update", first, stream.sent, out);
            else if (first % trades_per_ticker == 0)
                send_ticker(*stream.trades, "update", first, out);
        }
    }
    for (; heartbeats_ && next_beat_ <= now; next_beat_ += seconds(1))
        send_heartbeat(next_beat_, out);
}

}  // namespace tape::sim
