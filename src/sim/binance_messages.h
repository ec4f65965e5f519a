// What Binance's REST answers and streams both say of trades, candles and the last day.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/market.h"

namespace tape::sim {

/// Eight decimals, always: "4.00000200".
std::string binance_number(i128 units, int decimals);

/// Times in epoch milliseconds, or microseconds where the client asked for them.
enum class TimeUnit : i64 { milliseconds = 1'000'000, microseconds = 1'000 };
inline i64 binance_time(Nanos time, TimeUnit unit) {
    return time.count / static_cast<i64>(unit);
}

/// Aggregates are the market's orders, and numbered as they are. One is there if all its fills are.
struct AggregateTrade {
    i64 id{}, first{}, last{};  // `first` and `last` are ids of trades.
    i64 size{};
    SimTrade trade;  // The last of its fills: price, side and time of the aggregate.
};
AggregateTrade aggregate_trade(const TradeSequence& trades, i64 number);
/// Whether `on` (TradeSequence::on_socket or on_rest) says yes of each fill of an aggregate.
bool all_fills(const TradeSequence& trades, i64 number, bool (TradeSequence::*on)(i64) const);
/// The newest aggregate that is complete at `moment`; 0: none.
i64 last_aggregate_at(const TradeSequence& trades, Nanos moment);

struct Kline {
    Nanos start;
    i64 first{}, last{};  // Ids of trades; `last` is before `first` while there is none.
    i64 open{}, high{}, low{}, close{};
    i128 volume{}, turnover{}, taker_volume{}, taker_turnover{};
};
struct Interval {
    std::string_view name;
    Nanos size;
};
/// Null when there is none of that name.
const Interval* find_interval(std::string_view name);
/// The candle that begins at `start`, without a trade yet.
Kline empty_kline(const TradeSequence& trades, Nanos start);
/// Adds the trades after its last one, up to `last`.
void extend(Kline& kline, const TradeSequence& trades, i64 last);

/// The 24 hours up to a trade, as the fields of `ticker/24hr` and `@ticker` share them.
struct DayTicker {
    SimTrade last;
    Day day;
    i64 first_id{};
    i128 turnover{};  // In ticks times lots.
    i64 change{};     // In ticks.
    std::string change_percent;
};
DayTicker day_ticker(const TradeSequence& trades, i64 last_id);

}  // namespace tape::sim
