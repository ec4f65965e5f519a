// Windows of one market held against each other over all venues of this process: a window whose
// close is further than so many per cent from the median of the other venues' is an outlier. The
// view `window_outliers` tells which they are; here they are counted, as rule `outlier`.
//
// Venues do not come to the end of a window at once, and of two that disagree only a third says
// which is wrong. So a window is judged once the others have had the time to come, by the time of
// the logs, and again when one comes later still (a back-fill, a log that is caught up with). What
// was counted once is not counted again, nor taken back.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "market/rows.h"

namespace tape::ops {

struct OutlierOptions {
    double percent = 2;              // What is far from the median.
    Nanos patience = seconds(7);     // How long others are waited for after the first.
    std::size_t windows_max = 4096;  // So many windows are remembered, the oldest go first.
};

/// Thread-safe: the partitions of a process share one.
class WindowOutliers final {
 public:
    explicit WindowOutliers(const OutlierOptions& options) : options_(options) {}

    /// A row that a partition emits when its log has come to `now`; `outliers` counts if it is one.
    /// A row of a higher revision takes the place of the one before.
    void on_row(const WindowRow& row, Nanos now, const Counter& outliers);
    /// Some partition's log has come to `now`: judges the windows that have waited long enough.
    void advance(Nanos now);

 private:
    struct Row {
        std::string venue, symbol;
        Decimal close;
        i64 revision{};
        bool counted{};
        Counter outliers;
    };
    struct Window {
        Nanos due;  // When it is judged.
        std::vector<Row> rows;
    };
    struct Key {
        std::string window_name, market;
        Nanos start;
        auto operator<=>(const Key&) const = default;
    };
    using Remembered = std::map<Key, Window>;

    void judge(Window& window) const;
    void judge_due();
    void forget_oldest();

    const OutlierOptions options_;
    std::mutex mutex_;
    Nanos now_;  // The furthest of any partition.
    Remembered windows_;
    std::deque<Remembered::iterator> oldest_first_;
    std::size_t judged_{};  // So many of these were judged: the first ones.
};

/// What one partition shows to the others.
class OutlierWatch final {
 public:
    /// `all` may be null: then nobody is held against anybody.
    OutlierWatch(WindowOutliers* all, const std::string& partition);
    void on_row(const WindowRow& row, Nanos now) const {
        if (all_ != nullptr) all_->on_row(row, now, counter_);
    }
    void advance(Nanos now) const {
        if (all_ != nullptr) all_->advance(now);
    }

 private:
    WindowOutliers* all_;
    Counter counter_;
};

}  // namespace tape::ops
