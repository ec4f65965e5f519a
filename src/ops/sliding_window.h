// The merge of a window's panes, kept while the window moves on: what two windows share is not
// merged twice. The sums are exact, so the panes that left are subtracted, which gives the same
// bits as merging anew. Highest and lowest cannot be subtracted; for them the window is split in
// two: of the older half the extremes of "from here to the split" are known for every pane, of the
// newer half the extremes of all. When the older half is used up, the split moves to the end (the
// two-stack queue), so that a pane is looked at three times in all.
#pragma once

#include <limits>
#include <vector>

#include "ops/statistics.h"
#include "stream/pane_ring.h"

namespace tape::ops {

class SlidingWindow final {
 public:
    using Panes = stream::PaneRing<Statistics>;

    /// The merge of panes [end - size, end) of `series`. `size` is the same at every call; ends
    /// that rise by less than half of it are fast.
    const Statistics& move_to(const Panes& panes, u32 series, i64 size, i64 end);
    /// A pane changed behind the window's end: the next move merges anew.
    void forget() { end_ = nowhere; }

 private:
    static constexpr i64 nowhere = std::numeric_limits<i64>::min();
    struct Extremes {
        i128 high, low;
        void widen(const Extremes& other) {
            if (other.high > high) high = other.high;
            if (other.low < low) low = other.low;
        }
    };
    static constexpr i128 largest = static_cast<i128>(~u128{0} >> 1);
    static constexpr Extremes none{-largest, largest};

    void split_at_end(const Panes& panes, u32 series, i64 start, i64 end);
    void find_edges(const Panes& panes, u32 series, i64 start, i64 end);

    Statistics merged_{};
    i64 end_ = nowhere;
    i64 split_ = nowhere;
    std::vector<Extremes> until_split_;  // Of the panes from split_ - i - 1 to split_.
    Extremes since_split_ = none;
};

}  // namespace tape::ops
