// Kraken's REST side. An answer is {"error":[…],"result":…}, always with status 200. A pair has
// several names: "XXBTZUSD" is the one of results, "XBTUSD", "XBT/USD" and WebSocket v2's "BTC/USD"
// are understood.
#include "sim/kraken_rest.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <set>

#include "sim/candles.h"
#include "sim/quotes.h"
#include "sim/text.h"

namespace tape::sim {
namespace {

net::Response success(std::string_view result) {
    return {.body = fmt::format(R"({{"error":[],"result":{}}})", result)};
}
// https://docs.kraken.com/api/docs/guides/spot-errors
net::Response failure(std::string_view error) {
    return {.body = fmt::format(R"({{"error":["{}"]}})", error)};
}

// Older assets have a class letter and four characters: X for coins, Z for money.
struct OldName {
    std::string_view asset, old, with_class;
};
constexpr std::array<OldName, 6> old_names = {{{"BTC", "XBT", "XXBT"},
                                               {"DOGE", "XDG", "XXDG"},
                                               {"ETH", "ETH", "XETH"},
                                               {"XRP", "XRP", "XXRP"},
                                               {"LTC", "LTC", "XLTC"},
                                               {"USD", "USD", "ZUSD"}}};
OldName name_of(std::string_view asset) {
    const auto found = std::ranges::find(old_names, asset, &OldName::asset);
    return found == old_names.end() ? OldName{asset, asset, asset} : *found;
}

struct PairNames {
    std::string key, short_name, websocket_name;
};
PairNames names_of(const Listing& listing) {
    const OldName base = name_of(listing.base), quote = name_of(listing.quote);
    PairNames names{.key = fmt::format("{}{}", base.old, quote.old),
                    .short_name = fmt::format("{}{}", base.old, quote.old),
                    .websocket_name = fmt::format("{}/{}", base.old, quote.old)};
    // DOGE came later, and its pair has no class letters.
    if (base.with_class != base.asset && listing.base != "DOGE")
        names.key = fmt::format("{}{}", base.with_class, quote.with_class);
    return names;
}

bool is_named(const Listing& listing, std::string_view name) {
    const PairNames names = names_of(listing);
    return name == names.key || name == names.short_name || name == names.websocket_name ||
           name == listing.native_symbol ||
           name == fmt::format("{}{}", listing.base, listing.quote);
}

const TradeSequence* find_pair(const Market& market, std::string_view name) {
    for (const TradeSequence& trades : market.all())
        if (is_named(trades.listing(), name)) return market.find(trades.symbol());
    return nullptr;
}

// The pairs that a request names, parted by commas; all when it names none. Empty: one is unknown.
std::vector<const TradeSequence*> pairs_of(const net::Request& request, const Market& market) {
    std::vector<const TradeSequence*> pairs;
    const std::string list = request.parameter("pair").value_or("");
    if (list.empty())
        for (const TradeSequence& trades : market.all()) pairs.push_back(&trades);
    for (std::string_view rest = list; !rest.empty();) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        pairs.push_back(find_pair(market, rest.substr(0, comma)));
        if (!pairs.back()) return {};
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return pairs;
}

net::Response server_time(const Market& market, Nanos now) {
    const std::time_t second = market.stamp(now).count / seconds(1).count;
    return success(fmt::format(R"({{"unixtime":{},"rfc1123":"{:%a, %d %b %y %H:%M:%S} +0000"}})",
                               second, fmt::gmtime(second)));
}

net::Response system_status(const Market& market, Nanos now) {
    return success(
        fmt::format(R"({{"status":"online","timestamp":"{}"}})", time_text(market.stamp(now), 0)));
}

net::Response assets(const Market& market) {
    std::set<std::string_view> names;
    for (const TradeSequence& trades : market.all())
        names.insert({trades.listing().base, trades.listing().quote});
    std::string result;
    for (const std::string_view asset : names) {
        const OldName name = name_of(asset);
        const bool money = asset == "USD";
        fmt::format_to(
            std::back_inserter(result),
            R"({}"{}":{{"aclass":"currency","altname":"{}","decimals":{},"display_decimals":{},"status":"enabled"}})",
            result.empty() ? "" : ",", name.with_class, name.old, money ? 4 : 10, money ? 2 : 5);
    }
    return success(fmt::format("{{{}}}", result));
}

void append_pair(std::string& out, const Listing& listing) {
    const PairNames names = names_of(listing);
    fmt::format_to(
        std::back_inserter(out),
        R"("{}":{{"altname":"{}","wsname":"{}","aclass_base":"currency","base":"{}","aclass_quote":"currency",)"
        R"("quote":"{}","lot":"unit","cost_decimals":5,"pair_decimals":{},"lot_decimals":{},"lot_multiplier":1,)"
        R"("leverage_buy":[2,3,4,5],"leverage_sell":[2,3,4,5],"fees":[[0,0.4],[10000,0.35]],)"
        R"("fees_maker":[[0,0.25],[10000,0.2]],"fee_volume_currency":"ZUSD","margin_call":80,"margin_stop":40,)"
        R"("ordermin":"0.0001","costmin":"0.5","tick_size":"{}","status":"online"}})",
        names.key, names.short_name, names.websocket_name, name_of(listing.base).with_class,
        name_of(listing.quote).with_class, listing.price_decimals, listing.size_decimals,
        number(1, listing.price_decimals));
}

// REST writes prices with at least five decimals, and sizes with eight.
std::string rest_price(const Listing& listing, i128 ticks) {
    int decimals = listing.price_decimals;
    for (; decimals < 5; ++decimals) ticks *= 10;
    return number(ticks, decimals, Zeros::keep);
}
std::string rest_size(const Listing& listing, i128 lots) {
    return number(lots, listing.size_decimals, Zeros::keep);
}

void append_ticker(std::string& out, const TradeSequence& trades, Nanos now) {
    const Listing& listing = trades.listing();
    const i64 id = std::max<i64>(1, trades.last_at(now));
    const SimTrade last = trades.trade(id);
    const Quote quote = quote_after(trades, last);
    const Day day = trades.day_before(last);
    const i64 count = id - trades.last_at(last.time - seconds(86'400));
    const auto price = [&](i64 ticks) { return rest_price(listing, ticks); };
    const std::string volume = rest_size(listing, day.volume);
    // The whole lots of a size, and the size.
    const auto depth = [&](i64 lots) {
        const std::string size = rest_size(listing, lots);
        return fmt::format(R"("{}","{}")", size.substr(0, size.find('.')),
                           size.substr(0, size.find('.') + 4));
    };
    fmt::format_to(
        std::back_inserter(out),
        R"("{0}":{{"a":["{1}",{2}],"b":["{3}",{4}],"c":["{5}","{6}"],"v":["{7}","{7}"],)"
        R"("p":["{8}","{8}"],"t":[{9},{9}],"l":["{10}","{10}"],"h":["{11}","{11}"],"o":"{8}"}})",
        names_of(listing).key, price(quote.ask), depth(quote.ask_size), price(quote.bid),
        depth(quote.bid_size), price(last.price), rest_size(listing, last.size), volume,
        price(day.open), count, price(day.low), price(day.high));
}

// `since` is in nanoseconds, though seconds are understood; exclusive.
std::optional<Nanos> since_of(const net::Request& request, Nanos otherwise) {
    const auto text = request.parameter("since");
    if (!text || text->empty()) return otherwise;
    constexpr i64 nanoseconds_from = 1'000'000'000'000;
    i64 value = 0;
    if (text->size() > 18 ? !parse_number(text->substr(0, 18), value) : !parse_number(*text, value))
        return std::nullopt;
    if (text->size() > 19) return std::nullopt;
    if (text->size() == 19) {
        if (text->back() < '0' || text->back() > '9' || value > 900'000'000'000'000'000)
            return std::nullopt;
        value = value * 10 + (text->back() - '0');
    }
    return value < nanoseconds_from ? seconds(std::min<i64>(value, 9'000'000'000)) : Nanos{value};
}

// Times have microseconds, as the sockets' do; the real ones have a digit or two more.
// Without `since` the newest, else the first ones after it; oldest first. `last` is where to go on.
// https://docs.kraken.com/api/docs/rest-api/get-recent-trades
net::Response trade_list(const net::Request& request, const TradeSequence& trades, Nanos now) {
    constexpr i64 count_max = 1'000;
    i64 count = count_max;
    if (const auto text = request.parameter("count"))
        if (!parse_number(*text, count) || count < 1 || count > count_max)
            return failure("EGeneral:Invalid arguments:count");
    const std::optional<Nanos> since = since_of(request, Nanos{0});
    if (!since) return failure("EGeneral:Invalid arguments:since");
    const i64 last = trades.last_at(now);
    i64 id = since->count == 0 ? std::max<i64>(1, last + 1 - count) : trades.last_at(*since) + 1;
    const Listing& listing = trades.listing();
    std::string list;
    Nanos reached = std::max(*since, Nanos{0});
    for (; id <= last && count > 0; ++id) {
        if (!trades.on_rest(id)) continue;
        --count;
        const SimTrade trade = trades.trade(id);
        reached = trade.time;
        fmt::format_to(std::back_inserter(list), R"({}["{}","{}",{},"{}","{}","",{}])",
                       list.empty() ? "" : ",", rest_price(listing, trade.price),
                       rest_size(listing, trade.size),
                       number(trades.stamp(trade.time).micros(), 6, Zeros::keep),
                       trade.side == Side::buy ? "b" : "s",
                       trades.noise(trades.order_first(id), 17) % 3 == 0 ? "m" : "l", id);
    }
    return success(
        fmt::format(R"({{"{}":[{}],"last":"{}"}})", names_of(listing).key, list, reached.count));
}

// https://docs.kraken.com/api/docs/rest-api/get-ohlc-data: the last 720, oldest first; the newest
// is not complete.
net::Response candle_list(const net::Request& request, const TradeSequence& trades, Nanos now) {
    constexpr std::array<i64, 7> minutes = {1, 5, 15, 30, 60, 240, 1'440};
    constexpr i64 length = 720;
    i64 interval = 1;
    const auto given = request.parameter("interval");
    if (given &&
        (!parse_number(*given, interval) || std::ranges::find(minutes, interval) == minutes.end()))
        return failure("EGeneral:Invalid arguments:interval");
    const Nanos size = seconds(60 * interval);
    const auto since = since_of(request, Nanos{0});
    if (!since) return failure("EGeneral:Invalid arguments:since");
    const Nanos from = std::max(now - Nanos{size.count * length}, *since + Nanos{1});
    auto found = newest_candles(
        trades, {.size = size, .from = from, .to = now, .limit = length, .now = now});
    if (!found) return failure("EService:Timeout");
    std::ranges::reverse(*found);
    const Listing& listing = trades.listing();
    std::string list;
    i64 last = 0;
    for (const Candle& candle : *found) {
        const auto price = [&](i128 ticks) { return rest_price(listing, ticks); };
        const i64 start = candle.start.count / seconds(1).count;
        if (candle.closed) last = start;
        const i64 count = trades.last_at(std::min(now, candle.start + size - Nanos{1})) -
                          trades.last_at(candle.start - Nanos{1});
        fmt::format_to(std::back_inserter(list), R"({}[{},"{}","{}","{}","{}","{}","{}",{}])",
                       list.empty() ? "" : ",", start, price(candle.open), price(candle.high),
                       price(candle.low), price(candle.close),
                       price(candle.turnover / candle.volume), rest_size(listing, candle.volume),
                       count);
    }
    return success(fmt::format(R"({{"{}":[{}],"last":{}}})", names_of(listing).key, list, last));
}

// https://docs.kraken.com/api/docs/rest-api/get-order-book
net::Response order_book(const net::Request& request, const TradeSequence& trades, Nanos now) {
    i64 count = 100;
    if (const auto text = request.parameter("count"))
        if (!parse_number(*text, count) || count < 1 || count > 500)
            return failure("EGeneral:Invalid arguments:count");
    const Listing& listing = trades.listing();
    const i64 last = trades.last_at(now);
    const Book book = last > 0 ? book_after(trades, last, count) : Book();
    const auto list = [&](const std::vector<Level>& levels) {
        std::string text;
        for (const Level& level : levels)
            fmt::format_to(std::back_inserter(text), R"({}["{}","{}",{}])", text.empty() ? "" : ",",
                           rest_price(listing, level.price), rest_size(listing, level.size),
                           trades.stamp(now).count / seconds(1).count);
        return text;
    };
    return success(fmt::format(R"({{"{}":{{"asks":[{}],"bids":[{}]}}}})", names_of(listing).key,
                               list(book.asks), list(book.bids)));
}

using Answer = net::Response (*)(const net::Request&, const TradeSequence&, Nanos);
struct Route {
    std::string_view method;
    Answer answer;
};
constexpr std::array<Route, 3> pair_routes = {
    {{"Trades", trade_list}, {"OHLC", candle_list}, {"Depth", order_book}}};

}  // namespace

std::string kraken_price(const Listing& listing, i64 ticks) {
    return number(ticks, listing.price_decimals, Zeros::keep);
}
std::string kraken_size(const Listing& listing, i128 lots) {
    return number(lots, listing.size_decimals);
}

std::string kraken_book_size(const Listing& listing, i64 lots) {
    return number(lots, listing.size_decimals, Zeros::keep);
}

// Prices and sizes, asks before bids, as they are written but for the point and the zeros before
// the first other digit.
u32 kraken_checksum(const Listing& listing, const Book& book) {
    constexpr std::size_t levels = 10;
    std::string text;
    const auto append = [&text](std::string digits) {
        std::erase(digits, '.');
        text += digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
    };
    for (const std::vector<Level>* side : {&book.asks, &book.bids})
        for (std::size_t i = 0; i < std::min(levels, side->size()); ++i) {
            append(kraken_price(listing, (*side)[i].price));
            append(kraken_book_size(listing, (*side)[i].size));
        }
    return crc32_of(text);
}

net::Response kraken_answer(const net::Request& request, const Market& market, Nanos now) {
    constexpr std::string_view root = "/0/public/";
    if (!request.path.starts_with(root)) return failure("EGeneral:Unknown method");
    const std::string_view method = std::string_view(request.path).substr(root.size());
    if (method == "Time") return server_time(market, now);
    if (method == "SystemStatus") return system_status(market, now);
    if (method == "Assets") return assets(market);
    if (method == "AssetPairs" || method == "Ticker") {
        std::string result;
        for (const TradeSequence* trades : pairs_of(request, market)) {
            if (!result.empty()) result += ',';
            if (method == "Ticker")
                append_ticker(result, *trades, now);
            else
                append_pair(result, trades->listing());
        }
        if (result.empty()) return failure("EQuery:Unknown asset pair");
        return success(fmt::format("{{{}}}", result));
    }
    const auto route = std::ranges::find(pair_routes, method, &Route::method);
    if (route == pair_routes.end()) return failure("EGeneral:Unknown method");
    const auto pair = request.parameter("pair");
    if (!pair || pair->empty()) return failure("EGeneral:Invalid arguments");
    const TradeSequence* trades = find_pair(market, *pair);
    if (!trades) return failure("EQuery:Unknown asset pair");
    return route->answer(request, *trades, now);
}

}  // namespace tape::sim
