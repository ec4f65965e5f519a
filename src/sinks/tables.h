// The tables of lake and warehouse: their columns, once for both, and how a row fills them. A sink
// brings a `Columns` that takes one value after the other, so the order of values below is the
// order of columns in tables.cpp.
#pragma once

#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/decimal.h"
#include "base/result.h"
#include "base/time.h"
#include "log/record.h"
#include "market/codec.h"
#include "market/rows.h"

namespace tape::sinks {

enum class ColumnType : u8 { text, decimal, time, bigint, integer, boolean };

struct Column {
    std::string_view name;
    ColumnType type;
};

enum class TableId : u8 { ticks, windows, gaps, dead_letters, candles, quality };
constexpr int table_count = 6;

struct TableInfo {
    std::string_view name;
    std::span<const Column> columns;
    std::string_view time_column;  // Its UTC date is the lake's partition column `date`; also what
                                   // retention goes by.
    std::string_view
        lake_key;  // The column that the lake is partitioned by besides; empty for none.
};

const TableInfo& table_info(TableId table);

/// What a sink offers to put_row: one call a column, in order.
template <class T>
concept Columns = requires(T out, std::string_view text, const Decimal& exact, Nanos time,
                           i64 number, i32 small) {
    out.null();
    out.text(text);
    out.decimal(exact);
    out.time(time);
    out.bigint(number);
    out.integer(small);
    out.boolean(true);
};

/// Whether `text` is 7-bit only, which most is.
bool is_ascii(std::string_view text);
/// `text` if it is UTF-8, else a copy in `scratch` with each byte beyond 127 replaced by U+FFFD:
/// both stores demand UTF-8, and a dead letter may quote what was none.
std::string_view as_utf8(std::string_view text, std::string& scratch);

namespace detail {
void text_or_null(Columns auto& out, std::string_view text) {
    text.empty() ? out.null() : out.text(text);
}
void decimal(Columns auto& out, const std::optional<Decimal>& value) {
    value ? out.decimal(*value) : out.null();
}
void bigint(Columns auto& out, const std::optional<i64>& value) {
    value ? out.bigint(*value) : out.null();
}
void time(Columns auto& out, const std::optional<Nanos>& value) {
    value ? out.time(*value) : out.null();
}
}  // namespace detail

void put_row(Columns auto& out, const Tick& tick, std::string_view partition) {
    out.text(tick.instrument->venue);
    out.text(tick.instrument->symbol);
    out.text(tick.instrument->native_symbol);
    out.text(to_string(tick.kind));
    detail::decimal(out, tick.price);
    detail::decimal(out, tick.size);
    detail::text_or_null(out, to_string(tick.side));
    detail::text_or_null(out, tick.trade_id.view());
    detail::bigint(out, tick.sequence);
    detail::decimal(out, tick.bid);
    detail::decimal(out, tick.ask);
    out.time(tick.ts_event);
    out.integer(static_cast<i32>((tick.ts_event - floor_to(tick.ts_event, micros(1))).count));
    out.boolean(tick.ts_estimated);
    out.time(tick.ts_recv);
    out.text(partition);
    out.bigint(tick.source_offset.value);
    out.integer(tick.source_index);
}

void put_row(Columns auto& out, const WindowRow& row, std::string_view) {
    out.text(row.window_name);
    out.text(row.instrument->venue);
    out.text(row.instrument->symbol);
    out.time(row.window_start);
    out.time(row.window_end);
    out.bigint(row.tick_count);
    out.decimal(row.open);
    out.decimal(row.high);
    out.decimal(row.low);
    out.decimal(row.close);
    out.decimal(row.mean);
    detail::decimal(out, row.vwap);
    detail::decimal(out, row.stddev);
    detail::decimal(out, row.volume);
    detail::decimal(out, row.change_pct);
    out.boolean(row.complete);
    out.bigint(row.gap_ms);
    out.bigint(row.revision);
}

void put_row(Columns auto& out, const Gap& gap, std::string_view) {
    out.text(gap.venue);
    detail::text_or_null(out, gap.symbol);
    detail::text_or_null(out, gap.channel);
    out.text(gap.cause);
    out.time(gap.from_ts);
    out.time(gap.to_ts);
    detail::bigint(out, gap.from_id);
    detail::bigint(out, gap.to_id);
    detail::bigint(out, gap.missing);
    out.text(to_string(gap.status));
    detail::time(out, gap.repaired_ts);
}

void put_row(Columns auto& out, const DeadLetter& letter, std::string_view partition) {
    out.text(letter.venue);
    out.text(partition);
    out.bigint(letter.source_offset.value);
    out.time(letter.ts_recv);
    out.text(letter.reason);
    out.text(letter.detail);
    out.integer(letter.schema_version);
}

void put_row(Columns auto& out, const Candle& candle, std::string_view partition) {
    out.text(candle.instrument->venue);
    out.text(candle.instrument->symbol);
    out.text(candle.instrument->native_symbol);
    out.text(format_duration(candle.size));
    out.time(candle.open_time);
    out.time(candle.open_time + candle.size);
    out.decimal(candle.open);
    out.decimal(candle.high);
    out.decimal(candle.low);
    out.decimal(candle.close);
    out.decimal(candle.volume);
    detail::bigint(out, candle.trade_count);
    out.boolean(candle.closed);
    out.time(candle.ts_recv);
    out.text(partition);
    out.bigint(candle.source_offset.value);
    out.integer(candle.source_index);
}

void put_row(Columns auto& out, const QualityFlag& flag, std::string_view partition) {
    out.text(flag.venue);
    detail::text_or_null(out, flag.symbol);
    out.text(flag.rule);
    out.text(flag.quarantined ? "quarantine" : "flag");
    out.time(flag.ts_event);
    out.time(flag.ts_recv);
    out.text(flag.detail);
    out.text(partition);
    out.bigint(flag.source_offset.value);
    out.integer(flag.source_index);
}

/// What the lake's partition folders need of a row.
inline Nanos row_time(const Tick& tick) {
    return tick.ts_event;
}
inline Nanos row_time(const WindowRow& row) {
    return row.window_start;
}
inline Nanos row_time(const Gap& gap) {
    return gap.from_ts;
}
inline Nanos row_time(const DeadLetter& letter) {
    return letter.ts_recv;
}
inline Nanos row_time(const Candle& candle) {
    return candle.open_time;
}
inline Nanos row_time(const QualityFlag& flag) {
    return flag.ts_recv;
}
inline std::string_view row_key(const Tick& tick) {
    return tick.instrument->venue;
}
inline std::string_view row_key(const WindowRow& row) {
    return row.window_name;
}
inline std::string_view row_key(const Gap&) {
    return {};
}
inline std::string_view row_key(const DeadLetter&) {
    return {};
}
inline std::string_view row_key(const Candle& candle) {
    return candle.instrument->venue;
}
inline std::string_view row_key(const QualityFlag&) {
    return {};
}

/// The table that records of this kind are rows of; none for kinds that are no rows.
std::optional<TableId> table_of(log::RecordKind kind);

/// Decodes `record` and calls `use(table, row)`, which returns Result<void>; kinds that are no rows
/// are passed over.
template <class Use>
Result<void> with_row(const log::Record& record, InstrumentTable& instruments, Use use) {
    const auto give = [&](TableId table, const auto& row) -> Result<void> {
        if (!row) return row.error();
        return use(table, *row);
    };
    switch (record.kind) {
        case log::RecordKind::tick:
            return give(TableId::ticks, decode_tick(record.payload, instruments));
        case log::RecordKind::window:
            return give(TableId::windows, decode_window(record.payload, instruments));
        case log::RecordKind::gap_row:
            return give(TableId::gaps, decode_gap(record.payload));
        case log::RecordKind::dead_letter:
            return give(TableId::dead_letters, decode_dead_letter(record.payload));
        case log::RecordKind::candle:
            return give(TableId::candles, decode_candle(record.payload, instruments));
        case log::RecordKind::quality:
            return give(TableId::quality, decode_quality(record.payload));
        default:
            return {};
    }
}

}  // namespace tape::sinks
