// The config's sources as the feed takes them.
#pragma once

#include <vector>

#include "app/config.h"
#include "feed/feed.h"

namespace tape::app {

std::vector<feed::SourceOptions> source_options(const Config& config);

}  // namespace tape::app
