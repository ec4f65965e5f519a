// The config's sources as the feed takes them.
#pragma once

#include <filesystem>
#include <vector>

#include "app/config.h"
#include "feed/feed.h"

namespace tape::app {

std::vector<feed::SourceOptions> source_options(const Config& config);

/// Whether a source takes all that its venue lists.
bool lists_symbols(const Config& config);
/// Puts what the venues list now in the place of "*". The symbols of last time, kept in `memory`
/// (empty: nowhere), keep their places, and so their slots; they also stand in where a venue cannot
/// be asked. Blocks, for `timeout` a list at most. Errors: as
/// feed::listed_symbols, where nothing is remembered.
Result<void> find_symbols(Config& config, const std::filesystem::path& memory, Nanos timeout);

}  // namespace tape::app
