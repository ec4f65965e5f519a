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

/// What becomes of a tick that breaks a rule: nothing, a row of table `quality` beside it, or that
/// row in its stead.
enum class QualityAction : u8 { off, flag, quarantine };

/// The rules are told in quality.h.
struct QualityOptions {
    QualityAction crossed = QualityAction::flag;
    QualityAction locked = QualityAction::off;  // A price both sides agree on: common and right.
    QualityAction id_backwards = QualityAction::flag;
    QualityAction time_backwards = QualityAction::flag;
    QualityAction clock_skew = QualityAction::flag;
    QualityAction zero_price = QualityAction::flag;
    QualityAction zero_size = QualityAction::flag;
    Nanos max_clock_skew = seconds(10);  // Either way; ahead, max_skew refuses before.
    bool operator==(const QualityOptions&) const = default;
};

struct PipelineOptions {
    Nanos lateness = seconds(2);
    Nanos idle = seconds(5);  // At least lateness.
    Nanos max_skew = seconds(5);
    LatePolicy late = LatePolicy::reemit;
    std::vector<WindowSpec> windows;
    QualityOptions quality;
    bool operator==(const PipelineOptions&) const = default;
};

}  // namespace tape::ops
