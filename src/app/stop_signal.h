// Ctrl-C and SIGTERM as something to wait for, and SIGHUP, which asks to read the config again.
#pragma once

#include <functional>

#include "base/time.h"

namespace tape::app {

/// Blocks SIGINT, SIGTERM and SIGHUP in this thread and in those it starts from now on: only
/// wait_for_stop() gets them. To be called before any other thread exists.
void hold_stop_signals();
/// Returns when one to stop came, or after `limit` (0: no limit). A second one ends the process at
/// once. Each SIGHUP calls `on_hangup`.
void wait_for_stop(Nanos limit, const std::function<void()>& on_hangup = {});

}  // namespace tape::app
