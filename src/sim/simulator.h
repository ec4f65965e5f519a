// The exchange simulator: the venues' WebSocket and REST protocols on loopback, each venue on one
// port. What a client receives is computed from the wall clock; nothing is stored, so a killed and
// restarted simulator continues.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "sim/fault_script.h"
#include "sim/market.h"

namespace tape::sim {

struct SimOptions {
    u16 port = 9440;  // Plus the venue's place (contract of `tape simulate`); 0: free ones.
    std::vector<std::string> venues = {};  // Empty: all that this build has.
    u64 seed = 1;
    double rate = 50;             // Messages a second in all; README.md says what counts.
    Nanos epoch = default_epoch;  // Of trade 0.
    bool tls = false;
    std::string
        certificate_folder;  // Where the throw-away authority is made or, if there is one, found.
                             // Empty: a temporary folder that ends with the simulator.
    bool deflate = false;    // Accept permessage-deflate: it costs more than all the rest.
    Nanos slow_limit = seconds(5);  // A client that is further behind is disconnected.
    FaultScript faults;
    std::string ledger;   // A file that tells what happened; empty: none.
    bool limits = false;  // Refuse what exceeds the venues' documented limits.
};

/// The names of all venues that this build can simulate.
std::vector<std::string_view> simulated_venues();

/// Serves on a thread of its own from start() until stop() or destruction.
class Simulator final {
 public:
    /// Errors (user): an unknown or repeated venue, a rate out of bounds, a port beyond 65535.
    /// (External): a port in use, the certificates cannot be written.
    static Result<std::unique_ptr<Simulator>> start(SimOptions options);
    ~Simulator();

    /// One line of JSON:
    /// {"venues":{"okx":{"ws":"ws://127.0.0.1:9440","rest":"http://127.0.0.1:9440"}}}, and with TLS
    /// "ca", the file with the authority.
    std::string ready_line() const;
    /// Whether `venue` is one of the options'.
    bool runs(std::string_view venue) const;
    /// "ws://127.0.0.1:9440"; `venue` is one of the options'.
    std::string websocket_url(std::string_view venue) const;
    std::string rest_url(std::string_view venue) const;
    /// Empty without TLS.
    std::string ca_file() const;

    /// Cuts all connections; returns when the thread has ended.
    void stop();

 private:
    Simulator();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tape::sim
