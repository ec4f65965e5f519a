// The counters of broken rules in the registry; counting itself is plain addition in Quality.
#pragma once

#include <array>
#include <string>

#include "base/metrics.h"
#include "ops/quality.h"

namespace tape::ops {

class QualityMetrics final {
 public:
    explicit QualityMetrics(const std::string& partition) {
        for (std::size_t i = 0; i < quality_rules; ++i)
            totals_[i] = counter("tape_quality_flags_total",
                                 {{"partition", partition},
                                  {"rule", std::string(to_string(static_cast<QualityRule>(i)))}});
    }
    /// Adds what was counted since the last call.
    void report(Quality& quality) {
        const auto counts = quality.take_counts();
        for (std::size_t i = 0; i < quality_rules; ++i)
            if (counts[i] > 0) totals_[i].add(counts[i]);
    }

 private:
    std::array<Counter, quality_rules> totals_;
};

}  // namespace tape::ops
