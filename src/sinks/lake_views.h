// The lake's tables as SQL, for DuckDB: the files that the transaction log names, and nothing else
// in the folder.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "sinks/tables.h"

namespace tape::sinks {

/// What stands behind FROM to read `table` of the lake in `folder`; "" while it has no files.
/// Errors: a file that the log names is missing; as DeltaLog::open.
Result<std::string> lake_source(const std::filesystem::path& folder, TableId table);

/// A text as an SQL literal.
std::string sql_quoted(std::string_view text);

}  // namespace tape::sinks
