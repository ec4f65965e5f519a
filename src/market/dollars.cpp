#include "market/dollars.h"

#include <algorithm>

namespace tape {

std::string market_of(std::string_view symbol) {
    const std::size_t dash = symbol.find('-');
    if (dash == std::string_view::npos) return std::string(symbol);
    if (std::ranges::find(dollars, symbol.substr(dash + 1)) == dollars.end())
        return std::string(symbol);
    return std::string(symbol.substr(0, dash)) + "-USD";
}

}  // namespace tape
