// Rows as the payload of derived records, and back. Each record stands for itself: it names its
// instrument in full, so a reader may start anywhere. Layout in README.md; a version byte comes
// first and an unknown one is refused by name.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "market/rows.h"

namespace tape {

/// Appends the payload to `out`, which the caller clears and keeps, so that encoding does not
/// allocate.
void encode(const Tick& tick, std::string& out);
void encode(const WindowRow& row, std::string& out);
void encode(const Gap& gap, std::string& out);
void encode(const DeadLetter& letter, std::string& out);
void encode(const Candle& candle, std::string& out);
void encode(const QualityFlag& flag, std::string& out);

/// Decoding interns instruments into `instruments`. Error: another version, or a payload cut short
/// or too long.
Result<Tick> decode_tick(std::string_view payload, InstrumentTable& instruments);
Result<WindowRow> decode_window(std::string_view payload, InstrumentTable& instruments);
Result<Gap> decode_gap(std::string_view payload);
Result<DeadLetter> decode_dead_letter(std::string_view payload);
Result<Candle> decode_candle(std::string_view payload, InstrumentTable& instruments);
Result<QualityFlag> decode_quality(std::string_view payload);

}  // namespace tape
