// KuCoin, spot WebSocket: https://www.kucoin.com/docs-new/websocket-api/base-info/introduction
// A token comes from REST first. Topics are a channel with a list of symbols after a colon; each
// request has an id, which its acknowledgement or error bears. Matches have a sequence that grows
// but counts other things too, so a missing match cannot be told from it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "sim/kucoin_rest.h"
#include "sim/text.h"

namespace tape::sim {
namespace {

constexpr auto spot = Listing::Type::spot;
constexpr std::array<Listing, 14> kucoin_listings = {{
    {"BTC-USDT", "BTC", "USDT", spot, 680'000, 1, 1'500'000, 8, 20},
    {"ETH-USDT", "ETH", "USDT", spot, 250'000, 2, 4'000'000, 7, 16},
    {"SOL-USDT", "SOL", "USDT", spot, 170'000, 3, 60'000, 4, 12},
    {"XRP-USDT", "XRP", "USDT", spot, 220'000, 5, 4'000'000, 4, 1},
    {"DOGE-USDT", "DOGE", "USDT", spot, 16'000, 5, 30'000'000, 4, 1},
    {"ADA-USDT", "ADA", "USDT", spot, 6'500, 4, 8'000'000, 4, 1},
    {"LTC-USDT", "LTC", "USDT", spot, 8'400, 2, 5'000'000, 6, 1},
    {"LINK-USDT", "LINK", "USDT", spot, 142'000, 4, 300'000, 4, 1},
    {"AVAX-USDT", "AVAX", "USDT", spot, 26'500, 3, 200'000, 4, 1},
    {"DOT-USDT", "DOT", "USDT", spot, 43'000, 4, 1'000'000, 4, 1},
    {"BCH-USDT", "BCH", "USDT", spot, 38'000, 2, 2'000, 4, 1},
    {"UNI-USDT", "UNI", "USDT", spot, 81'000, 4, 400'000, 4, 1},
    {"ATOM-USDT", "ATOM", "USDT", spot, 46'000, 4, 900'000, 4, 1},
    {"TRX-USDT", "TRX", "USDT", spot, 16'000, 5, 25'000'000, 4, 1},
}};

enum class Channel : u8 { match, ticker, ticker_all, snapshot, candles };
struct ChannelInfo {
    std::string_view prefix;
    Channel channel;
};
constexpr std::array<ChannelInfo, 4> channels = {{{"/market/match:", Channel::match},
                                                  {"/market/ticker:", Channel::ticker},
                                                  {"/market/snapshot:", Channel::snapshot},
                                                  {"/market/candles:", Channel::candles}}};

constexpr i64 topics_a_request = 100, topics_a_session = 300;
constexpr Nanos ping_limit = seconds(60);  // Without a word from the client.

// How often a channel says what is new at the most.
Nanos interval_of(Channel channel) {
    if (channel == Channel::snapshot) return seconds(2);
    return channel == Channel::candles ? seconds(1) : millis(100);
}

struct Subscription {
    Channel channel;
    const TradeSequence* trades;
    std::string topic;     // What its messages name.
    const KucoinBar* bar;  // Of candles.
    i64 sent;              // The last trade that was looked at.
    Nanos next;            // When it may send again; of all but matches.
};

bool same(const Subscription& one, const Subscription& other) {
    return one.trades == other.trades && one.topic == other.topic;
}

class KucoinSession final : public Session {
 public:
    KucoinSession(const net::Request& request, const Market& market, Nanos now)
        : market_(market),
          issued_(kucoin_token_time(request.parameter("token").value_or(""), market)),
          connection_id_(request.parameter("connectId").value_or("")),
          heard_(now) {
        if (connection_id_.empty())
            connection_id_ = uuid(static_cast<u64>(now.count),
                                  market.all().front().noise(now.count, connection_use));
    }

    void on_text(std::string_view text, Nanos now, Outbox& out) override {
        if (!admit(now, out)) return;
        heard_ = now;
        const nlohmann::json request = nlohmann::json::parse(text, nullptr, false);
        if (!request.is_object()) return refuse("", 400, "invalid json", out);
        const std::string id = id_of(request);
        const nlohmann::json type = request.value("type", nlohmann::json());
        if (type == "ping")
            out.frames.push_back(fmt::format(R"({{"id":{},"type":"pong","timestamp":{}}})",
                                             json_quoted(id), market_.stamp(now).micros()));
        else if (type == "subscribe" || type == "unsubscribe")
            change(request, id, type == "subscribe", now, out);
        else
            refuse(id, 415, fmt::format("type {} is not supported", type.dump()), out);
    }

    void advance(Nanos now, Outbox& out) override {
        if (!admit(now, out)) return;
        if (now - heard_ > ping_limit) {
            refuse(connection_id_, 400, "ping timeout", out);
            out.close = {1000, "ping timeout"};
            return;
        }
        for (Subscription& subscription : subscriptions_) send_due(subscription, now, out);
    }

 private:
    static constexpr u64 connection_use = 31;

    // The venue's first word, once: welcome, or why not. False: there is nothing more to say.
    bool admit(Nanos now, Outbox& out) {
        if (out.close) return false;
        const bool good = issued_ && kucoin_token_is_good(*issued_, market_, now);
        if (!good) {
            refuse(connection_id_, 401, "token is invalid", out);
            out.close = {1000, "token is invalid"};
        } else if (!welcomed_) {
            welcomed_ = true;
            out.frames.push_back(
                fmt::format(R"({{"id":{},"type":"welcome"}})", json_quoted(connection_id_)));
        }
        return good;
    }

    // https://www.kucoin.com/docs-new/error-code/websocket
    static void refuse(std::string_view id, int code, std::string_view why, Outbox& out) {
        out.frames.push_back(fmt::format(R"({{"id":{},"type":"error","code":{},"data":{}}})",
                                         json_quoted(id), code, json_quoted(why)));
    }

    // Clients send numbers too; answers bear text.
    static std::string id_of(const nlohmann::json& request) {
        const auto found = request.find("id");
        if (found == request.end() || found->is_null()) return "";
        return found->is_string() ? found->get<std::string>() : found->dump();
    }

    void change(const nlohmann::json& request, const std::string& id, bool subscribing, Nanos now,
                Outbox& out) {
        const auto topic = request.find("topic");
        if (topic == request.end() || !topic->is_string() || topic->get<std::string>().empty())
            return refuse(id, 406, "topic is required", out);
        std::vector<Subscription> named;
        const std::string text = topic->get<std::string>();
        if (!read_topic(text, now, named))
            return refuse(id, 404, fmt::format("topic {} is not found", text), out);
        if (subscribing && static_cast<i64>(named.size()) > topics_a_request)
            return refuse(id, 509, "exceed max subscription count limitation of 100 per time", out);
        std::erase_if(subscriptions_, [&](const Subscription& have) {
            return !subscribing && std::ranges::any_of(named, [&](const Subscription& one) {
                return same(one, have);
            });
        });
        if (subscribing) {
            std::erase_if(named, [&](const Subscription& one) {
                return std::ranges::any_of(
                    subscriptions_, [&](const Subscription& have) { return same(one, have); });
            });
            if (static_cast<i64>(subscriptions_.size() + named.size()) > topics_a_session)
                return refuse(id, 509,
                              "exceed max subscription count limitation of 300 per session", out);
            std::ranges::move(named, std::back_inserter(subscriptions_));
        }
        if (request.value("response", nlohmann::json()) == true)
            out.frames.push_back(fmt::format(R"({{"id":{},"type":"ack"}})", json_quoted(id)));
    }

    // False: there is no such topic, or one of its symbols does not exist.
    bool read_topic(std::string_view topic, Nanos now, std::vector<Subscription>& named) const {
        const auto info = std::ranges::find_if(
            channels, [topic](const ChannelInfo& one) { return topic.starts_with(one.prefix); });
        if (info == channels.end()) return false;
        std::string_view rest = topic.substr(info->prefix.size());
        if (info->channel == Channel::ticker && rest == "all") {
            for (const TradeSequence& trades : market_.all())
                named.push_back(make(Channel::ticker_all, trades, topic, nullptr, now));
            return true;
        }
        while (!rest.empty()) {
            const std::size_t comma = std::min(rest.find(','), rest.size());
            std::string_view symbol = rest.substr(0, comma);
            rest.remove_prefix(std::min(comma + 1, rest.size()));
            symbol.remove_prefix(std::min(symbol.find_first_not_of(' '), symbol.size()));
            const std::string own = fmt::format("{}{}", info->prefix, symbol);
            const KucoinBar* bar = nullptr;
            if (info->channel == Channel::candles) {
                const std::size_t underscore = std::min(symbol.rfind('_'), symbol.size());
                bar = find_kucoin_bar(symbol.substr(std::min(underscore + 1, symbol.size())));
                if (!bar) return false;
                symbol = symbol.substr(0, underscore);
            }
            const TradeSequence* trades = market_.find(symbol);
            if (!trades) return false;
            named.push_back(make(info->channel, *trades, own, bar, now));
        }
        return !named.empty();
    }

    static Subscription make(Channel channel, const TradeSequence& trades, std::string_view topic,
                             const KucoinBar* bar, Nanos now) {
        const i64 last = trades.last_at(now);
        const bool at_once = channel != Channel::match;  // A price to begin with.
        return {channel, &trades, std::string(topic), bar, at_once ? last - 1 : last, now};
    }

    static void send_due(Subscription& subscription, Nanos now, Outbox& out) {
        const TradeSequence& trades = *subscription.trades;
        const i64 last = trades.last_at(now);
        if (subscription.channel == Channel::match) {
            while (subscription.sent < last)
                if (trades.on_socket(++subscription.sent))
                    send_match(subscription, subscription.sent, out);
            return;
        }
        if (now < subscription.next || last <= subscription.sent) return;
        subscription.sent = last;
        subscription.next = now + interval_of(subscription.channel);
        if (subscription.channel == Channel::candles) return send_candle(subscription, now, out);
        const bool all = subscription.channel == Channel::ticker_all;
        const bool snapshot = subscription.channel == Channel::snapshot;
        std::string& frame = begin(subscription,
                                   snapshot ? "trade.snapshot"
                                   : all    ? trades.symbol()
                                            : "trade.ticker",
                                   out);
        if (snapshot)
            append_kucoin_snapshot(frame, trades, trades.trade(last));
        else
            append_kucoin_ticker(frame, trades, trades.trade(last));
        frame += '}';
    }

    static std::string& begin(const Subscription& subscription, std::string_view subject,
                              Outbox& out) {
        std::string& frame = out.frames.emplace_back();
        frame.reserve(512);
        fmt::format_to(std::back_inserter(frame),
                       R"({{"topic":"{}","type":"message","subject":"{}","data":)",
                       subscription.topic, subject);
        return frame;
    }

    // https://www.kucoin.com/docs-new/3470071w0
    static void send_match(const Subscription& subscription, i64 id, Outbox& out) {
        const TradeSequence& trades = *subscription.trades;
        const Listing& listing = trades.listing();
        const SimTrade trade = trades.trade(id);
        const auto order = [&trades](i64 of, u64 use) {
            return fmt::format("{:016x}{:08x}", trades.noise(of, use),
                               static_cast<u32>(trades.noise(of, use + 1)));
        };
        fmt::format_to(
            std::back_inserter(begin(subscription, "trade.l3match", out)),
            R"({{"makerOrderId":"{}","price":"{}","sequence":"{}","side":"{}","size":"{}","symbol":"{}",)"
            R"("takerOrderId":"{}","time":"{}","tradeId":"{}","type":"match"}}}})",
            order(id, 17), number(trade.price, listing.price_decimals), trades.sequence(id),
            to_string(trade.side), number(trade.size, listing.size_decimals), listing.native_symbol,
            order(trades.order_first(id), 19), trades.stamp(trade.time).count, id);
    }

    static void send_candle(const Subscription& subscription, Nanos now, Outbox& out) {
        const TradeSequence& trades = *subscription.trades;
        const auto found = candles(trades, {.size = subscription.bar->size,
                                            .from = now - subscription.bar->size,
                                            .to = now,
                                            .limit = 1,
                                            .now = now});
        if (!found || found->empty()) return;
        std::string& frame = begin(subscription, "trade.candles.update", out);
        fmt::format_to(std::back_inserter(frame), R"({{"symbol":"{}","candles":)", trades.symbol());
        append_kucoin_candle(frame, trades, found->front());
        fmt::format_to(std::back_inserter(frame), R"(,"time":{}}}}})", trades.stamp(now).count);
    }

    const Market& market_;
    const std::optional<Nanos> issued_;  // None: no token of this venue.
    std::string connection_id_;
    Nanos heard_;
    bool welcomed_ = false;
    std::vector<Subscription> subscriptions_;
};

class Kucoin final : public SimVenue {
 public:
    std::string_view name() const override { return "kucoin"; }
    std::span<const Listing> listings() const override { return kucoin_listings; }
    std::unique_ptr<Session> connect(const net::Request& request, const Market& market,
                                     Nanos now) const override {
        if (request.path != "/" && request.path != "/endpoint") return nullptr;
        return std::make_unique<KucoinSession>(request, market, now);
    }
    net::Response answer(const net::Request& request, const Market& market,
                         Nanos now) const override {
        return kucoin_answer(request, market, now);
    }
    // https://www.kucoin.com/docs-new/rate-limit
    std::string too_many_requests(const Throttled&) const override {
        return R"({"code":"429000","msg":"Too Many Requests"})";
    }
};

const Registration kucoin{std::make_unique<Kucoin>()};

}  // namespace
}  // namespace tape::sim
