// Questions from outside. Four fences stand one behind the other: the statement must be one SELECT
// by DuckDB's own parser; it may call no function that acts on the database; it runs in a READ ONLY
// transaction; and the database itself was opened without access to files and with its settings
// locked (duckdb.cpp).
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/json_text.h"
#include "sinks/duckdb.h"
#include "sinks/duckdb_handles.h"
#include "sinks/duckdb_values.h"

namespace tape::sinks {
namespace {

// Functions that a SELECT may name and that are no questions: they switch logging on, write
// checkpoints, or run further SQL from a text that this check would not see.
constexpr auto acting_functions = std::to_array<std::string_view>({
    "checkpoint",
    "force_checkpoint",
    "enable_logging",
    "disable_logging",
    "enable_profiling",
    "disable_profiling",
    "set_log_level",
    "truncate_duckdb_logs",
    "write_log",
    "query",
    "query_table",
    "json_execute_serialized_sql",
    "parse_duckdb_log_message",
    "nextval",
    "duckdb_secrets",
    "which_secret",
});

// Interrupts the connection once `timeout` has passed, unless it is destroyed before.
class Deadline final {
 public:
    Deadline(duckdb_connection connection, Nanos timeout)
        : thread_([this, connection, timeout](const std::stop_token& stop) {
              std::unique_lock lock(mutex_);
              woken_.wait_for(lock, stop, std::chrono::nanoseconds(timeout.count),
                              [] { return false; });
              // Again and again: an interrupt that comes between two steps of a statement is
              // forgotten by the next.
              while (!stop.stop_requested()) {
                  passed_ = true;
                  duckdb_interrupt(connection);
                  woken_.wait_for(lock, stop, std::chrono::milliseconds(20), [] { return false; });
              }
          }) {}
    bool passed() const { return passed_; }

 private:
    std::mutex mutex_;
    std::condition_variable_any woken_;
    std::atomic<bool> passed_{};
    std::jthread thread_;  // Last: stops and joins before the others go.
};

// What is left of `sql` behind blanks and comments.
std::string_view skip_blanks(std::string_view sql) {
    while (true) {
        const std::size_t start = sql.find_first_not_of(" \t\r\n\f\v");
        if (start == std::string_view::npos) return {};
        sql.remove_prefix(start);
        if (!sql.starts_with("--") && !sql.starts_with("/*")) return sql;
        const bool line = sql.starts_with("--");
        const std::size_t end = line ? sql.find('\n') : sql.find("*/", 2);
        if (end == std::string_view::npos) return {};
        sql.remove_prefix(end + (line ? 1 : 2));
    }
}

std::string first_line(const char* message) {
    const std::string_view text = message ? message : "unknown error";
    return std::string(text.substr(0, text.find("\n\nLINE")));
}

void collect_functions(const nlohmann::json& node, std::vector<std::string>& names) {
    if (node.is_object()) {
        if (const auto name = node.find("function_name"); name != node.end() && name->is_string())
            names.push_back(*name);
    }
    if (node.is_structured())
        for (const auto& child : node) collect_functions(child, names);
}

// DuckDB's syntax tree of `sql` as JSON, searched for functions that act.
Result<void> refuse_acting_functions(duckdb_connection connection, const std::string& sql) {
    StatementHandle statement;
    if (duckdb_prepare(connection, "SELECT json_serialize_sql($1::VARCHAR)::VARCHAR",
                       statement.out()) == DuckDBError ||
        duckdb_bind_varchar_length(statement.get(), 1, sql.data(), sql.size()) == DuckDBError)
        return internal_error(
            fmt::format("warehouse: {}", first_line(duckdb_prepare_error(statement.get()))));
    ResultHandle result;
    if (duckdb_execute_prepared(statement.get(), &result.raw) == DuckDBError)
        return user_error(first_line(duckdb_result_error(&result.raw)));
    const ChunkHandle chunk(duckdb_fetch_chunk(result.raw));
    ensure(chunk.get() && duckdb_data_chunk_get_size(chunk.get()) == 1,
           "json_serialize_sql gives one row");
    auto* text = static_cast<duckdb_string_t*>(
        duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), 0)));
    const auto tree = nlohmann::json::parse(
        std::string_view(duckdb_string_t_data(text), duckdb_string_t_length(*text)), nullptr,
        false);
    if (tree.is_discarded() || tree.value("error", true))
        return user_error(
            "only a SELECT is answered here" +
            (tree.is_object() ? ": " + tree.value("error_message", std::string()) : std::string()));
    std::vector<std::string> names;
    collect_functions(tree, names);
    for (std::string& name : names) {
        std::ranges::transform(name, name.begin(),
                               [](char c) { return static_cast<char>(std::tolower(c)); });
        if (std::ranges::find(acting_functions, name) != acting_functions.end())
            return user_error(
                fmt::format("the function {} is not allowed here: it is no question", name));
    }
    return {};
}

