// Reference pages that are made from the program's own tables.
#pragma once

#include <string>

namespace tape::app {

/// docs/reference/metrics.md, from the table of src/base/metrics.cpp.
std::string metrics_reference();

}  // namespace tape::app
