// Ctrl-C and SIGTERM as something to wait for.
#pragma once

#include "base/time.h"

namespace tape::app {

/// Blocks SIGINT and SIGTERM in this thread and in those it starts from now on: only
/// wait_for_stop() gets them. To be called before any other thread exists.
void hold_stop_signals();
/// Returns when one came, or after `limit` (0: no limit). A second one ends the process at once.
void wait_for_stop(Nanos limit);

}  // namespace tape::app
