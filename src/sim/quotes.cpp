// The best bid and ask around the last trade.
#include "sim/quotes.h"

namespace tape::sim {

Quote quote_after(const TradeSequence& trades, const SimTrade& last) {
    constexpr u64 bid_use = 32, ask_use = 33;
    const auto size = [&](u64 use) {
        const u64 typical = static_cast<u64>(trades.listing().size);
        return static_cast<i64>(typical / 2 + trades.noise(last.id, use) % (3 * typical));
    };
    const i64 bid = last.side == Side::buy ? last.price - 1 : last.price;
    return {.bid = bid, .ask = bid + 1, .bid_size = size(bid_use), .ask_size = size(ask_use)};
}

}  // namespace tape::sim
