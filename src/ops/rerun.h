// Windows of the past, computed anew from the raw log: a fresh decoder, a fresh sieve and fresh
// windows read the partition's records again, and the rows that are out of date come whole, under a
// revision of their own. The work is cut into chunks of time, so that memory is bounded whatever
// there is to repair.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ops/options.h"
#include "ops/record_index.h"
#include "ops/stale.h"
#include "ops/windows.h"
#include "stream/processor.h"
#include "venues/venue.h"

namespace tape::ops {

/// Ticks that were kept out of the windows for their quality, by record and place in it.
using Quarantined = std::set<std::pair<Offset, i32>>;

/// What a re-run needs to know of the pipeline as it stands.
struct RerunContext {
    const venues::Venue& venue;
    venues::Decoder& decoder;  // Its state names the instruments.
    const PipelineOptions& options;
    const RecordIndex& index;
    const Quarantined& quarantined;
    Nanos watermark;
    Windows& windows;     // Which revisions they have.
    WindowOutput& rows;   // Who gets them, and knows what was observed.
    stream::Output& log;  // Where the records are.
};

/// A span, and the windows over it that the log alone can tell.
struct Rerun {
    StaleSpan span;
    std::vector<WindowSpec> windows;
};

/// Emits the rows of every window over the spans anew, and those that are compared with one of
/// them, as far as they were due. Error: the log no longer has the records, or cannot be read.
Result<void> run_again(const RerunContext& context, const std::vector<Rerun>& reruns);

}  // namespace tape::ops
