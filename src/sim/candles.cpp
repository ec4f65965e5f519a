// Candles as exchanges offer them over REST, computed from the very trades that the sockets send.
#include "sim/candles.h"

#include <algorithm>

namespace tape::sim {
namespace {

constexpr i64 work_limit = 1'000'000;

Candle candle_of(const TradeSequence& trades, i64 first, i64 last, Nanos start) {
    Candle candle{.start = start};
    for (i64 id = first; id <= last; ++id) {
        const SimTrade trade = trades.trade(id);
        if (id == first) candle.open = candle.high = candle.low = trade.price;
        candle.high = std::max(candle.high, trade.price);
        candle.low = std::min(candle.low, trade.price);
        candle.close = trade.price;
        candle.volume += trade.size;
        candle.turnover += i128{trade.price} * trade.size;
    }
    return candle;
}

}  // namespace

std::optional<std::vector<Candle>> candles(const TradeSequence& trades, const CandleQuery& query) {
    std::vector<Candle> found;
    const i64 newest = trades.last_at(query.now);
    i64 work = 0;
    for (i64 last = std::min(newest, trades.last_at(query.to + query.size - Nanos{1})); last > 0;) {
        const Nanos start = floor_to(trades.time(last), query.size);
        if (start > query.to) {  // `to` lies within a candle: that one started before it.
            last = trades.last_at(start - Nanos{1});
            continue;
        }
        if (start < query.from || static_cast<i64>(found.size()) >= query.limit) break;
        const i64 first = trades.last_at(start - Nanos{1}) + 1;
        work += last - first + 1;
        if (work > work_limit) return std::nullopt;
        found.push_back(candle_of(trades, first, last, start));
        found.back().closed = start + query.size <= query.now;
        last = first - 1;
    }
    return found;
}

std::optional<std::vector<Candle>> newest_candles(const TradeSequence& trades, CandleQuery query) {
    auto found = candles(trades, query);
    while (!found && query.limit > 1) {
        query.limit /= 2;
        found = candles(trades, query);
    }
    return found;
}

}  // namespace tape::sim
