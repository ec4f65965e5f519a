// The network's side of one simulated venue: who is connected to it, who asks it.
#pragma once

#include <memory>

#include "net/net.h"
#include "sim/faults.h"
#include "sim/ledger.h"
#include "sim/limits.h"

namespace tape::sim {

/// A venue that runs, with what is wrong with it.
struct Exchange {
    Exchange(const SimVenue& v, const MarketOptions& options, const FaultScript& script,
             Nanos start)
        : venue(v), faults(script, v, start), markets(v, options, faults) {}

    const SimVenue& venue;
    VenueFaults faults;
    const Markets markets;
    std::optional<Limits> limits;
    Ledger* ledger = nullptr;
    Nanos tick, slow_limit;
    std::unique_ptr<net::Server> server;
};

/// Serves a WebSocket client to its end. `exchange` outlives it.
net::asio::awaitable<void> serve_client(Exchange* exchange, net::Request request,
                                        std::shared_ptr<net::WebSocket> socket);
/// The answer to a REST request.
net::asio::awaitable<net::Response> answer(Exchange* exchange, net::Request request);

}  // namespace tape::sim
