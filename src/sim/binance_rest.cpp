// Binance's REST side. Answers are bare; an error is {"code":…,"msg":…} with status 400. The
// weights of requests are the shell's business.
#include "sim/binance_rest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <expected>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "sim/binance_exchange_info.h"
#include "sim/binance_messages.h"
#include "sim/quotes.h"
#include "sim/text.h"

namespace tape::sim {
namespace {

// https://developers.binance.com/docs/binance-spot-api-docs/errors
net::Response failure(int code, std::string_view message) {
    return {.status = 400,
            .body = fmt::format(R"({{"code":{},"msg":{}}})", code, json_quoted(message))};
}
net::Response missing(std::string_view name) {
    return failure(-1102, fmt::format("Mandatory parameter '{}' was not sent, was empty/null, or "
                                      "malformed.",
                                      name));
}
net::Response invalid_symbol() {
    return failure(-1121, "Invalid symbol.");
}
net::Response illegal(std::string_view name, std::string_view range) {
    return failure(-1100, fmt::format("Illegal characters found in parameter '{}'; legal range is "
                                      "'{}'.",
                                      name, range));
}
constexpr std::string_view symbol_range = "^[A-Z0-9-_.]{1,20}$";

bool legal_symbol(std::string_view symbol) {
    return !symbol.empty() && symbol.size() <= 20 && std::ranges::all_of(symbol, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    });
}

struct Asked {
    const net::Request& request;
    const Market& market;
    Nanos now;
    TimeUnit unit = TimeUnit::milliseconds;

