// Arrow's errors as ours; for the lake_*.cpp files alone.
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/status.h>
#include <fmt/core.h>

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace tape::sinks {

/// The C library's memory. Arrow's own pool keeps what was freed: with it a lake at 2,000 rows a
/// second held 30 MiB more.
inline arrow::MemoryPool* memory_pool() {
    return arrow::system_memory_pool();
}

/// What a failed Arrow call means: what has to do with the disk or memory may pass.
inline Error arrow_error(std::string_view doing, const std::filesystem::path& path,
                         const arrow::Status& status) {
    const std::string what =
        fmt::format("lake: cannot {} {}: {}", doing, path.string(), status.ToString());
    return status.IsIOError() || status.IsOutOfMemory() ? external_error(what)
                                                        : internal_error(what);
}

}  // namespace tape::sinks
