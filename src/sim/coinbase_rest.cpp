// Coinbase's two REST APIs: Exchange, https://docs.cdp.coinbase.com/exchange/reference, answers in
// plain arrays and pages by cursors in headers; Advanced Trade,
// https://docs.cdp.coinbase.com/advanced-trade/reference, in objects, by time.
#include "sim/coinbase_rest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>

#include "base/json_text.h"
#include "sim/candles.h"
#include "sim/coinbase_currencies.h"

namespace tape::sim {
namespace {

constexpr i64 candles_max = 300;

// ---- Exchange ----

net::Response failure(int status, std::string_view message) {
    return {.status = status, .body = fmt::format(R"({{"message":{}}})", json_quoted(message))};
}

void append_product(std::string& out, const TradeSequence& trades) {
    const Listing& listing = trades.listing();
    fmt::format_to(
        std::back_inserter(out),
        R"({{"id":"{0}","base_currency":"{1}","quote_currency":"{2}","quote_increment":"{3}","base_increment":"{4}",)"
        R"("display_name":"{1}-{2}","min_market_funds":"1","margin_enabled":false,"post_only":false,)"
        R"("limit_only":false,"cancel_only":false,"status":"online","status_message":"",)"
        R"("trading_disabled":false,"fx_stablecoin":false,"max_slippage_percentage":"0.03000000",)"
        R"("auction_mode":false,"high_bid_limit_percentage":""}})",
        listing.native_symbol, listing.base, listing.quote, number(1, listing.price_decimals),
        number(1, listing.size_decimals));
}

net::Response product(const net::Request&, const TradeSequence& trades, Nanos) {
    net::Response response;
    append_product(response.body, trades);
    return response;
}

net::Response ticker(const net::Request&, const TradeSequence& trades, Nanos now) {
    const i64 last = trades.last_at(now);
    if (last == 0) return failure(404, "NotFound");
    const Listing& listing = trades.listing();
    const SimTrade trade = trades.trade(last);
    const Best best = best_after(trade);
    return {
        .body = fmt::format(
            R"({{"ask":"{}","bid":"{}","volume":"{}","trade_id":{},"price":"{}","size":"{}","time":"{}",)"
            R"("rfq_volume":"0"}})",
            coinbase_price(listing, best.ask), coinbase_price(listing, best.bid),
            coinbase_size(listing, trades.day_before(trade).volume), last,
            coinbase_price(listing, trade.price), coinbase_size(listing, trade.size),
            time_text(trades.stamp(trade.time), 6))};
}

// `after` gives what is older than the id; `before` what is newer, and of that the newest page.
// Newest first. https://docs.cdp.coinbase.com/exchange/rest-api/pagination
net::Response trade_page(const net::Request& request, const TradeSequence& trades, Nanos now) {
    i64 after = std::numeric_limits<i64>::max(), before = 0, limit = 1000;
    for (const auto& [name, value] :
         {std::pair{"after", &after}, {"before", &before}, {"limit", &limit}})
        if (const auto text = request.parameter(name); text && !parse_number(*text, *value))
            return failure(400, fmt::format("Invalid {}", name));
    const i64 newest = std::min(trades.last_at(now), after - 1);
    const i64 oldest = std::max(i64{1}, before + 1);
    limit = std::clamp<i64>(limit, 1, 1000);
    i64 first = 0, last = 0;
    const Listing& listing = trades.listing();
    net::Response response{.body = "["};
    for (i64 id = newest; id >= oldest && limit > 0; --id) {
        if (!trades.on_rest(id)) continue;
        --limit;
        last = id;
        const bool begins = std::exchange(first, first == 0 ? id : first) == 0;
        const SimTrade trade = trades.trade(id);
        fmt::format_to(std::back_inserter(response.body),
                       R"({}{{"trade_id":{},"side":"{}","size":"{}","price":"{}","time":"{}"}})",
                       begins ? "" : ",", id, maker_side(trade), coinbase_size(listing, trade.size),
                       coinbase_price(listing, trade.price),
                       time_text(trades.stamp(trade.time), 6));
    }
    response.body += ']';
    if (first != 0) {
        response.headers.emplace_back("CB-BEFORE", std::to_string(first));
        response.headers.emplace_back("CB-AFTER", std::to_string(last));
    }
    return response;
}

// Epoch seconds or RFC 3339; not after `now`, so that adding to it stays in range.
std::optional<Nanos> moment(const std::optional<std::string>& text, Nanos otherwise, Nanos now) {
    if (!text || text->empty()) return otherwise;
    auto time = parse_epoch(*text, EpochUnit::s);
    if (!time) time = parse_rfc3339(*text);
    if (!time) return std::nullopt;
    return std::clamp(*time, Nanos{0}, now);
}

net::Response candle_list(const net::Request& request, const TradeSequence& trades, Nanos now) {
    constexpr std::array<i64, 6> granularities = {60, 300, 900, 3'600, 21'600, 86'400};
    i64 granularity = 60;
    const auto given = request.parameter("granularity");
    if (given && (!parse_number(*given, granularity) ||
                  std::ranges::find(granularities, granularity) == granularities.end()))
        return failure(400, "Unsupported granularity");
    const Nanos size = seconds(granularity);
    const auto to = moment(request.parameter("end"), now, now);
    const auto from =
        to ? moment(request.parameter("start"), *to - Nanos{size.count * candles_max}, now)
           : std::nullopt;
    if (!from) return failure(400, "Invalid start or end");
    if ((*to - *from).count > size.count * candles_max)
        return failure(400,
                       "granularity too small for the requested time range. Count of aggregations "
                       "requested exceeds 300");
    const auto found =
        candles(trades, {.size = size, .from = *from, .to = *to, .limit = candles_max, .now = now});
    if (!found) return failure(504, "Timed out");
    const Listing& listing = trades.listing();
    net::Response response{.body = "["};
    for (const Candle& candle : *found) {
        const auto price = [&](i64 ticks) { return number(ticks, listing.price_decimals); };
        fmt::format_to(std::back_inserter(response.body), "{}[{},{},{},{},{},{}]",
                       response.body.size() == 1 ? "" : ",", candle.start.count / seconds(1).count,
                       price(candle.low), price(candle.high), price(candle.open),
                       price(candle.close), coinbase_size(listing, candle.volume));
    }
    response.body += ']';
    return response;
}

// ---- Advanced Trade ----

net::Response advanced_failure(int status, std::string_view error, std::string_view message) {
    return {.status = status,
            .body = fmt::format(R"({{"error":"{}","error_details":"{}","message":"{}"}})", error,
                                message, message)};
}

void append_advanced_product(std::string& out, const TradeSequence& trades, Nanos now) {
    const Listing& listing = trades.listing();
    const SimTrade last = trades.trade(std::max<i64>(1, trades.last_at(now)));
    fmt::format_to(
        std::back_inserter(out),
        R"({{"product_id":"{0}","price":"{1}","volume_24h":"{2}","base_increment":"{3}","quote_increment":"{4}",)"
        R"("quote_min_size":"1","base_min_size":"{3}","base_name":"{5}","quote_name":"{6}","is_disabled":false,)"
        R"("new":false,"status":"online","cancel_only":false,"limit_only":false,"post_only":false,)"
        R"("trading_disabled":false,"auction_mode":false,"product_type":"SPOT","quote_currency_id":"{6}",)"
        R"("base_currency_id":"{5}","base_display_symbol":"{5}","quote_display_symbol":"{6}","view_only":false,)"
        R"("price_increment":"{4}","display_name":"{5}-{6}","product_venue":"CBE"}})",
        listing.native_symbol, coinbase_price(listing, last.price),
        coinbase_size(listing, trades.day_before(last).volume), number(1, listing.size_decimals),
        number(1, listing.price_decimals), listing.base, listing.quote);
}

net::Response advanced_product(const net::Request&, const TradeSequence& trades, Nanos now) {
    net::Response response;
    append_advanced_product(response.body, trades, now);
    return response;
}

// The newest trades in [start, end], whole seconds, newest first.
net::Response advanced_ticker(const net::Request& request, const TradeSequence& trades, Nanos now) {
    i64 limit = 100;
    if (const auto text = request.parameter("limit"); text && !parse_number(*text, limit))
        return advanced_failure(400, "INVALID_ARGUMENT", "limit must be a number");
    const auto from = moment(request.parameter("start"), Nanos{0}, now),
               to = moment(request.parameter("end"), now, now);
    if (!from || !to)
        return advanced_failure(400, "INVALID_ARGUMENT", "start and end must be UNIX timestamps");
    const i64 newest = trades.last_at(*to);
    const i64 oldest = std::max<i64>(1, trades.last_at(*from - Nanos{1}) + 1);
    limit = std::clamp<i64>(limit, 1, 1000);
    net::Response response{.body = R"({"trades":[)"};
    for (i64 id = newest; id >= oldest && limit > 0; --id) {
        if (!trades.on_rest(id)) continue;
        --limit;
        if (response.body.back() == '}') response.body += ',';
        append_market_trade(response.body, trades, id);
    }
    const Listing& listing = trades.listing();
    const Best best = best_after(trades.trade(std::max<i64>(1, trades.last_at(now))));
    fmt::format_to(std::back_inserter(response.body), R"(],"best_bid":"{}","best_ask":"{}"}})",
                   coinbase_price(listing, best.bid), coinbase_price(listing, best.ask));
    return response;
}

struct Granularity {
    std::string_view name;
    Nanos size;
};
constexpr std::array<Granularity, 8> advanced_granularities = {{{"ONE_MINUTE", seconds(60)},
                                                                {"FIVE_MINUTE", seconds(300)},
                                                                {"FIFTEEN_MINUTE", seconds(900)},
                                                                {"THIRTY_MINUTE", seconds(1'800)},
                                                                {"ONE_HOUR", seconds(3'600)},
                                                                {"TWO_HOUR", seconds(7'200)},
                                                                {"SIX_HOUR", seconds(21'600)},
                                                                {"ONE_DAY", seconds(86'400)}}};

net::Response advanced_candles(const net::Request& request, const TradeSequence& trades,
                               Nanos now) {
    const auto size = std::ranges::find(
        advanced_granularities, request.parameter("granularity").value_or(""), &Granularity::name);
    const auto from = moment(request.parameter("start"), now, now),
               to = moment(request.parameter("end"), now, now);
    if (size == advanced_granularities.end() || !from || !to)
        return advanced_failure(400, "INVALID_ARGUMENT", "start, end and granularity are required");
    const auto found =
        candles(trades, {.size = size->size, .from = *from, .to = *to, .limit = 350, .now = now});
    if (!found) return advanced_failure(504, "DEADLINE_EXCEEDED", "timed out");
    const Listing& listing = trades.listing();
    net::Response response{.body = R"({"candles":[)"};
    for (const Candle& candle : *found) {
        if (response.body.back() == '}') response.body += ',';
        fmt::format_to(
            std::back_inserter(response.body),
            R"({{"start":"{}","low":"{}","high":"{}","open":"{}","close":"{}","volume":"{}"}})",
            candle.start.count / seconds(1).count, coinbase_price(listing, candle.low),
            coinbase_price(listing, candle.high), coinbase_price(listing, candle.open),
            coinbase_price(listing, candle.close), coinbase_size(listing, candle.volume));
    }
    response.body += "]}";
    return response;
}

// ---- Both ----

using Answer = net::Response (*)(const net::Request&, const TradeSequence&, Nanos);
struct Route {
    std::string_view suffix;  // After the product's id.
    Answer answer;
};
constexpr std::array<Route, 4> exchange_routes = {
    {{"", product}, {"/ticker", ticker}, {"/trades", trade_page}, {"/candles", candle_list}}};
constexpr std::array<Route, 3> advanced_routes = {
    {{"", advanced_product}, {"/ticker", advanced_ticker}, {"/candles", advanced_candles}}};

net::Response all_products(const Market& market) {
    net::Response response{.body = "["};
    for (const TradeSequence& trades : market.all()) {
        if (response.body.size() > 1) response.body += ',';
        append_product(response.body, trades);
    }
    response.body += ']';
    return response;
}

// All are spot.
net::Response all_advanced_products(const net::Request& request, const Market& market, Nanos now) {
    const bool spot = request.parameter("product_type").value_or("SPOT") == "SPOT";
    net::Response response{.body = R"({"products":[)"};
    for (const TradeSequence& trades : market.all()) {
        if (!spot) break;
        if (response.body.back() == '}') response.body += ',';
        append_advanced_product(response.body, trades, now);
    }
    fmt::format_to(std::back_inserter(response.body), R"(],"num_products":{}}})",
                   spot ? market.all().size() : 0);
    return response;
}

}  // namespace

void append_market_trade(std::string& out, const TradeSequence& trades, i64 id) {
    const SimTrade trade = trades.trade(id);
    const Listing& listing = trades.listing();
    fmt::format_to(
        std::back_inserter(out),
        R"({{"product_id":"{}","trade_id":"{}","price":"{}","size":"{}","time":"{}","side":"{}"}})",
        listing.native_symbol, id, coinbase_price(listing, trade.price),
        coinbase_size(listing, trade.size), time_text(trades.stamp(trade.time), 6),
        maker_side_capitals(trade));
}

net::Response coinbase_answer(const net::Request& request, const Market& market, Nanos now) {
    if (auto answer = coinbase_currencies_answer(request, market, now)) return std::move(*answer);
    // The paths that need a signature answer alike and lack "/market"; no signature is checked.
    constexpr std::string_view advanced_root = "/api/v3/brokerage", open_part = "/market";
    const bool advanced = request.path.starts_with(advanced_root);
    const auto not_found = [advanced] {
        return advanced ? advanced_failure(404, "NOT_FOUND", "valid product_id is required")
                        : failure(404, "NotFound");
    };
    std::string_view path = request.path;
    if (advanced) path.remove_prefix(advanced_root.size());
    if (advanced && path.starts_with(open_part)) path.remove_prefix(open_part.size());
    if (request.method != "GET" || !path.starts_with("/products")) return not_found();
    path.remove_prefix(std::string_view("/products").size());
    if (path.empty())
        return advanced ? all_advanced_products(request, market, now) : all_products(market);
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const TradeSequence* trades = path[0] == '/' ? market.find(path.substr(1, end - 1)) : nullptr;
    const std::span<const Route> routes =
        advanced ? std::span<const Route>(advanced_routes) : exchange_routes;
    const auto route = std::ranges::find(routes, path.substr(end), &Route::suffix);
    if (!trades || route == routes.end()) return not_found();
    return route->answer(request, *trades, now);
}

}  // namespace tape::sim
