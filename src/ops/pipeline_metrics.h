// What a pipeline counts. Counting is plain addition here; the sums go to the registry once a
// batch.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "market/instrument.h"
#include "market/rows.h"

namespace tape::ops {

class PipelineMetrics final {
 public:
    explicit PipelineMetrics(const std::string& partition) {
        for (std::size_t i = 0; i < counted.size(); ++i)
            totals_[i] = counter(counted[i].second, {{"partition", partition}});
    }

    i64 records{}, ticks{}, duplicates{}, dead_letters{}, unknown{}, unlisted{}, late{}, windows{},
        gaps_found{}, gaps_unrecoverable{}, gaps_given_up{};

    void count_tick(const Instrument& instrument) {
        ++ticks;
        if (!instrument.listed) [[unlikely]]
            count_unlisted(instrument.index);
    }
    void count_gap(Gap::Status status) {
        if (status == Gap::Status::open) ++gaps_found;
        if (status == Gap::Status::unrecoverable) ++gaps_unrecoverable;
    }
    /// Adds what was counted since the last call to the registry.
    void report() {
        for (std::size_t i = 0; i < counted.size(); ++i)
            if (const i64 n = std::exchange(this->*counted[i].first, 0); n > 0) totals_[i].add(n);
    }

 private:
    static const std::array<std::pair<i64 PipelineMetrics::*, std::string_view>, 11> counted;

    // Each instrument once.
    void count_unlisted(u32 index) {
        if (index >= unlisted_seen_.size()) unlisted_seen_.resize(index + 1);
        if (unlisted_seen_[index]) return;
        unlisted_seen_[index] = true;
        ++unlisted;
    }

    std::array<Counter, 11> totals_;
    std::vector<bool> unlisted_seen_;
};

inline constexpr std::array<std::pair<i64 PipelineMetrics::*, std::string_view>, 11>
    PipelineMetrics::counted{{
        {&PipelineMetrics::records, "tape_decode_records_total"},
        {&PipelineMetrics::ticks, "tape_decode_ticks_total"},
        {&PipelineMetrics::duplicates, "tape_decode_duplicates_total"},
        {&PipelineMetrics::dead_letters, "tape_decode_dead_letters_total"},
        {&PipelineMetrics::unknown, "tape_decode_unknown_total"},
        {&PipelineMetrics::unlisted, "tape_decode_unlisted_total"},
        {&PipelineMetrics::late, "tape_stream_late_total"},
        {&PipelineMetrics::windows, "tape_stream_windows_total"},
        {&PipelineMetrics::gaps_found, "tape_gap_open_rows_total"},
        {&PipelineMetrics::gaps_unrecoverable, "tape_gap_unrecoverable_rows_total"},
        {&PipelineMetrics::gaps_given_up, "tape_gap_given_up_total"},
    }};

}  // namespace tape::ops
