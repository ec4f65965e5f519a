// Which windows of one instrument were emitted again, and how often at most: what a later repair
// has to exceed when the rows themselves are long forgotten.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "base/time.h"
#include "stream/state.h"

namespace tape::ops {

class Revised final {
 public:
    /// The oldest are joined where there are more: that makes a revision too high, never too low.
    static constexpr std::size_t ranges_max = 64;

    /// The window that ends at `end` was emitted as `revision`; windows end every `slide`.
    void note(Nanos end, Nanos slide, i64 revision) {
        Range noted{end, end, revision};
        auto from = std::ranges::lower_bound(
            ranges_, end, {}, [&](const Range& range) { return range.last + slide; });
        auto to = from;
        for (; to != ranges_.end() && to->first <= end + slide; ++to) noted = join(noted, *to);
        ranges_.insert(ranges_.erase(from, to), noted);
        if (ranges_.size() <= ranges_max) return;
        ranges_[1] = join(ranges_[0], ranges_[1]);
        ranges_.erase(ranges_.begin());
    }
    /// The highest revision that a window was emitted as, if it was noted.
    std::optional<i64> highest(Nanos end) const {
        const auto range = std::ranges::lower_bound(ranges_, end, {}, &Range::last);
        if (range == ranges_.end() || range->first > end) return std::nullopt;
        return range->highest;
    }

    void save(stream::StateWriter& out) const {
        out.put(static_cast<i64>(ranges_.size()));
        for (const Range& range : ranges_) out.put(range);
    }
    void load(stream::StateReader& in) {
        ranges_.resize(static_cast<std::size_t>(in.count()));
        for (Range& range : ranges_) range = in.get<Range>();
    }

 private:
    struct Range {
        Nanos first, last;  // Ends of windows, both included.
        i64 highest;
    };
    static Range join(const Range& a, const Range& b) {
        return {std::min(a.first, b.first), std::max(a.last, b.last),
                std::max(a.highest, b.highest)};
    }
    std::vector<Range> ranges_;
};

}  // namespace tape::ops
