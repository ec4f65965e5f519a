// KuCoin's REST side. An answer is {"code":"200000","data":…}; errors have another code and a
// message. Tokens hold the time at which they were given and a mark that only this market makes, so
// that a simulator which is started again knows them.
#include "sim/kucoin_rest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <set>

#include "base/json_text.h"
#include "sim/quotes.h"
#include "sim/text.h"

namespace tape::sim {
namespace {

net::Response success(std::string_view data) {
    return {.body = fmt::format(R"({{"code":"200000","data":{}}})", data)};
}
// https://www.kucoin.com/docs-new/error-code/http-response
net::Response failure(int status, std::string_view code, std::string_view message) {
    return {.status = status, .body = fmt::format(R"({{"code":"{}","msg":"{}"}})", code, message)};
}

constexpr Nanos token_life = seconds(86'400);
constexpr u64 token_use = 30;
constexpr std::size_t token_digits = 32;

u64 mark_of(Nanos issued, const Market& market) {
    return market.all().front().noise(issued.count, token_use);
}

// https://www.kucoin.com/docs-new/websocket-api/base-info/get-public-token-spot-margin
net::Response bullet(const net::Request& request, const Market& market, Nanos now) {
    const std::string host(request.header("Host").value_or("127.0.0.1"));
    return success(fmt::format(
        R"({{"token":"{:016x}{:016x}","instanceServers":[{{"endpoint":{},"encrypt":{},"protocol":"websocket",)"
        R"("pingInterval":18000,"pingTimeout":10000}}]}})",
        now.count, mark_of(now, market),
        json_quoted(fmt::format("{}://{}/", request.tls ? "wss" : "ws", host)), request.tls));
}

// https://www.kucoin.com/docs-new/rest/spot-trading/market-data/get-all-symbols
void append_symbol(std::string& out, const TradeSequence& trades) {
    const Listing& listing = trades.listing();
    const std::string tick = number(1, listing.price_decimals);
    const std::string lot = number(1, listing.size_decimals);
    fmt::format_to(
        std::back_inserter(out),
        R"({{"symbol":"{0}","name":"{0}","baseCurrency":"{1}","quoteCurrency":"{2}","feeCurrency":"{2}",)"
        R"("market":"USDS","baseMinSize":"{3}","quoteMinSize":"0.1","baseMaxSize":"10000000000",)"
        R"("quoteMaxSize":"99999999","baseIncrement":"{3}","quoteIncrement":"0.000001","priceIncrement":"{4}",)"
        R"("priceLimitRate":"0.1","minFunds":"0.1","isMarginEnabled":true,"enableTrading":true,"feeCategory":1,)"
        R"("makerFeeCoefficient":"1.00","takerFeeCoefficient":"1.00","st":false}})",
        listing.native_symbol, listing.base, listing.quote, lot, tick);
}

net::Response symbols(const net::Request&, const Market& market, Nanos) {
    std::string data = "[";
    for (const TradeSequence& trades : market.all()) {
        if (data.size() > 1) data += ',';
        append_symbol(data, trades);
    }
    return success(data + "]");
}

void append_currency(std::string& out, std::string_view name) {
    fmt::format_to(
        std::back_inserter(out),
        R"({{"currency":"{0}","name":"{0}","fullName":"{0}","precision":8,"confirms":null,"contractAddress":null,)"
        R"("isMarginEnabled":true,"isDebitEnabled":true,"chains":[{{"chainName":"{0}","withdrawalMinSize":"0.001",)"
        R"("depositMinSize":"0.0002","withdrawFeeRate":"0","withdrawalMinFee":"0.0005","isWithdrawEnabled":true,)"
        R"("isDepositEnabled":true,"confirms":3,"preConfirms":1,"contractAddress":"","withdrawPrecision":8,)"
        R"("maxWithdraw":null,"maxDeposit":null,"needTag":false,"chainId":"{1}"}}]}})",
        name, [&] {
            std::string lower(name);
            std::ranges::transform(lower, lower.begin(),
                                   [](char c) { return static_cast<char>(c | 0x20); });
            return lower;
        }());
}

net::Response currencies(const net::Request&, const Market& market, Nanos) {
    std::set<std::string_view> names;
    for (const TradeSequence& trades : market.all())
        names.insert({trades.listing().base, trades.listing().quote});
    std::string data = "[";
    for (const std::string_view name : names) {
        if (data.size() > 1) data += ',';
        append_currency(data, name);
    }
    return success(data + "]");
}

// How an instrument's numbers are written.
struct Format {
    const Listing& listing;

    std::string price(i128 ticks) const { return number(ticks, listing.price_decimals); }
    std::string size(i128 lots) const { return number(lots, listing.size_decimals); }
    std::string product(i128 units) const {
        return number(units, listing.price_decimals + listing.size_decimals);
    }
};

// The last day as answers and snapshots tell it.
struct DayText {
    std::string buy, buy_size, sell, sell_size, open, high, low, last, change, change_rate, volume,
        turnover;
};
DayText day_text(const TradeSequence& trades, const SimTrade& last) {
    const Format format{trades.listing()};
    const Quote quote = quote_after(trades, last);
    const Day day = trades.day_before(last);
    const i64 change = last.price - day.open;
    return {.buy = format.price(quote.bid),
            .buy_size = format.size(quote.bid_size),
            .sell = format.price(quote.ask),
            .sell_size = format.size(quote.ask_size),
            .open = format.price(day.open),
            .high = format.price(day.high),
            .low = format.price(day.low),
            .last = format.price(last.price),
            .change = format.price(change),
            .change_rate = number(i128{change} * 10'000 / day.open, 4),
            .volume = format.size(day.volume),
            .turnover = format.product(day.volume * day.open)};
}

// The fields of the last day, which lists and single answers share.
void append_day(std::string& out, const TradeSequence& trades, const SimTrade& last) {
    const DayText day = day_text(trades, last);
    fmt::format_to(
        std::back_inserter(out),
        R"("symbol":"{0}","symbolName":"{0}","buy":"{1}","bestBidSize":"{2}","sell":"{3}","bestAskSize":"{4}",)"
        R"("changeRate":"{5}","changePrice":"{6}","high":"{7}","low":"{8}","vol":"{9}","volValue":"{10}",)"
        R"("last":"{11}","averagePrice":"{12}","takerFeeRate":"0.001","makerFeeRate":"0.001",)"
        R"("takerCoefficient":"1","makerCoefficient":"1")",
        trades.symbol(), day.buy, day.buy_size, day.sell, day.sell_size, day.change_rate,
        day.change, day.high, day.low, day.volume, day.turnover, day.last, day.open);
}

// https://www.kucoin.com/docs-new/rest/spot-trading/market-data/get-all-tickers
net::Response all_tickers(const net::Request&, const Market& market, Nanos now) {
    std::string list;
    for (const TradeSequence& trades : market.all()) {
        const i64 id = trades.last_at(now);
        if (id == 0) continue;
        list += list.empty() ? "{" : ",{";
        append_day(list, trades, trades.trade(id));
        list += '}';
    }
    return success(fmt::format(R"({{"time":{},"ticker":[{}]}})", market.stamp(now).millis(), list));
}

// https://www.kucoin.com/docs-new/rest/spot-trading/market-data/get-24hr-stats
net::Response day_stats(const net::Request&, const TradeSequence& trades, Nanos now) {
    std::string fields;
    append_day(fields, trades, trades.trade(std::max<i64>(1, trades.last_at(now))));
    return success(fmt::format(R"({{"time":{},{}}})", trades.stamp(now).millis(), fields));
}

// https://www.kucoin.com/docs-new/rest/spot-trading/market-data/get-ticker
net::Response level1(const net::Request&, const TradeSequence& trades, Nanos now) {
    const i64 id = trades.last_at(now);
    if (id == 0) return success("null");
    std::string data;
    append_kucoin_ticker(data, trades, trades.trade(id));
    return success(data);
}

// The last 100, oldest first; nothing reaches further back.
// https://www.kucoin.com/docs-new/rest/spot-trading/market-data/get-trade-history
net::Response histories(const net::Request&, const TradeSequence& trades, Nanos now) {
    constexpr i64 length = 100;
    const Listing& listing = trades.listing();
    const i64 last = trades.last_at(now);
    std::string data = "[";
    for (i64 id = std::max<i64>(1, last - length + 1); id <= last; ++id) {
        if (!trades.on_rest(id)) continue;
        const SimTrade trade = trades.trade(id);
        fmt::format_to(std::back_inserter(data),
                       R"({}{{"sequence":"{}","price":"{}","size":"{}","side":"{}","time":{}}})",
                       data.size() > 1 ? "," : "", trades.sequence(id),
                       number(trade.price, listing.price_decimals),
                       number(trade.size, listing.size_decimals), to_string(trade.side),
                       trades.stamp(trade.time).count);
    }
    return success(data + "]");
}

constexpr std::array<KucoinBar, 12> bars = {{{"1min", seconds(60)},
                                             {"3min", seconds(180)},
                                             {"5min", seconds(300)},
                                             {"15min", seconds(900)},
                                             {"30min", seconds(1'800)},
                                             {"1hour", seconds(3'600)},
                                             {"2hour", seconds(7'200)},
                                             {"4hour", seconds(14'400)},
                                             {"6hour", seconds(21'600)},
                                             {"8hour", seconds(28'800)},
                                             {"12hour", seconds(43'200)},
                                             {"1day", seconds(86'400)}}};

// `startAt` and `endAt` are seconds; newest first, at most 1500.
// https://www.kucoin.com/docs-new/rest/spot-trading/market-data/get-klines
net::Response candle_list(const net::Request& request, const TradeSequence& trades, Nanos now) {
    const KucoinBar* bar = find_kucoin_bar(request.parameter("type").value_or(""));
    if (!bar) return failure(400, "400100", "Incorrect candlestick type");
    i64 from = 0, to = 0;
    for (const auto& [name, value] : {std::pair{"startAt", &from}, {"endAt", &to}})
        if (const auto text = request.parameter(name); text && !parse_number(*text, *value))
            return failure(400, "400100", fmt::format("Invalid parameter {}", name));
    const i64 latest = now.count / seconds(1).count;
    const i64 end = to == 0 ? latest : std::min(to - 1, latest);
    const auto found = newest_candles(trades, {.size = bar->size,
                                               .from = seconds(std::clamp<i64>(from, 0, latest)),
                                               .to = seconds(end),
                                               .limit = 1'500,
                                               .now = now});
    if (!found) return failure(200, "230005", "The system is busy, please try again later");
    std::string data = "[";
    for (const Candle& candle : *found) {
        if (data.size() > 1) data += ',';
        append_kucoin_candle(data, trades, candle);
    }
    return success(data + "]");
}

struct Route {
    std::string_view method, path;
    net::Response (*answer)(const net::Request&, const Market&, Nanos);
};
constexpr std::array<Route, 6> routes = {
    {{"POST", "/api/v1/bullet-public", bullet},
     {"GET", "/api/v1/timestamp",
      [](const net::Request&, const Market& market, Nanos now) {
          return success(std::to_string(market.stamp(now).millis()));
      }},
     {"GET", "/api/v1/symbols", symbols},
     {"GET", "/api/v2/symbols", symbols},
     {"GET", "/api/v1/market/allTickers", all_tickers},
     {"GET", "/api/v3/currencies", currencies}}};

struct SymbolRoute {
    std::string_view path;
    net::Response (*answer)(const net::Request&, const TradeSequence&, Nanos);
};
constexpr std::array<SymbolRoute, 4> symbol_routes = {{{"/api/v1/market/orderbook/level1", level1},
                                                       {"/api/v1/market/stats", day_stats},
                                                       {"/api/v1/market/histories", histories},
                                                       {"/api/v1/market/candles", candle_list}}};

std::optional<u64> parse_hex(std::string_view text) {
    u64 value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<Nanos> kucoin_token_time(std::string_view token, const Market& market) {
    if (token.size() != token_digits) return std::nullopt;
    const auto issued = parse_hex(token.substr(0, token_digits / 2));
    const auto mark = parse_hex(token.substr(token_digits / 2));
    if (!issued || !mark) return std::nullopt;
    const Nanos time{static_cast<i64>(*issued)};
    if (mark_of(time, market) != *mark) return std::nullopt;
    return time;
}

bool kucoin_token_is_good(Nanos issued, const Market& market, Nanos now) {
    return now - issued < token_life && market.token_is_good(issued, now);
}

const KucoinBar* find_kucoin_bar(std::string_view name) {
    const auto found = std::ranges::find(bars, name, &KucoinBar::name);
    return found == bars.end() ? nullptr : &*found;
}

void append_kucoin_ticker(std::string& out, const TradeSequence& trades, const SimTrade& last) {
    const Format format{trades.listing()};
    const Quote quote = quote_after(trades, last);
    fmt::format_to(
        std::back_inserter(out),
        R"({{"bestAsk":"{}","bestAskSize":"{}","bestBid":"{}","bestBidSize":"{}","price":"{}","sequence":"{}",)"
        R"("size":"{}","time":{}}})",
        format.price(quote.ask), format.size(quote.ask_size), format.price(quote.bid),
        format.size(quote.bid_size), format.price(last.price), trades.sequence(last.id),
        format.size(last.size), trades.stamp(last.time).millis());
}

// https://www.kucoin.com/docs-new/3470065w0
void append_kucoin_snapshot(std::string& out, const TradeSequence& trades, const SimTrade& last) {
    const Listing& listing = trades.listing();
    const DayText day = day_text(trades, last);
    fmt::format_to(
        std::back_inserter(out),
        R"({{"sequence":"{0}","data":{{"askSize":{1},"averagePrice":{2},"baseCurrency":"{3}","bidSize":{4},"board":1,)"
        R"("buy":{5},"changePrice":{6},"changeRate":{7},"close":{8},"datetime":{9},"high":{10},)"
        R"("lastTradedPrice":{8},"low":{11},"makerCoefficient":1.000000,"makerFeeRate":0.001,"marginTrade":true,)"
        R"("mark":0,"market":"USDS","markets":["USDS"],"open":{2},"quoteCurrency":"{12}","sell":{13},"sort":100,)"
        R"("symbol":"{14}","symbolCode":"{14}","takerCoefficient":1.000000,"takerFeeRate":0.001,"trading":true,)"
        R"("vol":{15},"volValue":{16}}}}})",
        trades.sequence(last.id), day.sell_size, day.open, listing.base, day.buy_size, day.buy,
        day.change, day.change_rate, day.last, trades.stamp(last.time).millis(), day.high, day.low,
        listing.quote, day.sell, listing.native_symbol, day.volume, day.turnover);
}

void append_kucoin_candle(std::string& out, const TradeSequence& trades, const Candle& candle) {
    const Format format{trades.listing()};
    fmt::format_to(std::back_inserter(out), R"(["{}","{}","{}","{}","{}","{}","{}"])",
                   candle.start.count / seconds(1).count, format.price(candle.open),
                   format.price(candle.close), format.price(candle.high), format.price(candle.low),
                   format.size(candle.volume), format.product(candle.turnover));
}

net::Response kucoin_answer(const net::Request& request, const Market& market, Nanos now) {
    const auto route = std::ranges::find_if(routes, [&](const Route& one) {
        return one.method == request.method && one.path == request.path;
    });
    if (route != routes.end()) return route->answer(request, market, now);
    const auto of_symbol = std::ranges::find(symbol_routes, request.path, &SymbolRoute::path);
    if (request.method != "GET" || of_symbol == symbol_routes.end())
        return failure(404, "404000", "URL Not Found");
    const auto symbol = request.parameter("symbol");
    if (!symbol || symbol->empty()) return failure(400, "400100", "symbol can not be empty");
    const TradeSequence* trades = market.find(*symbol);
    if (!trades) return failure(200, "900001", "symbol not exists");
    return of_symbol->answer(request, *trades, now);
}

}  // namespace tape::sim
