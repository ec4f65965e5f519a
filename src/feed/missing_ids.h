// The trade ids that are still missing, as closed ranges, each with the times between which its
// trades lie. Interval arithmetic and nothing else.
#pragma once

#include <optional>
#include <vector>

#include "base/time.h"
#include "base/types.h"

namespace tape::feed {

struct IdRange {
    u64 from{}, to{};  // Both included.
    Nanos from_ts, to_ts;
    bool operator==(const IdRange&) const = default;
};

class MissingIds final {
 public:
    /// Adds a range behind all others. Demands range.from <= range.to.
    void add(const IdRange& range);
    /// The ids first to last came, at `ts`, which bounds what is left on both sides of them. How
    /// many of them were missing.
    u64 remove(u64 first, u64 last, Nanos ts);
    /// Forgets what lies between the two, which nobody has. How many ids that were.
    u64 drop(u64 first, u64 last);
    bool empty() const { return ranges_.empty(); }
    u64 count() const;
    /// Ascending, with at least one id between two of them.
    const std::vector<IdRange>& ranges() const { return ranges_; }

 private:
    u64 cut(u64 first, u64 last, const std::optional<Nanos>& ts);

    std::vector<IdRange> ranges_;
};

}  // namespace tape::feed