    i64 time(Nanos moment) const { return binance_time(moment, unit); }
};

// Whole numbers that a request may have, and the answer to one that is none.
struct Number {
    std::string_view name;
    std::optional<i64> value = {};
};
std::optional<net::Response> read(const Asked& asked, std::span<Number> numbers) {
    for (Number& one : numbers) {
        const auto text = asked.request.parameter(one.name);
        if (!text) continue;
        i64 value = 0;
        if (text->empty())
            return failure(-1105, fmt::format("Parameter '{}' was empty.", one.name));
        if (!parse_number(*text, value)) return illegal(one.name, "^[0-9]{1,20}$");
        if (one.name == "limit" && value == 0)
            return failure(-1130, "Data sent for parameter 'limit' is not valid.");
        one.value = value;
    }
    return std::nullopt;
}
i64 limit_of(const Number& limit) {
    return std::min<i64>(limit.value.value_or(500), 1'000);
}

// A time of a client's choice, within what there is; clients send either unit.
Nanos moment_of(i64 time, Nanos now) {
    constexpr i64 micros_from = 100'000'000'000'000;
    if (time >= micros_from) return std::min(micros(std::min(time, now.micros() + 1)), now);
    return time < now.millis() ? millis(time) : now;
}

// Joins what `append` writes of the ids from `first` on, as long as there are such and fewer than
// `limit`.
template <class Wanted, class Append>
std::string list(i64 first, i64 last, i64 limit, Wanted wanted, Append append) {
    std::string body = "[";
    for (i64 id = std::max<i64>(1, first); id <= last && limit > 0; ++id) {
        if (!wanted(id)) continue;
        if (body.size() > 1) body += ',';
        append(body, id);
        --limit;
    }
    return body + "]";
}

// The id from which on `limit` wanted ones lead up to `last`.
template <class Wanted>
i64 back_from(i64 last, i64 limit, Wanted wanted) {
    i64 first = last + 1;
    for (; limit > 0 && first > 1; limit -= wanted(first)) --first;
    return first;
}

net::Response trade_list(const Asked& asked, const TradeSequence& trades, bool historical) {
    std::array<Number, 2> numbers = {{{"limit"}, {"fromId"}}};
    const std::span<Number> read_now(numbers.data(), historical ? 2 : 1);
    if (auto error = read(asked, read_now)) return std::move(*error);
    const i64 limit = limit_of(numbers[0]), last = trades.last_at(asked.now);
    const auto wanted = [&](i64 id) { return trades.on_rest(id); };
    const i64 first = numbers[1].value ? *numbers[1].value : back_from(last, limit, wanted);
    const Listing& listing = trades.listing();
    return {
        .body = list(first, last, limit, wanted, [&](std::string& out, i64 id) {
            const SimTrade trade = trades.trade(id);
            fmt::format_to(
                std::back_inserter(out),
                R"({{"id":{},"price":"{}","qty":"{}","quoteQty":"{}","time":{},"isBuyerMaker":{},)"
                R"("isBestMatch":true}})",
                id, binance_number(trade.price, listing.price_decimals),
                binance_number(trade.size, listing.size_decimals),
                binance_number(i128{trade.price} * trade.size,
                               listing.price_decimals + listing.size_decimals),
                asked.time(trades.stamp(trade.time)), trade.side == Side::sell);
        })};
}
net::Response latest_trades(const Asked& asked, const TradeSequence& trades) {
    return trade_list(asked, trades, false);
}
net::Response historical_trades(const Asked& asked, const TradeSequence& trades) {
    return trade_list(asked, trades, true);
}

net::Response aggregate_trades(const Asked& asked, const TradeSequence& trades) {
    std::array<Number, 4> numbers = {{{"limit"}, {"fromId"}, {"startTime"}, {"endTime"}}};
    if (auto error = read(asked, numbers)) return std::move(*error);
    const auto& [limit_given, from_id, start, end] = numbers;
    if (from_id.value && (start.value || end.value))
        return failure(-1128, "Combination of optional parameters invalid.");
    const i64 limit = limit_of(limit_given);
    const auto wanted = [&](i64 number) {
        return all_fills(trades, number, &TradeSequence::on_rest);
    };
    const Nanos to = end.value ? moment_of(*end.value, asked.now) : asked.now;
    const i64 last = last_aggregate_at(trades, to);
    i64 first = 0;
    if (from_id.value)
        first = *from_id.value;
    else if (start.value)
        first = last_aggregate_at(trades, moment_of(*start.value, asked.now) - Nanos{1}) + 1;
    else
        first = back_from(last, limit, wanted);
    const Listing& listing = trades.listing();
    return {.body = list(first, last, limit, wanted, [&](std::string& out, i64 number) {
                const AggregateTrade made = aggregate_trade(trades, number);
                fmt::format_to(
                    std::back_inserter(out),
                    R"({{"a":{},"p":"{}","q":"{}","f":{},"l":{},"T":{},"m":{},"M":true}})", number,
                    binance_number(made.trade.price, listing.price_decimals),
                    binance_number(made.size, listing.size_decimals), made.first, made.last,
                    asked.time(trades.stamp(made.trade.time)), made.trade.side == Side::sell);
            })};
}

// Oldest first. From `startTime` on, else the newest up to `endTime`; fewer than asked for where
// summing so many trades would take too long.
net::Response klines(const Asked& asked, const TradeSequence& trades) {
    constexpr i64 work_limit = 1'000'000;
    const auto name = asked.request.parameter("interval");
    if (!name || name->empty()) return missing("interval");
    const Interval* interval = find_interval(*name);
    if (!interval) return failure(-1120, "Invalid interval.");
    std::array<Number, 3> numbers = {{{"limit"}, {"startTime"}, {"endTime"}}};
    if (auto error = read(asked, numbers)) return std::move(*error);
    const auto& [limit_given, start_given, end] = numbers;
    const i64 limit = limit_of(limit_given);
    const Nanos size = interval->size, span{size.count * (limit - 1)};
    const Nanos to = floor_to(end.value ? moment_of(*end.value, asked.now) : asked.now, size);
    Nanos start = std::max(to - span, floor_to(asked.market.epoch(), size));
    if (start_given.value)  // The first that begins at that time or after it.
        start = floor_to(moment_of(*start_given.value, asked.now) + size - Nanos{1}, size);
    const i64 newest = trades.last_at(std::min(to + size - Nanos{1}, asked.now));
    while (!start_given.value && start < to &&
           newest - trades.last_at(start - Nanos{1}) > work_limit)
        start += size;
    i64 work = 0;
    std::string body = "[";
    const Listing& listing = trades.listing();
    const auto price = [&](i64 ticks) { return binance_number(ticks, listing.price_decimals); };
    const auto lots = [&](i128 units) { return binance_number(units, listing.size_decimals); };
    const auto product = [&](i128 units) {
        return binance_number(units, listing.price_decimals + listing.size_decimals);
    };
    for (i64 count = 0; start <= to && count < limit; start += size) {
        Kline kline = empty_kline(trades, start);
        const i64 last = trades.last_at(std::min(start + size - Nanos{1}, asked.now));
        work += last - kline.last;
        if (last == kline.last) continue;
        if (work > work_limit && count > 0) break;
        if (work > work_limit)
            return failure(-1007,
                           "Timeout waiting for response from backend server. Send status "
                           "unknown; execution status unknown.");
        extend(kline, trades, last);
        fmt::format_to(
            std::back_inserter(body), R"({}[{},"{}","{}","{}","{}","{}",{},"{}",{},"{}","{}","0"])",
            count++ > 0 ? "," : "", asked.time(start), price(kline.open), price(kline.high),
            price(kline.low), price(kline.close), lots(kline.volume), asked.time(start + size) - 1,
            product(kline.turnover), kline.last - kline.first + 1, lots(kline.taker_volume),
            product(kline.taker_turnover));
    }
    return {.body = body + "]"};
}

void append_price(std::string& out, const Asked& asked, const TradeSequence& trades) {
    const SimTrade last = trades.trade(std::max<i64>(1, trades.last_at(asked.now)));
    fmt::format_to(std::back_inserter(out), R"({{"symbol":"{}","price":"{}"}})", trades.symbol(),
                   binance_number(last.price, trades.listing().price_decimals));
}

void append_book(std::string& out, const Asked& asked, const TradeSequence& trades) {
    const Listing& listing = trades.listing();
    const Quote quote =
        quote_after(trades, trades.trade(std::max<i64>(1, trades.last_at(asked.now))));
    fmt::format_to(
        std::back_inserter(out),
        R"({{"symbol":"{}","bidPrice":"{}","bidQty":"{}","askPrice":"{}","askQty":"{}"}})",
        trades.symbol(), binance_number(quote.bid, listing.price_decimals),
        binance_number(quote.bid_size, listing.size_decimals),
        binance_number(quote.ask, listing.price_decimals),
        binance_number(quote.ask_size, listing.size_decimals));
}

void append_day(std::string& out, const Asked& asked, const TradeSequence& trades) {
    const Listing& listing = trades.listing();
    const DayTicker ticker = day_ticker(trades, std::max<i64>(1, trades.last_at(asked.now)));
    const Quote quote = quote_after(trades, ticker.last);
    const auto price = [&](i64 ticks) { return binance_number(ticks, listing.price_decimals); };
    const auto size = [&](i128 lots) { return binance_number(lots, listing.size_decimals); };
    const Nanos closes = trades.stamp(asked.now);
    fmt::format_to(
        std::back_inserter(out),
        R"({{"symbol":"{}","priceChange":"{}","priceChangePercent":"{}","weightedAvgPrice":"{}",)"
        R"("prevClosePrice":"{}","lastPrice":"{}","lastQty":"{}","bidPrice":"{}","bidQty":"{}","askPrice":"{}",)"
        R"("askQty":"{}","openPrice":"{}","highPrice":"{}","lowPrice":"{}","volume":"{}","quoteVolume":"{}",)"
        R"("openTime":{},"closeTime":{},"firstId":{},"lastId":{},"count":{}}})",
        listing.native_symbol, price(ticker.change), ticker.change_percent, price(ticker.day.open),
        price(ticker.day.open), price(ticker.last.price), size(ticker.last.size), price(quote.bid),
        size(quote.bid_size), price(quote.ask), size(quote.ask_size), price(ticker.day.open),
        price(ticker.day.high), price(ticker.day.low), size(ticker.day.volume),
        binance_number(ticker.turnover, listing.price_decimals + listing.size_decimals),
        asked.time(closes - seconds(86'400)), asked.time(closes), ticker.first_id, ticker.last.id,
        ticker.last.id - ticker.first_id + 1);
}

using Append = void (*)(std::string&, const Asked&, const TradeSequence&);

// The symbols that a request names, by `symbol` or as a list in `symbols`; none: all are meant.
std::expected<std::vector<const TradeSequence*>, net::Response> symbols_of(const Asked& asked) {
    const auto symbol = asked.request.parameter("symbol"),
               symbols = asked.request.parameter("symbols");
    if (symbol && symbols)
        return std::unexpected(failure(-1128, "Combination of optional parameters invalid."));
    std::vector<const TradeSequence*> named;
    if (!symbol && !symbols) return named;
    const nlohmann::json names =
        symbol ? nlohmann::json::array({*symbol}) : nlohmann::json::parse(*symbols, nullptr, false);
    if (!names.is_array())
        return std::unexpected(
            illegal("symbols", "^\\[(\"[A-Z0-9-_.]{1,20}\"(,\"[A-Z0-9-_.]{1,20}\"){0,}){0,1}\\]$"));
    for (const nlohmann::json& name : names) {
        if (!name.is_string() || !legal_symbol(name.get<std::string>()))
            return std::unexpected(illegal(symbol ? "symbol" : "symbols", symbol_range));
        named.push_back(asked.market.find(name.get<std::string>()));
        if (!named.back()) return std::unexpected(invalid_symbol());
    }
    return named;
}

// One symbol as an object, several or all as an array.
net::Response tickers(const Asked& asked, Append append) {
    auto named = symbols_of(asked);
    if (!named) return std::move(named.error());
    const bool one = asked.request.parameter("symbol").has_value();
    if (named->empty())
        for (const TradeSequence& trades : asked.market.all()) named->push_back(&trades);
    net::Response response;
    if (!one) response.body = "[";
    for (const TradeSequence* trades : *named) {
        if (response.body.size() > 1) response.body += ',';
        append(response.body, asked, *trades);
    }
    if (!one) response.body += ']';
    return response;
}

struct TickerRoute {
    std::string_view path;
    Append append;
};
constexpr std::array<TickerRoute, 3> ticker_routes = {{{"/api/v3/ticker/price", append_price},
                                                       {"/api/v3/ticker/24hr", append_day},
                                                       {"/api/v3/ticker/bookTicker", append_book}}};

struct SymbolRoute {
    std::string_view path;
    net::Response (*answer)(const Asked&, const TradeSequence&);
};
constexpr std::array<SymbolRoute, 4> symbol_routes = {
    {{"/api/v3/trades", latest_trades},
     {"/api/v3/historicalTrades", historical_trades},
     {"/api/v3/aggTrades", aggregate_trades},
     {"/api/v3/klines", klines}}};

net::Response exchange_info(const Asked& asked) {
    auto named = symbols_of(asked);
    if (!named) return std::move(named.error());
    std::vector<std::string> names;
    for (const TradeSequence* trades : *named) names.emplace_back(trades->symbol());
    return {.body = binance_exchange_info(
                asked.market,
                {.symbols = names,
                 .permission_sets = asked.request.parameter("showPermissionSets") != "false",
                 .server_time = asked.time(asked.market.stamp(asked.now))})};
}

}  // namespace

net::Response binance_answer(const net::Request& request, const Market& market, Nanos now) {
    Asked asked{request, market, now};
    if (const auto unit = request.header("X-MBX-TIME-UNIT")) {
        if (*unit == "MICROSECOND" || *unit == "microsecond")
            asked.unit = TimeUnit::microseconds;
        else if (*unit != "MILLISECOND" && *unit != "millisecond")
            return failure(-1194,
                           "Invalid value for time unit; expected either MICROSECOND or "
                           "MILLISECOND.");
    }
    if (request.method == "GET") {
        if (request.path == "/api/v3/ping") return {.body = "{}"};
        if (request.path == "/api/v3/time")
            return {.body = fmt::format(R"({{"serverTime":{}}})", asked.time(market.stamp(now)))};
        if (request.path == "/api/v3/exchangeInfo") return exchange_info(asked);
        const auto ticker = std::ranges::find(ticker_routes, request.path, &TickerRoute::path);
        if (ticker != ticker_routes.end()) return tickers(asked, ticker->append);
        const auto route = std::ranges::find(symbol_routes, request.path, &SymbolRoute::path);
        if (route != symbol_routes.end()) {
            const auto symbol = request.parameter("symbol");
            if (!symbol || symbol->empty()) return missing("symbol");
            if (!legal_symbol(*symbol)) return illegal("symbol", symbol_range);
            const TradeSequence* trades = market.find(*symbol);
            return trades ? route->answer(asked, *trades) : invalid_symbol();
        }
    }
    return {.status = 404,
            .content_type = "text/html",
            .body = "<html><body><h2>404 Not found</h2></body></html>\n"};
}

}  // namespace tape::sim
