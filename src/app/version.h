// Which build this is.
#pragma once

#include <string_view>

namespace tape::app {

/// "0.1.0"
std::string_view build_version();

}  // namespace tape::app
