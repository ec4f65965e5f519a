// The faults of one venue while it runs: which have begun, whom they still strike. What they do to
// trades they do as functions of ids and times (TradeFaults); what they do to frames and
// connections is faulty_session's, what they do to REST answers is here.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "net/net.h"
#include "sim/fault_script.h"
#include "sim/sim_venue.h"

namespace tape::sim {

/// A fault of the script, in force from `began` on.
struct ArmedFault {
    Fault fault;
    std::size_t number{};        // In the script, from 0.
    u64 key{};                   // Of its chance.
    std::optional<Nanos> began;  // None: not enough messages yet.
    std::optional<Nanos> struck_first;
    i64 struck = 0;

    bool in_force(Nanos now) const;
    /// Whether it is in force and chance has it strike `what`; counts it then.
    bool strikes(u64 what, Nanos now);
};

class VenueFaults final {
 public:
    /// Those of `script` that name `venue`; spans are counted from `start`.
    VenueFaults(const FaultScript& script, const SimVenue& venue, Nanos start);

    bool empty() const { return armed_.empty(); }
    std::vector<ArmedFault>& all() { return armed_; }
    const std::vector<ArmedFault>& all() const { return armed_; }
    Nanos start() const { return start_; }

    /// One frame more is sent to any client of the venue: some faults begin with it.
    void count_frame(Nanos now);
    /// The answer that a fault gives instead of the venue's.
    std::optional<net::Response> refuse(const net::Request& request, Nanos now);
    /// How slowly an answer goes; 0: as fast as it can.
    i64 answer_speed(const net::Request& request, Nanos now) const;

 private:
    const SimVenue& venue_;
    Nanos start_;
    std::vector<ArmedFault> armed_;
    i64 frames_ = 0;
};

/// The markets of a venue, one after the other: with each instrument that is delisted or renamed
/// another begins. Clients that are connected keep the one that they came to.
class Markets final {
 public:
    Markets(const SimVenue& venue, const MarketOptions& options, const VenueFaults& faults);
    const Market& at(Nanos now) const;

    struct Era {
        Nanos from;
        Market market;
    };
    const std::deque<Era>& eras() const { return eras_; }

 private:
    std::deque<Era> eras_;
};

/// Whether `text` has `symbol` as a word of its own, in capitals or not: "BTC-USDT" is no part of
/// "BTC-USDT-SWAP".
bool mentions(std::string_view text, std::string_view symbol);

}  // namespace tape::sim
