// Binance's REST side.
#pragma once

#include "sim/sim_venue.h"

namespace tape::sim {

/// The answer of https://developers.binance.com/docs/binance-spot-api-docs/rest-api
net::Response binance_answer(const net::Request& request, const Market& market, Nanos now);

}  // namespace tape::sim
