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

Nanos epoch_s(const Field& field) {
    const auto time = parse_epoch(field.text, EpochUnit::s);
    if (!time || *time <= Nanos{}) fail_value(field.name, field.text, "no time in seconds");
    return *time;
}

Nanos epoch_ns(const Field& field) {
    constexpr u64 last = 9'214'646'399'999'999'999;
    const u64 value = number(field);
    if (value == 0 || value > last) fail_value(field.name, field.text, "no time in nanoseconds");
    return {static_cast<i64>(value)};
}

Nanos epoch_ms_or_us(const Field& field) {
    constexpr u64 first_micros = 100'000'000'000'000;  // Of 1973; as milliseconds of 5138.
    const u64 value = number(field);
    if (value < first_micros) return epoch_ms(field);
    constexpr u64 last = 9'214'646'399'999'999;
    if (value > last) fail_value(field.name, field.text, "no time in microseconds");
    return micros(static_cast<i64>(value));
}

std::optional<Nanos> candle_size(std::string_view text) {
    using Word = std::pair<std::string_view, i64>;
    constexpr std::array<Word, 8> words = {{{"ONE_MINUTE", 60},
                                            {"FIVE_MINUTE", 300},
                                            {"FIFTEEN_MINUTE", 900},
                                            {"THIRTY_MINUTE", 1'800},
                                            {"ONE_HOUR", 3'600},
                                            {"TWO_HOUR", 7'200},
                                            {"SIX_HOUR", 21'600},
                                            {"ONE_DAY", 86'400}}};
    constexpr std::array<Word, 13> units = {{{"", 1},
                                             {"s", 1},
                                             {"m", 60},
                                             {"min", 60},
                                             {"h", 3'600},
                                             {"H", 3'600},
                                             {"hour", 3'600},
                                             {"d", 86'400},
                                             {"D", 86'400},
                                             {"day", 86'400},
                                             {"w", 604'800},
                                             {"W", 604'800},
                                             {"week", 604'800}}};
    if (const auto* word = std::ranges::find(words, text, &Word::first); word != words.end())
        return seconds(word->second);
    i64 count = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || count <= 0 || count > 1'000'000) return std::nullopt;
    std::string_view name = text.substr(static_cast<std::size_t>(stop - text.data()));
    if (name.ends_with("utc")) name.remove_suffix(3);
    const auto* unit = std::ranges::find(units, name, &Word::first);
    constexpr i64 month = 28 * 86'400;
    if (unit == units.end() || count * unit->second >= month) return std::nullopt;
    return seconds(count * unit->second);
}

Decimal cut_price(const Field& field) {
    Decimal value;
    constexpr std::size_t float_bytes_max = 400;  // 1e308, written out, with a fraction.
    if (field.text.size() > float_bytes_max || parse_decimal(field.text, value) == nullptr)
        return price(field);
    const std::size_t mantissa_end = std::min(field.text.find_first_of("eE"), field.text.size());
    const std::string exponent(field.text.substr(mantissa_end));
    std::string mantissa(field.text.substr(0, mantissa_end));
    const bool sound = std::ranges::count(mantissa, '.') == 1 &&
                       mantissa.find_first_not_of("0123456789.") == std::string::npos;
    if (!sound) return price(field);
    for (std::size_t places = mantissa.size() - std::min(mantissa.find('.'), mantissa.size());
         places > 2; --places) {
        mantissa.pop_back();
        const std::string text = mantissa + exponent;
        if (parse_decimal(text, value) == nullptr) return price({field.name, text, false});
    }
    return price(field);
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
