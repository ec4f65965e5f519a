#include "ops/sliding_window.h"

namespace tape::ops {

const Statistics& SlidingWindow::move_to(const Panes& panes, u32 series, i64 size, i64 end) {
    const i64 start = end - size;
    const bool slides = end_ != nowhere && end_ <= end && end - end_ < (size + 1) / 2;
    if (slides) {
        for (i64 number = end_ - size; number < start; ++number)
            if (const Statistics* pane = panes.find(number, series)) merged_.subtract_sums(*pane);
    } else {
        merged_ = Statistics{};
        since_split_ = none;
        split_ = nowhere;
    }
    for (i64 number = slides ? end_ : start; number < end; ++number) {
        const Statistics* pane = panes.find(number, series);
        if (pane == nullptr) continue;
        merged_.add_sums(*pane);
        since_split_.widen({pane->high, pane->low});
    }
    end_ = end;
    if (merged_.count == 0) {
        forget();
        return merged_;
    }
    Extremes extremes = since_split_;
    if (slides) {
        if (split_ <= start) split_at_end(panes, series, start, end);
        extremes = since_split_;
        extremes.widen(until_split_[static_cast<std::size_t>(split_ - start - 1)]);
    }
    merged_.high = extremes.high;
    merged_.low = extremes.low;
    find_edges(panes, series, start, end);
    return merged_;
}

void SlidingWindow::split_at_end(const Panes& panes, u32 series, i64 start, i64 end) {
    split_ = end;
    since_split_ = none;
    until_split_.clear();
    Extremes so_far = none;
    for (i64 number = end - 1; number >= start; --number) {
        if (const Statistics* pane = panes.find(number, series))
            so_far.widen({pane->high, pane->low});
        until_split_.push_back(so_far);
    }
}

void SlidingWindow::find_edges(const Panes& panes, u32 series, i64 start, i64 end) {
    const Statistics *first = nullptr, *last = nullptr;
    for (i64 number = start; first == nullptr; ++number) first = panes.find(number, series);
    for (i64 number = end - 1; last == nullptr; --number) last = panes.find(number, series);
    merged_.open = first->open;
    merged_.close = last->close;
}

}  // namespace tape::ops
