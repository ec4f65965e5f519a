// What the feed's own records say, as far as the engine asks. The layouts are in
// src/feed/README.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "base/types.h"

namespace tape::ops {

/// The string `name` of a JSON object, if `json` is one and has it.
std::optional<std::string> text_member(std::string_view json, std::string_view name);
/// Whether `json` is an object whose `name` is true.
bool is_set(std::string_view json, std::string_view name);

/// The streams that a `config` record names, as (channel, native symbol); none: it names none.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_streams(
    std::string_view json);

/// A `gap` record. Without times it is the log's own: offsets that were lost.
struct GapRecord {
    std::string cause, channel, symbol;  // The symbol is the venue's.
    std::optional<Nanos> from_ts, to_ts;
    std::optional<u64> from_id;
};
GapRecord parse_gap(std::string_view json);

}  // namespace tape::ops
