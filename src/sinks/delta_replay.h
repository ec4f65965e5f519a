// Reading a Delta Lake transaction log: what all its commits say together.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tape::sinks {

constexpr std::string_view checkpoint_suffix = ".checkpoint.parquet";

/// What a log says, in the form of its own lines.
struct Replay {
    i64 version = -1;  // None yet.
    std::string protocol, metadata;
    std::map<std::string, std::string> adds, removes, txns;  // By path, path, appId.

    /// Throws what nlohmann's parser throws at a line that is none of the protocol.
    void apply(const std::string& line);
};

/// Applies one commit file; throws as apply().
Result<void> replay_commit(const std::filesystem::path& path, Replay& replay);
/// Reads the newest checkpoint and the commits behind it. Names are taken from the folder, not from
/// _last_checkpoint, which is but a hint.
Result<Replay> replay_log(const std::filesystem::path& log);

}  // namespace tape::sinks
