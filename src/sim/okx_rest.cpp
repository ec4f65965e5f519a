// OKX's REST side. An answer is {"code":"0","msg":"","data":[…]}; errors have another code and,
// mostly, status 200.
#include "sim/okx_rest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>

#include "sim/candles.h"
#include "sim/text.h"

namespace tape::sim {
namespace {

net::Response success(std::string_view data) {
    return {.body = fmt::format(R"({{"code":"0","msg":"","data":[{}]}})", data)};
}

// https://www.okx.com/docs-v5/en/#error-code-rest-api
net::Response failure(int status, std::string_view code, std::string_view message) {
    return {.status = status,
            .body = fmt::format(R"({{"code":"{}","msg":"{}","data":[]}})", code, message)};
}
net::Response empty_parameter(std::string_view name) {
    return failure(400, "50014", fmt::format("Parameter {} can not be empty.", name));
}
net::Response bad_parameter(std::string_view name) {
    return failure(400, "51000", fmt::format("Parameter {} error", name));
}
net::Response no_instrument() {
    return failure(200, "51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.");
}

void separate(std::string& list) {
    if (!list.empty()) list += ',';
}

// Reads a whole number; one that is not given keeps `value`.
bool number_parameter(const net::Request& request, std::string_view name, i64& value) {
    const auto text = request.parameter(name);
    return !text || text->empty() || parse_number(*text, value);
}

// What of a list is asked for: `after` means older than, `before` newer than, both exclusive;
// newest first.
struct Page {
    i64 after = std::numeric_limits<i64>::max();
    i64 before = -1;
    i64 limit = 100;
};
// The parameter that is wrong, or "".
std::string_view read_page(const net::Request& request, i64 limit_max, Page& page) {
    if (!number_parameter(request, "after", page.after)) return "after";
    if (!number_parameter(request, "before", page.before)) return "before";
    if (!number_parameter(request, "limit", page.limit)) return "limit";
    page.limit = std::clamp<i64>(page.limit, 1, limit_max);
    return "";
}

// A time in milliseconds of a client's choice, within what there is.
Nanos moment_of(i64 ms, Nanos now) {
    return ms < now.millis() ? millis(ms) : now;
}

void append_trade(std::string& out, const TradeSequence& trades, const SimTrade& trade) {
    const Listing& listing = trades.listing();
    fmt::format_to(
        std::back_inserter(out),
        R"({{"instId":"{}","side":"{}","sz":"{}","source":"0","px":"{}","tradeId":"{}","ts":"{}"}})",
        listing.native_symbol, to_string(trade.side), number(trade.size, listing.size_decimals),
        number(trade.price, listing.price_decimals), trade.id, trades.stamp(trade.time).millis());
}

net::Response trade_list(const TradeSequence& trades, i64 newest, i64 oldest, i64 limit) {
    std::string data;
    for (i64 id = newest; id >= oldest && limit > 0; --id) {
        if (!trades.on_rest(id)) continue;
        --limit;
        separate(data);
        append_trade(data, trades, trades.trade(id));
    }
    return success(data);
}

net::Response latest_trades(const net::Request& request, const TradeSequence& trades, Nanos now) {
    Page page;
    if (const auto wrong = read_page(request, 500, page); !wrong.empty())
        return bad_parameter(wrong);
    const i64 newest = okx_newest(trades, now);
    return trade_list(trades, newest, 1, page.limit);
}

// By trade id (type=1, the default) or by time (type=2). With `before` alone the newest page comes,
// not the next one.
// https://www.okx.com/docs-v5/en/#order-book-trading-market-data-get-trades-history
net::Response history_trades(const net::Request& request, const TradeSequence& trades, Nanos now) {
    Page page;
    if (const auto wrong = read_page(request, 100, page); !wrong.empty())
        return bad_parameter(wrong);
    const std::string type = request.parameter("type").value_or("1");
    i64 newest = okx_newest(trades, now), oldest = 1;
    if (type == "1") {
        newest = std::min(newest, page.after - 1);
        oldest = std::max(oldest, page.before + 1);
    } else if (type ==
               "2") {  // Times are whole milliseconds: what lies within one is of that time.
        newest =
            std::min(newest, trades.last_at(moment_of(page.after, now + millis(1)) - Nanos{1}));
        if (page.before >= 0)
            oldest = std::max(
                oldest, trades.last_at(moment_of(page.before, now) + millis(1) - Nanos{1}) + 1);
    } else {
        return bad_parameter("type");
    }
    return trade_list(trades, newest, oldest, page.limit);
}

struct Bar {
    std::string_view name;
    Nanos size;
};
// Those that begin with the UTC day; the others that OKX has begin at 16:00 UTC.
constexpr std::array<Bar, 11> bars = {{{"1s", seconds(1)},
                                       {"1m", seconds(60)},
                                       {"3m", seconds(180)},
                                       {"5m", seconds(300)},
                                       {"15m", seconds(900)},
                                       {"30m", seconds(1'800)},
                                       {"1H", seconds(3'600)},
                                       {"2H", seconds(7'200)},
                                       {"4H", seconds(14'400)},
                                       {"12Hutc", seconds(43'200)},
                                       {"1Dutc", seconds(86'400)}}};

// https://www.okx.com/docs-v5/en/#order-book-trading-market-data-get-candlesticks
net::Response candle_list(const net::Request& request, const TradeSequence& trades, Nanos now) {
    Page page;
    if (const auto wrong = read_page(request, 300, page); !wrong.empty())
        return bad_parameter(wrong);
    const auto bar = std::ranges::find(bars, request.parameter("bar").value_or("1m"), &Bar::name);
    if (bar == bars.end()) return bad_parameter("bar");
    const auto found = candles(trades, {.size = bar->size,
                                        .from = moment_of(page.before + 1, now),
                                        .to = moment_of(page.after, now + millis(1)) - millis(1),
                                        .limit = page.limit,
                                        .now = now});
    if (!found)
        return failure(200, "50004",
                       "API endpoint request timeout (does not mean that the request was "
                       "successful or failed, please check the request result).");
    const Listing& listing = trades.listing();
    std::string data;
    for (const Candle& candle : *found) {
        separate(data);
        const auto price = [&](i64 ticks) { return number(ticks, listing.price_decimals); };
        const std::string turnover =
            number(candle.turnover, listing.price_decimals + listing.size_decimals);
        const std::string volume = number(candle.volume, listing.size_decimals);
        fmt::format_to(
            std::back_inserter(data), R"(["{}","{}","{}","{}","{}","{}","{}","{}","{}"])",
            candle.start.millis(), price(candle.open), price(candle.high), price(candle.low),
            price(candle.close), volume, listing.type == Listing::Type::spot ? turnover : volume,
            turnover, candle.closed ? 1 : 0);
    }
    return success(data);
}

net::Response one_ticker(const net::Request&, const TradeSequence& trades, Nanos now) {
    std::string data;
    if (const i64 last = trades.last_at(now); last > 0)
        append_okx_ticker(data, trades, trades.trade(last));
    return success(data);
}

// https://www.okx.com/docs-v5/en/#order-book-trading-market-data-get-order-book
net::Response one_book(const net::Request& request, const TradeSequence& trades, Nanos now) {
    i64 depth = 1;
    if (!number_parameter(request, "sz", depth)) return bad_parameter("sz");
    std::string data = "{";
    const i64 last = trades.last_at(now);
    const Book book =
        last > 0 ? book_after(trades, last, std::clamp<i64>(depth, 1, okx_book_depth)) : Book();
    append_okx_book(data, trades, book, now);
    fmt::format_to(std::back_inserter(data), R"(,"seqId":{}}})", trades.sequence(last));
    return success(data);
}

// https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments
void append_instrument(std::string& out, const TradeSequence& trades) {
    const Listing& listing = trades.listing();
    const bool spot = listing.type == Listing::Type::spot;
    const std::string lot = number(1, listing.size_decimals);
    const std::string family = fmt::format("{}-{}", listing.base, listing.quote);
    fmt::format_to(
        std::back_inserter(out),
        R"({{"alias":"","baseCcy":"{}","category":"1","ctMult":"{}","ctType":"{}","ctVal":"{}","ctValCcy":"{}",)"
        R"("expTime":"","instFamily":"{}","instId":"{}","instType":"{}","lever":"10","listTime":"1606468572000",)"
        R"("lotSz":"{}","maxLmtSz":"9999999999","minSz":"{}","optType":"","quoteCcy":"{}","settleCcy":"{}",)"
        R"("state":"live","stk":"","tickSz":"{}","uly":"{}"}})",
        spot ? listing.base : "", spot ? "" : "1", spot ? "" : "linear", spot ? "" : "0.01",
        spot ? "" : listing.base, spot ? "" : family, listing.native_symbol, okx_type(listing), lot,
        lot, spot ? listing.quote : "", spot ? "" : listing.quote,
        number(1, listing.price_decimals), spot ? "" : family);
}

// What `append` writes of each instrument of the type that the request names.
net::Response all_of_type(const net::Request& request, const Market& market,
                          const std::function<void(std::string&, const TradeSequence&)>& append) {
    const auto type = request.parameter("instType");
    if (!type || type->empty()) return empty_parameter("instType");
    constexpr std::array<std::string_view, 5> types = {"SPOT", "MARGIN", "SWAP", "FUTURES",
                                                       "OPTION"};
    if (std::ranges::find(types, *type) == types.end()) return bad_parameter("instType");
    const auto id = request.parameter("instId");
    std::string data;
    for (const TradeSequence& trades : market.all()) {
        if (okx_type(trades.listing()) != *type || (id && *id != trades.symbol())) continue;
        separate(data);
        append(data, trades);
    }
    if (id && data.empty()) return no_instrument();
    return success(data);
}

using Answer = net::Response (*)(const net::Request&, const TradeSequence&, Nanos);
struct Route {
    std::string_view path;
    Answer answer;
};
constexpr std::array<Route, 5> instrument_routes = {
    {{"/api/v5/market/trades", latest_trades},
     {"/api/v5/market/books", one_book},
     {"/api/v5/market/history-trades", history_trades},
     {"/api/v5/market/ticker", one_ticker},
     {"/api/v5/market/candles", candle_list}}};

}  // namespace

i64 okx_newest(const TradeSequence& trades, Nanos moment) {
    const i64 last = trades.last_at(moment);
    const bool whole = last == 0 || trades.order_last(last) == last;
    return whole ? last : trades.order_first(last) - 1;
}

std::string_view okx_type(const Listing& listing) {
    return listing.type == Listing::Type::spot ? "SPOT" : "SWAP";
}

void append_okx_ticker(std::string& out, const TradeSequence& trades, const SimTrade& last) {
    const Listing& listing = trades.listing();
    const Day day = trades.day_before(last);
    const auto price = [&](i64 ticks) { return number(ticks, listing.price_decimals); };
    const auto size = [&](i128 lots) { return number(lots, listing.size_decimals); };
    const bool bought = last.side == Side::buy;
    const i64 other =
        listing.size + static_cast<i64>(trades.noise(last.id, 16) % 1'000'000) % listing.size;
    const std::string volume = size(day.volume);
    const std::string turnover =
        number(day.volume * day.open, listing.size_decimals + listing.price_decimals);
    fmt::format_to(
        std::back_inserter(out),
        R"({{"instType":"{}","instId":"{}","last":"{}","lastSz":"{}","askPx":"{}","askSz":"{}","bidPx":"{}",)"
        R"("bidSz":"{}","open24h":"{}","high24h":"{}","low24h":"{}","sodUtc0":"{}","sodUtc8":"{}",)"
        R"("volCcy24h":"{}","vol24h":"{}","ts":"{}"}})",
        okx_type(listing), listing.native_symbol, price(last.price), size(last.size),
        price(bought ? last.price : last.price + 1), size(other),
        price(bought ? last.price - 1 : last.price), size(listing.size * 2 - other / 2),
        price(day.open), price(day.high), price(day.low),
        price(trades.price_at(floor_to(last.time, seconds(86'400)))),
        price(trades.price_at(floor_to(last.time + seconds(28'800), seconds(86'400)) -
                              seconds(28'800))),
        listing.type == Listing::Type::spot ? turnover : volume, volume,
        trades.stamp(last.time).millis());
}

void append_okx_book(std::string& out, const TradeSequence& trades, const Book& book,
                     Nanos moment) {
    const Listing& listing = trades.listing();
    const auto side = [&](std::string_view name, const std::vector<Level>& levels) {
        fmt::format_to(std::back_inserter(out), R"("{}":[)", name);
        for (const Level& level : levels)
            fmt::format_to(std::back_inserter(out), R"({}["{}","{}","0","{}"])",
                           &level == levels.data() ? "" : ",",
                           number(level.price, listing.price_decimals),
                           number(level.size, listing.size_decimals), level.orders);
        out += "],";
    };
    side("asks", book.asks);
    side("bids", book.bids);
    fmt::format_to(std::back_inserter(out), R"("ts":"{}")", trades.stamp(moment).millis());
}

// "bid:size:ask:size" of the best, then of the second and so on, as the levels are written.
i32 okx_checksum(const Listing& listing, const Book& book) {
    constexpr std::size_t levels = 25;
    std::string text;
    for (std::size_t i = 0; i < levels; ++i)
        for (const std::vector<Level>* side : {&book.bids, &book.asks})
            if (i < side->size())
                fmt::format_to(std::back_inserter(text), "{}{}:{}", text.empty() ? "" : ":",
                               number((*side)[i].price, listing.price_decimals),
                               number((*side)[i].size, listing.size_decimals));
    return static_cast<i32>(crc32_of(text));
}

net::Response okx_answer(const net::Request& request, const Market& market, Nanos now) {
    const auto route = std::ranges::find(instrument_routes, request.path, &Route::path);
    if (request.method == "GET" && route != instrument_routes.end()) {
        const auto id = request.parameter("instId");
        if (!id || id->empty()) return empty_parameter("instId");
        const TradeSequence* trades = market.find(*id);
        return trades ? route->answer(request, *trades, now) : no_instrument();
    }
    if (request.method == "GET" && request.path == "/api/v5/public/instruments")
        return all_of_type(request, market, append_instrument);
    if (request.method == "GET" && request.path == "/api/v5/market/tickers")
        return all_of_type(request, market, [now](std::string& out, const TradeSequence& trades) {
            append_okx_ticker(out, trades, trades.trade(std::max<i64>(1, trades.last_at(now))));
        });
    if (request.method == "GET" && request.path == "/api/v5/public/time")
        return success(fmt::format(R"({{"ts":"{}"}})", market.stamp(now).millis()));
    return failure(404, "404", "Request path not found");
}

}  // namespace tape::sim
