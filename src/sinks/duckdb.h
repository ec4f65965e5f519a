// The warehouse: one DuckDB file that this process alone writes and anybody may ask. Rows and the
// position in the derived log go in by one transaction, append only; views pick the newest revision
// (a primary key's index would fill memory).
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sinks/sink.h"
#include "sinks/tables.h"

namespace tape::sinks {

/// Whether view windows_latest has the rows of window_outliers.
enum class Outliers : u8 { show, leave_out };

struct WarehouseOptions {
    i64 memory_bytes = 64 << 20;  // Of DuckDB altogether, questions included; what needs more
                                  // spills to a bounded file.
    i64 spill_bytes = 1 << 30;
    int threads = 1;
    Nanos commit_after = seconds(1);  // After the first unsaved row …
    i64 commit_rows = 64 * 2048;      // … or at so many.
    double outlier_pct = 2;  // View window_outliers: a close further from the others' median.
    Outliers outliers = Outliers::show;
    std::array<std::optional<Nanos>, table_count>
        retention;  // By TableId; rows older than that may go.
};

struct QueryLimits {
    i64 rows = 10'000;            // More are cut off, and the result says so.
    Nanos timeout = seconds(10);  // Longer is an error.
    i64 result_bytes = 64 << 20;  // A larger result is an error.
};

/// A result as text, ready to be shown: decimals exact and without trailing zeros, times RFC 3339
/// in UTC.
struct QueryResult {
    enum class Shape : u8 { text, number, boolean };  // How JSON shows it; a decimal is text.
    struct Field {
        std::string name;
        std::string type;  // As SQL writes it: "DECIMAL(38,18)".
        Shape shape;
    };
    std::vector<Field> fields;
    std::vector<std::vector<std::optional<std::string>>> rows;
    bool truncated{};
};

/// {"columns":[{"name":…,"type":…}],"rows":[[…]],"truncated":false}; numbers that JSON lacks (NaN)
/// are text.
std::string to_json(const QueryResult& result);

class Warehouse final {
 public:
    /// Opens or makes the file, with all tables and views. Errors (user): another process holds it,
    /// it is another kind of file or database, its format is newer than this build; (external):
    /// I/O.
    static Result<std::unique_ptr<Warehouse>> open(const std::filesystem::path& file,
                                                   const WarehouseOptions& options);
    /// For asking alone, while no process writes it. The file must exist.
    static Result<std::unique_ptr<Warehouse>> open_read_only(const std::filesystem::path& file,
                                                             const WarehouseOptions& options);
    /// The lake in `folder` asked in the warehouse's stead, by a process that has no warehouse: the
    /// same tables and views over the lake's files, as of each question. Reads files of that folder
    /// alone.
    static Result<std::unique_ptr<Warehouse>> open_lake(const std::filesystem::path& folder,
                                                        const WarehouseOptions& options);
    ~Warehouse();

    /// The sink that fills it; the warehouse outlives it. One at a time, and none of a read-only
    /// one.
    Result<std::unique_ptr<Sink>> make_sink();

    /// One SELECT (or SHOW, DESCRIBE, EXPLAIN without options) in a read-only transaction of its
    /// own, which reaches no file and changes no setting. Thread-safe. Errors (user): not allowed,
    /// wrong SQL, too long, too large.
    Result<QueryResult> query(std::string_view sql, const QueryLimits& limits = {});

    /// Removes rows older than the options say, seen from `now`; gives their number. Thread-safe.
    Result<i64> apply_retention(Nanos now);

    struct Impl;

 private:
    explicit Warehouse(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace tape::sinks
