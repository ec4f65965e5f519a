// OKX's REST side, and the fields that its answers and its socket's frames share.
#pragma once

#include <string>

#include "sim/book.h"
#include "sim/sim_venue.h"

namespace tape::sim {

/// The answer of OKX's public market data REST API, v5:
/// https://www.okx.com/docs-v5/en/#order-book-trading-market-data
net::Response okx_answer(const net::Request& request, const Market& market, Nanos now);

/// The last trade that is told at `moment`: an order is filled at once, so its fills are told
/// together, when the last of them is there.
i64 okx_newest(const TradeSequence& trades, Nanos moment);

/// The levels of a whole book.
constexpr i64 okx_book_depth = 400;

/// "SPOT" or "SWAP".
std::string_view okx_type(const Listing& listing);
/// Appends the object that both the `tickers` channel and /market/ticker send of the last trade.
void append_okx_ticker(std::string& out, const TradeSequence& trades, const SimTrade& last);

/// Appends `"asks":[…],"bids":[…],"ts":"…"`, which the book channels and /market/books share.
void append_okx_book(std::string& out, const TradeSequence& trades, const Book& book, Nanos moment);
/// Of the best 25 levels:
/// https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel
i32 okx_checksum(const Listing& listing, const Book& book);

}  // namespace tape::sim
