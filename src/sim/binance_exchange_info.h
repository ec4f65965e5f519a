// Binance's list of symbols, which is megabytes: it names what was traded once, too.
#pragma once

#include <span>
#include <string>

#include "sim/market.h"

namespace tape::sim {

struct ExchangeInfoQuery {
    std::span<const std::string> symbols;  // None: all.
    bool permission_sets = true;           // A third of the text.
    i64 server_time{};
};
/// The body of `exchangeInfo`.
std::string binance_exchange_info(const Market& market, const ExchangeInfoQuery& query);

}  // namespace tape::sim
