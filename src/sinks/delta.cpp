#include "sinks/delta.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <ranges>

#include "base/log.h"
#include "log/file.h"
#include "sinks/lake_table.h"

namespace tape::sinks {
namespace {

namespace fs = std::filesystem;

// The lake's own mark, so that another folder is not taken for one, nor a newer lake misread.
constexpr std::string_view mark_name = "tape_lake", mark_start = "tape lake ";
// 2: candles have the columns of today; quality is new.
constexpr int format_version = 2;

Result<void> write_mark(const log::File& file) {
    if (auto written = file.write_at(fmt::format("{}{}\n", mark_start, format_version), 0);
        !written)
        return written;
    return file.sync();
}

// Removes a table that has no rows, so that it is made anew.
Result<void> drop_empty(const fs::path& lake, TableId id) {
    const fs::path place = lake / table_info(id).name;
    if (!fs::exists(place)) return {};
    for (const auto& entry : fs::recursive_directory_iterator(place))
        if (entry.path().extension() == ".parquet" &&
            entry.path().parent_path().filename() != "_delta_log")
            return user_error(fmt::format("{} has rows that this build cannot keep: move it away",
                                          place.string()));
    std::error_code error;
    fs::remove_all(place, error);
    if (error)
        return external_error(
            fmt::format("lake: cannot remove {}: {}", place.string(), error.message()));
    return log::sync_folder(lake);
}

class Lake final : public Sink {
 public:
    Lake(log::File lock, const LakeOptions& options) : lock_(std::move(lock)), options_(options) {}

    /// A lake of format 1 has candles of other columns, which nothing filled, and no quality.
    Result<void> open(const fs::path& folder, int version) {
        if (version == 1)
            if (auto gone = drop_empty(folder, TableId::candles); !gone) return gone;
        const std::string stamp = fmt::format("{:x}-{:x}", wall_clock().count, getpid());
        for (int i = 0; i < table_count; ++i) {
            const auto id = static_cast<TableId>(i);
            auto table = LakeTable::open(folder / table_info(id).name, id, options_, stamp);
            if (!table) return table.error();
            tables_.push_back(std::move(*table));
        }
        return version == format_version ? Result<void>{} : upgrade();
    }

    std::string_view name() const override { return "lake"; }

    Result<Offset> resume(std::string_view partition) override {
        if (broken_) {
            for (LakeTable& table : tables_)
                if (auto abandoned = table.abandon(); !abandoned) return abandoned.error();
            first_unsaved_.reset();
            broken_ = unsaved_ = false;
        }
        return std::ranges::min(tables_ | std::views::transform([&](const LakeTable& t) {
                                    return t.committed(partition);
                                }));
    }

    Result<void> write(std::string_view partition, std::span<const log::Record> records) override {
        if (broken_) return external_error("lake: a failed batch was not resumed");
        if (records.empty()) return {};
        std::array<Offset, table_count> from;
        for (std::size_t i = 0; i < tables_.size(); ++i) from[i] = tables_[i].reached(partition);
        Offset offset;
        const auto put = [&](TableId id, const auto& row) -> Result<void> {
            if (offset < from[static_cast<std::size_t>(id)])
                return {};  // This table has it; another lagged behind.
            LakeTable& table = tables_[static_cast<std::size_t>(id)];
            const auto file = table.file_for(row_key(row), row_time(row));
            if (!file) return file.error();
            put_row(**file, row, partition);
            (*file)->end_row();
            return table.after_row(**file);
        };
        for (const log::Record& record : records) {
            offset = record.offset;
            if (auto stored = with_row(record, instruments_, put); !stored)
                return failed(stored.error());
        }
        for (LakeTable& table : tables_) table.reach(partition, {offset.value + 1});
        unsaved_ = true;
        if (auto bounded = bound_memory(); !bounded) return failed(bounded.error());
        return {};
    }

    bool due(Nanos now) override {
        if (!unsaved_) return false;
        if (!first_unsaved_) first_unsaved_ = now;
        i64 rows = 0;
        for (const LakeTable& table : tables_) {
            if (table.has_full_file()) return true;
            rows += table.uncommitted_rows();
        }
        return rows >= options_.roll_rows || now - *first_unsaved_ >= options_.roll_after;
    }

