// Asking what is stored, from another process: the running one where it holds the warehouse, else
// the file itself.
#pragma once

#include <string>

#include "app/commands.h"
#include "base/result.h"
#include "sinks/duckdb.h"

namespace tape::app {

/// The rows of one SELECT on the data folder of `place`, at most `limit`. Errors (user): no data
/// folder there, a wrong statement; (external): the process that holds the warehouse does not
/// answer.
Result<sinks::QueryResult> ask(const Place& place, const std::string& statement, i64 limit);

/// POSTs `json` to `path` of the process that has `role` in `folder`, and gives the answer's body.
/// Errors (user): no such process runs, or it serves nothing, or it refuses, in its words.
Result<std::string> tell(const DataFolder& folder, Role role, const std::string& path,
                         const std::string& json);

}  // namespace tape::app
