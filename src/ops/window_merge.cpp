#include "ops/window_merge.h"

#include <algorithm>

namespace tape::ops {
namespace {

using Panes = stream::PaneRing<Statistics>;

void widen_extremes(Statistics& run, const Statistics& pane) {
    run.high = std::max(run.high, pane.high);
    run.low = std::min(run.low, pane.low);
}

void add_pane(Statistics& run, const Statistics& pane) {
    if (run.count == 0) {
        run.high = pane.high;
        run.low = pane.low;
    } else {
        widen_extremes(run, pane);
    }
    run.add_sums(pane);
}

void find_edges(const Panes& panes, u32 series, i64 start, i64 end, Statistics& run) {
    i64 first = start, last = end - 1;
    while (panes.find(first, series) == nullptr) ++first;
    while (panes.find(last, series) == nullptr) --last;
    run.open = panes.find(first, series)->open;
    run.open_order = panes.find(first, series)->open_order;
    run.close = panes.find(last, series)->close;
    run.close_order = panes.find(last, series)->close_order;
}

// False when a pane left that held an extreme: the remaining ones have to be looked through.
bool slide(const Panes& panes, u32 series, i64 size, i64 end, i64 run_end, Statistics& run) {
    bool extremes_stand = true;
    for (i64 number = run_end - size; number < end - size; ++number) {
        const Statistics* pane = panes.find(number, series);
        if (pane == nullptr) continue;
        run.subtract_sums(*pane);
        extremes_stand &= pane->high < run.high && pane->low > run.low;
    }
    for (i64 number = run_end; number < end; ++number)
        if (const Statistics* pane = panes.find(number, series)) add_pane(run, *pane);
    return extremes_stand;
}

}  // namespace

void merge_window(const Panes& panes, u32 series, i64 size, i64 end, i64 run_end, Statistics& run) {
    const i64 start = end - size;
    if (run_end < end && run_end > end - (size + 1) / 2) {
        if (!slide(panes, series, size, end, run_end, run) && run.count > 0) {
            i64 first = start;
            while (panes.find(first, series) == nullptr) ++first;
            run.high = panes.find(first, series)->high;
            run.low = panes.find(first, series)->low;
            for (i64 number = first + 1; number < end; ++number)
                if (const Statistics* pane = panes.find(number, series)) widen_extremes(run, *pane);
        }
    } else {
        run = Statistics{};
        for (i64 number = start; number < end; ++number)
            if (const Statistics* pane = panes.find(number, series)) add_pane(run, *pane);
    }
    if (run.count > 0) find_edges(panes, series, start, end, run);
}

}  // namespace tape::ops
