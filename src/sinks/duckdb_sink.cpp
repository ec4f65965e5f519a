// How rows get into the warehouse: column by column into DuckDB's own chunks of 2,048 rows, which
// its appender takes as they are. The transaction is open from the first row to commit(), which
// adds the positions.
#include <fmt/core.h>

#include <cstring>
#include <map>
#include <memory>
#include <optional>

#include "base/log.h"
#include "sinks/duckdb.h"
#include "sinks/duckdb_handles.h"
#include "sinks/lake_views.h"
#include "sinks/tables.h"

namespace tape::sinks {
namespace {

TypeHandle logical_type(ColumnType type) {
    switch (type) {
        case ColumnType::text:
            return TypeHandle(duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR));
        case ColumnType::decimal:
            return TypeHandle(duckdb_create_decimal_type(Decimal::max_digits, Decimal::scale));
        case ColumnType::time:
            return TypeHandle(duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP_TZ));
        case ColumnType::bigint:
            return TypeHandle(duckdb_create_logical_type(DUCKDB_TYPE_BIGINT));
        case ColumnType::integer:
            return TypeHandle(duckdb_create_logical_type(DUCKDB_TYPE_INTEGER));
        case ColumnType::boolean:
            return TypeHandle(duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN));
    }
    return {};
}

// A chunk of one table that is being filled, row after row.
class ChunkRows final {
 public:
    explicit ChunkRows(const TableInfo& table) : columns_(table.columns.size()) {
        std::vector<TypeHandle> types;
        std::vector<duckdb_logical_type> raw;
        for (const Column& column : table.columns)
            raw.push_back(types.emplace_back(logical_type(column.type)).get());
        chunk_ = ChunkHandle(duckdb_create_data_chunk(raw.data(), raw.size()));
        ensure(chunk_.get(), "DuckDB makes a chunk of plain types");
        clear();
    }

    void clear() {
        duckdb_data_chunk_reset(chunk_.get());
        for (idx_t i = 0; i < columns_.size(); ++i) {
            const duckdb_vector vector = duckdb_data_chunk_get_vector(chunk_.get(), i);
            duckdb_vector_ensure_validity_writable(vector);
            columns_[i] = {vector, duckdb_vector_get_data(vector),
                           duckdb_vector_get_validity(vector)};
        }
        row_ = 0;
    }
    void end_row() {
        ensure(at_ == columns_.size(), "a row fills each of its columns");
        at_ = 0;
        ++row_;
    }
    idx_t rows() const { return row_; }
    bool full() const { return row_ == duckdb_vector_size(); }
    duckdb_data_chunk finish() {
        duckdb_data_chunk_set_size(chunk_.get(), row_);
        return chunk_.get();
    }

