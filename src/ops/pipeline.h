// The processor of one raw partition: decode, refuse what is impossible, drop what was seen, then
// windows. Everything it emits is a function of the records it was given.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ops/options.h"
#include "stream/processor.h"
#include "venues/venue.h"

namespace tape::ops {

class WindowOutliers;

/// What the text of a `config` record asks of the engine.
using ConfigParser = std::function<Result<PipelineOptions>(std::string_view config_text)>;

struct PipelineSetup {
    std::string partition;            // The slot; its venue decodes.
    PipelineOptions options;          // Until the first config record.
    ConfigParser parse;               // Empty: config records change nothing.
    const venues::Venue* venue = {};  // Null: the one that the slot is named after.
    /// Told of trades that are missing, again after a restart while they are; whoever can fetches
    /// them, and what comes of it comes through the log. Empty, in a replay: nobody asks.
    std::function<void(const venues::Missing& missing)> ask = {};
    /// Holds windows against those of the process's other partitions; outlives what is made. Null:
    /// nobody does.
    WindowOutliers* outliers = {};
};

/// A factory for stream::PartitionTask. What it makes is an error (user) when no venue of this
/// build has the slot's name or the options fail check().
stream::ProcessorFactory pipeline_factory(PipelineSetup setup);

}  // namespace tape::ops
