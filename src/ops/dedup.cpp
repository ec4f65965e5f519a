#include "ops/dedup.h"

#include <algorithm>
#include <utility>

namespace tape::ops {
namespace {

constexpr std::size_t table_slots = 2 * RecentSet::generation;

u64 key_of(u64 identity) {
    return identity == 0 ? ~u64{0} : identity;
}
std::size_t slot_of(u64 key) {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15) >> 32) % table_slots;
}

}  // namespace

bool IntervalSet::add(u64 first, u64 last) {
    if (!intervals_.empty() && first > intervals_.back().last) [[likely]] {
        if (first == intervals_.back().last + 1) {
            intervals_.back().last = last;
            return true;
        }
    } else if (!intervals_.empty()) {
        // The intervals that touch [first, last] become one with it.
        const auto from =
            std::ranges::lower_bound(intervals_, first, {}, [](const IdRange& interval) {
                return interval.last == ~u64{0} ? interval.last : interval.last + 1;
            });
        auto to = from;
        if (from->first <= first && last <= from->last) return false;
        while (to != intervals_.end() && (to->first <= last || to->first - 1 == last)) ++to;
        if (from != to) {
            from->first = std::min(from->first, first);
            from->last = std::max(std::prev(to)->last, last);
            intervals_.erase(std::next(from), to);
            return true;
        }
        intervals_.insert(from, {first, last});
    }
    if (intervals_.empty() || first > intervals_.back().last) intervals_.push_back({first, last});
    if (intervals_.size() > limit) {
        intervals_[1].first = intervals_[0].first;
        intervals_.erase(intervals_.begin());
    }
    return true;
}

std::vector<IdRange> IntervalSet::missing(u64 first, u64 last) const {
    std::vector<IdRange> holes;
    auto seen = std::ranges::lower_bound(intervals_, first, {}, &IdRange::last);
    for (; first <= last && seen != intervals_.end() && seen->first <= last; ++seen) {
        if (first < seen->first) holes.push_back({first, seen->first - 1});
        if (seen->last >= last) return holes;
        first = seen->last + 1;
    }
    if (first <= last) holes.push_back({first, last});
    return holes;
}

void IntervalSet::save(stream::StateWriter& out) const {
    out.put(static_cast<i64>(intervals_.size()));
    for (const IdRange& interval : intervals_) out.put(interval);
}

void IntervalSet::load(stream::StateReader& in) {
    intervals_.resize(static_cast<std::size_t>(in.count()));
    for (IdRange& interval : intervals_) interval = in.get<IdRange>();
}

bool RecentSet::Table::contains(u64 identity) const {
    if (slots_.empty()) return false;
    const u64 key = key_of(identity);
    for (std::size_t slot = slot_of(key); slots_[slot] != 0; slot = (slot + 1) % table_slots)
        if (slots_[slot] == key) return true;
    return false;
}

void RecentSet::Table::insert(u64 identity) {
    slots_.resize(table_slots);
    const u64 key = key_of(identity);
    std::size_t slot = slot_of(key);
    while (slots_[slot] != 0) slot = (slot + 1) % table_slots;
    slots_[slot] = key;
    ++size_;
}

std::vector<u64> RecentSet::Table::sorted() const {
    std::vector<u64> keys(slots_);
    std::erase(keys, u64{0});
    std::ranges::sort(keys);
    return keys;
}

bool RecentSet::add(u64 identity) {
    if (current_.contains(identity) || previous_.contains(identity)) return false;
    if (current_.size() >= generation) previous_ = std::exchange(current_, Table{});
    current_.insert(identity);
    return true;
}

void RecentSet::save(stream::StateWriter& out) const {
    for (const Table* table : {&previous_, &current_}) {
        out.put(static_cast<i64>(table->size()));
        for (const u64 key : table->sorted()) out.put(key);
    }
}

void RecentSet::load(stream::StateReader& in) {
    for (Table* table : {&previous_, &current_}) {
        *table = Table{};
        for (i64 keys = in.count(); keys > 0; --keys) {
            if (table->size() >= generation) return in.fail();
            table->insert(in.get<u64>());
        }
    }
}

bool Dedup::add(u32 instrument, u64 identity, u32 covers) {
    if (!consecutive_) {
        if (instrument >= recent_.size()) recent_.resize(instrument + 1);
        return recent_[instrument].add(identity);
    }
    if (instrument >= intervals_.size()) intervals_.resize(instrument + 1);
    const u64 before = covers == 0 ? 0 : covers - 1;
    return intervals_[instrument].add(identity - std::min(before, identity), identity);
}

std::vector<IdRange> Dedup::missing(u32 instrument, u64 first, u64 last) const {
    if (instrument >= intervals_.size()) return IntervalSet{}.missing(first, last);
    return intervals_[instrument].missing(first, last);
}

void Dedup::save(stream::StateWriter& out) const {
    out.put(static_cast<i64>(intervals_.size()));
    for (const IntervalSet& set : intervals_) set.save(out);
    out.put(static_cast<i64>(recent_.size()));
    for (const RecentSet& set : recent_) set.save(out);
}

void Dedup::load(stream::StateReader& in) {
    intervals_.resize(static_cast<std::size_t>(in.count()));
    for (IntervalSet& set : intervals_) set.load(in);
    recent_.resize(static_cast<std::size_t>(in.count()));
    for (RecentSet& set : recent_) set.load(in);
}

}  // namespace tape::ops
