#include "sinks/lake_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "log/file.h"

namespace tape::sinks {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view file_prefix = "tape-", unfinished_suffix = ".tmp";

bool is_ours(const std::string& name) {
    return name.starts_with(file_prefix) &&
           (name.ends_with(".parquet") || name.ends_with(unfinished_suffix));
}

}  // namespace

Result<LakeTable> LakeTable::open(const fs::path& folder, TableId table, const LakeOptions& options,
                                  const std::string& stamp) {
    auto log = DeltaLog::open(folder, table_info(table), options.checkpoint_commits);
    if (!log) return log.error();
    LakeTable opened(folder, table, options, stamp, std::move(*log));
    if (auto clean = opened.remove_leftovers(); !clean) return clean.error();
    return opened;
}

// Nobody else writes here (the lake is locked), so a file of ours that the log does not name
// belongs to a commit that never came. Files of other programs, a compaction's say, have other
// names.
Result<void> LakeTable::remove_leftovers() const {
    const auto named = log_.named_files();
    if (!named) return named.error();
    std::vector<fs::path> leftovers;
    std::error_code error;
    for (fs::recursive_directory_iterator at(folder_, error), end; !error && at != end;
         at.increment(error)) {
        const std::string name = at->path().filename().string();
        const bool unfinished_commit =
            name.starts_with(".tape-") && name.ends_with(unfinished_suffix);
        if (!unfinished_commit &&
            !(is_ours(name) && !named->contains(fs::relative(at->path(), folder_).string())))
            continue;
        leftovers.push_back(at->path());
    }
    if (error)
        return external_error(
            fmt::format("lake: cannot list {}: {}", folder_.string(), error.message()));
    for (const fs::path& path : leftovers) {
        if (auto removed = log::remove_file(path); !removed) return removed;
        log_info("lake: removed {}, which a crash left before it was committed", path.string());
    }
    return {};
}

Result<void> LakeTable::begin_at(const Positions& start) {
    if (auto committed = log_.commit({}, start); !committed) return committed;
    reached_ = log_.positions();
    return {};
}

Offset LakeTable::committed(std::string_view partition) const {
    const auto known = log_.positions().find(partition);
    return known == log_.positions().end() ? Offset{} : known->second;
}

Offset LakeTable::reached(std::string_view partition) const {
    const auto known = reached_.find(partition);
    return known == reached_.end() ? Offset{} : known->second;
}

void LakeTable::reach(std::string_view partition, Offset next) {
    const auto known = reached_.find(partition);
    if (known == reached_.end())
        reached_.emplace(partition, next);
    else
        known->second = std::max(known->second, next);
}

Result<ParquetFile*> LakeTable::file_for(std::string_view key, Nanos time) {
    const i64 day = floor_to(time, seconds(86'400)).count / seconds(86'400).count;
    if (!last_ || last_key_->second != day || last_key_->first != key) {
        auto found = open_.find(Key{key, day});
        if (found == open_.end()) {
            if (std::ssize(open_) >= options_->open_files) {
                const auto idle = std::ranges::min_element(
                    open_, {}, [](const auto& entry) { return entry.second.last_use; });
                if (auto finished = finish(idle); !finished) return finished.error();
            }
            auto made = make_file(key, day);
            if (!made) return made.error();
            found = open_.emplace(Key{key, day}, std::move(*made)).first;
        }
        last_ = &found->second;
        last_key_ = &found->first;
    }
    last_->last_use = ++uses_;
    return last_->file.get();
}

Result<LakeTable::Open> LakeTable::make_file(std::string_view key, i64 day) {
    Open open;
    const std::string date = format_date(seconds(day * 86'400));
    if (!info_->lake_key.empty()) {
        open.data.partition.emplace_back(info_->lake_key, key);
        open.data.folder = fmt::format("{}={}/", info_->lake_key, folder_name(key));
    }
    open.data.partition.emplace_back("date", date);
    open.data.folder += "date=" + date;
    open.data.name = fmt::format("{}{}-{:06}.parquet", file_prefix, stamp_, ++files_);
    const fs::path folder = folder_ / open.data.folder;
    std::error_code error;
    if (fs::create_directories(folder, error); error)
        return external_error(
            fmt::format("lake: cannot make {}: {}", folder.string(), error.message()));
    auto file =
        ParquetFile::create(folder / (open.data.name + std::string(unfinished_suffix)), *info_);
    if (!file) return file.error();
    open.file = std::move(*file);
    return open;
}

Result<void> LakeTable::after_row(ParquetFile& file) {
    ++rows_;
    if (file.buffered_rows() < options_->row_group_rows) return {};
    if (auto flushed = file.flush(); !flushed) return flushed;
    if (file.written_bytes() < options_->roll_bytes) return {};
    return finish(std::ranges::find_if(
        open_, [&](const auto& entry) { return entry.second.file.get() == &file; }));
}

i64 LakeTable::buffered_rows() const {
    i64 rows = 0;
    for (const auto& [key, open] : open_) rows += open.file->buffered_rows();
    return rows;
}

Result<void> LakeTable::flush_fullest() {
    if (open_.empty()) return {};
    return std::ranges::max_element(
               open_, {}, [](const auto& entry) { return entry.second.file->buffered_rows(); })
        ->second.file->flush();
}

// Completes the file under its final name and makes the name durable, with those of the folders
// above it, which may be new.
Result<void> LakeTable::finish(std::map<Key, Open>::iterator at) {
    Open& open = at->second;
    const auto size = open.file->finish();
    if (!size) return size.error();
    open.data.size_bytes = *size;
    open.data.stats = open.file->stats();
    open.data.modified_ms = wall_clock().millis();
    const fs::path folder = folder_ / open.data.folder, path = folder / open.data.name;
    if (auto renamed = log::rename_file(path.string() + std::string(unfinished_suffix), path);
        !renamed)
        return renamed;
    for (fs::path above = folder; above != folder_.parent_path(); above = above.parent_path())
        if (auto synced = log::sync_folder(above); !synced) return synced;
    finished_.push_back(std::move(open.data));
    open_.erase(at);
    last_ = nullptr;
    return {};
}

Result<void> LakeTable::finish_files() {
    while (!open_.empty())
        if (auto finished = finish(open_.begin()); !finished) return finished;
    return {};
}

Result<void> LakeTable::commit() {
    Positions next;
    i64 records = 0;
    for (const auto& [partition, offset] : reached_) {
        const Offset before = committed(partition);
        if (offset == before) continue;
        next.emplace(partition, offset);
        records += offset.value - before.value;
    }
    if (finished_.empty() && records < options_->idle_records) return {};
    if (auto committed = log_.commit(finished_, next); !committed) return committed;
    finished_.clear();
    rows_ = 0;
    return {};
}

Result<void> LakeTable::abandon() {
    open_.clear();
    last_ = nullptr;
    finished_.clear();
    rows_ = 0;
    auto log = DeltaLog::open(folder_, *info_, options_->checkpoint_commits);
    if (!log) return log.error();
    log_ = std::move(*log);
    reached_ = log_.positions();
    return remove_leftovers();
}

}  // namespace tape::sinks
