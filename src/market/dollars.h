// What counts as a dollar, so that the same coin's prices at several venues can be held against
// each other whichever dollar each of them quotes.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace tape {

/// USD and the coins that are worth one.
inline constexpr std::array<std::string_view, 12> dollars = {"USD",   "USDT",  "USDC", "DAI",
                                                             "FDUSD", "TUSD",  "USDP", "PYUSD",
                                                             "USDG",  "RLUSD", "USDE", "USDS"};

/// The market that an instrument belongs to: "BTC-USDT" → "BTC-USD"; what is not quoted in dollars,
/// and derivatives, are markets of their own.
std::string market_of(std::string_view symbol);

}  // namespace tape
