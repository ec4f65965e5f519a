// Follows a partition through its files alone, so that it works beside the writer, in another
// process, and on a log that nobody writes any more. What it cannot read at the live end is "none
// yet"; only in a segment that is known to be sealed it is damage.
#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "log/lock.h"
#include "log/log.h"
#include "log/segment.h"

namespace tape::log {

namespace fs = std::filesystem;
using Step = SegmentCursor::Step;

namespace {

constexpr std::size_t unsynced_limit =
    16;  // Files kept open for sync(); beyond it the oldest is synced at once.

}  // namespace

struct LogReader::Impl {
    // What the place where no record could be read means.
    enum class Verdict : u8 { none_yet, look_again, damaged };

    Result<bool> enter();
    Result<bool> enter_next();
    Result<bool> enter(Offset base);
    Result<Verdict> judge(Step step);
    Result<bool> has_later_segment() const;
    Result<bool> pass_damage_before_position();
    Error report_damage();
    Result<std::span<const Record>> take_batch(const Record& head, i64 limit);
    Result<void> keep_for_sync();

    fs::path folder;
    std::optional<SegmentCursor> cursor;  // In the segment of `position`, at or before it.
    bool header_damaged{};
    bool sealed{};
    i64 judged_size = -1;  // The file's size when it was last found not to be sealed.
    Offset position{};
    std::vector<Record> records;

    std::vector<std::shared_ptr<const File>>
        unsynced;    // Segments whose records were returned since the last sync().
    bool entered{};  // Another segment since the last sync().

