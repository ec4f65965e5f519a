// The payloads of Binance's streams:
// https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
#include "sim/binance_events.h"

#include <fmt/format.h>

#include <iterator>

#include "sim/quotes.h"

namespace tape::sim {
namespace {

// How an instrument's numbers are written.
struct Format {
    const TradeSequence& trades;
    TimeUnit unit;
    int price_decimals = trades.listing().price_decimals;
    int size_decimals = trades.listing().size_decimals;

    std::string price(i64 ticks) const { return binance_number(ticks, price_decimals); }
    std::string size(i128 lots) const { return binance_number(lots, size_decimals); }
    std::string product(i128 units) const {
        return binance_number(units, price_decimals + size_decimals);
    }
    i64 time(Nanos moment) const { return binance_time(trades.stamp(moment), unit); }
};

}  // namespace

void append_trade_event(std::string& out, const TradeSequence& trades, TimeUnit unit, i64 id) {
    const Format format{trades, unit};
    const SimTrade trade = trades.trade(id);
    const i64 when = format.time(trade.time);
    fmt::format_to(
        std::back_inserter(out),
        R"({{"e":"trade","E":{},"s":"{}","t":{},"p":"{}","q":"{}","T":{},"m":{},"M":true}})", when,
        trades.symbol(), id, format.price(trade.price), format.size(trade.size), when,
        trade.side == Side::sell);
}

void append_aggregate_event(std::string& out, const TradeSequence& trades, TimeUnit unit,
                            i64 number) {
    const Format format{trades, unit};
    const AggregateTrade made = aggregate_trade(trades, number);
    const i64 when = format.time(made.trade.time);
    fmt::format_to(
        std::back_inserter(out),
        R"({{"e":"aggTrade","E":{},"s":"{}","a":{},"p":"{}","q":"{}","f":{},"l":{},"T":{},"m":{},"M":true}})",
        when, trades.symbol(), number, format.price(made.trade.price), format.size(made.size),
        made.first, made.last, when, made.trade.side == Side::sell);
}

void append_book_event(std::string& out, const TradeSequence& trades, TimeUnit unit, i64 id) {
    const Format format{trades, unit};
    const Quote quote = quote_after(trades, trades.trade(id));
    fmt::format_to(
        std::back_inserter(out), R"({{"u":{},"s":"{}","b":"{}","B":"{}","a":"{}","A":"{}"}})",
        trades.sequence(id), trades.symbol(), format.price(quote.bid), format.size(quote.bid_size),
        format.price(quote.ask), format.size(quote.ask_size));
}

void append_ticker_event(std::string& out, const TradeSequence& trades, TimeUnit unit, i64 last_id,
                         Nanos now) {
    const Format format{trades, unit};
    const DayTicker ticker = day_ticker(trades, last_id);
    const Quote quote = quote_after(trades, ticker.last);
    fmt::format_to(
        std::back_inserter(out),
        R"({{"e":"24hrTicker","E":{},"s":"{}","p":"{}","P":"{}","w":"{}","x":"{}","c":"{}","Q":"{}","b":"{}",)"
        R"("B":"{}","a":"{}","A":"{}","o":"{}","h":"{}","l":"{}","v":"{}","q":"{}","O":{},"C":{},"F":{},"L":{},)"
        R"("n":{}}})",
        format.time(now), trades.symbol(), format.price(ticker.change), ticker.change_percent,
        format.price(ticker.day.open), format.price(ticker.day.open),
        format.price(ticker.last.price), format.size(ticker.last.size), format.price(quote.bid),
        format.size(quote.bid_size), format.price(quote.ask), format.size(quote.ask_size),
        format.price(ticker.day.open), format.price(ticker.day.high), format.price(ticker.day.low),
        format.size(ticker.day.volume), format.product(ticker.turnover),
        format.time(now - seconds(86'400)), format.time(now), ticker.first_id, last_id,
        last_id - ticker.first_id + 1);
}

void append_mini_ticker_event(std::string& out, const TradeSequence& trades, TimeUnit unit,
                              i64 last_id, Nanos now) {
    const Format format{trades, unit};
    const DayTicker ticker = day_ticker(trades, last_id);
    fmt::format_to(
        std::back_inserter(out),
        R"({{"e":"24hrMiniTicker","E":{},"s":"{}","c":"{}","o":"{}","h":"{}","l":"{}","v":"{}","q":"{}"}})",
        format.time(now), trades.symbol(), format.price(ticker.last.price),
        format.price(ticker.day.open), format.price(ticker.day.high), format.price(ticker.day.low),
        format.size(ticker.day.volume), format.product(ticker.turnover));
}

void append_kline_event(std::string& out, const TradeSequence& trades, TimeUnit unit,
                        const KlineEvent& event) {
    const Format format{trades, unit};
    const Kline& kline = event.kline;
    fmt::format_to(
        std::back_inserter(out),
        R"({{"e":"kline","E":{},"s":"{}","k":{{"t":{},"T":{},"s":"{}","i":"{}","f":{},"L":{},"o":"{}","c":"{}",)"
        R"("h":"{}","l":"{}","v":"{}","n":{},"x":{},"q":"{}","V":"{}","Q":"{}","B":"0"}}}})",
        format.time(event.now), trades.symbol(), binance_time(kline.start, unit),
        binance_time(kline.start + event.interval.size, unit) - 1, trades.symbol(),
        event.interval.name, kline.first, kline.last, format.price(kline.open),
        format.price(kline.close), format.price(kline.high), format.price(kline.low),
        format.size(kline.volume), kline.last - kline.first + 1, event.closed,
        format.product(kline.turnover), format.size(kline.taker_volume),
        format.product(kline.taker_turnover));
}

}  // namespace tape::sim
