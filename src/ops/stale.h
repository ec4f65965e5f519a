// Times of which windows are out of date, because ticks of the past came or a gap was closed. They
// are repaired together: when nothing that is on its way would change them again.
#pragma once

#include <vector>

#include "base/time.h"
#include "market/instrument.h"
#include "market/rows.h"
#include "stream/state.h"

namespace tape::ops {

/// [lo, hi] of one instrument's ticks of a kind.
struct StaleSpan {
    TickKind kind{};
    u32 instrument{};
    Nanos lo, hi;
};

class StaleSpans final {
 public:
    /// More of one instrument are joined, and so are those that are closer than `near`.
    static constexpr std::size_t spans_max = 64;
    static constexpr Nanos near = seconds(1);
    /// Late ticks are waited for so long …
    static constexpr Nanos quiet = seconds(2);
    /// … and nothing longer than this.
    static constexpr Nanos patience = seconds(60);

    enum class Why : u8 { tick, closed };
    void add(const StaleSpan& span, Why why, Nanos now);
    /// Whether it is time; `waits`: answers to a gap are on their way.
    bool due(Nanos now, bool waits) const {
        if (spans_.empty()) [[likely]]
            return false;
        if (now - since_ >= patience) return true;
        return !waits && (closed_ || now - last_ >= quiet);
    }
    /// What was asked for has come: nobody waits for more.
    void hurry() { closed_ = !spans_.empty(); }
    /// All, by kind, instrument and time.
    std::vector<StaleSpan> take();
    bool empty() const { return spans_.empty(); }

    void save(stream::StateWriter& out) const;
    void load(stream::StateReader& in);

 private:
    std::vector<StaleSpan> spans_;  // In order, disjoint.
    bool closed_{};                 // One of them is due at once.
    Nanos since_, last_;            // ts_recv of the first and of the last tick.
};

}  // namespace tape::ops
