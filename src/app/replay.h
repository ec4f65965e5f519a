// Re-running what is right of the raw log, and holding what is stored against it.
#pragma once

#include <functional>
#include <string>

#include "app/config.h"
#include "app/data_folder.h"
#include "base/result.h"

namespace tape::app {

struct ReplayOptions {
    bool finish = false;  // The end of the log is the end of time: open windows are emitted.
    double speed = 0;     // 1: as it was recorded, 10: ten times that; 0: as fast as it goes.
    std::function<void(i64 done, i64 all)> progress;  // Raw records; called now and then.
};

/// The engine's half of replay(): the derived logs and checkpoints alone.
Result<void> replay_engine(const Config& config, const Paths& paths, const ReplayOptions& options);

/// Runs every raw partition at `paths.raw` from where `paths.checkpoints` left off (an empty
/// folder: from its beginning) to its present end, into the other paths; then stores everything.
Result<void> replay(const Config& config, const Paths& paths, const ReplayOptions& options);

/// The config that the raw log says was in force last; `fallback` where it holds none.
Result<Config> recorded_config(const Paths& paths, const Config& fallback);

}  // namespace tape::app
