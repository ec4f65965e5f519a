#include "base/time.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <chrono>
#include <limits>

namespace tape {
namespace {

using std::chrono::nanoseconds;

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// The number in `digits` places at `at`, or -1.
int field(std::string_view text, std::size_t at, std::size_t digits) {
    if (text.size() < at + digits) return -1;
    int value = 0;
    for (std::size_t i = at; i < at + digits; ++i) {
        if (!is_digit(text[i])) return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

// Days since the epoch of "YYYY-MM-DD" at the start of `text`, or false.
bool parse_days(std::string_view text, i64& days) {
    const int year = field(text, 0, 4), month = field(text, 5, 2), day = field(text, 8, 2);
    if (year < 0 || month < 1 || day < 1 || text[4] != '-' || text[7] != '-') return false;
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok()) return false;
    days = std::chrono::sys_days(date).time_since_epoch().count();
    return true;
}

// i64 nanoseconds reach from 1677-09-21 to 2262-04-11; whole years within are what we accept.
constexpr i64 first_second = -9'214'560'000;  // 1678-01-01
constexpr i64 last_second = 9'214'646'399;    // 2261-12-31T23:59:59

Error bad_time(std::string_view text, std::string_view why) {
    return user_error(fmt::format("'{}' is no time: {}", text, why));
}

// Reads up to nine fraction digits from `p`, moves it behind all of them.
i64 fraction_nanos(const char*& p, const char* end) {
    i64 value = 0;
    int digits = 0;
    for (; p != end && is_digit(*p); ++p) {
        if (digits == 9) continue;
        value = value * 10 + (*p - '0');
        ++digits;
    }
    for (; digits < 9; ++digits) value *= 10;
    return value;
}

struct Unit {
    std::string_view name;
    i64 value;
};

template <std::size_t N>
Result<i64> parse_with_unit(std::string_view text, const std::array<Unit, N>& units,
                            std::string_view what, std::string_view unit_names) {
    i64 value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string_view name(stop, static_cast<std::size_t>(text.data() + text.size() - stop));
    if (error == std::errc{} && value >= 0) {
        for (const Unit& unit : units) {
            if (unit.name != name) continue;
            if (value > std::numeric_limits<i64>::max() / unit.value) break;
            return value * unit.value;
        }
    }
    return user_error(
        fmt::format("'{}' is no {}: a whole number and one of {}", text, what, unit_names));
}

constexpr std::array<Unit, 7> duration_units = {{{"d", 86'400'000'000'000},
                                                 {"h", 3'600'000'000'000},
                                                 {"m", 60'000'000'000},
                                                 {"s", 1'000'000'000},
                                                 {"ms", 1'000'000},
                                                 {"us", 1'000},
                                                 {"ns", 1}}};
constexpr std::array<Unit, 10> size_units = {{{"TiB", i64{1} << 40},
                                              {"GiB", 1 << 30},
                                              {"MiB", 1 << 20},
                                              {"KiB", 1 << 10},
                                              {"TB", 1'000'000'000'000},
                                              {"GB", 1'000'000'000},
                                              {"MB", 1'000'000},
                                              {"KB", 1'000},
                                              {"B", 1},
                                              {"", 1}}};

}  // namespace

Nanos wall_clock() {
    return {nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count()};
}

Nanos steady_clock() {
    return {nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count()};
}

Result<Nanos> from_epoch(i64 value, EpochUnit unit) {
    const i64 size = static_cast<i64>(unit), per_second = 1'000'000'000 / size;
    if (value / per_second < first_second || value / per_second > last_second)
        return user_error(fmt::format("{} is no time: outside of the years 1678 to 2261", value));
    return Nanos{value * size};
}

Result<Nanos> parse_epoch(std::string_view text, EpochUnit unit) {
    i64 whole = 0;
    const char* const end = text.data() + text.size();
    auto [p, error] = std::from_chars(text.data(), end, whole);
    if (error == std::errc::result_out_of_range) return bad_time(text, "too large");
    if (error != std::errc{}) return bad_time(text, "no number");
    auto base = from_epoch(whole, unit);
    if (!base || p == end) return base;
    if (*p != '.' || p + 1 == end) return bad_time(text, "no number");
    const i64 fraction = fraction_nanos(++p, end);
    if (p != end) return bad_time(text, "no number");
    const i64 part = fraction / (1'000'000'000 / static_cast<i64>(unit));
    return Nanos{base->count + (text[0] == '-' ? -part : part)};
}

Result<Nanos> parse_rfc3339(std::string_view text) {
    i64 days = 0;
    const int hour = field(text, 11, 2), minute = field(text, 14, 2), second = field(text, 17, 2);
    if (!parse_days(text, days)) return bad_time(text, "expected 2026-11-20T10:00:00Z");
    const char mark = text.size() > 10 ? text[10] : '\0';
    if ((mark != 'T' && mark != 't' && mark != ' ') || hour < 0 || minute < 0 || second < 0 ||
        text[13] != ':' || text[16] != ':')
        return bad_time(text, "expected 2026-11-20T10:00:00Z");
    // A leap second is the last moment of its minute: 23:59:60 reads as the second before
    // midnight's first.
    if (hour > 23 || minute > 59 || second > 60)
        return bad_time(text, "hour, minute or second out of range");
    const char* p = text.data() + 19;
    const char* const end = text.data() + text.size();
    i64 fraction = 0;
    if (p != end && *p == '.') {
        const char* const first = ++p;
        fraction = fraction_nanos(p, end);
        if (p == first) return bad_time(text, "no digit after the point");
    }
    i64 zone_seconds = 0;
    if (p != end && (*p == 'Z' || *p == 'z')) {
        ++p;
    } else if (end - p == 6 && (*p == '+' || *p == '-') && p[3] == ':') {
        const std::string_view zone(p, 6);
        const int hours = field(zone, 1, 2), minutes = field(zone, 4, 2);
        if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
            return bad_time(text, "bad zone");
        zone_seconds = (hours * 60 + minutes) * 60;
        if (*p == '-') zone_seconds = -zone_seconds;
        p = end;
    } else {
        return bad_time(text, "without a zone it could be any");
    }
    if (p != end) return bad_time(text, "something follows the zone");
    const i64 total =
        days * 86'400 + hour * 3'600 + minute * 60 + (second == 60 ? 59 : second) - zone_seconds;
    if (total < first_second || total > last_second)
        return bad_time(text, "outside of the years 1678 to 2261");
    return Nanos{total * 1'000'000'000 + fraction};
}

Result<Nanos> parse_date(std::string_view text) {
    i64 days = 0;
    if (text.size() != 10 || !parse_days(text, days))
        return bad_time(text, "expected a date such as 2026-11-20");
    if (days * 86'400 < first_second || days * 86'400 > last_second)
        return bad_time(text, "outside of the years 1678 to 2261");
    return Nanos{days * 86'400'000'000'000};
}

std::string format_rfc3339(Nanos time) {
    const Nanos second = floor_to(time, seconds(1));
    const Nanos day = floor_to(time, seconds(86'400));
    const i64 of_day = (second.count - day.count) / 1'000'000'000;
    const i64 fraction = time.count - second.count;
    std::string text = fmt::format("{}T{:02}:{:02}:{:02}", format_date(time), of_day / 3'600,
                                   of_day / 60 % 60, of_day % 60);
    if (fraction % 1'000 != 0)
        text += fmt::format(".{:09}", fraction);
    else if (fraction % 1'000'000 != 0)
        text += fmt::format(".{:06}", fraction / 1'000);
    else if (fraction != 0)
        text += fmt::format(".{:03}", fraction / 1'000'000);
    return text + 'Z';
}

std::string format_date(Nanos time) {
    const i64 days = floor_to(time, seconds(86'400)).count / 86'400'000'000'000;
    const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

Result<Nanos> parse_duration(std::string_view text) {
    const auto count = parse_with_unit(text, duration_units, "duration", "ns, us, ms, s, m, h, d");
    if (!count) return count.error();
    return Nanos{*count};
}

std::string format_duration(Nanos span) {
    for (const Unit& unit : duration_units)
        if (span.count != 0 && span.count % unit.value == 0)
            return fmt::format("{}{}", span.count / unit.value, unit.name);
    return "0s";
}

Result<i64> parse_size(std::string_view text) {
    return parse_with_unit(text, size_units, "size", "B, KB, MB, GB, TB, KiB, MiB, GiB, TiB");
}

std::string format_size(i64 bytes) {
    for (const Unit& unit : size_units)
        if (bytes != 0 && bytes % unit.value == 0 && unit.name.find('i') != std::string_view::npos)
            return fmt::format("{}{}", bytes / unit.value, unit.name);
    return fmt::format("{}B", bytes);
}

}  // namespace tape
