// What the fields of a venue's JSON may mean: a price, a size, a time, a side. Each is read from
// the field's digits, never by way of a float, and throws a bad_value Fault that names the field
// and its value.
#pragma once

#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/decimal.h"
#include "base/time.h"
#include "market/rows.h"
#include "venues/json.h"

namespace tape::venues::json {

/// Whether a text is `literal`, with one comparison.
template <std::size_t N>
TAPE_INLINE bool is(std::string_view text, const char (&literal)[N]) {
    return text.size() == N - 1 && std::memcmp(text.data(), literal, N - 1) == 0;
}

/// Any text of at most `limit` bytes that is not empty. Fault: also too_long.
std::string_view text(const Field& field, std::size_t limit);

/// The number that eight digits make, or false where one is none. Lemire, "Quickly parsing eight
/// digits" (2018).
TAPE_INLINE bool eight_digits(const char* digits, u64& value) {
    u64 chunk = 0;
    std::memcpy(&chunk, digits, 8);
    constexpr u64 tens = 0xF0F0F0F0F0F0F0F0, six = 0x0606060606060606, threes = 0x3333333333333333;
    if (((chunk & tens) | (((chunk + six) & tens) >> 4)) != threes) return false;
    chunk = (chunk & 0x0F0F0F0F0F0F0F0F) * 2561 >> 8;
    chunk = (chunk & 0x00FF00FF00FF00FF) * 6553601 >> 16;
    value = value * 100'000'000 + ((chunk & 0x0000FFFF0000FFFF) * 42949672960001 >> 32);
    return true;
}

u64 number_slowly(std::string_view name, std::string_view text);
/// A whole number, written as a number or as text.
TAPE_INLINE u64 number(const Field& field) {
    const char* p = field.text.data();
    std::size_t left = field.text.size();
    u64 value = 0;
    if (left == 0 || left > 19) [[unlikely]]
        return number_slowly(field.name, field.text);
    for (; left >= 8; left -= 8, p += 8)
        if (!eight_digits(p, value)) [[unlikely]]
            return number_slowly(field.name, field.text);
    for (; left > 0; --left, ++p) {
        const auto digit = static_cast<u8>(*p - '0');
        if (digit > 9) [[unlikely]]
            return number_slowly(field.name, field.text);
        value = value * 10 + digit;
    }
    return value;
}
TAPE_INLINE i64 sequence(const Field& field) {
    const u64 value = number(field);
    if (value > INT64_MAX) [[unlikely]]
        fail_value(field.name, field.text, "no whole number of 63 bits");
    return static_cast<i64>(value);
}

/// Zero or above.
TAPE_INLINE Decimal size(const Field& field) {
    Decimal value;
    if (const char* why = parse_decimal(field.text, value)) [[unlikely]]
        fail_value(field.name, field.text, why);
    if (value.negative()) [[unlikely]]
        fail_value(field.name, field.text, "negative");
    return value;
}
/// Above zero.
TAPE_INLINE Decimal price(const Field& field) {
    const Decimal value = size(field);
    if (value.units == 0) [[unlikely]]
        fail_value(field.name, field.text, "no price is zero");
    return value;
}
/// A bid or an ask: none where the venue has none, which it writes as nothing, null, "" or 0.
TAPE_INLINE std::optional<Decimal> quote(const Field& field) {
    if (field.text.empty() || (!field.quoted && is(field.text, "null"))) return std::nullopt;
    const Decimal value = size(field);
    if (value.units == 0) return std::nullopt;
    return value;
}
/// A ticker's last price; what was never traded has none and is a quote.
TAPE_INLINE void assign_last(Tick& ticker, const Field& last) {
    ticker.price = quote(last);
    if (!ticker.price) ticker.kind = TickKind::quote;
}

/// Milliseconds since the epoch, after it.
TAPE_INLINE Nanos epoch_ms(const Field& field) {
    constexpr u64 last = 9'214'646'399'999;  // Of 2261, as far as nanoseconds in 64 bits reach.
    const u64 value = number(field);
    if (value == 0 || value > last) [[unlikely]]
        fail_value(field.name, field.text, "no time in milliseconds");
    return millis(static_cast<i64>(value));
}

/// Seconds (perhaps with a fraction) or nanoseconds since the epoch, after it.
Nanos epoch_s(const Field& field);
Nanos epoch_ns(const Field& field);
/// Milliseconds or microseconds, told apart by how many they are.
Nanos epoch_ms_or_us(const Field& field);

/// How long a candle is, in the venues' words: "1m", "15min", "8hour", "1D", "1week", "1Dutc",
/// "ONE_MINUTE", or a number of seconds. None of a month or longer and of no such word.
std::optional<Nanos> candle_size(std::string_view text);

/// As price(), of a venue whose prices come from floats: what is smaller than a Decimal can hold is
/// cut off.
Decimal cut_price(const Field& field);

/// Reads RFC 3339 times; remembers the day, because times of one venue mostly share it.
class Rfc3339 {
 public:
    Nanos read(std::string_view name, std::string_view text);
    TAPE_INLINE Nanos read(const Field& field) { return read(field.name, field.text); }

 private:
    bool same_day(const char* text) const {
        u64 first[2], last[2];  // 11 bytes as two overlapping chunks.
        std::memcpy(&first[0], text, 8);
        std::memcpy(&first[1], day_.data(), 8);
        std::memcpy(&last[0], text + 3, 8);
        std::memcpy(&last[1], day_.data() + 3, 8);
        return first[0] == first[1] && last[0] == last[1];
    }

    std::array<char, 11> day_{};  // "2026-11-20T"
    Nanos midnight_;
};

/// "buy" or "sell", in small letters or in capitals.
TAPE_INLINE Side side(const Field& field) {
    if (is(field.text, "buy") || is(field.text, "BUY")) return Side::buy;
    if (is(field.text, "sell") || is(field.text, "SELL")) return Side::sell;
    fail_value(field.name, field.text, "neither buy nor sell");
}
inline Side opposite(Side side) {
    return side == Side::buy ? Side::sell : Side::buy;
}

/// true or false.
TAPE_INLINE bool boolean(const Field& field) {
    if (is(field.text, "true")) return true;
    if (is(field.text, "false")) return false;
    fail_value(field.name, field.text, "neither true nor false");
}

constexpr std::size_t trade_id_bytes_max = 39;

/// A trade's id, as written: a text or a whole number.
inline void assign_id(Tick& tick, const Field& field) {
    if (field.quoted)
        static_cast<void>(text(field, trade_id_bytes_max));
    else
        static_cast<void>(number(field));
    tick.trade_id.assign(field.text);
}

/// A trade's id that is a number, and so its identity: it counts to 2^63 as those of gaps do.
TAPE_INLINE void assign_identity(Tick& trade, const Field& id) {
    if (!trade.trade_id.assign(id.text)) [[unlikely]]
        fail_too_long(id.name, id.text.size(), trade_id_bytes_max);
    trade.identity = static_cast<u64>(sequence(id));
}

}  // namespace tape::venues::json
