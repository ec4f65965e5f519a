// How the line is doing, as /api/v1/status and /ready say it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/config.h"
#include "feed/feed.h"
#include "sinks/runner.h"
#include "stream/task.h"

namespace tape::app {

struct LineStatus {
    bool simulated{};
    std::shared_ptr<const Config> config;
    std::vector<feed::SlotStatus> slots;
    std::vector<stream::TaskStatus> tasks;
    std::vector<sinks::SinkStatus> sinks;
};

/// The object of /api/v1/status: version, simulated, sources, partitions, sinks, windows.
std::string status_json(const LineStatus& status);

/// Whether data flow and can be stored, and if not why.
std::pair<bool, std::string> readiness(const LineStatus& status);

}  // namespace tape::app
