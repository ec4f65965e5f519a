// `tape replay --verify`: is what is stored what the raw log yields?
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/data_folder.h"
#include "app/replay.h"
#include "base/result.h"

namespace tape::app {

struct Verdict {
    std::optional<std::string> difference;  // The first one found, in words.
    std::vector<std::string> notes;         // What could not be compared, and why.
};

/// Replays `paths.raw` into `scratch` (an empty folder that the caller removes) and compares: the
/// retained derived log byte for byte, lake and warehouse row for row as far as each has come. What
/// a decoder of another version made is noted, not compared. Errors: the raw log no longer begins
/// at its beginning; I/O.
Result<Verdict> verify(const Config& config, const Paths& paths,
                       const std::filesystem::path& scratch, const ReplayOptions& options);

}  // namespace tape::app
