// The coins of the simulated CoinGecko, and what it knows of each at a moment.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/market.h"

namespace tape::sim {

std::span<const Listing> coingecko_listings();

/// What a listing does not say of its coin.
struct Coin {
    std::string_view id, symbol, name;
    i64 supply{};  // In circulation.
};
/// Null when there is none of that id.
const Coin* find_coin(std::string_view id);

/// A currency in which prices are given, as its worth against the dollar.
struct Currency {
    std::string_view name;
    i64 per_hundred_dollars{};
};
std::span<const Currency> coingecko_currencies();
/// Null when there is none of that name.
const Currency* find_currency(std::string_view name);

/// CoinGecko looks at a coin now and then: each coin has an interval of its own, from 10 to 60 s,
/// and between two looks its price does not change.
struct Look {
    Nanos time;
    i64 price{};  // In the listing's ticks.
};
/// The last look that is not after `moment`.
Look look_at(const TradeSequence& coin, Nanos moment);

/// Amounts of dollars with `decimals` decimals, in `currency`, as a JSON number: with all digits,
/// or rounded to `precision`. Trailing zeros are dropped.
std::string in_currency(i128 dollars, int decimals, const Currency& currency,
                        std::optional<int> precision);
/// How many decimals a price has where no precision is asked for: fewer the more a coin costs.
int usual_precision(const Listing& listing);

}  // namespace tape::sim
