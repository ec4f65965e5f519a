// Prices and sizes, exact. A Decimal is a whole number of 10^-18, held in 128 bits and bounded to
// 38 digits: just the values of a DECIMAL(38,18) column, so storing one is a copy. No float is ever
// made of one on the way to a table.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace tape {

struct Decimal {
    static constexpr int scale = 18;
    static constexpr int max_digits = 38;

    i128 units{};  // Of 10^-18.

    constexpr auto operator<=>(const Decimal&) const = default;
    constexpr bool negative() const { return units < 0; }

    /// Exact value of a JSON-like number: "68340.12", "-0.5", "1e-8", "2.5E+3". Errors: not a
    /// number (also "", "NaN", "Infinity", hex, blanks), a non-zero digit beyond 10^-18, more than
    /// 20 digits before the point.
    static Result<Decimal> parse(std::string_view text);

    /// Shortest exact text, without exponent and trailing zeros: "68340.12", "0", "-0.00000001".
    std::string to_string() const;
};

/// Room for the longest Decimal text: sign, 20 digits, point, 18 digits.
constexpr int decimal_text_max = 40;
/// Writes to_string() to `out` (at least decimal_text_max bytes); returns the number of bytes.
int write_decimal(const Decimal& value, char* out);

/// Parsing without building an error: null, or why the text is no Decimal. For the per-record path.
const char* parse_decimal(std::string_view text, Decimal& out) noexcept;

/// 10^n for n from 0 to 38.
u128 pow10(int n);
/// The decimal text of a 128-bit integer.
std::string to_string(i128 value);

}  // namespace tape
