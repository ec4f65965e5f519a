// How exchanges write numbers and times.
#include "sim/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace tape::sim {

std::string number(i128 units, int decimals, Zeros zeros) {
    char buffer[64];
    char* const end = buffer + sizeof buffer;
    char* out = end;
    u128 rest = units < 0 ? -static_cast<u128>(units) : static_cast<u128>(units);
    bool keep = zeros == Zeros::keep;
    for (int place = 0; place < decimals; ++place, rest /= 10) {
        const char digit = static_cast<char>('0' + static_cast<int>(rest % 10));
        keep = keep || digit != '0';
        if (keep) *--out = digit;
    }
    if (out != end) *--out = '.';
    do {
        *--out = static_cast<char>('0' + static_cast<int>(rest % 10));
        rest /= 10;
    } while (rest != 0);
    if (units < 0) *--out = '-';
    return {out, end};
}

std::string time_text(Nanos time, int digits) {
    const Nanos second = floor_to(time, seconds(1));
    std::string text = format_rfc3339(second);
    if (digits == 0) return text;
    i64 fraction = (time - second).count;
    for (int cut = digits; cut < 9; ++cut) fraction /= 10;
    text.pop_back();  // The "Z".
    fmt::format_to(std::back_inserter(text), ".{:0{}}Z", fraction, digits);
    return text;
}

std::string uuid(u64 high, u64 low) {
    return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff,
                       high & 0xfff, 0x8000 | ((low >> 48) & 0x3fff), low & 0xffffffffffff);
}

bool parse_number(std::string_view text, i64& value) {
    if (text.empty() || text.size() > 18) return false;
    if (!std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return false;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return true;
}

}  // namespace tape::sim
