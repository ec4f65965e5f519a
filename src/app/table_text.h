// Query results as text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sinks/duckdb.h"

namespace tape::app {

/// Prints to standard output as "table" (aligned columns), "csv" (RFC 4180) or "json" (a list of objects; decimals and
/// times as text, absent values as null).
void print_table(const sinks::Table& table, std::string_view format);

/// The answer of /api/v1/sql as a table. Error: it is not of that form.
Result<sinks::Table> table_of_json(const nlohmann::json& answer);

}  // namespace tape::app
