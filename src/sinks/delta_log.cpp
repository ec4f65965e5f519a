#include "sinks/delta_log.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <random>

#include "base/log.h"
#include "log/file.h"
#include "sinks/delta_replay.h"
#include "sinks/lake_parquet.h"

namespace tape::sinks {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int reader_version = 1, writer_version = 2;

std::string_view delta_type(ColumnType type) {
    switch (type) {
        case ColumnType::text:
            return "string";
        case ColumnType::decimal:
            return "decimal(38,18)";
        case ColumnType::time:
            return "timestamp";
        case ColumnType::bigint:
            return "long";
        case ColumnType::integer:
            return "integer";
        case ColumnType::boolean:
            return "boolean";
    }
    return "";
}

json schema_fields(const TableInfo& table) {
    json fields = json::array();
    const auto add = [&](std::string_view name, std::string_view type) {
        fields.push_back(
            {{"name", name}, {"type", type}, {"nullable", true}, {"metadata", json::object()}});
    };
    for (const Column& column : table.columns) add(column.name, delta_type(column.type));
    add("date", "date");
    return fields;
}

json partition_columns(const TableInfo& table) {
    return table.lake_key.empty() ? json{"date"} : json{table.lake_key, "date"};
}

std::string random_uuid() {
    std::random_device source;
    const auto bits = [&] { return (static_cast<u64>(source()) << 32) | source(); };
    const u64 high = bits(), low = bits();
    return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff,
                       high & 0xfff, 0x8000 | (low >> 48 & 0x3fff), low & 0xffff'ffff'ffff);
}

// Refuses what this build would write wrongly.
Result<void> check_table(const Replay& replay, const fs::path& folder, const TableInfo& table) {
    const json protocol = json::parse(replay.protocol.empty() ? "{}" : replay.protocol);
    const json metadata = json::parse(replay.metadata.empty() ? "{}" : replay.metadata);
    if (!protocol.contains("protocol") || !metadata.contains("metaData"))
        return user_error(fmt::format("{} is no complete Delta Lake table", folder.string()));
    const int reads = protocol["protocol"].value("minReaderVersion", 0),
              writes = protocol["protocol"].value("minWriterVersion", 0);
    if (reads > reader_version || writes > writer_version)
        return user_error(fmt::format("{} has Delta protocol {}/{}; this build writes {}/{}",
                                      folder.string(), reads, writes, reader_version,
                                      writer_version));
    const json schema =
        json::parse(metadata["metaData"].value("schemaString", "{}"), nullptr, false);
    json theirs = json::object(), ours = json::object();
    if (schema.contains("fields"))
        for (const json& field : schema["fields"])
            theirs[field.value("name", "")] = field.value("type", json());
    for (const json& field : schema_fields(table))
        ours[field["name"].get<std::string>()] = field["type"];
    if (theirs != ours ||
        metadata["metaData"].value("partitionColumns", json()) != partition_columns(table))
        return user_error(fmt::format("{} has other columns than the table {} of this build",
                                      folder.string(), table.name));
    return {};
}

// A path as `add` has it: URI-encoded. Folder and file names hold no other special characters than
// '%'.
std::string uri_path(const std::string& path) {
    std::string out;
    for (const char c : path) c == '%' ? out += "%25" : out += c;
    return out;
}

std::string from_uri(const std::string& path) {
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] == '%' && i + 2 < path.size()) {
            out += static_cast<char>(std::stoi(path.substr(i + 1, 2), nullptr, 16));
            i += 2;
        } else {
            out += path[i];
        }
    }
    return out;
}

std::string add_line(const DataFile& file) {
    json values = json::object();
    for (const auto& [column, value] : file.partition) values[column] = value;
    return json{{"add",
                 {{"path", uri_path(file.folder + "/" + file.name)},
                  {"partitionValues", values},
                  {"size", file.size_bytes},
                  {"modificationTime", file.modified_ms},
                  {"dataChange", true},
                  {"stats", file.stats}}}}
        .dump();
}

