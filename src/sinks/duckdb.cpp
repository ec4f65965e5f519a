// The warehouse's file: opening it safely, its tables and views, and the removal of old rows.
#include "sinks/duckdb.h"

#include <fmt/core.h>

#include <array>

#include "base/log.h"
#include "sinks/duckdb_handles.h"
#include "sinks/duckdb_views.h"
#include "sinks/lake_views.h"

namespace tape::sinks {
namespace {

// 2: candles have the columns of today; quality is new.
constexpr int format_version = 2;

std::string_view sql_type(ColumnType type) {
    switch (type) {
        case ColumnType::text:
            return "VARCHAR";
        case ColumnType::decimal:
            return "DECIMAL(38,18)";
        // With time zone: an instant, which every reader shows right wherever it runs, and the type
        // that the lake has.
        case ColumnType::time:
            return "TIMESTAMPTZ";
        case ColumnType::bigint:
            return "BIGINT";
        case ColumnType::integer:
            return "INTEGER";
        case ColumnType::boolean:
            return "BOOLEAN";
    }
    return "";
}

std::string create_table(const TableInfo& table) {
    std::string sql = fmt::format("CREATE TABLE IF NOT EXISTS {} (", table.name);
    for (const Column& column : table.columns)
        sql += fmt::format("{}\"{}\" {}", sql.back() == '(' ? "" : ", ", column.name,
                           sql_type(column.type));
    return sql + ")";
}

constexpr auto internal_tables = std::to_array<const char*>({
    "CREATE TABLE IF NOT EXISTS tape_format (kind VARCHAR, version INTEGER)",
    "CREATE TABLE IF NOT EXISTS tape_positions (source_partition VARCHAR, next_offset BIGINT)",
});

Result<duckdb_config> configure(const WarehouseOptions& options, bool read_only,
                                const std::filesystem::path& lake) {
    duckdb_config config{};
    if (duckdb_create_config(&config) == DuckDBError)
        return internal_error("DuckDB gives no configuration");
    const std::pair<const char*, std::string> settings[] = {
        {"access_mode", read_only ? "READ_ONLY" : "READ_WRITE"},
        {"memory_limit", fmt::format("{}B", options.memory_bytes)},
        {"max_temp_directory_size", fmt::format("{}B", options.spill_bytes)},
        {"threads", std::to_string(options.threads)},
        // Nothing but this one file, or the lake's folder, is ever touched, whatever a question
        // says.
        {"enable_external_access", lake.empty() ? "false" : "true"},  // The lake's: see start().
        {"autoload_known_extensions", "false"},
        {"autoinstall_known_extensions", "false"},
        {"allow_community_extensions", "false"},
    };
    for (const auto& [name, value] : settings) {
        if (duckdb_set_config(config, name, value.c_str()) == DuckDBSuccess) continue;
        duckdb_destroy_config(&config);
        return user_error(fmt::format("warehouse: DuckDB does not take {} = {}", name, value));
    }
    return config;
}

// One value of an internal question.
Result<std::optional<i64>> one_number(duckdb_connection connection, const char* sql) {
    ResultHandle result;
    if (duckdb_query(connection, sql, &result.raw) == DuckDBError)
        return warehouse_error(duckdb_result_error_type(&result.raw), sql,
                               duckdb_result_error(&result.raw));
    const ChunkHandle chunk(duckdb_fetch_chunk(result.raw));
    if (!chunk.get() || duckdb_data_chunk_get_size(chunk.get()) == 0) return std::optional<i64>{};
    const duckdb_vector vector = duckdb_data_chunk_get_vector(chunk.get(), 0);
    return std::optional<i64>{static_cast<const i64*>(duckdb_vector_get_data(vector))[0]};
}

Result<void> make_views(duckdb_connection connection, const WarehouseOptions& options) {
    for (const std::string& sql : view_statements(options))
        if (const auto made = run(connection, sql); !made) return made.error();
    return {};
}

// Makes the tables, or finds that the file has them in a version this build knows; those of an
// older one become this build's.
Result<void> prepare_tables(duckdb_connection connection, const std::filesystem::path& file,
                            const WarehouseOptions& options, bool read_only) {
    const auto tables =
        one_number(connection, "SELECT count(*) FROM duckdb_tables() WHERE NOT internal");
    if (!tables) return tables.error();
    const auto marked = one_number(
        connection, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'tape_format'");
    if (!marked) return marked.error();
    if (**marked == 0 && (**tables > 0 || read_only))
        return user_error(
            fmt::format("{} is a DuckDB file, but no warehouse of tape", file.string()));
    i64 version = format_version;
    if (**marked > 0) {
        const auto stored = one_number(
            connection, "SELECT max(version)::BIGINT FROM tape_format WHERE kind = 'warehouse'");
        if (!stored) return stored.error();
        version = stored->value_or(0);
        if (version < 1 || version > format_version)
            return user_error(fmt::format("{} has warehouse format {}; this build knows {}",
                                          file.string(), version, format_version));
    }
    if (read_only) return {};

    if (const auto begun = run(connection, "BEGIN TRANSACTION"); !begun) return begun.error();
    // Nothing filled format 1's candles.
    if (version == 1)
        for (const std::string& sql :
             {std::string("DROP TABLE IF EXISTS candles"),
              fmt::format("UPDATE tape_format SET version = {}", format_version)})
            if (const auto done = run(connection, sql); !done) return done.error();
    for (const char* sql : internal_tables)
        if (const auto made = run(connection, sql); !made) return made.error();
    for (int i = 0; i < table_count; ++i)
        if (const auto made = run(connection, create_table(table_info(static_cast<TableId>(i))));
            !made)
            return made.error();
    if (const auto made = make_views(connection, options); !made) return made;
    if (**marked == 0) {
        const auto mark =
            run(connection,
                fmt::format("INSERT INTO tape_format VALUES ('warehouse', {})", format_version));
        if (!mark) return mark.error();
    }
    if (const auto committed = run(connection, "COMMIT"); !committed) return committed.error();
    return {};
}

}  // namespace

Error warehouse_error(duckdb_error_type type, std::string_view doing, const char* message) {
    std::string what = fmt::format("warehouse: {}: {}", doing, message ? message : "unknown error");
    switch (type) {
        case DUCKDB_ERROR_IO:
        case DUCKDB_ERROR_OUT_OF_MEMORY:
        case DUCKDB_ERROR_TRANSACTION:
        case DUCKDB_ERROR_INTERRUPT:
        case DUCKDB_ERROR_FATAL:
            return external_error(std::move(what));
        default:
            return internal_error(std::move(what));
    }
}

Result<ConnectionHandle> connect(duckdb_database database) {
    ConnectionHandle connection;
    if (duckdb_connect(database, connection.out()) == DuckDBError)
        return external_error("warehouse: DuckDB gives no connection");
    return connection;
}

Result<i64> run(duckdb_connection connection, const std::string& sql) {
    ResultHandle result;
    if (duckdb_query(connection, sql.c_str(), &result.raw) == DuckDBError)
        return warehouse_error(duckdb_result_error_type(&result.raw), sql,
                               duckdb_result_error(&result.raw));
    return static_cast<i64>(duckdb_rows_changed(&result.raw));
}

Result<void> Warehouse::Impl::start() {
    std::error_code error;
    if (read_only && lake.empty() && !std::filesystem::exists(file, error))
        return user_error(fmt::format("there is no warehouse {}", file.string()));
    auto config = configure(options, read_only && lake.empty(), lake);
    if (!config) return config.error();
    char* message = nullptr;
    const duckdb_state opened =
        duckdb_open_ext(lake.empty() ? file.c_str() : nullptr, database.out(), *config, &message);
    duckdb_destroy_config(&*config);
    if (opened == DuckDBError) {
        const std::string what =
            fmt::format("cannot open the warehouse {}: {}", file.string(), message ? message : "");
        duckdb_free(message);
        database = {};
        // What passes (a full disk) is worth another try; a file of another kind or held by another
        // process is not.
        return what.find("No space left") == std::string::npos ? user_error(what)
                                                               : external_error(what);
    }
    auto connection = connect(database.get());
    if (!connection) return connection.error();
    if (!lake.empty()) {
        for (const std::string& sql :
             {fmt::format("SET GLOBAL allowed_directories = [{}]", sql_quoted(lake.string() + '/')),
              std::string("SET GLOBAL enable_external_access = false")})
            if (const auto set = run(connection->get(), sql); !set) return set.error();
        if (const auto fresh = refresh_lake(); !fresh) return fresh.error();
        if (const auto made = make_views(connection->get(), options); !made) return made;
    } else if (const auto prepared = prepare_tables(connection->get(), file, options, read_only);
               !prepared) {
        return prepared.error();
    }
    for (const char* sql : {"SET GLOBAL TimeZone = 'UTC'", "SET GLOBAL lock_configuration = true"})
        if (const auto set = run(connection->get(), sql); !set) return set.error();
    return {};
}

Result<void> Warehouse::Impl::refresh_lake() {
    const std::lock_guard one(refreshing);
    auto connection = connect(database.get());
    if (!connection) return connection.error();
    for (int i = 0; i < table_count; ++i) {
        const TableInfo& table = table_info(static_cast<TableId>(i));
        const auto source = lake_source(lake, static_cast<TableId>(i));
        if (!source) return source.error();
        std::string columns;
        for (const Column& column : table.columns)
            columns += fmt::format("{}{} AS \"{}\"", columns.empty() ? "" : ", ",
                                   source->empty() ? fmt::format("NULL::{}", sql_type(column.type))
                                                   : fmt::format("\"{}\"", column.name),
                                   column.name);
        const auto made =
            run(connection->get(),
                fmt::format("CREATE OR REPLACE VIEW {} AS SELECT {} {}", table.name, columns,
                            source->empty() ? "WHERE false" : "FROM " + *source));
        if (!made) return made.error();
    }
    return {};
}

Result<void> Warehouse::Impl::restart() {
    const std::unique_lock alone(reopening);
    log_warn("warehouse: opening {} anew after a failed write", file.string());
    database.reset();
    return start();
}

Warehouse::Warehouse(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Warehouse::~Warehouse() = default;

namespace {
Result<std::unique_ptr<Warehouse::Impl>> started(const std::filesystem::path& file,
                                                 const WarehouseOptions& options, bool read_only) {
    auto impl = std::make_unique<Warehouse::Impl>();
    impl->file = file;
    impl->options = options;
    impl->read_only = read_only;
    if (const auto ok = impl->start(); !ok) return ok.error();
    return impl;
}
}  // namespace

Result<std::unique_ptr<Warehouse>> Warehouse::open(const std::filesystem::path& file,
                                                   const WarehouseOptions& options) {
    if (file.has_parent_path()) {
        std::error_code error;
        std::filesystem::create_directories(file.parent_path(), error);
        if (error)
            return external_error(
                fmt::format("cannot make {}: {}", file.parent_path().string(), error.message()));
    }
    auto impl = started(file, options, false);
    if (!impl) return impl.error();
    return std::unique_ptr<Warehouse>(new Warehouse(std::move(*impl)));
}

Result<std::unique_ptr<Warehouse>> Warehouse::open_read_only(const std::filesystem::path& file,
                                                             const WarehouseOptions& options) {
    auto impl = started(file, options, true);
    if (!impl) return impl.error();
    return std::unique_ptr<Warehouse>(new Warehouse(std::move(*impl)));
}

Result<std::unique_ptr<Warehouse>> Warehouse::open_lake(const std::filesystem::path& folder,
                                                        const WarehouseOptions& options) {
    std::error_code error;
    auto impl = std::make_unique<Impl>();
    impl->lake = std::filesystem::weakly_canonical(folder, error);
    if (error)
        return external_error(
            fmt::format("cannot find the lake {}: {}", folder.string(), error.message()));
    impl->options = options;
    impl->read_only = true;
    if (const auto ok = impl->start(); !ok) return ok.error();
    return std::unique_ptr<Warehouse>(new Warehouse(std::move(impl)));
}

Result<std::unique_ptr<Sink>> Warehouse::make_sink() {
    ensure(!impl_->read_only, "a read-only warehouse has no sink");
    return make_warehouse_sink(*impl_);
}

Result<i64> Warehouse::apply_retention(Nanos now) {
    const std::shared_lock use(impl_->reopening);
    auto connection = connect(impl_->database.get());
    if (!connection) return connection.error();
    i64 removed = 0;
    for (int i = 0; i < table_count; ++i) {
        const auto& age = impl_->options.retention[static_cast<std::size_t>(i)];
        if (!age) continue;
        const TableInfo& table = table_info(static_cast<TableId>(i));
        const auto rows =
            run(connection->get(),
                fmt::format("DELETE FROM {} WHERE {} < make_timestamp({}) AT TIME ZONE 'UTC'",
                            table.name, table.time_column, (now - *age).micros()));
        if (!rows) return rows.error();
        removed += *rows;
    }
    return removed;
}

}  // namespace tape::sinks
