// The coins of the simulated CoinGecko, and what it knows of each at a moment.
#include "sim/coingecko_coins.h"

#include <algorithm>
#include <array>

#include "sim/text.h"

namespace tape::sim {
namespace {

constexpr auto spot = Listing::Type::spot;
// The full precision is long: 68000.12345678.
constexpr std::array<Listing, 14> listings = {{
    {"bitcoin", "BTC", "USD", spot, 6'800'000'000'000, 8, 1'500'000, 8, 20},
    {"ethereum", "ETH", "USD", spot, 250'000'000'000, 8, 40'000'000, 8, 16},
    {"solana", "SOL", "USD", spot, 17'000'000'000, 8, 600'000'000, 8, 12},
    {"ripple", "XRP", "USD", spot, 22'000'000'000, 10, 40'000'000'000, 8, 1},
    {"dogecoin", "DOGE", "USD", spot, 1'600'000'000, 10, 300'000'000'000, 8, 1},
    {"cardano", "ADA", "USD", spot, 6'500'000'000, 10, 80'000'000'000, 8, 1},
    {"litecoin", "LTC", "USD", spot, 8'400'000'000, 8, 500'000'000, 8, 1},
    {"chainlink", "LINK", "USD", spot, 1'420'000'000, 8, 3'000'000'000, 8, 1},
    {"avalanche-2", "AVAX", "USD", spot, 2'650'000'000, 8, 2'000'000'000, 8, 1},
    {"polkadot", "DOT", "USD", spot, 43'000'000'000, 10, 10'000'000'000, 8, 1},
    {"bitcoin-cash", "BCH", "USD", spot, 38'000'000'000, 8, 20'000'000, 8, 1},
    {"uniswap", "UNI", "USD", spot, 81'000'000'000, 10, 4'000'000'000, 8, 1},
    {"cosmos", "ATOM", "USD", spot, 46'000'000'000, 10, 9'000'000'000, 8, 1},
    {"tron", "TRX", "USD", spot, 1'600'000'000, 10, 250'000'000'000, 8, 1},
}};
constexpr std::array<Coin, 14> coins = {{
    {"bitcoin", "btc", "Bitcoin", 19'675'987},
    {"ethereum", "eth", "Ethereum", 120'064'800},
    {"solana", "sol", "Solana", 445'200'000},
    {"ripple", "xrp", "XRP", 55'027'700'000},
    {"dogecoin", "doge", "Dogecoin", 143'750'000'000},
    {"cardano", "ada", "Cardano", 35'490'000'000},
    {"litecoin", "ltc", "Litecoin", 74'390'000},
    {"chainlink", "link", "Chainlink", 587'100'000},
    {"avalanche-2", "avax", "Avalanche", 377'900'000},
    {"polkadot", "dot", "Polkadot", 1'386'000'000},
    {"bitcoin-cash", "bch", "Bitcoin Cash", 19'690'000},
    {"uniswap", "uni", "Uniswap", 598'700'000},
    {"cosmos", "atom", "Cosmos Hub", 391'000'000},
    {"tron", "trx", "TRON", 87'680'000'000},
}};
constexpr std::array<Currency, 4> currencies = {
    {{"usd", 100}, {"eur", 92}, {"gbp", 79}, {"jpy", 15'000}}};

constexpr u64 interval_use = 24;

i128 power_of_ten(int exponent) {
    i128 power = 1;
    for (; exponent > 0; --exponent) power *= 10;
    return power;
}

template <class Range, class Member>
auto* find_in(const Range& range, std::string_view name, Member member) {
    const auto found = std::ranges::find(range, name, member);
    return found == range.end() ? nullptr : &*found;
}

}  // namespace

std::span<const Listing> coingecko_listings() {
    return listings;
}
std::span<const Currency> coingecko_currencies() {
    return currencies;
}
const Coin* find_coin(std::string_view id) {
    return find_in(coins, id, &Coin::id);
}
const Currency* find_currency(std::string_view name) {
    return find_in(currencies, name, &Currency::name);
}

Look look_at(const TradeSequence& coin, Nanos moment) {
    const Nanos interval = seconds(10 + static_cast<i64>(coin.noise(0, interval_use) % 51));
    const Nanos time = floor_to(moment, interval);
    return {time, coin.price_at(time)};
}

std::string in_currency(i128 dollars, int decimals, const Currency& currency,
                        std::optional<int> precision) {
    i128 amount = dollars * currency.per_hundred_dollars;
    decimals += 2;
    if (precision && *precision < decimals) {
        const i128 unit = power_of_ten(decimals - *precision);
        amount = (amount + (amount < 0 ? -unit / 2 : unit / 2)) / unit;
        decimals = *precision;
    }
    return number(amount, decimals);
}

int usual_precision(const Listing& listing) {
    const i128 dollars = listing.price / power_of_ten(listing.price_decimals);
    if (dollars >= 1'000) return 0;
    return dollars >= 1 ? 2 : 6;
}

}  // namespace tape::sim
