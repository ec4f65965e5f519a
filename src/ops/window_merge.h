// Merging the panes of a window.
#pragma once

#include "ops/statistics.h"
#include "stream/pane_ring.h"

namespace tape::ops {

/// Brings `run` of a series from the window of `size` panes that ended at pane `run_end` to the one that ends at `end`, both ends
/// excluded: by sliding where that is less work than merging anew. `run` comes to equal the merge of all its panes.
void merge_window(const stream::PaneRing<Statistics>& panes, u32 series, i64 size, i64 end,
                  i64 run_end, Statistics& run);

}  // namespace tape::ops
