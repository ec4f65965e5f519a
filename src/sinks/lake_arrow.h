// Arrow's errors as ours; for the lake_*.cpp files alone.
#pragma once

#include <arrow/status.h>
#include <fmt/core.h>

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace tape::sinks {

/// What a failed Arrow call means: what has to do with the disk or memory may pass.
inline Error arrow_error(std::string_view doing, const std::filesystem::path& path,
                         const arrow::Status& status) {
    const std::string what =
        fmt::format("lake: cannot {} {}: {}", doing, path.string(), status.ToString());
    return status.IsIOError() || status.IsOutOfMemory() ? external_error(what)
                                                        : internal_error(what);
}

}  // namespace tape::sinks
