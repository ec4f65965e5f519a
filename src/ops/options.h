// What the engine computes, as the config says it.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "market/rows.h"

namespace tape::ops {

/// A tumbling (slide = size) or hopping window, aligned to the epoch: [k·slide, k·slide + size).
struct WindowSpec {
    std::string name;
    Nanos size, slide;  // size is a multiple of slide.
    TickKind input = TickKind::trade;
    bool operator==(const WindowSpec&) const = default;
};

/// What becomes of a tick whose window was already emitted.
enum class LatePolicy : u8 {
    drop,
    reemit,
    side
};  // Counted only; whole rows again with revision + 1; a dead letter.

struct PipelineOptions {
    Nanos lateness = seconds(2);
    Nanos idle = seconds(5);  // At least lateness.
    Nanos max_skew = seconds(5);
    LatePolicy late = LatePolicy::reemit;
    std::vector<WindowSpec> windows;
    bool operator==(const PipelineOptions&) const = default;
};

}  // namespace tape::ops
