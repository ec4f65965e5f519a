// How far the socket's trades lie behind the venue when they are read. Where the connection was
// slow or this machine stood still that is long, and what is lost then is older than the capture's
// clock says. Ids that count up tell that anyhow; elsewhere the delay of the last trade does.
#pragma once

#include "base/time.h"
#include "market/rows.h"
#include "stream/state.h"

namespace tape::ops {

class Backlog final {
 public:
    explicit Backlog(bool consecutive_ids) : consecutive_ids_(consecutive_ids) {}

    void note(const Tick& trade) { behind_ = trade.ts_recv - trade.ts_event; }
    /// When the venue sent what was read at `at`: the same, but for delays that no network makes.
    Nanos sent(Nanos at) const {
        const bool late = behind_ >= millis(100) && behind_ <= seconds(600);
        return late && !consecutive_ids_ ? at - behind_ : at;
    }

    void save(stream::StateWriter& out) const { out.put(behind_); }
    void load(stream::StateReader& in) { behind_ = in.get<Nanos>(); }

 private:
    bool consecutive_ids_;
    Nanos behind_;
};

}  // namespace tape::ops
