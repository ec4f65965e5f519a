// Time is a count of nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted, and so is a
// span between two times. Venues write times as RFC 3339 text or as epoch counts of four units; all
// of them end here.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace tape {

struct Nanos {
    i64 count{};
    constexpr auto operator<=>(const Nanos&) const = default;
    constexpr Nanos operator+(Nanos other) const { return {count + other.count}; }
    constexpr Nanos operator-(Nanos other) const { return {count - other.count}; }
    constexpr Nanos& operator+=(Nanos other) {
        count += other.count;
        return *this;
    }
    constexpr i64 micros() const { return count / 1'000; }
    constexpr i64 millis() const { return count / 1'000'000; }
};

constexpr Nanos seconds(i64 n) {
    return {n * 1'000'000'000};
}
constexpr Nanos millis(i64 n) {
    return {n * 1'000'000};
}
constexpr Nanos micros(i64 n) {
    return {n * 1'000};
}

/// The wall clock. Only the network edge and the command line may ask it; nothing right of the raw
/// log does.
Nanos wall_clock();
/// A clock that never steps back, for measuring spans.
Nanos steady_clock();

/// The largest multiple of `step` that is not after `time`; also right before 1970.
constexpr Nanos floor_to(Nanos time, Nanos step) {
    const i64 rest = time.count % step.count;
    return {time.count - (rest < 0 ? rest + step.count : rest)};
}

/// What one unit of an epoch count is, in nanoseconds.
enum class EpochUnit : i64 { s = 1'000'000'000, ms = 1'000'000, us = 1'000, ns = 1 };

/// An epoch count as text, "1652459225503" or with a fraction "1652459225.5037491" (digits beyond
/// the nanosecond must be zero or are cut). Error: no number, or outside of the years 1678 to 2261.
Result<Nanos> parse_epoch(std::string_view text, EpochUnit unit);

/// An epoch count as a number; the error is the same.
Result<Nanos> from_epoch(i64 value, EpochUnit unit);

/// RFC 3339 with any number of fraction digits (beyond nine they are cut), "Z" or "+hh:mm"; 'T',
/// 't' or a blank between date and time. Without a zone it is an error: a time that may be local is
/// no time.
Result<Nanos> parse_rfc3339(std::string_view text);

/// A date "2026-11-20" at midnight UTC.
Result<Nanos> parse_date(std::string_view text);

/// "2026-11-20T10:00:00.123456789Z"; the fraction has 0, 3, 6 or 9 digits, as few as say it
/// exactly.
std::string format_rfc3339(Nanos time);
/// "2026-11-20".
std::string format_date(Nanos time);

/// A span of whole units: "200ms", "5s", "1m", "1h", "30d"; units ns, us, ms, s, m, h, d. Negative
/// spans are errors.
Result<Nanos> parse_duration(std::string_view text);
/// The same text back, in the largest unit that says it exactly.
std::string format_duration(Nanos span);

/// A size in bytes: "64MiB", "1GiB", "10MB", "512"; units B, KB, MB, GB, TB (powers of 1000) and
/// KiB … TiB (of 1024).
Result<i64> parse_size(std::string_view text);
std::string format_size(i64 bytes);

}  // namespace tape
