// How far event time has come in one partition: no event before the watermark is waited for. It
// follows the events at a distance of `lateness`; when there are none for `idle`, it follows the
// feed's heartbeats, so that a quiet symbol or a dead venue still closes its windows. It never goes
// back.
#pragma once

#include <algorithm>
#include <limits>

#include "base/time.h"
#include "stream/state.h"

namespace tape::stream {

class Watermark final {
 public:
    static constexpr Nanos none{std::numeric_limits<i64>::min()};

    /// Demands 0 <= lateness <= idle.
    Watermark(Nanos lateness, Nanos idle) : lateness_(lateness), idle_(idle) {}

    /// `none` until something was seen.
    Nanos value() const { return value_; }

    void on_event(Nanos ts_event, Nanos ts_recv) {
        value_ = std::max(value_, ts_event - lateness_);
        last_activity_ = ts_recv;
    }
    void on_heartbeat(Nanos ts_recv) {
        if (last_activity_ == none)
            last_activity_ = ts_recv;  // Idleness is counted from the start.
        if (ts_recv - last_activity_ >= idle_) value_ = std::max(value_, ts_recv - idle_);
    }
    /// Other spans from here on; what was reached stays.
    void configure(Nanos lateness, Nanos idle) {
        lateness_ = lateness;
        idle_ = idle;
    }

    void save(StateWriter& out) const {
        out.put(value_);
        out.put(last_activity_);
    }
    void load(StateReader& in) {
        value_ = in.get<Nanos>();
        last_activity_ = in.get<Nanos>();
    }

 private:
    Nanos lateness_, idle_;
    Nanos value_ = none;
    Nanos last_activity_ = none;
};

}  // namespace tape::stream
