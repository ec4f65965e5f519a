// Kraken's REST side, and the names under which it knows a pair.
#pragma once

#include <string>

#include "sim/book.h"
#include "sim/sim_venue.h"

namespace tape::sim {

/// The answer of https://docs.kraken.com/api/docs/rest-api/get-server-time and its neighbours.
net::Response kraken_answer(const net::Request& request, const Market& market, Nanos now);

/// Numbers are JSON's in WebSocket v2: prices with all of the pair's decimals.
std::string kraken_price(const Listing& listing, i64 ticks);
std::string kraken_size(const Listing& listing, i128 lots);
/// In a book sizes have all of their digits, since its checksum is taken of them.
std::string kraken_book_size(const Listing& listing, i64 lots);
/// Of the best ten levels: https://docs.kraken.com/api/docs/guides/spot-ws-book-v2
u32 kraken_checksum(const Listing& listing, const Book& book);

}  // namespace tape::sim
