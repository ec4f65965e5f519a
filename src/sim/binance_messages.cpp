// What Binance's REST answers and streams both say of trades, candles and the last day.
#include "sim/binance_messages.h"

#include <algorithm>
#include <array>

#include "sim/text.h"

namespace tape::sim {
namespace {

constexpr std::array<Interval, 13> intervals = {{{"1s", seconds(1)},
                                                 {"1m", seconds(60)},
                                                 {"3m", seconds(180)},
                                                 {"5m", seconds(300)},
                                                 {"15m", seconds(900)},
                                                 {"30m", seconds(1'800)},
                                                 {"1h", seconds(3'600)},
                                                 {"2h", seconds(7'200)},
                                                 {"4h", seconds(14'400)},
                                                 {"6h", seconds(21'600)},
                                                 {"8h", seconds(28'800)},
                                                 {"12h", seconds(43'200)},
                                                 {"1d", seconds(86'400)}}};

}  // namespace

std::string binance_number(i128 units, int decimals) {
    constexpr int places = 8;
    for (; decimals < places; ++decimals) units *= 10;
    return number(units, decimals, Zeros::keep);
}

AggregateTrade aggregate_trade(const TradeSequence& trades, i64 number) {
    AggregateTrade made{.id = number, .first = trades.order_start(number)};
    made.last = trades.order_last(made.first);
    for (i64 id = made.first; id <= made.last; ++id) {
        made.trade = trades.trade(id);
        made.size += made.trade.size;
    }
    return made;
}

bool all_fills(const TradeSequence& trades, i64 number, bool (TradeSequence::*on)(i64) const) {
    const i64 first = trades.order_start(number);
    for (i64 id = first; id <= trades.order_last(first); ++id)
        if (!(trades.*on)(id)) return false;
    return true;
}

i64 last_aggregate_at(const TradeSequence& trades, Nanos moment) {
    const i64 last = trades.last_at(moment);
    // The order of the trade after it is not filled yet, and may have begun.
    return trades.order_number(last + 1) - 1;
}

const Interval* find_interval(std::string_view name) {
    const auto found = std::ranges::find(intervals, name, &Interval::name);
    return found == intervals.end() ? nullptr : &*found;
}

Kline empty_kline(const TradeSequence& trades, Nanos start) {
    const i64 before = trades.last_at(start - Nanos{1});
    return {.start = start, .first = before + 1, .last = before};
}

void extend(Kline& kline, const TradeSequence& trades, i64 last) {
    while (kline.last < last) {
        const SimTrade trade = trades.trade(++kline.last);
        const i128 turnover = i128{trade.price} * trade.size;
        if (trade.id == kline.first) kline.open = kline.high = kline.low = trade.price;
        kline.high = std::max(kline.high, trade.price);
        kline.low = std::min(kline.low, trade.price);
        kline.close = trade.price;
        kline.volume += trade.size;
        kline.turnover += turnover;
        kline.taker_volume += trade.side == Side::buy ? trade.size : 0;
        kline.taker_turnover += trade.side == Side::buy ? turnover : 0;
    }
}

DayTicker day_ticker(const TradeSequence& trades, i64 last_id) {
    DayTicker ticker{.last = trades.trade(last_id)};
    ticker.day = trades.day_before(ticker.last);
    ticker.first_id = trades.last_at(ticker.last.time - seconds(86'400)) + 1;
    ticker.turnover = ticker.day.volume * ticker.day.open;
    ticker.change = ticker.last.price - ticker.day.open;
    ticker.change_percent = number(i128{ticker.change} * 100'000 / ticker.day.open, 3, Zeros::keep);
    return ticker;
}

}  // namespace tape::sim
