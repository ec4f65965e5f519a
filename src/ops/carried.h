// Which streams the slot carries, as its config records say: what it no longer carries is not
// missed, and no gap of it stays open.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "log/record.h"
#include "market/instrument.h"
#include "market/rows.h"
#include "stream/state.h"
#include "venues/venue.h"

namespace tape::ops {

class Carried final {
 public:
    /// What was carried before this `config` record and is not from now on. Nothing where the
    /// record does not name the streams.
    std::vector<std::pair<TickKind, const Instrument*>> follow(const log::Record& config,
                                                               const venues::Venue& venue,
                                                               const InstrumentTable& instruments);
    /// Whether a tick comes from a socket that is about to be replaced by one that does not carry
    /// its stream.
    bool is_leaving(const Tick& tick) const {
        if (left_.empty()) [[likely]]
            return false;
        return tick.ts_recv < since_ + overlap_max &&
               left_.contains({tick.kind, tick.instrument->native_symbol});
    }

    void save(stream::StateWriter& out) const;
    void load(stream::StateReader& in);

 private:
    /// The feed closes a socket that is replaced much sooner.
    static constexpr Nanos overlap_max = seconds(60);

    using Streams = std::set<std::pair<TickKind, std::string>>;  // By native symbol.
    static void save(const Streams& streams, stream::StateWriter& out);
    static Streams load_streams(stream::StateReader& in);

    Streams carried_, left_;
    Nanos since_;  // Of left_.
};

}  // namespace tape::ops
