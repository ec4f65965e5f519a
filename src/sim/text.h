// How exchanges write numbers and times.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "base/types.h"

namespace tape::sim {

enum class Zeros : u8 { keep, drop };  // "14.7550" or "14.755"

/// `units` of 10^-decimals as text; decimals from 0 to 38.
std::string number(i128 units, int decimals, Zeros zeros = Zeros::drop);

/// RFC 3339 with exactly `digits` (0, 3, 6 or 9) digits of the second, the rest cut off:
/// "2021-04-17T16:43:30.244075Z".
std::string time_text(Nanos time, int digits);

/// A UUID of version 4's form out of two random numbers.
std::string uuid(u64 high, u64 low);

/// A whole number of at most 18 digits and no sign; false for any other text.
bool parse_number(std::string_view text, i64& value);

}  // namespace tape::sim
