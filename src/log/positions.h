// Where the named readers of a partition are: a small file each, beside the segments, so that
// retention knows what is still wanted.
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"

namespace tape::log {

/// The lowest stored position; nothing when no reader ever stored one. Errors: a damaged position
/// file, I/O.
Result<std::optional<Offset>> lowest_position(const std::filesystem::path& folder);

}  // namespace tape::log
