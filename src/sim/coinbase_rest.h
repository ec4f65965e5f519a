// Coinbase's two REST APIs, and the fields that their answers and the feeds' messages share.
#pragma once

#include "sim/sim_venue.h"
#include "sim/text.h"

namespace tape::sim {

/// The answer of either API, told apart by the path: Exchange below /products, Advanced Trade below
/// /api/v3/brokerage.
net::Response coinbase_answer(const net::Request& request, const Market& market, Nanos now);

// Trades name the maker's side in both feeds: the opposite of the taker's.
inline std::string_view maker_side(const SimTrade& trade) {
    return trade.side == Side::buy ? "sell" : "buy";
}
inline std::string_view maker_side_capitals(const SimTrade& trade) {
    return trade.side == Side::buy ? "SELL" : "BUY";
}

inline std::string coinbase_price(const Listing& listing, i64 ticks) {
    return number(ticks, listing.price_decimals, Zeros::keep);
}
inline std::string coinbase_size(const Listing& listing, i128 lots) {
    return number(lots, listing.size_decimals);
}

/// The best bid and ask after a trade, in ticks: the taker met one of them.
struct Best {
    i64 bid, ask;
};
inline Best best_after(const SimTrade& trade) {
    return trade.side == Side::buy ? Best{trade.price - 1, trade.price}
                                   : Best{trade.price, trade.price + 1};
}

/// Appends one element of Advanced's lists of trades.
void append_market_trade(std::string& out, const TradeSequence& trades, i64 id);

}  // namespace tape::sim
