// A venue for tests, whose frames are as plain as can be: lines "trade BTC 100 2 ID MILLISECONDS
// [COVERS]", "ticker BTC 100 MILLISECONDS", "poll BTC 100 MILLISECONDS", "last BTC ID
// MILLISECONDS" (the id of the last trade), "lost" (messages), "ack trades BTC", "ack trades",
// "refused WORDS", "unknown", or "broken".
#pragma once

#include "venues/venue.h"

namespace tape::ops {

/// Whether the ids of its trades count up by one, or only up.
enum class FakeIds : u8 { consecutive, rising };

/// `version` is its decoder_version().
const venues::Venue& fake_venue(i32 version = 1, FakeIds ids = FakeIds::consecutive);

}  // namespace tape::ops
