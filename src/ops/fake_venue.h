// A venue for tests, whose frames are as plain as can be: lines "trade BTC 100 2 ID MILLISECONDS
// [COVERS]", "ticker BTC 100 MILLISECONDS", "ack trades BTC", "ack trades", "refused WORDS",
// "unknown", or "broken".
#pragma once

#include "venues/venue.h"

namespace tape::ops {

/// Consecutive trade ids; `version` is its decoder_version().
const venues::Venue& fake_venue(i32 version = 1);

}  // namespace tape::ops
