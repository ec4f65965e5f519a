// The columns as contract.md has them.
#include "sinks/tables.h"

#include <algorithm>
#include <array>

#include "base/json_text.h"

namespace tape::sinks {
namespace {

using enum ColumnType;

constexpr auto tick_columns = std::to_array<Column>({
    {"venue", text},
    {"symbol", text},
    {"native_symbol", text},
    {"kind", text},
    {"price", decimal},
    {"size", decimal},
    {"side", text},
    {"trade_id", text},
    {"sequence", bigint},
    {"bid", decimal},
    {"ask", decimal},
    {"ts_event", time},
    {"ts_event_nanos", integer},
    {"ts_estimated", boolean},
    {"ts_recv", time},
    {"source_partition", text},
    {"source_offset", bigint},
    {"source_index", integer},
});
constexpr auto window_columns = std::to_array<Column>({
    {"window_name", text},
    {"venue", text},
    {"symbol", text},
    {"window_start", time},
    {"window_end", time},
    {"tick_count", bigint},
    {"open", decimal},
    {"high", decimal},
    {"low", decimal},
    {"close", decimal},
    {"mean", decimal},
    {"vwap", decimal},
    {"stddev", decimal},
    {"volume", decimal},
    {"change_pct", decimal},
    {"complete", boolean},
    {"gap_ms", bigint},
    {"revision", bigint},
});
constexpr auto gap_columns = std::to_array<Column>({
    {"venue", text},
    {"symbol", text},
    {"channel", text},
    {"cause", text},
    {"from_ts", time},
    {"to_ts", time},
    {"from_id", bigint},
    {"to_id", bigint},
    {"missing", bigint},
    {"status", text},
    {"repaired_ts", time},
});
constexpr auto dead_letter_columns = std::to_array<Column>({
    {"venue", text},
    {"source_partition", text},
    {"source_offset", bigint},
    {"ts_recv", time},
    {"reason", text},
    {"detail", text},
    {"schema_version", integer},
});
constexpr auto candle_columns = std::to_array<Column>({
    {"venue", text},
    {"symbol", text},
    {"native_symbol", text},
    {"interval", text},
    {"open_time", time},
    {"close_time", time},
    {"open", decimal},
    {"high", decimal},
    {"low", decimal},
    {"close", decimal},
    {"volume", decimal},
    {"trade_count", bigint},
    {"closed", boolean},
    {"ts_recv", time},
    {"source_partition", text},
    {"source_offset", bigint},
    {"source_index", integer},
});
constexpr auto quality_columns = std::to_array<Column>({
    {"venue", text},
    {"symbol", text},
    {"rule", text},
    {"action", text},
    {"ts_event", time},
    {"ts_recv", time},
    {"detail", text},
    {"source_partition", text},
    {"source_offset", bigint},
    {"source_index", integer},
});

const std::array<TableInfo, table_count> tables = {{
    {"ticks", tick_columns, "ts_event", "venue"},
    {"windows", window_columns, "window_start", "window_name"},
    {"gaps", gap_columns, "from_ts", ""},
    {"dead_letters", dead_letter_columns, "ts_recv", ""},
    {"candles", candle_columns, "open_time", "venue"},
    {"quality", quality_columns, "ts_recv", ""},
}};

}  // namespace

const TableInfo& table_info(TableId table) {
    return tables[static_cast<std::size_t>(table)];
}

std::optional<TableId> table_of(log::RecordKind kind) {
    switch (kind) {
        case log::RecordKind::tick:
            return TableId::ticks;
        case log::RecordKind::window:
            return TableId::windows;
        case log::RecordKind::gap_row:
            return TableId::gaps;
        case log::RecordKind::dead_letter:
            return TableId::dead_letters;
        case log::RecordKind::candle:
            return TableId::candles;
        case log::RecordKind::quality:
            return TableId::quality;
        default:
            return std::nullopt;
    }
}

bool is_ascii(std::string_view text) {
    unsigned char all = 0;
    for (const char c : text) all |= static_cast<unsigned char>(c);
    return all < 0x80;
}

std::string_view as_utf8(std::string_view text, std::string& scratch) {
    if (is_ascii(text) || is_utf8(text)) return text;
    scratch.clear();
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x80)
            scratch += c;
        else
            scratch += "\xEF\xBF\xBD";
    }
    return scratch;
}

}  // namespace tape::sinks
