// Values as text, exact: whole numbers by their digits, decimals without trailing zeros, doubles by
// the shortest digits that give them back, times as RFC 3339 in UTC (a TIMESTAMP without zone is
// one of UTC here).
#include "sinks/duckdb_values.h"

#include <fmt/core.h>

#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/decimal.h"
#include "base/time.h"

namespace tape::sinks {
namespace {

struct TypeText {
    duckdb_type type;
    const char* name;
    QueryResult::Shape shape;
};
using Shape = QueryResult::Shape;
constexpr auto types = std::to_array<TypeText>({
    {DUCKDB_TYPE_BOOLEAN, "BOOLEAN", Shape::boolean},
    {DUCKDB_TYPE_TINYINT, "TINYINT", Shape::number},
    {DUCKDB_TYPE_SMALLINT, "SMALLINT", Shape::number},
    {DUCKDB_TYPE_INTEGER, "INTEGER", Shape::number},
    {DUCKDB_TYPE_BIGINT, "BIGINT", Shape::number},
    {DUCKDB_TYPE_UTINYINT, "UTINYINT", Shape::number},
    {DUCKDB_TYPE_USMALLINT, "USMALLINT", Shape::number},
    {DUCKDB_TYPE_UINTEGER, "UINTEGER", Shape::number},
    {DUCKDB_TYPE_UBIGINT, "UBIGINT", Shape::number},
    {DUCKDB_TYPE_FLOAT, "FLOAT", Shape::number},
    {DUCKDB_TYPE_DOUBLE, "DOUBLE", Shape::number},
    {DUCKDB_TYPE_HUGEINT, "HUGEINT", Shape::text},
    {DUCKDB_TYPE_DECIMAL, "DECIMAL", Shape::text},
    {DUCKDB_TYPE_VARCHAR, "VARCHAR", Shape::text},
    {DUCKDB_TYPE_BLOB, "BLOB", Shape::text},
    {DUCKDB_TYPE_DATE, "DATE", Shape::text},
    {DUCKDB_TYPE_TIME, "TIME", Shape::text},
    {DUCKDB_TYPE_INTERVAL, "INTERVAL", Shape::text},
    {DUCKDB_TYPE_TIMESTAMP, "TIMESTAMP", Shape::text},
    {DUCKDB_TYPE_TIMESTAMP_S, "TIMESTAMP_S", Shape::text},
    {DUCKDB_TYPE_TIMESTAMP_MS, "TIMESTAMP_MS", Shape::text},
    {DUCKDB_TYPE_TIMESTAMP_NS, "TIMESTAMP_NS", Shape::text},
    {DUCKDB_TYPE_TIMESTAMP_TZ, "TIMESTAMP WITH TIME ZONE", Shape::text},
    {DUCKDB_TYPE_ENUM, "ENUM", Shape::text},
    {DUCKDB_TYPE_UUID, "UUID", Shape::text},
    {DUCKDB_TYPE_SQLNULL, "NULL", Shape::text},
    // Known by name alone: not shown.
    {DUCKDB_TYPE_LIST, "LIST", Shape::text},
    {DUCKDB_TYPE_STRUCT, "STRUCT", Shape::text},
    {DUCKDB_TYPE_MAP, "MAP", Shape::text},
    {DUCKDB_TYPE_ARRAY, "ARRAY", Shape::text},
    {DUCKDB_TYPE_UNION, "UNION", Shape::text},
    {DUCKDB_TYPE_UHUGEINT, "UHUGEINT", Shape::text},
    {DUCKDB_TYPE_BIT, "BIT", Shape::text},
    {DUCKDB_TYPE_TIME_TZ, "TIME WITH TIME ZONE", Shape::text},
});

const TypeText* find(duckdb_logical_type type) {
    const duckdb_type id = duckdb_get_type_id(type);
    for (const TypeText& known : types)
        if (known.type == id) return &known;
    return nullptr;
}

std::string decimal_text(i128 value, int scale) {
    const bool negative = value < 0;
    std::string digits = to_string(value);
    if (negative) digits.erase(0, 1);
    if (std::ssize(digits) <= scale)
        digits.insert(0, static_cast<std::size_t>(scale + 1 - std::ssize(digits)), '0');
    if (scale > 0) {
        digits.insert(digits.size() - static_cast<std::size_t>(scale), 1, '.');
        digits.erase(digits.find_last_not_of('0') + 1);
        if (digits.ends_with('.')) digits.pop_back();
    }
    return fmt::format("{}{}", negative ? "-" : "", digits);
}

// A count of `per_second`ths since the epoch. What int64 nanoseconds cannot hold (beyond 1678 to
// 2261, "infinity") is shown by its number.
std::string time_text(i64 count, i64 per_second) {
    i64 nanos = 0;
    if (__builtin_mul_overflow(count, 1'000'000'000 / per_second, &nanos))
        return fmt::format("{} of 1/{} s", count, per_second);
    return format_rfc3339({nanos});
}

std::string hex_text(const char* bytes, std::size_t size) {
    std::string out;
    for (std::size_t i = 0; i < size; ++i)
        out += fmt::format("{:02x}", static_cast<unsigned char>(bytes[i]));
    return out;
}

// Doubles that JSON cannot write are words.
template <class T>
std::string float_text(T value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    return fmt::format("{}", value);
}

i128 hugeint(const duckdb_hugeint& value) {
    return static_cast<i128>((static_cast<u128>(static_cast<u64>(value.upper)) << 64) |
                             value.lower);
}

std::string uuid_text(const duckdb_hugeint& value) {
    // DuckDB keeps UUIDs with the top bit flipped, so that they order as signed numbers.
    const u64 high = static_cast<u64>(value.upper) ^ (u64{1} << 63), low = value.lower;
    return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff,
                       high & 0xffff, low >> 48, low & 0xffff'ffff'ffff);
}

}  // namespace

bool is_shown(duckdb_logical_type type) {
    switch (duckdb_get_type_id(type)) {
        case DUCKDB_TYPE_LIST:
        case DUCKDB_TYPE_STRUCT:
        case DUCKDB_TYPE_MAP:
        case DUCKDB_TYPE_ARRAY:
        case DUCKDB_TYPE_UNION:
        case DUCKDB_TYPE_UHUGEINT:
        case DUCKDB_TYPE_BIT:
        case DUCKDB_TYPE_TIME_TZ:
            return false;
        default:
            return find(type) != nullptr;
    }
}

std::string type_name(duckdb_logical_type type) {
    const TypeText* known = find(type);
    if (!known) return "OTHER";
    if (known->type == DUCKDB_TYPE_DECIMAL)
        return fmt::format("DECIMAL({},{})", duckdb_decimal_width(type),
                           duckdb_decimal_scale(type));
    return known->name;
}

QueryResult::Shape shape_of(duckdb_logical_type type) {
    const TypeText* known = find(type);
    return known ? known->shape : Shape::text;
}

ColumnView::ColumnView(duckdb_vector vector, duckdb_logical_type type)
    : data_(duckdb_vector_get_data(vector)),
      validity_(duckdb_vector_get_validity(vector)),
      type_(type),
      kind_(duckdb_get_type_id(type)) {
    if (kind_ == DUCKDB_TYPE_DECIMAL) {
        scale_ = duckdb_decimal_scale(type);
        storage_ = duckdb_decimal_internal_type(type);
    } else if (kind_ == DUCKDB_TYPE_ENUM) {
        storage_ = duckdb_enum_internal_type(type);
    }
}

std::string ColumnView::decimal(idx_t row) const {
    switch (storage_) {
        case DUCKDB_TYPE_SMALLINT:
            return decimal_text(at<i16>(row), scale_);
        case DUCKDB_TYPE_INTEGER:
            return decimal_text(at<i32>(row), scale_);
        case DUCKDB_TYPE_BIGINT:
            return decimal_text(at<i64>(row), scale_);
        default:
            return decimal_text(hugeint(at<duckdb_hugeint>(row)), scale_);
    }
}

std::optional<std::string> ColumnView::text(idx_t row) const {
    if (validity_ && !duckdb_validity_row_is_valid(validity_, row)) return std::nullopt;
    switch (kind_) {
        case DUCKDB_TYPE_BOOLEAN:
            return at<bool>(row) ? "true" : "false";
        case DUCKDB_TYPE_TINYINT:
            return std::to_string(static_cast<int>(at<i8>(row)));
        case DUCKDB_TYPE_SMALLINT:
            return std::to_string(at<i16>(row));
        case DUCKDB_TYPE_INTEGER:
            return std::to_string(at<i32>(row));
        case DUCKDB_TYPE_BIGINT:
            return std::to_string(at<i64>(row));
        case DUCKDB_TYPE_UTINYINT:
            return std::to_string(static_cast<unsigned>(at<u8>(row)));
        case DUCKDB_TYPE_USMALLINT:
            return std::to_string(at<u16>(row));
        case DUCKDB_TYPE_UINTEGER:
            return std::to_string(at<u32>(row));
        case DUCKDB_TYPE_UBIGINT:
            return std::to_string(at<u64>(row));
        case DUCKDB_TYPE_FLOAT:
            return float_text(at<float>(row));
        case DUCKDB_TYPE_DOUBLE:
            return float_text(at<double>(row));
        case DUCKDB_TYPE_HUGEINT:
            return to_string(hugeint(at<duckdb_hugeint>(row)));
        case DUCKDB_TYPE_DECIMAL:
            return decimal(row);
        case DUCKDB_TYPE_VARCHAR:
        case DUCKDB_TYPE_BLOB: {
            auto* value = static_cast<duckdb_string_t*>(data_) + row;
            const char* bytes = duckdb_string_t_data(value);
            const std::size_t size = duckdb_string_t_length(*value);
            return kind_ == DUCKDB_TYPE_BLOB ? hex_text(bytes, size) : std::string(bytes, size);
        }
        case DUCKDB_TYPE_DATE: {
            const duckdb_date_struct date = duckdb_from_date(at<duckdb_date>(row));
            return fmt::format("{:04}-{:02}-{:02}", date.year, static_cast<int>(date.month),
                               static_cast<int>(date.day));
        }
        case DUCKDB_TYPE_TIME: {
            std::string time =
                time_text(at<i64>(row), 1'000'000).substr(std::string_view("1970-01-01T").size());
            time.pop_back();  // The Z: a time of day has no zone.
            return time;
        }
        case DUCKDB_TYPE_INTERVAL: {
            const auto& span = at<duckdb_interval>(row);
            return fmt::format("{} months {} days {} us", span.months, span.days, span.micros);
        }
        case DUCKDB_TYPE_TIMESTAMP_S:
            return time_text(at<i64>(row), 1);
        case DUCKDB_TYPE_TIMESTAMP_MS:
            return time_text(at<i64>(row), 1'000);
        case DUCKDB_TYPE_TIMESTAMP:
        case DUCKDB_TYPE_TIMESTAMP_TZ:
            return time_text(at<i64>(row), 1'000'000);
        case DUCKDB_TYPE_TIMESTAMP_NS:
            return time_text(at<i64>(row), 1'000'000'000);
        case DUCKDB_TYPE_UUID:
            return uuid_text(at<duckdb_hugeint>(row));
        case DUCKDB_TYPE_ENUM: {
            const u64 index = storage_ == DUCKDB_TYPE_UTINYINT    ? at<u8>(row)
                              : storage_ == DUCKDB_TYPE_USMALLINT ? at<u16>(row)
                                                                  : at<u32>(row);
            char* name = duckdb_enum_dictionary_value(type_, index);
            std::string out = name;
            duckdb_free(name);
            return out;
        }
        default:
            return std::nullopt;
    }
}

}  // namespace tape::sinks
