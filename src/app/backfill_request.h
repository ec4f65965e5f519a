// A wish to have trades fetched that are missing, as one process of the line tells it another over
// HTTP, or a person by `tape backfill`.
#pragma once

#include <string>
#include <vector>

#include "app/config.h"
#include "base/result.h"
#include "venues/venue.h"

namespace tape::app {

struct BackfillRequest {
    std::string slot;
    venues::Missing missing;
};

/// {"slot":"okx-1","channel":"trades","symbol":"BTC-USDT","from_id":…,"to_id":…,"from_ts":…,
/// "to_ts":…,"last_ts":…,"cause":…}; symbol is the venue's own, times are nanoseconds, ids may be
/// null.
std::string to_json(const BackfillRequest& request);

/// All trades of a time: {"venue":"okx","symbol":"BTC-USDT","from":"2026-11-21T00:00:00Z","to":…}.
struct BackfillSpan {
    std::string venue, symbol;  // Normalised; an empty one stands for all that the config names.
    Nanos from, to;
};
std::string to_json(const BackfillSpan& span);

/// What either form asks for, by the slots that `config` has. Errors (user): neither form, times in
/// the wrong order, no source that captures trades of it; named.
Result<std::vector<BackfillRequest>> parse_backfill(const std::string& json, const Config& config);
Result<std::vector<BackfillRequest>> requests_of(const BackfillSpan& span, const Config& config);

}  // namespace tape::app
