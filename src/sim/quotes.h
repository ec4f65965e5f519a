// The best bid and ask, which no venue is told of by the market: they lie around the last trade.
#pragma once

#include "sim/market.h"

namespace tape::sim {

/// In ticks and lots.
struct Quote {
    i64 bid{}, ask{}, bid_size{}, ask_size{};
};

/// What is offered after `last`: its taker met the one or the other.
Quote quote_after(const TradeSequence& trades, const SimTrade& last);

}  // namespace tape::sim
