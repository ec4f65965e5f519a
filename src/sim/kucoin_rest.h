// KuCoin's REST side, and what its answers share with the sockets' messages.
#pragma once

#include <optional>

#include "sim/candles.h"
#include "sim/sim_venue.h"

namespace tape::sim {

/// The answer of https://www.kucoin.com/docs-new/rest/spot-trading/market-data/introduction
net::Response kucoin_answer(const net::Request& request, const Market& market, Nanos now);

/// When a token of `bullet-public` was given; none: it is not one of this venue.
std::optional<Nanos> kucoin_token_time(std::string_view token, const Market& market);
/// Whether a token that was given then still admits at `now`.
bool kucoin_token_is_good(Nanos issued, const Market& market, Nanos now);

struct KucoinBar {
    std::string_view name;  // "1min"
    Nanos size;
};
/// Null when there is none of that name.
const KucoinBar* find_kucoin_bar(std::string_view name);

void append_kucoin_ticker(std::string& out, const TradeSequence& trades, const SimTrade& last);
void append_kucoin_snapshot(std::string& out, const TradeSequence& trades, const SimTrade& last);
void append_kucoin_candle(std::string& out, const TradeSequence& trades, const Candle& candle);

}  // namespace tape::sim
