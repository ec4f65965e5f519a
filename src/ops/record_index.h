// Where in the raw log a time begins: every second or so an offset, with what was known there. Time
// that is long ago is known more coarsely, so the index stays small.
#pragma once

#include <algorithm>
#include <vector>

#include "log/record.h"
#include "stream/state.h"
#include "stream/watermark.h"

namespace tape::ops {

class RecordIndex final {
 public:
    static constexpr std::size_t entries_max = 2048;
    static constexpr Nanos step = seconds(1);
    static constexpr i64 records_max = 4096;  // Between two entries.

    /// `watermark` is that before the record.
    void note(const log::Record& record, Nanos watermark) {
        if (!entries_.empty() && record.ts_recv < newest_ + step &&
            record.offset.value < entries_.back().offset.value + records_max) [[likely]]
            return;
        entries_.push_back({record.offset, newest_, watermark});
        newest_ = std::max(newest_, record.ts_recv);
        if (entries_.size() > entries_max) thin_out();
    }
    /// No record before this offset has `ts_recv` or a later time.
    Offset before(Nanos ts_recv) const {
        const auto behind =
            std::ranges::lower_bound(entries_, ts_recv - step, {}, &Entry::newest_before);
        if (behind == entries_.begin()) return entries_.empty() ? Offset{} : entries_[0].offset;
        return std::prev(behind)->offset;
    }
    /// A watermark that was reached before the record at `offset`.
    Nanos watermark(Offset offset) const {
        const auto behind = std::ranges::upper_bound(entries_, offset, {}, &Entry::offset);
        return behind == entries_.begin() ? stream::Watermark::none : std::prev(behind)->watermark;
    }

    void save(stream::StateWriter& out) const {
        out.put(newest_);
        out.put(static_cast<i64>(entries_.size()));
        for (const Entry& entry : entries_) out.put(entry);
    }
    void load(stream::StateReader& in) {
        newest_ = in.get<Nanos>();
        entries_.resize(static_cast<std::size_t>(in.count()));
        for (Entry& entry : entries_) entry = in.get<Entry>();
    }

 private:
    struct Entry {
        Offset offset;
        Nanos newest_before;  // Every record before it has a ts_recv below this and a step.
        Nanos watermark;
    };

    // Every second one of the older half goes.
    void thin_out() {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < entries_.size(); ++i)
            if (i % 2 == 0 || i > entries_.size() / 2) entries_[kept++] = entries_[i];
        entries_.resize(kept);
    }

    std::vector<Entry> entries_;
    Nanos newest_ = stream::Watermark::none;  // ts_recv that was noted.
};

}  // namespace tape::ops
