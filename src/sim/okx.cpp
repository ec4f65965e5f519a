// OKX, WebSocket API v5: https://www.okx.com/docs-v5/en/#overview-websocket
// `trades` merges the fills of one order into one message with the last one's id and their `count`;
// `trades-all`, on another path, sends each. A text "ping" is answered by "pong", at any time. A
// subscription begins with the last message before it, so that a client has a price at once; that
// of `books` with the whole book, whose changes follow.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "sim/okx_rest.h"
#include "sim/text.h"

namespace tape::sim {
namespace {

constexpr std::string_view venue_name = "okx";

// Prices in ticks of 10^-price_decimals: BTC trades around 68000.0.
constexpr auto spot = Listing::Type::spot;
constexpr std::array<Listing, 15> okx_listings = {{
    {"BTC-USDT", "BTC", "USDT", spot, 680'000, 1, 1'500'000, 8, 20},
    {"ETH-USDT", "ETH", "USDT", spot, 250'000, 2, 400'000, 6, 16},
    {"SOL-USDT", "SOL", "USDT", spot, 17'000, 2, 6'000'000, 6, 12},
    {"XRP-USDT", "XRP", "USDT", spot, 22'000, 4, 400'000'000, 6, 1},
    {"DOGE-USDT", "DOGE", "USDT", spot, 16'000, 5, 3'000'000'000, 6, 1},
    {"ADA-USDT", "ADA", "USDT", spot, 6'500, 4, 800'000'000, 6, 1},
    {"LTC-USDT", "LTC", "USDT", spot, 8'400, 2, 5'000'000, 6, 1},
    {"LINK-USDT", "LINK", "USDT", spot, 14'200, 3, 30'000'000, 6, 1},
    {"AVAX-USDT", "AVAX", "USDT", spot, 26'500, 3, 20'000'000, 6, 1},
    {"DOT-USDT", "DOT", "USDT", spot, 4'300, 3, 100'000'000, 6, 1},
    {"BCH-USDT", "BCH", "USDT", spot, 38'000, 2, 200'000, 6, 1},
    {"UNI-USDT", "UNI", "USDT", spot, 8'100, 3, 40'000'000, 6, 1},
    {"ATOM-USDT", "ATOM", "USDT", spot, 4'600, 3, 90'000'000, 6, 1},
    {"TRX-USDT", "TRX", "USDT", spot, 16'000, 5, 2'500'000'000, 6, 1},
    {"BTC-USDT-SWAP", "BTC", "USDT", Listing::Type::swap, 680'000, 1, 300, 2, 4},
}};

// A connection on which nothing was said either way for this long is closed.
constexpr Nanos silence_limit = seconds(30);

enum class Channel : u8 { trades, trades_all, tickers, book, book_top };
struct ChannelInfo {
    std::string_view name, path;
    Channel channel;
    i64 depth = 0;  // Of a book.
    Nanos interval = {};
};
constexpr std::array<ChannelInfo, 6> channels = {
    {{"trades", "/ws/v5/public", Channel::trades},
     {"tickers", "/ws/v5/public", Channel::tickers},
     {"trades-all", "/ws/v5/business", Channel::trades_all},
     {"books", "/ws/v5/public", Channel::book, okx_book_depth, millis(100)},
     {"books5", "/ws/v5/public", Channel::book_top, 5, millis(100)},
     {"bbo-tbt", "/ws/v5/public", Channel::book_top, 1, millis(10)}}};

struct Subscription {
    const ChannelInfo* info;
    const TradeSequence* trades;
    i64 sent;  // The last trade that was.
    std::optional<BookFeed> book;
};

class OkxSession final : public Session {
 public:
    OkxSession(std::string_view path, const Market& market, Nanos now)
        : path_(path),
          market_(market),
          last_traffic_(now),
          connection_id_(fmt::format("{:08x}", static_cast<u32>(now.count / 1'000))) {}

    void on_text(std::string_view text, Nanos now, Outbox& out) override {
        last_traffic_ = now;
        if (text == "ping") return out.frames.emplace_back("pong"), void();
        const nlohmann::json request = nlohmann::json::parse(text, nullptr, false);
        const std::string operation =
            request.is_object() ? request.value("op", nlohmann::json()).dump() : "";
        request_id_ = operation.empty() ? "" : id_of(request);
        const bool subscribing = operation == R"("subscribe")";
        const bool known = subscribing || operation == R"("unsubscribe")";
        if (!known || !request.contains("args"))
            return refuse("60012", fmt::format("Illegal request: {}", text), out);
        const nlohmann::json& args = request.at("args");
        if (!args.is_array() || args.empty()) return refuse("60013", "Invalid args", out);
        for (const nlohmann::json& arg : args) on_argument(arg, subscribing, now, out);
    }

    void advance(Nanos now, Outbox& out) override {
        const std::size_t before = out.frames.size();
        for (Subscription& subscription : subscriptions_) send_due(subscription, now, out);
        if (out.frames.size() > before) last_traffic_ = now;
        if (now - last_traffic_ > silence_limit) out.close = {4004, "No data received in 30s."};
    }

    // https://www.okx.com/docs-v5/en/#overview-websocket-notification
    void announce_end(Nanos /*now*/, Outbox& out) override {
        out.frames.push_back(fmt::format(
            R"({{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. )"
            R"(Please reconnect.","connId":"{}"}})",
            connection_id_));
    }

 private:
    // What a client numbers its request with, as the first field of each answer to it.
    static std::string id_of(const nlohmann::json& request) {
        const auto id = request.find("id");
        if (id == request.end() || !id->is_string()) return "";
        return fmt::format(R"("id":{},)", id->dump());
    }

    // https://www.okx.com/docs-v5/en/#error-code-websocket-public
    void refuse(std::string_view code, std::string_view message, Outbox& out) const {
        out.frames.push_back(
            fmt::format(R"({{{}"event":"error","code":"{}","msg":{},"connId":"{}"}})", request_id_,
                        code, json_quoted(message), connection_id_));
    }

    void on_argument(const nlohmann::json& arg, bool subscribing, Nanos now, Outbox& out) {
        const auto text_of = [&arg](const char* name) {
            const auto found = arg.is_object() ? arg.find(name) : arg.end();
            return found != arg.end() && found->is_string() ? found->get<std::string>()
                                                            : std::string();
        };
        const std::string channel = text_of("channel"), symbol = text_of("instId");
        const auto info = std::ranges::find(channels, channel, &ChannelInfo::name);
        const TradeSequence* trades = market_.find(symbol);
        if (info == channels.end() || info->path != path_ || !trades)
            return refuse(
                "60018",
                fmt::format(
                    "Wrong URL or channel:{},instId:{} doesn't exist. Please use the correct URL, "
                    "channel and parameters referring to API document.",
                    channel, symbol),
                out);
        out.frames.push_back(fmt::format(
            R"({{{}"event":"{}","arg":{{"channel":"{}","instId":"{}"}},"connId":"{}"}})",
            request_id_, subscribing ? "subscribe" : "unsubscribe", channel, symbol,
            connection_id_));
        const auto is_this = [&](const Subscription& s) {
            return s.info == info && s.trades == trades;
        };
        if (!subscribing)
            std::erase_if(subscriptions_, is_this);
        else if (std::ranges::none_of(subscriptions_, is_this))
            subscribe(*info, *trades, now, out);
    }

    void subscribe(const ChannelInfo& info, const TradeSequence& trades, Nanos now, Outbox& out) {
        const Channel channel = info.channel;
        const i64 last = okx_newest(trades, now);
        Subscription made{.info = &info, .trades = &trades, .sent = last, .book = {}};
        if (info.depth > 0) made.book.emplace(trades, info.depth, info.interval, now);
        if (last > 0 && channel == Channel::tickers) send_ticker(trades, last, out);
        if (last > 0 && channel == Channel::trades) made.sent = trades.order_first(last) - 1;
        if (last > 0 && channel == Channel::trades_all) made.sent = last - 1;
        subscriptions_.push_back(std::move(made));
    }

    static void send_due(Subscription& subscription, Nanos now, Outbox& out) {
        if (subscription.book) return send_book(subscription, now, out);
        const TradeSequence& trades = *subscription.trades;
        const Channel channel = subscription.info->channel;
        const i64 due = okx_newest(trades, now);
        while (subscription.sent < due) {
            const i64 first = subscription.sent + 1;
            const i64 last = channel == Channel::trades ? trades.order_last(first) : first;
            if (last > due) return;  // The order is not filled yet.
            if (channel != Channel::tickers)
                send_runs(subscription, first, last, out);
            else if (first % trades_per_ticker == 0)
                send_ticker(trades, first, out);
            subscription.sent = last;
        }
    }

    // A frame tells of all ids that it covers: one that the socket is not to have parts an order.
    static void send_runs(const Subscription& subscription, i64 first, i64 last, Outbox& out) {
        for (i64 begin = first, id = first; id <= last + 1; ++id) {
            if (id <= last && subscription.trades->on_socket(id)) continue;
            if (begin < id) send_trades(subscription, begin, id - 1, out);
            begin = id + 1;
        }
    }

    // https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-trades-channel
    static void send_trades(const Subscription& subscription, i64 first, i64 last, Outbox& out) {
        const TradeSequence& trades = *subscription.trades;
        const Listing& listing = trades.listing();
        SimTrade trade = trades.trade(last);
        for (i64 id = first; id < last; ++id) trade.size += trades.trade(id).size;
        std::string& frame = out.frames.emplace_back();
        frame.reserve(320);
        const bool merged = subscription.info->channel == Channel::trades;
        fmt::format_to(
            std::back_inserter(frame),
            R"({{"arg":{{"channel":"{}","instId":"{}"}},"data":[{{"instId":"{}","tradeId":"{}","px":"{}","sz":"{}",)"
            R"("side":"{}","ts":"{}")",
            subscription.info->name, listing.native_symbol, listing.native_symbol, trade.id,
            number(trade.price, listing.price_decimals), number(trade.size, listing.size_decimals),
            to_string(trade.side), trades.stamp(trade.time).millis());
        if (merged)
            fmt::format_to(std::back_inserter(frame),
                           R"(,"count":"{}","source":"0","seqId":{}}}]}})", last - first + 1,
                           trades.sequence(trade.id));
        else
            frame += R"(,"source":"0"}]})";
    }

    static void send_ticker(const TradeSequence& trades, i64 id, Outbox& out) {
        std::string& frame = out.frames.emplace_back();
        frame.reserve(512);
        fmt::format_to(std::back_inserter(frame),
                       R"({{"arg":{{"channel":"tickers","instId":"{}"}},"data":[)",
                       trades.symbol());
        append_okx_ticker(frame, trades, trades.trade(id));
        frame += "]}";
    }

    // https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel
    static void send_book(Subscription& subscription, Nanos now, Outbox& out) {
        const ChannelInfo& info = *subscription.info;
        const TradeSequence& trades = *subscription.trades;
        const bool whole = info.channel == Channel::book_top;
        while (const auto update = subscription.book->next(now)) {
            const Book& book = subscription.book->book();
            std::string& frame = out.frames.emplace_back();
            fmt::format_to(std::back_inserter(frame),
                           R"({{"arg":{{"channel":"{}","instId":"{}"}},)", info.name,
                           trades.symbol());
            if (!whole)
                fmt::format_to(std::back_inserter(frame), R"("action":"{}",)",
                               update->first ? "snapshot" : "update");
            frame += R"("data":[{)";
            append_okx_book(frame, trades, whole ? book : update->changes, update->moment);
            if (!whole)
                fmt::format_to(std::back_inserter(frame), R"(,"checksum":{},"prevSeqId":{})",
                               okx_checksum(trades.listing(), book),
                               update->first ? -1 : trades.sequence(update->id_before));
            else if (info.depth > 1)
                fmt::format_to(std::back_inserter(frame), R"(,"instId":"{}")", trades.symbol());
            fmt::format_to(std::back_inserter(frame), R"(,"seqId":{}}}]}})",
                           trades.sequence(update->id));
        }
    }

    const std::string path_;
    const Market& market_;
    Nanos last_traffic_;
    const std::string connection_id_;
    std::string request_id_;  // Of the request that is being answered, as id_of() writes it.
    std::vector<Subscription> subscriptions_;
};

class Okx final : public SimVenue {
 public:
    std::string_view name() const override { return venue_name; }
    std::span<const Listing> listings() const override { return okx_listings; }
    std::unique_ptr<Session> connect(const net::Request& request, const Market& market,
                                     Nanos now) const override {
        if (std::ranges::find(channels, request.path, &ChannelInfo::path) == channels.end())
            return nullptr;
        return std::make_unique<OkxSession>(request.path, market, now);
    }
    net::Response answer(const net::Request& request, const Market& market,
                         Nanos now) const override {
        return okx_answer(request, market, now);
    }
    // https://www.okx.com/docs-v5/en/#error-code-rest-api
    std::string too_many_requests(const Throttled&) const override {
        return R"({"code":"50011","data":[],"msg":"Too Many Requests"})";
    }
};

const Registration okx{std::make_unique<Okx>()};

}  // namespace
}  // namespace tape::sim
