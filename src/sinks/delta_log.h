// The transaction log of one Delta Lake table
// (https://github.com/delta-io/delta/blob/master/PROTOCOL.md), as far as a writer that only adds
// needs it: reader version 1, writer version 2. A commit adds files and, in the same JSON file,
// says how far each source partition has come (`txn`), so files and positions are there together or
// not at all.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "sinks/tables.h"

namespace tape::sinks {

/// A complete data file that is to become part of the table.
struct DataFile {
    std::string folder;  // Below the table's, as on disk: "venue=okx/date=2026-11-20".
    std::string name;
    std::vector<std::pair<std::string, std::string>> partition;  // Column → value.
    i64 size_bytes{};
    i64 modified_ms{};
    std::string stats;
};

class DeltaLog final {
 public:
    /// Opens the table in `folder`, or makes an empty one. Errors (user): a table of other columns,
    /// or one that another program upgraded beyond what this build writes; (external): I/O.
    static Result<DeltaLog> open(const std::filesystem::path& folder, const TableInfo& table,
                                 i64 checkpoint_commits);

    /// By source partition: the first offset that is not in the table.
    const std::map<std::string, Offset, std::less<>>& positions() const { return positions_; }
    /// Adds the files and sets the positions of `next`, as one version. On error it is unknown
    /// whether that happened: open the log anew to see.
    Result<void> commit(const std::vector<DataFile>& files,
                        const std::map<std::string, Offset, std::less<>>& next);
    /// The paths of the files that make up the table now, as on disk.
    Result<std::set<std::string>> present_files() const;
    /// These, and the removed ones that the log still names: readers of older versions may need
    /// them.
    Result<std::set<std::string>> named_files() const;
    i64 version() const { return version_; }

 private:
    DeltaLog(std::filesystem::path folder, const TableInfo& table, i64 checkpoint_commits)
        : folder_(std::move(folder)), table_(&table), checkpoint_commits_(checkpoint_commits) {}

    std::filesystem::path commit_path(i64 version) const;
    Result<bool> put_version(i64 version, const std::string& lines) const;
    Result<void> look_at_foreign_commit();
    Result<void> checkpoint() const;

    std::filesystem::path folder_;  // The table's.
    const TableInfo* table_;
    i64 checkpoint_commits_;
    i64 version_ = -1;
    std::map<std::string, Offset, std::less<>> positions_;
};

/// `value` as part of a folder's name: all but letters, digits, '_', '-' and '.' as %XX, as Hive
/// and Spark have it.
std::string folder_name(std::string_view value);

}  // namespace tape::sinks
