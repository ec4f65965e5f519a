// DuckDB's C handles as values that free themselves, for the duckdb*.cpp files alone: every call is
// checked here.
#pragma once

#include <duckdb.h>

#include <filesystem>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "sinks/duckdb.h"

namespace tape::sinks {

/// Any of the C handles, freed by `Destroy`.
template <class Raw, auto Destroy>
class Handle final {
 public:
    Handle() = default;
    explicit Handle(Raw raw) : raw_(raw) {}
    Handle(Handle&& other) noexcept : raw_(std::exchange(other.raw_, Raw{})) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Handle() { reset(); }
    void reset() {
        if (raw_) Destroy(&raw_);
        raw_ = Raw{};
    }
    Raw get() const { return raw_; }
    Raw* out() { return &raw_; }

 private:
    Raw raw_{};
};

using DatabaseHandle = Handle<duckdb_database, duckdb_close>;
using ConnectionHandle = Handle<duckdb_connection, duckdb_disconnect>;
using StatementHandle = Handle<duckdb_prepared_statement, duckdb_destroy_prepare>;
using ExtractedHandle = Handle<duckdb_extracted_statements, duckdb_destroy_extracted>;
using PendingHandle = Handle<duckdb_pending_result, duckdb_destroy_pending>;
using ChunkHandle = Handle<duckdb_data_chunk, duckdb_destroy_data_chunk>;
using TypeHandle = Handle<duckdb_logical_type, duckdb_destroy_logical_type>;
using AppenderHandle =
    Handle<duckdb_appender, [](duckdb_appender* raw) { (void)duckdb_appender_destroy(raw); }>;

/// A result; unlike the others no pointer.
struct ResultHandle {
    duckdb_result raw{};
    ResultHandle() = default;
    ResultHandle(const ResultHandle&) = delete;
    ResultHandle& operator=(const ResultHandle&) = delete;
    ~ResultHandle() { duckdb_destroy_result(&raw); }
};

/// Whose fault an error of the writing side is, and whether it may pass: a full disk or memory
/// does.
Error warehouse_error(duckdb_error_type type, std::string_view doing, const char* message);

Result<ConnectionHandle> connect(duckdb_database database);
/// Runs `sql` of ours and drops its rows; gives the number of changed rows.
Result<i64> run(duckdb_connection connection, const std::string& sql);

struct Warehouse::Impl {
    std::filesystem::path file;
    WarehouseOptions options;
    bool read_only{};
    std::filesystem::path
        lake;  // Set: the tables are views over its files, in a database without a file.
    std::mutex refreshing;
    DatabaseHandle database;
    std::shared_mutex
        reopening;  // Shared while the database is used, exclusive while it is replaced.

    /// Opens the database and brings it up to this build's tables. Errors as Warehouse::open.
    Result<void> start();
    /// Points the views at the files that the lake has now.
    Result<void> refresh_lake();
    /// After a failed write DuckDB serves nothing until it is opened anew: does that, once all
    /// questions are answered.
    Result<void> restart();
};

/// The filling side, in duckdb_sink.cpp.
Result<std::unique_ptr<Sink>> make_warehouse_sink(Warehouse::Impl& warehouse);

}  // namespace tape::sinks
