// Holds what lake and warehouse store against what a replay of the raw log gives. The replay's
// derived log is turned into tables in a scratch folder, as far as each store says it has come, and
// DuckDB compares them row for row, both ways.
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "sinks/tables.h"

namespace tape::sinks {

struct VerifyOptions {
    std::filesystem::path derived;  // Root of the replayed derived log.
    std::filesystem::path scratch;  // An empty folder; the caller removes it.
    std::array<std::optional<Nanos>, table_count>
        not_before;  // By TableId: older rows may have been removed.
};

/// The first difference in words, or none. A store that does not exist is no difference: nothing
/// was stored. Errors: another process holds the store; I/O.
Result<std::optional<std::string>> warehouse_difference(const std::filesystem::path& file,
                                                        const VerifyOptions& options);
Result<std::optional<std::string>> lake_difference(const std::filesystem::path& folder,
                                                   const VerifyOptions& options);

}  // namespace tape::sinks