// One prepared SELECT or EXPLAIN of one, or why not.
Result<StatementHandle> prepare(duckdb_connection connection, const std::string& sql) {
    ExtractedHandle extracted;
    const idx_t count = duckdb_extract_statements(connection, sql.c_str(), extracted.out());
    if (count == 0) {
        const char* why = duckdb_extract_statements_error(extracted.get());
        return user_error(why && *why ? first_line(why) : "there is no statement");
    }
    if (count > 1) return user_error("one statement at a time, please; this is more than one");
    StatementHandle statement;
    if (duckdb_prepare_extracted_statement(connection, extracted.get(), 0, statement.out()) ==
        DuckDBError)
        return user_error(first_line(duckdb_prepare_error(statement.get())));
    const duckdb_statement_type type = duckdb_prepared_statement_type(statement.get());
    if (type == DUCKDB_STATEMENT_TYPE_EXPLAIN) {
        // What is explained must itself be a SELECT: so EXPLAIN ANALYZE, which would run it, is
        // none of these.
        const std::string explained(skip_blanks(sql).substr(std::string_view("EXPLAIN").size()));
        if (auto inner = prepare(connection, explained); !inner)
            return user_error("EXPLAIN takes a SELECT and no options here: " + inner.error().what);
        return statement;
    }
    if (type != DUCKDB_STATEMENT_TYPE_SELECT)
        return user_error(
            "only SELECT (also SHOW, DESCRIBE, EXPLAIN) is allowed here: the warehouse is filled "
            "by tape alone");
    if (auto harmless = refuse_acting_functions(connection, sql); !harmless)
        return harmless.error();
    if (duckdb_nparams(statement.get()) > 0)
        return user_error("parameters ($1, ?) are not supported here");
    return statement;
}

// Takes the rows of a running result until it ends or a limit is met.
Result<QueryResult> collect(duckdb_result& raw, const QueryLimits& limits) {
    QueryResult result;
    const idx_t width = duckdb_column_count(&raw);
    std::vector<TypeHandle> types;
    for (idx_t i = 0; i < width; ++i) {
        const TypeHandle& type = types.emplace_back(duckdb_column_logical_type(&raw, i));
        const char* name = duckdb_column_name(&raw, i);
        if (!is_shown(type.get()))
            return user_error(fmt::format("column {} is of type {}: CAST it to VARCHAR", name,
                                          type_name(type.get())));
        result.fields.push_back({name, type_name(type.get()), shape_of(type.get())});
    }
    i64 bytes = 0;
    while (true) {
        const ChunkHandle chunk(duckdb_fetch_chunk(raw));
        if (!chunk.get()) {
            if (const char* why = duckdb_result_error(&raw); why && *why)
                return user_error(first_line(why));
            return result;
        }
        const idx_t size = duckdb_data_chunk_get_size(chunk.get());
        if (size == 0) return result;
        std::vector<ColumnView> columns;
        for (idx_t i = 0; i < width; ++i)
            columns.emplace_back(duckdb_data_chunk_get_vector(chunk.get(), i), types[i].get());
        for (idx_t row = 0; row < size; ++row) {
            if (std::ssize(result.rows) >= limits.rows) {
                result.truncated = true;
                return result;
            }
            auto& values = result.rows.emplace_back();
            values.reserve(width);
            for (const ColumnView& column : columns) {
                values.push_back(column.text(row));
                bytes += values.back() ? std::ssize(*values.back()) : 0;
            }
            if (bytes > limits.result_bytes)
                return user_error(
                    fmt::format("the result is larger than {}: select fewer rows or columns",
                                format_size(limits.result_bytes)));
        }
    }
}

Result<QueryResult> execute(const StatementHandle& statement, const QueryLimits& limits) {
    PendingHandle pending;
    // Streaming, so that what lies beyond the row limit is never computed.
    if (duckdb_pending_prepared_streaming(statement.get(), pending.out()) == DuckDBError)
        return user_error(first_line(duckdb_pending_error(pending.get())));
    ResultHandle result;
    if (duckdb_execute_pending(pending.get(), &result.raw) == DuckDBError) {
        const char* why = duckdb_result_error(&result.raw);
        return user_error(first_line(why && *why ? why : duckdb_pending_error(pending.get())));
    }
    return collect(result.raw, limits);
}

}  // namespace

Result<QueryResult> Warehouse::query(std::string_view sql, const QueryLimits& limits) {
    if (sql.find('\0') != std::string_view::npos) return user_error("SQL holds no NUL bytes");
    const std::shared_lock use(impl_->reopening);
    if (!impl_->database.get())
        return external_error("the warehouse is not available at the moment");
    if (!impl_->lake.empty())
        if (const auto fresh = impl_->refresh_lake(); !fresh) return fresh.error();
    auto connection = connect(impl_->database.get());
    if (!connection) return connection.error();
    if (const auto begun = run(connection->get(), "BEGIN TRANSACTION READ ONLY"); !begun)
        return begun.error();
    Deadline deadline(connection->get(), limits.timeout);
    const auto answer = [&]() -> Result<QueryResult> {
        auto statement = prepare(connection->get(), std::string(sql));
        if (!statement) return statement.error();
        return execute(*statement, limits);
    }();
    if (deadline.passed())
        return user_error(fmt::format("the question took longer than {} and was stopped",
                                      format_duration(limits.timeout)));
    return answer;
}

std::string to_json(const QueryResult& result) {
    std::string out = R"({"columns":[)";
    for (const auto& field : result.fields)
        out += fmt::format(R"({}{{"name":{},"type":{}}})", out.back() == '[' ? "" : ",",
                           json_quoted(field.name), json_quoted(field.type));
    out += R"(],"rows":[)";
    for (const auto& row : result.rows) {
        out += out.back() == '[' ? "[" : ",[";
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (i > 0) out += ',';
            const bool plain = result.fields[i].shape != QueryResult::Shape::text && row[i] &&
                               *row[i] != "NaN" && !row[i]->ends_with("Infinity");
            out += !row[i] ? "null" : plain ? *row[i] : json_quoted(*row[i]);
        }
        out += ']';
    }
    return out + fmt::format(R"(],"truncated":{}}})", result.truncated);
}

}  // namespace tape::sinks