    std::optional<SegmentCursor> last;  // For end(): in the newest segment.
};

LogReader::LogReader() = default;
LogReader::~LogReader() = default;

Result<std::unique_ptr<LogReader>> LogReader::open(const fs::path& folder) {
    if (!is_partition(folder))
        return user_error(fmt::format("there is no log partition in {}", folder.string()));
    std::unique_ptr<LogReader> reader(new LogReader);
    reader->impl_ = std::make_unique<Impl>();
    reader->impl_->folder = folder;
    const Result<bool> entered = reader->impl_->enter();
    if (!entered) return entered.error();
    return reader;
}

// Opens the segment that holds `position`, or the first one behind it; false while there is none.
Result<bool> LogReader::Impl::enter() {
    const Result<std::vector<Offset>> bases = list_segments(folder);
    if (!bases) return bases.error();
    if (bases->empty()) return false;
    const auto behind = std::ranges::upper_bound(*bases, position);
    return enter(behind == bases->begin() ? bases->front() : *(behind - 1));
}

// From a segment's end to the next one; false while there is none.
Result<bool> LogReader::Impl::enter_next() {
    const Result<std::vector<Offset>> bases = list_segments(folder);
    if (!bases) return bases.error();
    const auto next = std::ranges::upper_bound(*bases, cursor->base());
    if (next == bases->end()) return false;
    return enter(*next);
}

Result<bool> LogReader::Impl::enter(Offset base) {
    Result<File> file = File::open(segment_path(folder, base), O_RDONLY);
    if (!file && !fs::exists(segment_path(folder, base)))
        return false;  // Retention was quicker: look again.
    if (!file) return file.error();
    const Result<HeaderState> header = check_header(*file, base);
    if (!header) return header.error();
    cursor.emplace(std::make_shared<const File>(std::move(*file)), base);
    header_damaged = *header == HeaderState::damaged;
    sealed = false;
    judged_size = -1;
    position = std::max(position, base);
    entered = true;
    return true;
}

Result<bool> LogReader::Impl::has_later_segment() const {
    const Result<std::vector<Offset>> bases = list_segments(folder);
    if (!bases) return bases.error();
    return !bases->empty() && bases->back() > cursor->base();
}

// A live segment has a size that does not change, and zeros behind its records: this is the common
// case, one fstat.
Result<LogReader::Impl::Verdict> LogReader::Impl::judge(Step step) {
    if (sealed) return Verdict::damaged;
    const Result<bool> removed = cursor->file()->removed();
    if (!removed) return removed.error();
    if (*removed) {  // Cut away by its owner: what is now at this offset is in another file.
        cursor.reset();
        return Verdict::look_again;
    }
    const Result<i64> size = cursor->file()->size();
    if (!size) return size.error();
    if (*size == judged_size && step == Step::blank) return Verdict::none_yet;
    const Result<std::optional<Seal>> seal = read_seal(*cursor->file(), cursor->base());
    if (!seal) return seal.error();
    const Result<bool> later = has_later_segment();
    if (!later) return later.error();
    sealed = *seal || *later;
    judged_size = *size;
    return sealed ? Verdict::look_again : Verdict::none_yet;
}

// Damage between the segment's start and the offset that was asked for is none of the asker's
// business.
Result<bool> LogReader::Impl::pass_damage_before_position() {
    if (header_damaged || cursor->offset() >= position) return false;
    return cursor->resync({position.value + 1});
}

Error LogReader::Impl::report_damage() {
    const fs::path note = damage_note_path(folder, cursor->base());
    if (const Result<File> made = File::open(note, O_WRONLY | O_CREAT); !made)
        log_warn("{}", made.error().what);
    return external_error(
        fmt::format("the sealed segment {} is corrupt at record {} (byte {})",
                    cursor->file()->path().string(), cursor->offset().value, cursor->position()),
        Retry::never);
}

Result<void> LogReader::Impl::keep_for_sync() {
    if (!unsynced.empty() && unsynced.back() == cursor->file()) return {};
    if (unsynced.size() == unsynced_limit) {
        if (auto synced = unsynced.front()->sync(); !synced) return synced;
        unsynced.erase(unsynced.begin());
    }
    unsynced.push_back(cursor->file());
    return {};
}

Result<std::span<const Record>> LogReader::Impl::take_batch(const Record& head, i64 limit) {
    if (auto kept = keep_for_sync(); !kept) return kept.error();
    records.push_back(head);
    Record record;
    while (std::ssize(records) < limit && cursor->next_in_memory(record) == Step::record)
        records.push_back(record);
    position = cursor->offset();
    return std::span<const Record>(records);
}

Result<std::span<const Record>> LogReader::read(i64 limit) {
    ensure(limit > 0, "a read of no records");
    Impl& self = *impl_;
    self.records.clear();
    for (;;) {
        if (!self.cursor) {
            const Result<bool> entered = self.enter();
            if (!entered) return entered.error();
            if (!*entered) return std::span<const Record>();
        }
        Record record;
        const Result<Step> step =
            self.header_damaged ? Result<Step>(Step::broken) : self.cursor->next(record);
        if (!step) return step.error();
        if (*step == Step::record) {
            if (record.offset < self.position) continue;
            return self.take_batch(record, limit);
        }
        if (*step == Step::seal) {
            const Result<bool> entered = self.enter_next();
            if (!entered) return entered.error();
            if (!*entered) return std::span<const Record>();
            continue;
        }
        const Result<Impl::Verdict> verdict = self.judge(*step);
        if (!verdict) return verdict.error();
        if (*verdict == Impl::Verdict::none_yet) return std::span<const Record>();
        if (*verdict == Impl::Verdict::look_again) continue;
        const Result<bool> before = self.pass_damage_before_position();
        if (!before) return before.error();
        if (!*before) return self.report_damage();
    }
}

Result<Hole> LogReader::skip_damage() {
    Impl& self = *impl_;
    if (!self.cursor || !self.sealed)
        return internal_error(fmt::format("{}: no damage to skip", self.folder.string()));
    Hole hole{self.position, self.position,
              fmt::format("corrupt segment {}", self.cursor->file()->path().filename().string())};
    if (!self.header_damaged) {
        const Result<bool> found = self.cursor->resync({INT64_MAX});
        if (!found) return found.error();
        const Result<bool> moved = *found ? true : self.enter_next();
        if (!moved) return moved.error();
        if (!*moved)
            return external_error(hole.cause + ": nothing is behind it yet", Retry::backoff);
    }
    self.header_damaged = false;
    self.position = std::max(self.position, self.cursor->offset());
    hole.to = self.position;
    return hole;
}

Result<void> LogReader::seek(Offset offset) {
    Impl& self = *impl_;
    const Result<std::vector<Offset>> bases = list_segments(self.folder);
    if (!bases) return bases.error();
    self.position = bases->empty() ? offset : std::max(offset, bases->front());
    const auto behind = std::ranges::upper_bound(*bases, self.position);
    const bool same_segment =
        self.cursor && behind != bases->begin() && *(behind - 1) == self.cursor->base();
    if (!same_segment || self.cursor->offset() > self.position) self.cursor.reset();
    self.last.reset();  // A seek may follow a truncation.
    return {};
}

Offset LogReader::position() const {
    return impl_->position;
}

Result<Offset> LogReader::begin() const {
    const Result<std::vector<Offset>> bases = list_segments(impl_->folder);
    if (!bases) return bases.error();
    return bases->empty() ? Offset{} : bases->front();
}

Result<Offset> LogReader::end() {
    Impl& self = *impl_;
    const Result<std::vector<Offset>> bases = list_segments(self.folder);
    if (!bases) return bases.error();
    if (bases->empty()) return Offset{};
    const Offset newest = bases->back();
    const Result<bool> removed = self.last ? self.last->file()->removed() : true;
    if (!removed) return removed.error();
    if (*removed || self.last->base() != newest) {
        Result<File> file = File::open(segment_path(self.folder, newest), O_RDONLY);
        if (!file) return file.error();
        self.last.emplace(std::make_shared<const File>(std::move(*file)), newest);
    }
    const bool ahead =
        self.cursor && self.cursor->base() == newest && self.cursor->offset() > self.last->offset();
    if (ahead) self.last = self.cursor;
    Record record;
    Result<Step> step = self.last->next(record);
    while (step && *step == Step::record) step = self.last->next(record);
    if (!step) return step.error();
    return self.last->offset();
}

Result<void> LogReader::sync() {
    Impl& self = *impl_;
    for (const auto& file : self.unsynced)
        if (auto synced = file->sync(); !synced) return synced;
    self.unsynced.clear();
    if (!self.entered) return {};
    self.entered = false;
    return sync_folder(self.folder);
}

}  // namespace tape::log
