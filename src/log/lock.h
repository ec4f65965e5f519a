// Who owns a partition folder: the process that holds an flock on its lock file. The kernel lets go
// of it when the process ends, however it ends; the number in the file is only there to tell people
// whom to look for.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "log/file.h"

namespace tape::log {

/// Makes the folder if it is not there, and takes its lock for as long as the result lives.
/// Errors: in use (names the owner's process id), a folder that holds something else than a log,
/// I/O.
Result<File> lock_partition(const std::filesystem::path& folder);

/// Whether the folder is a partition: a writer has locked it once, or there are segments.
bool is_partition(const std::filesystem::path& folder);

}  // namespace tape::log
