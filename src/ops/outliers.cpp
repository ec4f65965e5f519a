#include "ops/outliers.h"

#include <algorithm>
#include <cmath>

#include "market/dollars.h"

namespace tape::ops {
namespace {

// Of at least one value, which it sorts; between two in the middle, halfway.
Decimal median(std::vector<Decimal>& values) {
    std::ranges::sort(values);
    const Decimal upper = values[values.size() / 2];
    const Decimal lower = values[(values.size() - 1) / 2];
    return {lower.units + (upper.units - lower.units) / 2};
}

}  // namespace

void WindowOutliers::on_row(const WindowRow& row, Nanos now, const Counter& outliers) {
    const std::lock_guard lock(mutex_);
    now_ = std::max(now_, now);
    judge_due();
    const Instrument& instrument = *row.instrument;
    const auto [place, added] =
        windows_.try_emplace({row.window_name, market_of(instrument.symbol), row.window_start});
    Window& window = place->second;
    if (added) {
        window.due = now_ + options_.patience;
        oldest_first_.push_back(place);
    }
    const auto known = std::ranges::find_if(window.rows, [&](const Row& other) {
        return other.venue == instrument.venue && other.symbol == instrument.symbol;
    });
    if (known == window.rows.end())
        window.rows.push_back(
            {instrument.venue, instrument.symbol, row.close, row.revision, false, outliers});
    else if (row.revision >= known->revision) {
        known->close = row.close;
        known->revision = row.revision;
    }
    if (window.due <= now_) judge(window);
    if (windows_.size() > options_.windows_max) forget_oldest();
}

void WindowOutliers::advance(Nanos now) {
    const std::lock_guard lock(mutex_);
    now_ = std::max(now_, now);
    judge_due();
}

void WindowOutliers::judge_due() {
    for (; judged_ < oldest_first_.size(); ++judged_) {
        Window& window = oldest_first_[judged_]->second;
        if (window.due > now_) return;
        judge(window);
    }
}

void WindowOutliers::forget_oldest() {
    const auto oldest = oldest_first_.front();
    oldest_first_.pop_front();
    if (judged_ == 0)
        judge(oldest->second);
    else
        --judged_;
    windows_.erase(oldest);
}

// As the view does: the median is that of the other venues alone, so that one venue's error does
// not move what it is held against.
void WindowOutliers::judge(Window& window) const {
    std::vector<Decimal> others;
    for (Row& row : window.rows) {
        others.clear();
        for (const Row& other : window.rows)
            if (other.venue != row.venue) others.push_back(other.close);
        if (others.empty() || row.counted) continue;
        const Decimal middle = median(others);
        const auto apart = std::abs(static_cast<double>(row.close.units - middle.units));
        const auto whole = std::abs(static_cast<double>(middle.units));
        if (whole == 0 || apart <= whole * options_.percent / 100) continue;
        row.counted = true;
        row.outliers.add();
    }
}

OutlierWatch::OutlierWatch(WindowOutliers* all, const std::string& partition)
    : all_(all),
      counter_(
          counter("tape_quality_flags_total", {{"partition", partition}, {"rule", "outlier"}})) {}

}  // namespace tape::ops
