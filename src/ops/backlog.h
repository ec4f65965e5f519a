// How far the socket's trades lie behind the venue when they are read. Where the connection was
// slow or this machine stood still that is long, and what is lost then is older than the capture's
// clock says. Ids that count up tell that anyhow; elsewhere the last trade does.
#pragma once

#include <algorithm>

#include "base/time.h"
#include "market/rows.h"
#include "stream/state.h"

namespace tape::ops {

class Backlog final {
 public:
    explicit Backlog(bool consecutive_ids) : consecutive_ids_(consecutive_ids) {}

    void note(const Tick& trade) {
        last_event_ = trade.ts_event;
        behind_ = trade.ts_recv - trade.ts_event;
    }
    /// A connection begins, of which nothing was read.
    void clear() { behind_ = {}; }
    /// Up to when all that the venue sent had been read at `at`. The same, but for delays that no
    /// network makes: what was sent after the last trade may still have been on its way.
    Nanos sent(Nanos at) const {
        const bool late = behind_ >= millis(100) && behind_ <= seconds(600);
        if (!late || consecutive_ids_) return at;
        return std::max(last_event_ - order, at - behind_ - quiet);
    }

    void save(stream::StateWriter& out) const {
        out.put(last_event_);
        out.put(behind_);
    }
    void load(stream::StateReader& in) {
        last_event_ = in.get<Nanos>();
        behind_ = in.get<Nanos>();
    }

 private:
    // Venues send one instrument after the other, so another one's trades may be so much older …
    static constexpr Nanos order = seconds(1);
    // … and a connection that brings nothing for so long is dead, or its market is quiet.
    static constexpr Nanos quiet = seconds(30);

    bool consecutive_ids_;
    Nanos last_event_, behind_;
};

}  // namespace tape::ops