std::map<std::string, Offset, std::less<>> positions_of(const Replay& replay) {
    std::map<std::string, Offset, std::less<>> positions;
    for (const auto& [app, line] : replay.txns)
        positions[app] = {json::parse(line)["txn"].at("version").get<i64>() + 1};
    return positions;
}

}  // namespace

std::string folder_name(std::string_view value) {
    std::string out;
    for (const char c : value) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
        if (plain)
            out += c;
        else
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

fs::path DeltaLog::commit_path(i64 version) const {
    return folder_ / "_delta_log" / fmt::format("{:020}.json", version);
}

Result<DeltaLog> DeltaLog::open(const fs::path& folder, const TableInfo& table,
                                i64 checkpoint_commits) {
    DeltaLog log(folder, table, checkpoint_commits);
    std::error_code error;
    fs::create_directories(folder / "_delta_log", error);
    if (error)
        return external_error(
            fmt::format("lake: cannot make {}: {}", folder.string(), error.message()));
    auto replay = replay_log(folder / "_delta_log");
    if (!replay) return replay.error();
    if (replay->version < 0) {
        const i64 now_ms = wall_clock().millis();
        const json schema = {{"type", "struct"}, {"fields", schema_fields(table)}};
        const json metadata = {{"metaData",
                                {{"id", random_uuid()},
                                 {"name", table.name},
                                 {"format", {{"provider", "parquet"}, {"options", json::object()}}},
                                 {"schemaString", schema.dump()},
                                 {"partitionColumns", partition_columns(table)},
                                 {"configuration", json::object()},
                                 {"createdTime", now_ms}}}};
        const json protocol = {
            {"protocol",
             {{"minReaderVersion", reader_version}, {"minWriterVersion", writer_version}}}};
        const json info = {
            {"commitInfo",
             {{"timestamp", now_ms}, {"operation", "CREATE TABLE"}, {"engineInfo", "tape"}}}};
        auto put = log.put_version(
            0, info.dump() + "\n" + protocol.dump() + "\n" + metadata.dump() + "\n");
        if (!put) return put.error();
        for (const fs::path& durable : {folder, folder.parent_path()})
            if (auto synced = tape::log::sync_folder(durable); !synced) return synced.error();
        replay = replay_log(folder / "_delta_log");
        if (!replay) return replay.error();
    }
    if (auto known = check_table(*replay, folder, table); !known) return known.error();
    log.version_ = replay->version;
    log.positions_ = positions_of(*replay);
    return log;
}

// Puts a commit file in place if there is none of that version: false if there is one. Written
// aside and linked, because a file made by O_EXCL at its final name would be there half-written
// after a crash, and no reader could go past it.
Result<bool> DeltaLog::put_version(i64 version, const std::string& lines) const {
    const fs::path path = commit_path(version);
    const fs::path aside = path.parent_path() / fmt::format(".tape-{:020}.json.tmp", version);
    {
        const auto file = tape::log::File::open(aside, O_WRONLY | O_CREAT | O_TRUNC);
        if (!file) return file.error();
        if (auto written = file->write_at(lines, 0); !written) return written.error();
        if (auto synced = file->sync(); !synced) return synced.error();
    }
    const int linked = ::link(aside.c_str(), path.c_str());
    const int code = errno;
    if (auto removed = tape::log::remove_file(aside); !removed) return removed.error();
    if (linked != 0 && code == EEXIST) return false;
    if (linked != 0) return tape::log::file_error("link", path, code);
    if (auto synced = tape::log::sync_folder(path.parent_path()); !synced) return synced.error();
    return true;
}

// Another program took the version that was to be ours: a compaction or the like may be passed, a
// change of the table or of our own positions may not.
Result<void> DeltaLog::look_at_foreign_commit() {
    Replay theirs;
    try {
        if (auto read = replay_commit(commit_path(version_ + 1), theirs); !read) return read;
    } catch (const std::exception& problem) {
        return external_error(
            fmt::format("lake: {}: {}", commit_path(version_ + 1).string(), problem.what()),
            Retry::never);
    }
    if (!theirs.protocol.empty() || !theirs.metadata.empty())
        return external_error(
            fmt::format("lake: another program changed the table {}", folder_.string()));
    for (const auto& [partition, next] : positions_of(theirs))
        if (const auto ours = positions_.find(partition);
            ours == positions_.end() || ours->second != next)
            return external_error(fmt::format("lake: another writer moved the position of {} in {}",
                                              partition, folder_.string()));
    ++version_;
    return {};
}

Result<void> DeltaLog::commit(const std::vector<DataFile>& files,
                              const std::map<std::string, Offset, std::less<>>& next) {
    const i64 now_ms = wall_clock().millis();
    std::string lines = json{{"commitInfo",
                              {{"timestamp", now_ms},
                               {"operation", "STREAMING UPDATE"},
                               {"engineInfo", "tape"},
                               {"operationParameters", {{"outputMode", "Append"}}}}}}
                            .dump() +
                        "\n";
    for (const auto& [partition, offset] : next) {
        if (offset.value == 0) continue;  // Nothing of it was read: there is no last offset.
        lines +=
            json{{"txn",
                  {{"appId", partition}, {"version", offset.value - 1}, {"lastUpdated", now_ms}}}}
                .dump() +
            "\n";
    }
    for (const DataFile& file : files) lines += add_line(file) + "\n";

    while (true) {
        const auto put = put_version(version_ + 1, lines);
        if (!put) return put.error();
        if (*put) break;
        if (auto passed = look_at_foreign_commit(); !passed) return passed;
    }
    ++version_;
    for (const auto& [partition, offset] : next) positions_.insert_or_assign(partition, offset);
    if (version_ % checkpoint_commits_ != 0) return {};
    // The commit stands whether or not its checkpoint comes about: readers just read more commits
    // without.
    if (auto done = checkpoint(); !done)
        log_warn("lake: no checkpoint of {}: {}", folder_.string(), done.error().what);
    return {};
}

Result<void> DeltaLog::checkpoint() const {
    const fs::path log = folder_ / "_delta_log";
    const auto replay = replay_log(log);
    if (!replay) return replay.error();
    std::vector<std::string> actions{replay->protocol, replay->metadata};
    for (const auto* kind : {&replay->txns, &replay->adds, &replay->removes})
        for (const auto& [key, line] : *kind) actions.push_back(line);
    const std::string name = fmt::format("{:020}{}", replay->version, checkpoint_suffix);
    const auto size = write_checkpoint(log / (".tape-" + name + ".tmp"), actions);
    if (!size) return size.error();
    if (auto placed = tape::log::rename_file(log / (".tape-" + name + ".tmp"), log / name); !placed)
        return placed;
    const auto hint =
        tape::log::File::open(log / ".tape-last_checkpoint.tmp", O_WRONLY | O_CREAT | O_TRUNC);
    if (!hint) return hint.error();
    if (auto written =
            hint->write_at(json{{"version", replay->version}, {"size", actions.size()}}.dump(), 0);
        !written)
        return written;
    if (auto synced = hint->sync(); !synced) return synced;
    if (auto placed = tape::log::rename_file(hint->path(), log / "_last_checkpoint"); !placed)
        return placed;
    return tape::log::sync_folder(log);
}

Result<std::set<std::string>> DeltaLog::present_files() const {
    const auto replay = replay_log(folder_ / "_delta_log");
    if (!replay) return replay.error();
    std::set<std::string> names;
    for (const auto& [path, line] : replay->adds) names.insert(from_uri(path));
    return names;
}

Result<std::set<std::string>> DeltaLog::named_files() const {
    const auto replay = replay_log(folder_ / "_delta_log");
    if (!replay) return replay.error();
    std::set<std::string> names;
    for (const auto* kind : {&replay->adds, &replay->removes})
        for (const auto& [path, line] : *kind) names.insert(from_uri(path));
    return names;
}

}  // namespace tape::sinks
