// Parquet for the lake: data files filled row by row, and the transaction log's checkpoints. Arrow
// is behind this header.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "sinks/tables.h"

namespace tape::sinks {

/// A data file that is being written; its rows are a table's without the columns that the lake
/// keeps in folder names.
class ParquetFile final {
 public:
    static Result<std::unique_ptr<ParquetFile>> create(const std::filesystem::path& path,
                                                       const TableInfo& table);
    ~ParquetFile();

    // A row is filled by put_row and closed by end_row.
    void null();
    void text(std::string_view value);
    void decimal(const Decimal& value);
    void time(Nanos value);
    void bigint(i64 value);
    void integer(i32 value);
    void boolean(bool value);
    void end_row();

    i64 rows() const;           // Of the file so far.
    i64 buffered_rows() const;  // Of these, in memory.
    i64 written_bytes() const;  // Of the file so far; buffered rows come on top.
    /// Writes the buffered rows as a row group.
    Result<void> flush();
    /// Completes the file and makes its bytes durable; gives its size. The name in its folder is
    /// the caller's affair.
    Result<i64> finish();
    /// {"numRecords":…,"minValues":{…},"maxValues":{…}}: what the transaction log says of a file,
    /// so that a reader may pass it over. Times in milliseconds, cut down, as the protocol demands.
    std::string stats() const;

 private:
    ParquetFile();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};
static_assert(Columns<ParquetFile>);

/// A classic checkpoint: `actions` are the log's JSON lines ({"add":{…}}, {"txn":{…}}, …), one row
/// each. The file is durable, its name is not; gives its size.
Result<i64> write_checkpoint(const std::filesystem::path& path,
                             const std::vector<std::string>& actions);
/// The lines back, also of a checkpoint that another program wrote.
Result<std::vector<std::string>> read_checkpoint(const std::filesystem::path& path);

}  // namespace tape::sinks
