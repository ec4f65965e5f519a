// Where a partition task stands, in one small file: from it, the same records give the same bytes
// again. A file is written aside, synced and renamed, so it is whole or absent; the last two are
// kept, in case the disk damages one. The layout is in README.md.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace tape::stream {

/// From `input` on, records were processed under another config or by another version; their output
/// starts at `output`.
struct EpochStart {
    i64 version;  // Processor::version() of this epoch.
    Offset input, output;
    bool operator==(const EpochStart&) const = default;
};

struct Checkpoint {
    Offset input;   // The first raw record that the state does not know.
    Offset output;  // One past the last derived record that it emitted.
    std::vector<EpochStart>
        epochs;  // Oldest first, at most max_epochs; the last one is the current.
    std::string state;
    static constexpr std::size_t max_epochs = 256;
};

/// Writes the newest checkpoint and removes all but the one before. Makes the folder. Error: I/O
/// (external).
Result<void> store_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint);

/// The sound checkpoints, newest first; a damaged file is passed over with a warning. None in a new
/// folder. Error (user): a file of a newer format version, named.
Result<std::vector<Checkpoint>> load_checkpoints(const std::filesystem::path& folder);

}  // namespace tape::stream