    void null() {
        const ColumnData& column = columns_[at_++];
        column.validity[row_ / 64] &= ~(u64{1} << (row_ % 64));
    }
    void text(std::string_view value) {
        const std::string_view clean = as_utf8(value, scratch_);
        const ColumnData& column = columns_[at_++];
        duckdb_string_t& slot = static_cast<duckdb_string_t*>(column.data)[row_];
        if (clean.size() > sizeof slot.value.inlined.inlined) {
            duckdb_unsafe_vector_assign_string_element_len(column.vector, row_, clean.data(),
                                                           clean.size());
            return;
        }
        slot = {};
        slot.value.inlined.length = static_cast<u32>(clean.size());
        std::memcpy(slot.value.inlined.inlined, clean.data(), clean.size());
    }
    void decimal(const Decimal& value) {
        static_assert(sizeof value.units == sizeof(duckdb_hugeint));
        std::memcpy(static_cast<char*>(columns_[at_++].data) + row_ * sizeof value.units,
                    &value.units, sizeof value.units);
    }
    void time(Nanos value) { put<i64>(floor_to(value, micros(1)).count / 1'000); }
    void bigint(i64 value) { put(value); }
    void integer(i32 value) { put(value); }
    void boolean(bool value) { put(value); }

 private:
    struct ColumnData {
        duckdb_vector vector{};
        void* data{};
        u64* validity{};
    };

    template <class T>
    void put(T value) {
        static_cast<T*>(columns_[at_++].data)[row_] = value;
    }

    ChunkHandle chunk_;
    std::vector<ColumnData> columns_;
    std::size_t at_{};
    idx_t row_{};
    std::string scratch_;
};
static_assert(Columns<ChunkRows>);

class DuckdbSink final : public Sink {
 public:
    explicit DuckdbSink(Warehouse::Impl& warehouse) : warehouse_(warehouse) {
        for (int i = 0; i < table_count; ++i)
            chunks_.emplace_back(table_info(static_cast<TableId>(i)));
        appenders_.resize(table_count);
    }
    ~DuckdbSink() override { roll_back(); }

    /// Connects and reads the positions; again after a failed write, when the database was opened
    /// anew.
    Result<void> attach() {
        auto connection = connect(warehouse_.database.get());
        if (!connection) return connection.error();
        connection_ = std::move(*connection);
        committed_.clear();
        ResultHandle result;
        if (duckdb_query(connection_.get(),
                         "SELECT source_partition, next_offset FROM tape_positions",
                         &result.raw) == DuckDBError)
            return warehouse_error(duckdb_result_error_type(&result.raw), "positions",
                                   duckdb_result_error(&result.raw));
        while (true) {
            const ChunkHandle chunk(duckdb_fetch_chunk(result.raw));
            const idx_t size = chunk.get() ? duckdb_data_chunk_get_size(chunk.get()) : 0;
            if (size == 0) break;
            auto* names = static_cast<duckdb_string_t*>(
                duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), 0)));
            const auto* offsets = static_cast<const i64*>(
                duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), 1)));
            for (idx_t i = 0; i < size; ++i)
                committed_[std::string(duckdb_string_t_data(&names[i]),
                                       duckdb_string_t_length(names[i]))] = {offsets[i]};
        }
        reached_ = committed_;
        return {};
    }

    std::string_view name() const override { return "warehouse"; }

    Result<Offset> resume(std::string_view partition) override {
        if (broken_) {
            if (const auto again = recover(); !again) return again.error();
        }
        const auto known = reached_.find(partition);
        return known == reached_.end() ? Offset{} : known->second;
    }

    Result<void> write(std::string_view partition, std::span<const log::Record> records) override {
        if (broken_) return external_error("warehouse: a failed batch was not resumed");
        auto reached = reached_.find(partition);
        if (reached == reached_.end()) reached = reached_.emplace(partition, Offset{}).first;
        const auto put = [&](TableId table, const auto& row) -> Result<void> {
            ChunkRows& chunk = chunks_[static_cast<std::size_t>(table)];
            put_row(chunk, row, partition);
            chunk.end_row();
            ++rows_;
            return chunk.full() ? append(table) : Result<void>{};
        };
        for (const log::Record& record : records) {
            if (record.offset < reached->second) continue;
            if (auto stored = with_row(record, instruments_, put); !stored)
                return failed(stored.error());
            reached->second = {record.offset.value + 1};
            unsaved_ = true;
        }
        return {};
    }

    bool due(Nanos now) override {
        if (!unsaved_) return false;
        if (!first_unsaved_) first_unsaved_ = now;
        return rows_ >= warehouse_.options.commit_rows ||
               now - *first_unsaved_ >= warehouse_.options.commit_after;
    }

    Result<void> commit() override {
        if (broken_) return external_error("warehouse: a failed batch was not resumed");
        if (!unsaved_) return {};
        if (auto stored = store(); !stored) return failed(stored.error());
        committed_ = reached_;
        forget_batch();
        return {};
    }

 private:
    Result<void> begin() {
        if (in_transaction_) return {};
        if (const auto begun = run(connection_.get(), "BEGIN TRANSACTION"); !begun)
            return begun.error();
        in_transaction_ = true;
        return {};
    }

    Result<void> append(TableId table) {
        ChunkRows& chunk = chunks_[static_cast<std::size_t>(table)];
        if (chunk.rows() == 0) return {};
        if (auto begun = begin(); !begun) return begun.error();
        AppenderHandle& appender = appenders_[static_cast<std::size_t>(table)];
        const std::string name(table_info(table).name);
        if (!appender.get() && duckdb_appender_create(connection_.get(), nullptr, name.c_str(),
                                                      appender.out()) == DuckDBError)
            return appender_error(appender, name);
        if (duckdb_append_data_chunk(appender.get(), chunk.finish()) == DuckDBError)
            return appender_error(appender, name);
        chunk.clear();
        return {};
    }

    static Error appender_error(const AppenderHandle& appender, const std::string& table) {
        duckdb_error_data data = duckdb_appender_error_data(appender.get());
        Error error = warehouse_error(duckdb_error_data_error_type(data), "append to " + table,
                                      duckdb_error_data_message(data));
        duckdb_destroy_error_data(&data);
        return error;
    }

    Result<void> store() {
        if (auto begun = begin(); !begun) return begun.error();
        for (int i = 0; i < table_count; ++i) {
            const auto table = static_cast<TableId>(i);
            if (auto appended = append(table); !appended) return appended.error();
            AppenderHandle& appender = appenders_[static_cast<std::size_t>(i)];
            if (!appender.get()) continue;
            if (duckdb_appender_close(appender.get()) == DuckDBError)
                return appender_error(appender, std::string(table_info(table).name));
            appender.reset();
        }
        for (const auto& [partition, next] : reached_) {
            const auto before = committed_.find(partition);
            if (before != committed_.end() && before->second == next) continue;
            const auto stored = run(
                connection_.get(),
                before == committed_.end()
                    ? fmt::format("INSERT INTO tape_positions VALUES ({}, {})",
                                  sql_quoted(partition), next.value)
                    : fmt::format(
                          "UPDATE tape_positions SET next_offset = {} WHERE source_partition = {}",
                          next.value, sql_quoted(partition)));
            if (!stored) return stored.error();
        }
        if (const auto committed = run(connection_.get(), "COMMIT"); !committed)
            return committed.error();
        in_transaction_ = false;
        return {};
    }

    // Nothing of the batch is kept, and nothing more is taken until resume() has looked at what the
    // file holds: a COMMIT that failed may have failed after its bytes were written.
    Error failed(Error error) {
        roll_back();
        broken_ = true;
        return error;
    }

    Result<void> recover() {
        connection_.reset();
        if (auto opened = warehouse_.restart(); !opened) return opened.error();
        if (auto attached = attach(); !attached) return attached.error();
        broken_ = false;
        return {};
    }

    void roll_back() {
        for (AppenderHandle& appender : appenders_) {
            if (appender.get()) (void)duckdb_appender_clear(appender.get());
            appender.reset();
        }
        if (in_transaction_) {
            const auto done = run(connection_.get(), "ROLLBACK");
            if (!done) log_debug("warehouse: {}", done.error().what);
        }
        in_transaction_ = false;
        for (ChunkRows& chunk : chunks_) chunk.clear();
        reached_ = committed_;
        forget_batch();
    }

    void forget_batch() {
        unsaved_ = false;
        first_unsaved_.reset();
        rows_ = 0;
    }

    Warehouse::Impl& warehouse_;
    ConnectionHandle connection_;
    std::vector<ChunkRows> chunks_;  // By TableId.
    std::vector<AppenderHandle>
        appenders_;  // By TableId; none before its first chunk of the transaction.
    InstrumentTable instruments_;
    std::map<std::string, Offset, std::less<>> committed_, reached_;
    std::optional<Nanos> first_unsaved_;
    i64 rows_{};
    bool unsaved_{}, in_transaction_{}, broken_{};
};

}  // namespace

Result<std::unique_ptr<Sink>> make_warehouse_sink(Warehouse::Impl& warehouse) {
    auto sink = std::make_unique<DuckdbSink>(warehouse);
    if (auto attached = sink->attach(); !attached) return attached.error();
    return std::unique_ptr<Sink>(std::move(sink));
}

}  // namespace tape::sinks
