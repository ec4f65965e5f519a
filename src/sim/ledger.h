// What the simulator did, for tests to compare with: each trade of each instrument that a client
// asked for, whether sockets and REST have it, each fault that struck, each limit that was broken.
// JSON Lines, appended to. A simulator that is started again goes on where the file ends and counts
// faults from the same start; after a kill lines may repeat, so readers take the union.
#pragma once

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "sim/faults.h"

namespace tape::sim {

class Ledger final {
 public:
    /// Error (external): the file cannot be read or written; (user): it is no ledger.
    static Result<std::unique_ptr<Ledger>> open(const std::string& path, Nanos now);
    ~Ledger();

    /// When the first simulator with this ledger was started.
    Nanos start() const { return start_; }

    /// From now on the trades of each instrument that somebody found in `markets` are told. Both
    /// outlive the ledger.
    void follow(std::string_view venue, const Markets& markets, VenueFaults& faults);
    /// A client did what the venue forbids: more than its limits allow.
    void note_violation(std::string_view venue, std::string_view what, std::string_view limit,
                        Nanos now);
    /// Writes what happened up to `now`, within a bound of work. False: there is more.
    bool advance(Nanos now);

 private:
    struct Followed {
        std::string venue;
        const Markets* markets;
        VenueFaults* faults;
        std::vector<bool> told;                        // Of the faults.
        std::map<std::string, i64, std::less<>> next;  // By symbol.
    };

    explicit Ledger(std::FILE* file) : file_(file) {}
    void tell_faults(Followed& followed, Nanos now);
    i64 first_of(const Followed& followed, const TradeSequence& trades, Nanos now) const;
    void write_trade(const std::string& venue, const TradeSequence& trades, i64 id);

    std::FILE* file_;
    Nanos start_;
    std::map<std::string, i64> written_;  // "venue symbol" → the last id in the file.
    std::vector<Followed> followed_;
    std::string line_;
};

}  // namespace tape::sim
