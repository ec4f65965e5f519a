// Query results as text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.h"
#include "sinks/duckdb.h"

namespace tape::app {

/// Prints to standard output as "table" (aligned columns), "csv" (RFC 4180) or "json" (a list of
/// objects; decimals and times as text, absent values as null).
void print_table(const sinks::QueryResult& result, std::string_view format);

/// The answer of /api/v1/sql back as a result. Error (external): it is not of that form.
Result<sinks::QueryResult> result_of_json(const nlohmann::json& answer);

}  // namespace tape::app
