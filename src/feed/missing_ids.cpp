#include "feed/missing_ids.h"

#include <algorithm>

#include "base/result.h"

namespace tape::feed {

void MissingIds::add(const IdRange& range) {
    ensure(range.from <= range.to && (ranges_.empty() || ranges_.back().to < range.from),
           "ranges are added in ascending order");
    ranges_.push_back(range);
}

u64 MissingIds::remove(u64 first, u64 last, Nanos ts) {
    return cut(first, last, ts);
}

u64 MissingIds::drop(u64 first, u64 last) {
    return cut(first, last, std::nullopt);
}

u64 MissingIds::cut(u64 first, u64 last, const std::optional<Nanos>& ts) {
    u64 removed = 0;
    const auto begin = std::ranges::lower_bound(ranges_, first, {}, &IdRange::to);
    auto end = begin;
    std::vector<IdRange> left;
    for (; end != ranges_.end() && end->from <= last; ++end) {
        removed += std::min(last, end->to) - std::max(first, end->from) + 1;
        if (end->from < first)
            left.push_back({end->from, first - 1, end->from_ts, ts.value_or(end->to_ts)});
        if (end->to > last)
            left.push_back({last + 1, end->to, ts.value_or(end->from_ts), end->to_ts});
    }
    if (removed > 0) {
        const auto at = ranges_.erase(begin, end);
        ranges_.insert(at, left.begin(), left.end());
    }
    return removed;
}

u64 MissingIds::count() const {
    u64 count = 0;
    for (const IdRange& range : ranges_) count += range.to - range.from + 1;
    return count;
}

}  // namespace tape::feed