    Result<void> commit() override {
        if (broken_) return external_error("lake: a failed batch was not resumed");
        if (!unsaved_) return {};
        for (LakeTable& table : tables_)
            if (auto finished = table.finish_files(); !finished) return failed(finished.error());
        for (LakeTable& table : tables_)
            if (auto committed = table.commit(); !committed) return failed(committed.error());
        unsaved_ = false;
        first_unsaved_.reset();
        return {};
    }

 private:
    // The new tables begin where the others stand, not at the log's first record, which may be
    // gone. The mark comes last: an upgrade that was cut off is done again.
    Result<void> upgrade() {
        constexpr auto first_new = static_cast<std::ptrdiff_t>(TableId::candles);
        Positions start;
        for (const LakeTable& table : tables_)
            for (const auto& [partition, next] : table.positions())
                if (const auto [known, added] = start.emplace(partition, next); !added)
                    known->second = std::min(known->second, next);
        for (auto table = tables_.begin() + first_new; table != tables_.end(); ++table)
            if (auto begun = table->begin_at(start); !begun) return begun;
        return write_mark(lock_);
    }

    Result<void> bound_memory() {
        while (true) {
            i64 rows = 0;
            for (const LakeTable& table : tables_) rows += table.buffered_rows();
            if (rows <= options_.buffered_rows) return {};
            auto fullest = std::ranges::max_element(tables_, {}, &LakeTable::buffered_rows);
            if (auto flushed = fullest->flush_fullest(); !flushed) return flushed;
        }
    }

    // What is committed stands; the rest is written again after resume(), which looks it up.
    Error failed(Error error) {
        broken_ = true;
        return error;
    }

    log::File lock_;
    LakeOptions options_;
    std::vector<LakeTable> tables_;  // By TableId.
    InstrumentTable instruments_;
    std::optional<Nanos> first_unsaved_;
    bool unsaved_{}, broken_{};
};

struct LockedLake {
    log::File mark;
    int version{};
};

// Takes the mark file as lock, and makes or checks what it says.
Result<LockedLake> lock_lake(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
        return external_error(
            fmt::format("lake: cannot make {}: {}", folder.string(), error.message()));
    const fs::path path = folder / mark_name;
    if (!fs::exists(path, error) && !fs::is_empty(folder, error))
        return user_error(
            fmt::format("{} holds something else than a lake of tape", folder.string()));
    auto file = log::File::open(path, O_RDWR | O_CREAT);
    if (!file) return file.error();
    if (::flock(file->descriptor(), LOCK_EX | LOCK_NB) != 0)
        return user_error(fmt::format("the lake {} is in use by another process", folder.string()));
    std::string text(64, '\0');
    const auto size = file->read_at(text.data(), std::ssize(text), 0);
    if (!size) return size.error();
    text.resize(static_cast<std::size_t>(*size));
    if (text.empty()) {
        if (auto written = write_mark(*file); !written) return written.error();
        if (auto synced = log::sync_folder(folder); !synced) return synced.error();
        return LockedLake{std::move(*file), format_version};
    }
    int version = 0;
    if (text.starts_with(mark_start))
        std::from_chars(text.data() + mark_start.size(), text.data() + text.size(), version);
    if (version < 1 || version > format_version)
        return user_error(fmt::format("the lake {} has format {}; this build knows {}",
                                      folder.string(), version, format_version));
    return LockedLake{std::move(*file), version};
}

}  // namespace

Result<std::unique_ptr<Sink>> open_lake(const fs::path& folder, const LakeOptions& options) {
    auto lock = lock_lake(folder);
    if (!lock) return lock.error();
    auto lake = std::make_unique<Lake>(std::move(lock->mark), options);
    if (auto opened = lake->open(folder, lock->version); !opened) return opened.error();
    return std::unique_ptr<Sink>(std::move(lake));
}

}  // namespace tape::sinks
