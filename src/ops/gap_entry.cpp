#include "ops/gap_entry.h"

#include <algorithm>

namespace tape::ops {

void MissingList::add(const MissingIds& range) {
    ranges_.push_back(range);
}

void MissingList::see(IdRange ids, Nanos ts_event) {
    auto at = std::ranges::lower_bound(ranges_, ids.first, {},
                                       [](const MissingIds& range) { return range.ids.last; });
    if (at != ranges_.begin()) {
        MissingIds& below = *std::prev(at);
        below.before = std::max(below.after, std::min(below.before, ts_event));
    }
    while (at != ranges_.end() && at->ids.first <= ids.last) {
        const MissingIds whole = *at;
        const bool keeps_front = whole.ids.first < ids.first,
                   keeps_back = ids.last < whole.ids.last;
        if (keeps_front) {
            at->ids.last = ids.first - 1;
            at->before = std::max(at->after, std::min(at->before, ts_event));
            ++at;
            if (!keeps_back) continue;
            if (ranges_.size() < ranges_max) {
                at = ranges_.insert(at, whole);
            } else {
                // Too many pieces: what lies behind stays with this one, as if it had not come.
                std::prev(at)->ids.last = whole.ids.last;
                std::prev(at)->before = whole.before;
                return;
            }
        }
        if (!keeps_back) {
            at = ranges_.erase(at);
            continue;
        }
        at->ids.first = ids.last + 1;
        break;
    }
    if (at != ranges_.end()) at->after = std::min(at->before, std::max(at->after, ts_event));
}

u64 MissingList::count() const {
    u64 sum = 0;
    for (const MissingIds& range : ranges_) sum += range.ids.last - range.ids.first + 1;
    return sum;
}

void MissingList::save(stream::StateWriter& out) const {
    out.put(static_cast<i64>(ranges_.size()));
    for (const MissingIds& range : ranges_) out.put(range);
}

void MissingList::load(stream::StateReader& in) {
    ranges_.resize(static_cast<std::size_t>(in.count()));
    for (MissingIds& range : ranges_) range = in.get<MissingIds>();
}

void GapEntry::save(stream::StateWriter& out) const {
    out.put(state);
    out.put(kind);
    out.text(channel);
    out.text(cause);
    for (const Nanos time : {from_ts, to_ts, found, lo, hi, last_ts}) out.put(time);
    for (const auto& id : {from_id, to_id, last_id, oldest_id}) out.put(id);
    out.put(oldest_ts);
    out.put(missing);
    out.put(came);
    for (const bool flag : {outage, ended, by_time, ranged, after_known, asked, fetched, answered})
        out.put(static_cast<u8>(flag));
    ids.save(out);
}

void GapEntry::load(stream::StateReader& in) {
    state = in.get<State>();
    kind = in.get<TickKind>();
    channel = in.text();
    cause = in.text();
    for (Nanos* time : {&from_ts, &to_ts, &found, &lo, &hi, &last_ts}) *time = in.get<Nanos>();
    for (auto* id : {&from_id, &to_id, &last_id, &oldest_id}) *id = in.get_optional<u64>();
    oldest_ts = in.get_optional<Nanos>();
    missing = in.get<u64>();
    came = in.get<u64>();
    for (bool* flag :
         {&outage, &ended, &by_time, &ranged, &after_known, &asked, &fetched, &answered})
        *flag = in.get<u8>() != 0;
    ids.load(in);
}

}  // namespace tape::ops
