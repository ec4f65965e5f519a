// What Coinbase says besides products: its currencies, their rates and its time. Clients ask for
// them before anything else.
#pragma once

#include <optional>

#include "sim/sim_venue.h"

namespace tape::sim {

/// None where the path is not one of these.
std::optional<net::Response> coinbase_currencies_answer(const net::Request& request,
                                                        const Market& market, Nanos now);

}  // namespace tape::sim
