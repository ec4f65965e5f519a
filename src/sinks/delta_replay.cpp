#include "sinks/delta_replay.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "sinks/lake_parquet.h"

namespace tape::sinks {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::optional<i64> version_of(const std::string& name, std::string_view suffix) {
    if (name.size() != 20 + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
    if (!std::all_of(name.begin(), name.begin() + 20, [](char c) { return c >= '0' && c <= '9'; }))
        return std::nullopt;
    return std::stoll(name.substr(0, 20));
}

}  // namespace

void Replay::apply(const std::string& line) {
    const json action = json::parse(line);
    if (const auto add = action.find("add"); add != action.end()) {
        const std::string path = add->at("path");
        removes.erase(path);
        adds[path] = line;
    } else if (const auto remove = action.find("remove"); remove != action.end()) {
        const std::string path = remove->at("path");
        adds.erase(path);
        removes[path] = line;
    } else if (const auto txn = action.find("txn"); txn != action.end()) {
        txns[txn->at("appId")] = line;
    } else if (action.contains("metaData")) {
        metadata = line;
    } else if (action.contains("protocol")) {
        protocol = line;
    }
}

Result<void> replay_commit(const fs::path& path, Replay& replay) {
    std::ifstream in(path);
    std::string line;
    while (std::getline(in, line))
        if (!line.empty()) replay.apply(line);
    if (in.bad() || !in.eof())
        return external_error(fmt::format("lake: cannot read {}", path.string()));
    return {};
}

Result<Replay> replay_log(const fs::path& log) {
    Replay replay;
    std::set<i64> commits;
    i64 checkpoint = -1;
    std::error_code error;
    for (fs::directory_iterator at(log, error), end; !error && at != end; at.increment(error)) {
        const std::string name = at->path().filename().string();
        if (const auto version = version_of(name, ".json")) commits.insert(*version);
        if (const auto version = version_of(name, checkpoint_suffix))
            checkpoint = std::max(checkpoint, *version);
    }
    if (error)
        return external_error(
            fmt::format("lake: cannot list {}: {}", log.string(), error.message()));
    try {
        if (checkpoint >= 0) {
            const auto lines =
                read_checkpoint(log / fmt::format("{:020}{}", checkpoint, checkpoint_suffix));
            if (!lines) return lines.error();
            for (const std::string& line : *lines) replay.apply(line);
            replay.version = checkpoint;
        }
        for (auto next = commits.upper_bound(checkpoint); next != commits.end(); ++next) {
            if (*next != replay.version + 1)
                return external_error(fmt::format("lake: version {} is missing from {}",
                                                  replay.version + 1, log.string()),
                                      Retry::never);
            const fs::path path = log / fmt::format("{:020}.json", *next);
            if (auto read = replay_commit(path, replay); !read) return read.error();
            replay.version = *next;
        }
    } catch (const std::exception& problem) {
        return external_error(fmt::format("lake: {} has a line that is none of the protocol: {}",
                                          log.string(), problem.what()),
                              Retry::never);
    }
    return replay;
}

}  // namespace tape::sinks
