// Candles as exchanges offer them over REST, computed from the very trades that the sockets send:
// so that a warehouse can be held against them exactly.
#pragma once

#include <optional>
#include <vector>

#include "sim/market.h"

namespace tape::sim {

struct Candle {
    Nanos start;
    i64 open{}, high{}, low{}, close{};  // In ticks.
    i128 volume{};                       // In lots.
    i128 turnover{};                     // In ticks times lots.
    bool closed{};                       // No trade can come any more.
};

struct CandleQuery {
    Nanos size;
    Nanos from, to;  // Candles that start in [from, to].
    i64 limit = 100;
    Nanos now;  // Trades after it have not happened yet.
};

/// The newest `limit` candles, newest first; spans without a trade have none. None at all when the
/// answer would take more than a million trades: the caller answers with the venue's own "took too
/// long".
std::optional<std::vector<Candle>> candles(const TradeSequence& trades, const CandleQuery& query);

/// The same with fewer candles where so many would take too long; none when even one would.
std::optional<std::vector<Candle>> newest_candles(const TradeSequence& trades, CandleQuery query);

}  // namespace tape::sim
