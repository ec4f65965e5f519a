// The lake: a folder of Delta Lake tables, which Spark, DuckDB, pandas and Athena read as they
// stand. Parquet files are completed first and become part of a table by one commit, together with
// the positions up to which they hold.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "sinks/sink.h"

namespace tape::sinks {

struct LakeOptions {
    Nanos roll_after = seconds(
        60);  // A row is in the lake at the latest this long after it came, also if no more come.
    i64 roll_bytes = 64 << 20;  // A file that large is completed, and everything committed.
    i64 roll_rows = 1'000'000;  // Uncommitted rows that many are committed.
    i64 row_group_rows = 65'536;
    i64 buffered_rows =
        65'536;  // In memory, over all files; beyond it the fullest file writes its own out.
    int open_files = 64;  // Beyond it the file that was idle longest is completed.
    i64 idle_records =
        65'536;  // A table that got no rows notes its position after so many records of others.
    i64 checkpoint_commits = 100;
};

/// Opens or makes the lake in `folder` and removes what a crash left: files of ours that no table
/// names. Errors (user): another process holds it, a folder of another kind, a newer format;
/// (external): I/O.
Result<std::unique_ptr<Sink>> open_lake(const std::filesystem::path& folder,
                                        const LakeOptions& options);

}  // namespace tape::sinks
