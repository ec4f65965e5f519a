// How much of time a set of windows needs, in panes.
#pragma once

#include "base/time.h"

namespace tape::ops {

inline i64 panes_in(Nanos span, Nanos width) {
    return (span.count + width.count - 1) / width.count;
}

/// How far behind the watermark a late tick is still taken: a little more than the longest window.
inline i64 reach_of(i64 longest, Nanos lateness, Nanos width) {
    return longest + panes_in(lateness, width);
}

/// The first multiple of `step` behind `after`.
inline Nanos next_multiple(Nanos after, Nanos step) {
    return floor_to(after, step) + step;
}

}  // namespace tape::ops
