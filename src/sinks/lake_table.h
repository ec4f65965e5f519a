// One table of the lake while it is written: its open files, one a partition folder, and its
// transaction log.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sinks/delta.h"
#include "sinks/delta_log.h"
#include "sinks/lake_parquet.h"
#include "sinks/tables.h"

namespace tape::sinks {

using Positions = std::map<std::string, Offset, std::less<>>;

class LakeTable final {
 public:
    /// `stamp` makes the names of this process' files unlike those of any before.
    static Result<LakeTable> open(const std::filesystem::path& folder, TableId table,
                                  const LakeOptions& options, const std::string& stamp);

    const Positions& positions() const { return log_.positions(); }
    /// Of an empty table: the records before `start` have no rows of it.
    Result<void> begin_at(const Positions& start);
    /// The first offset of `partition` that is not committed here.
    Offset committed(std::string_view partition) const;
    /// The same with what was put since.
    Offset reached(std::string_view partition) const;
    void reach(std::string_view partition, Offset next);

    /// The file that a row of that key and time goes to.
    Result<ParquetFile*> file_for(std::string_view key, Nanos time);
    /// After each row: completes `file` if it is large.
    Result<void> after_row(ParquetFile& file);

    i64 uncommitted_rows() const { return rows_; }
    i64 buffered_rows() const;
    bool has_full_file() const { return !finished_.empty(); }
    /// Writes out the file that holds most rows in memory.
    Result<void> flush_fullest();

    /// Completes all files; commit() makes them part of the table.
    Result<void> finish_files();
    /// Commits what finish_files() completed, and the positions if there are rows or the position
    /// lags.
    Result<void> commit();
    /// Forgets what is not committed, and looks up what is.
    Result<void> abandon();

 private:
    struct Open {
        std::unique_ptr<ParquetFile> file;
        DataFile data;
        i64 last_use{};
    };
    using Key = std::pair<std::string, i64>;  // Of the lake key and the day.

    LakeTable(std::filesystem::path folder, TableId table, const LakeOptions& options,
              std::string stamp, DeltaLog log)
        : folder_(std::move(folder)),
          info_(&table_info(table)),
          options_(&options),
          stamp_(std::move(stamp)),
          log_(std::move(log)),
          reached_(log_.positions()) {}

    Result<void> remove_leftovers() const;
    Result<Open> make_file(std::string_view key, i64 day);
    Result<void> finish(std::map<Key, Open>::iterator at);

    std::filesystem::path folder_;
    const TableInfo* info_;
    const LakeOptions* options_;
    std::string stamp_;
    DeltaLog log_;
    Positions reached_;
    std::map<Key, Open> open_;
    Open* last_{};  // Where the last row went: most rows go there again.
    const Key* last_key_{};
    std::vector<DataFile> finished_;
    i64 rows_{};   // Not committed.
    i64 files_{};  // Made since the start, for names.
    i64 uses_{};
};

}  // namespace tape::sinks
