#include "venues/values.h"

#include <algorithm>
#include <charconv>

namespace tape::venues::json {

std::string_view text(const Field& field, std::size_t limit) {
    const bool printable = std::ranges::all_of(
        field.text, [](char c) { return static_cast<unsigned char>(c) >= ' '; });
    if (!field.quoted || field.text.empty() || !printable)
        fail_value(field.name, field.text, "no text");
    if (field.text.size() > limit) fail_too_long(field.name, field.text.size(), limit);
    return field.text;
}

u64 number_slowly(std::string_view name, std::string_view text) {
    u64 value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end) fail_value(name, text, "no whole number of 64 bits");
    return value;
}

namespace {

TAPE_INLINE bool two_digits(const char* digits, i64& value) {
    const auto tens = static_cast<u8>(digits[0] - '0'), ones = static_cast<u8>(digits[1] - '0');
    value = tens * 10 + ones;
    return tens <= 9 && ones <= 9;
}

// Nanoseconds of at most nine fraction digits.
TAPE_INLINE bool nanos_of_places(std::string_view places, i64& nanos) {
    constexpr std::array<i64, 10> scale = {
        1'000'000'000, 100'000'000, 10'000'000, 1'000'000, 100'000, 10'000, 1'000, 100, 10, 1};
    for (const char c : places) {
        const auto digit = static_cast<u8>(c - '0');
        if (digit > 9) return false;
        nanos = nanos * 10 + digit;
    }
    nanos *= scale[places.size()];
    return true;
}

}  // namespace

Nanos Rfc3339::read(std::string_view name, std::string_view text) {
    // "2026-11-20T10:00:00.123456Z" of the day before: what remains is 10:00:00.123456.
    if (text.size() >= 20 && text.size() <= 30 && text.back() == 'Z' && text[13] == ':' &&
        text[16] == ':' && (text.size() == 20 || text[19] == '.') && same_day(text.data())) {
        i64 hour = 0, minute = 0, second = 0, fraction = 0;
        const std::string_view places = text.substr(20, text.size() == 20 ? 0 : text.size() - 21);
        const bool sound = two_digits(&text[11], hour) && two_digits(&text[14], minute) &&
                           two_digits(&text[17], second) && text.size() != 21;
        if (sound && hour < 24 && minute < 60 && second < 60 && nanos_of_places(places, fraction))
            return midnight_ + seconds((hour * 60 + minute) * 60 + second) + Nanos{fraction};
    }
    const auto time = parse_rfc3339(text);
    if (!time) fail_value(name, text, "no RFC 3339 time");
    if (text.back() == 'Z') {
        std::memcpy(day_.data(), text.data(), day_.size());
        midnight_ = floor_to(*time, seconds(86'400));
    }
    return *time;
}

}  // namespace tape::venues::json
