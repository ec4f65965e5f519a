// The views over the tables, the same for a warehouse and for a lake asked in its stead.
#pragma once

#include <string>
#include <vector>

#include "sinks/duckdb.h"

namespace tape::sinks {

/// CREATE OR REPLACE VIEW …, each after those that it reads.
std::vector<std::string> view_statements(const WarehouseOptions& options);

}  // namespace tape::sinks
