// Keeps a reserve of the disk free, so that what has to be stored beside the log can still be
// stored when the log may grow no more.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace tape::log {

/// Says no while less than the reserve is free. It asks the file system once in a few MiB, but each
/// time after a no.
class SpaceGuard final {
 public:
    SpaceGuard(std::filesystem::path folder, i64 reserve_bytes)
        : folder_(std::move(folder)), reserve_bytes_(reserve_bytes) {}

    /// Before each append of so many bytes. Error: disk full (external, backoff).
    Result<void> admit(i64 bytes);
    /// Whether the reserve still stands when `bytes` more are taken at once. The error is the same.
    Result<void> check(i64 bytes) const;

 private:
    const std::filesystem::path folder_;
    const i64 reserve_bytes_;
    i64 allowance_{};  // May be appended before the next look.
};

}  // namespace tape::log
