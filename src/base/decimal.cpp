#include "base/decimal.h"

#include <array>
#include <charconv>

#include <fmt/core.h>

namespace tape {
namespace {

constexpr std::array<u128, 39> powers = [] {
    std::array<u128, 39> all{};
    all[0] = 1;
    for (std::size_t n = 1; n < all.size(); ++n) all[n] = all[n - 1] * 10;
    return all;
}();

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr const char* not_a_number = "not a number";
constexpr const char* too_large = "more than 20 digits before the point";
constexpr const char* too_fine = "a digit beyond the 18th after the point";

// Any number: more than 19 digits, an exponent, or a fault to be named. `text` has no sign.
const char* parse_slowly(std::string_view text, u128& units) noexcept {
    const char* p = text.data();
    const char* const end = p + text.size();
    u128 mantissa = 0;  // The significant digits up to the last that is not zero.
    int digits = 0;     // How many these are.
    int zeros = 0;      // Zeros seen since, which count only if a digit follows.
    i64 exponent = 0;   // Of the last digit in `mantissa`.
    bool after_point = false, any = false, any_fraction = false;
    for (; p != end; ++p) {
        if (*p == '.' && any && !after_point) {
            after_point = true;
            continue;
        }
        if (!is_digit(*p)) break;
        any = true;
        any_fraction |= after_point;
        exponent -= after_point;
        if (*p == '0') {
            zeros += digits > 0;
            continue;
        }
        if (digits + zeros + 1 > Decimal::max_digits) return after_point ? too_fine : too_large;
        mantissa =
            mantissa * powers[static_cast<std::size_t>(zeros + 1)] + static_cast<u128>(*p - '0');
        digits += zeros + 1;
        zeros = 0;
    }
    if (!any || (after_point && !any_fraction)) return not_a_number;
    exponent += zeros;
    if (p != end) {
        if (*p != 'e' && *p != 'E') return not_a_number;
        ++p;
        if (p != end && *p == '+') ++p;
        if (p != end && p[-1] == '+' && *p == '-') return not_a_number;
        i64 written = 0;
        const auto [stop, error] = std::from_chars(p, end, written);
        if (stop != end || error == std::errc::invalid_argument) return not_a_number;
        if (error == std::errc::result_out_of_range) written = *p == '-' ? -1'000'000 : 1'000'000;
        if (written > 1'000'000) written = 1'000'000;
        if (written < -1'000'000) written = -1'000'000;
        exponent += written;
    }
    units = 0;
    if (mantissa == 0) return nullptr;
    const i64 shift = exponent + Decimal::scale;
    if (shift < 0) return too_fine;
    if (digits + shift > Decimal::max_digits) return too_large;
    units = mantissa * powers[static_cast<std::size_t>(shift)];
    return nullptr;
}

}  // namespace

u128 pow10(int n) {
    ensure(n >= 0 && n <= 38, "10^n fits 128 bits for n from 0 to 38");
    return powers[static_cast<std::size_t>(n)];
}

const char* parse_decimal(std::string_view text, Decimal& out) noexcept {
    const char* p = text.data();
    const char* const end = p + text.size();
    const bool negative = p != end && *p == '-';
    if (negative) ++p;
    const char* const start = p;

    // Nearly every price: at most 19 digits and one point, so the digits fit 64 bits and one
    // multiplication is exact.
    u64 mantissa = 0;
    const char* point = nullptr;
    for (; p != end; ++p) {
        const auto digit = static_cast<u8>(*p - '0');
        if (digit <= 9) [[likely]]
            mantissa = mantissa * 10 + digit;
        else if (*p == '.' && !point)
            point = p;
        else
            break;
    }
    const auto whole = (point ? point : p) - start;
    const auto fraction = point ? p - point - 1 : 0;
    u128 units = 0;
    if (p == end && whole > 0 && whole + fraction <= 19 && fraction <= Decimal::scale &&
        point != end - 1) [[likely]] {
        units = static_cast<u128>(mantissa) *
                static_cast<u64>(powers[static_cast<std::size_t>(Decimal::scale - fraction)]);
    } else if (const char* why =
                   parse_slowly({start, static_cast<std::size_t>(end - start)}, units)) {
        return why;
    }
    out.units = negative ? -static_cast<i128>(units) : static_cast<i128>(units);
    return nullptr;
}

Result<Decimal> Decimal::parse(std::string_view text) {
    Decimal value;
    if (const char* why = parse_decimal(text, value))
        return user_error(fmt::format("'{}' is no decimal: {}", text, why));
    return value;
}

int write_decimal(const Decimal& value, char* out) {
    char* p = out;
    u128 units = static_cast<u128>(value.units);
    if (value.units < 0) {
        *p++ = '-';
        units = -units;
    }
    const u128 one = powers[Decimal::scale];
    auto whole = units / one;
    auto fraction = static_cast<u64>(units % one);
    // At most 20 digits stand before the point, one more than 64 bits hold for certain.
    const u128 ten19 = powers[19];
    if (whole >= ten19) {
        *p++ = static_cast<char>('0' + static_cast<int>(whole / ten19));
        whole %= ten19;
        auto rest = static_cast<u64>(whole);
        for (int i = 18; i >= 0; --i, rest /= 10) p[i] = static_cast<char>('0' + rest % 10);
        p += 19;
    } else {
        p = std::to_chars(p, p + 20, static_cast<u64>(whole)).ptr;
    }
    if (fraction != 0) {
        *p++ = '.';
        for (int i = Decimal::scale - 1; i >= 0; --i, fraction /= 10)
            p[i] = static_cast<char>('0' + fraction % 10);
        p += Decimal::scale;
        while (p[-1] == '0') --p;
    }
    return static_cast<int>(p - out);
}

std::string Decimal::to_string() const {
    char text[decimal_text_max];
    return {text, static_cast<std::size_t>(write_decimal(*this, text))};
}

std::string to_string(i128 value) {
    u128 rest = value < 0 ? -static_cast<u128>(value) : static_cast<u128>(value);
    char text[40];
    char* p = text + sizeof text;
    do *--p = static_cast<char>('0' + static_cast<int>(rest % 10));
    while ((rest /= 10) != 0);
    if (value < 0) *--p = '-';
    return {p, text + sizeof text};
}

}  // namespace tape
