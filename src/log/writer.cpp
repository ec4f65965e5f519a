// The one that appends. Records gather in memory, a flush writes them all at once behind the last
// ones, and a syncer makes them durable. A segment that is full is sealed and the next one takes
// its place under its final name only when its header is written, so that nobody ever sees half a
// segment.
#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <atomic>

#include "base/log.h"
#include "base/metrics.h"
#include "log/lock.h"
#include "log/log.h"
#include "log/recovery.h"
#include "log/segment.h"
#include "log/space_guard.h"
#include "log/syncer.h"

namespace tape::log {

namespace fs = std::filesystem;

namespace {

constexpr i64 buffer_limit_bytes = 4 << 20;  // More than that is written without being asked.

struct WriterMetrics {
    explicit WriterMetrics(const fs::path& folder)
        : labels{{"partition", folder.filename().string()}} {}
    Labels labels;
    Counter records = counter("tape_log_records_total", labels);
    Counter bytes = counter("tape_log_bytes_total", labels);
    Counter syncs = counter("tape_log_syncs_total", labels);
    Counter recovered_bytes = counter("tape_log_recovered_bytes_total", labels);
    Counter corrupt_segments = counter("tape_log_corrupt_segments_total", labels);
};

// The segment that is being appended to.
struct Live {
    std::shared_ptr<const File> file;
    Offset base;
    i64 position{};  // Behind the last flushed record.
    i64 capacity{};  // Of the file.
};

}  // namespace

struct LogWriter::Impl {
    Impl(fs::path path, const WriterOptions& chosen, File held)
        : folder(std::move(path)),
          options(chosen),
          lock(std::move(held)),
          space(folder, options.reserve_bytes),
          metrics(folder) {}

    Result<void> recover();
    Result<void> record_holes(const std::vector<Salvage>& damaged);
    Result<void> replace_damaged(const Salvage& salvage);
    Result<void> open_tail(const Tail& tail);
    Result<Live> make_segment(Offset base, i64 capacity);
    Result<void> make_room(i64 bytes);
    Result<void> roll(i64 bytes);
    Result<void> flush();
    Result<void> truncate(Offset wanted);
    Result<void> healthy() const;
    i64 room() const { return live.capacity - live.position - std::ssize(buffer) - seal_bytes; }
    Error keep(Error error);

    const fs::path folder;
    const WriterOptions options;
    const File lock;
    SpaceGuard space;
    WriterMetrics metrics;
    Recovery recovery;
    Live live;
    std::string buffer;  // What was appended since the last flush.
    Offset end{};
    Offset first{};  // As the folder last said.
    Nanos last_ts;
    std::atomic<i64> readable{};
    std::vector<Doorbell*> bells;
    std::optional<Error> failure;
    std::unique_ptr<Syncer> syncer;
};

Result<std::unique_ptr<LogWriter>> LogWriter::open(const fs::path& folder,
                                                   const WriterOptions& options) {
    Result<File> lock = lock_partition(folder);
    if (!lock) return lock.error();
    std::unique_ptr<LogWriter> writer(new LogWriter);
    writer->impl_ = std::make_unique<Impl>(lock->path().parent_path(), options, std::move(*lock));
    if (auto recovered = writer->impl_->recover(); !recovered) return recovered.error();
    return writer;
}

LogWriter::LogWriter() = default;

LogWriter::~LogWriter() {
    if (!impl_ || !impl_->syncer) return;
    const Result<void> synced = sync();
    if (!synced) log_warn("closing the log {}: {}", impl_->folder.string(), synced.error().what);
    // A closed partition gives back what it reserved; the next writer reserves it anew.
    if (const auto cut = impl_->live.file->resize(impl_->live.position); !cut)
        log_warn("{}", cut.error().what);
}

// An error that will not pass ends the writer: what the file holds is known again only after
// recovery.
Error LogWriter::Impl::keep(Error error) {
    if (error.retry == Retry::never) failure = error;
    return error;
}

Result<void> LogWriter::Impl::healthy() const {
    if (failure) return *failure;
    if (const std::optional<Error> failed = syncer->failure()) return *failed;
    return {};
}

Result<void> LogWriter::Impl::recover() {
    const Result<RecoveredTail> recovered = recover_tail(folder);
    if (!recovered) return recovered.error();
    const std::optional<Tail>& tail = recovered->tail;
    recovery.cut_bytes = recovered->cut_bytes;
    metrics.recovered_bytes.add(recovery.cut_bytes);
    ClosedSegments closed;
    if (tail) {
        Result<ClosedSegments> examined = examine_closed(folder, *tail, options.verify_bytes);
        if (!examined) return examined.error();
        closed = std::move(*examined);
        end = tail->end;
        last_ts = tail->last_ts;
    }
    // Where nothing was lost there is nothing to record; and a new segment may need the name.
    for (const Salvage& salvage : closed.damaged) {
        if (!salvage.holes.empty()) continue;
        if (auto done = replace_damaged(salvage); !done) return done;
    }
    recovery.records =
        closed.records + (tail && !tail->closed ? tail->end.value - tail->base.value : 0);
    if (auto opened = open_tail(tail.value_or(Tail{.closed = true})); !opened) return opened;
    readable = end.value;
    syncer = std::make_unique<Syncer>(
        folder, end, Syncer::Options{options.sync_interval, options.sync_bytes, options.sync_call},
        metrics.syncs);
    return record_holes(closed.damaged);
}

// Goes on in the newest segment or behind it, and makes durable what the last owner may have left
// in the page cache: so what recovery found is what the next recovery will find.
Result<void> LogWriter::Impl::open_tail(const Tail& tail) {
    const Result<std::vector<Offset>> bases = list_segments(folder);
    if (!bases) return bases.error();
    for (std::size_t i = bases->size() - std::min<std::size_t>(bases->size(), 2); i < bases->size();
         ++i) {
        const Result<File> file = File::open(segment_path(folder, (*bases)[i]), O_RDWR);
        if (!file) return file.error();
        if (auto synced = file->sync(); !synced) return synced;
    }
    if (tail.closed) {
        Result<Live> made = make_segment(tail.end, options.segment_bytes);
        if (!made) return made.error();
        live = std::move(*made);
    } else {
        Result<File> file = File::open(segment_path(folder, tail.base), O_RDWR);
        if (!file) return file.error();
        live = {std::make_shared<const File>(std::move(*file)), tail.base, tail.position,
                tail.position};
        // On a full disk the partition opens all the same, for its readers' sake; appending then
        // says that it is full.
        if (space.check(options.segment_bytes) && live.file->preallocate(options.segment_bytes))
            live.capacity = std::max(options.segment_bytes, tail.position);
    }
    first = bases->empty() ? live.base : bases->front();
    return sync_folder(folder);
}

Result<void> LogWriter::Impl::record_holes(const std::vector<Salvage>& damaged) {
    for (const Salvage& salvage : damaged) {
        if (salvage.holes.empty()) continue;
        for (const Hole& hole : salvage.holes) {
            const std::string payload = fmt::format(R"({{"from":{},"to":{},"cause":"{}"}})",
                                                    hole.from.value, hole.to.value, hole.cause);
            if (auto room = make_room(record_bytes(std::ssize(payload))); !room) return room;
            last_ts = wall_clock();
            encode_record(buffer, live.base, end, static_cast<u8>(RecordKind::gap), last_ts,
                          payload);
            end = {end.value + 1};
            ++recovery.records;
            recovery.holes.push_back(hole);
        }
        if (auto flushed = flush(); !flushed) return flushed;
        if (auto synced = syncer->sync(); !synced) return synced;
        if (auto done = replace_damaged(salvage); !done) return done;
    }
    return {};
}

Result<void> LogWriter::Impl::replace_damaged(const Salvage& salvage) {
    const Result<std::string> name = set_aside(folder, salvage);
    if (!name) return name.error();
    metrics.corrupt_segments.add();
    recovery.set_aside.push_back(*name);
    return {};
}

// A new segment under its final name, preallocated, its header written. Of `capacity` it has all or
// more.
Result<Live> LogWriter::Impl::make_segment(Offset base, i64 capacity) {
    const fs::path path = segment_path(folder, base);
    fs::path aside = path;
    aside.replace_extension(".tmp");
    if (auto enough = space.check(capacity); !enough) return enough.error();
    const auto make = [&]() -> Result<Live> {
        Result<File> file = File::open(aside, O_RDWR | O_CREAT | O_TRUNC);
        if (!file) return file.error();
        if (auto reserved = file->preallocate(capacity); !reserved) return reserved.error();
        if (auto written = file->write_at(encode_header(base, wall_clock()), 0); !written)
            return written.error();
        if (auto renamed = file->rename(path); !renamed) return renamed.error();
        return Live{std::make_shared<const File>(std::move(*file)), base, segment_header_bytes,
                    capacity};
    };
    Result<Live> made = make();
    if (!made) {
        if (const auto removed = remove_file(aside); !removed) log_warn("{}", removed.error().what);
    }
    return made;
}

// Makes the live segment have room for a record of `bytes`.
Result<void> LogWriter::Impl::make_room(i64 bytes) {
    if (auto enough = space.admit(bytes); !enough) return enough;
    if (bytes <= room()) return {};
    return roll(bytes);
}

// Closes the live segment and goes on in a new one. A step that fails leaves a state from which it
// can be tried again.
Result<void> LogWriter::Impl::roll(i64 bytes) {
    if (auto flushed = flush(); !flushed) return flushed;
    const i64 capacity = std::max(options.segment_bytes, segment_header_bytes + bytes + seal_bytes);
    if (end == live.base) {  // Empty, and yet too small: it grows.
        if (auto enough = space.check(capacity); !enough) return enough;
        if (auto grown = live.file->preallocate(capacity); !grown) return keep(grown.error());
        live.capacity = capacity;
        return {};
    }
    // Recovery reads only the newest segments whole: so no more than two may hold bytes that are
    // not durable.
    if (syncer->unsynced_files() > 1) {
        if (auto synced = syncer->sync(); !synced) return synced;
    }
    if (auto enough = space.check(capacity); !enough) return enough;
    std::string seal;
    encode_seal(seal, live.base, end, last_ts);
    if (auto written = live.file->write_at(seal, live.position); !written)
        return keep(written.error());
    if (auto cut = live.file->resize(live.position + seal_bytes); !cut) return keep(cut.error());
    live.capacity = live.position;  // Should the next step fail, nothing more may be written here.
    syncer->wrote(live.file, end, seal_bytes);
    Result<Live> made = make_segment(end, capacity);
    if (!made) return keep(made.error());
    live = std::move(*made);
    syncer->changed_folder();
    return {};
}

Result<Offset> LogWriter::append(RecordKind kind, Nanos ts_recv, std::string_view payload) {
    Impl& self = *impl_;
    if (auto healthy = self.healthy(); !healthy) return healthy.error();
    const i64 length = std::ssize(payload);
    if (length > self.options.max_record_bytes) {
        return user_error(fmt::format("{}: a {} record of {} bytes is too long: the limit is {}",
                                      self.folder.string(), to_string(kind), length,
                                      self.options.max_record_bytes));
    }
    if (std::ssize(self.buffer) >= buffer_limit_bytes) {
        if (auto flushed = self.flush(); !flushed) return flushed.error();
    }
    if (auto room = self.make_room(record_bytes(length)); !room) return room.error();
    encode_record(self.buffer, self.live.base, self.end, static_cast<u8>(kind), ts_recv, payload);
    self.last_ts = ts_recv;
    const Offset offset = self.end;
    self.end = {offset.value + 1};
    return offset;
}

Result<void> LogWriter::Impl::flush() {
    if (buffer.empty()) return {};
    const i64 size = std::ssize(buffer);
    // A full disk may have taken a part: no record of it is whole for a reader, and the next try
    // writes it all again.
    if (auto written = live.file->write_at(buffer, live.position); !written)
        return keep(written.error());
    live.position += size;
    buffer.clear();
    metrics.records.add(end.value - readable.load());
    metrics.bytes.add(size);
    readable.store(end.value, std::memory_order_release);
    syncer->wrote(live.file, end, size);
    for (Doorbell* const bell : bells) bell->ring();
    return {};
}

Result<void> LogWriter::flush() {
    if (auto healthy = impl_->healthy(); !healthy) return healthy;
    return impl_->flush();
}

Result<void> LogWriter::sync() {
    if (auto flushed = flush(); !flushed) return flushed;
    return impl_->syncer->sync();
}

Result<void> LogWriter::truncate(Offset end) {
    if (auto healthy = impl_->healthy(); !healthy) return healthy;
    if (end < begin() || end > this->end()) {
        return internal_error(fmt::format("{}: cannot truncate to {}: the log holds {} to {}",
                                          impl_->folder.string(), end.value, begin().value,
                                          this->end().value));
    }
    if (auto synced = sync(); !synced) return synced;
    if (end == this->end()) return {};
    auto done = impl_->truncate(end);
    if (!done) impl_->failure = external_error(done.error().what, Retry::never);
    return done;
}

// Newest segments go first: after a crash in between the log is whole, only longer than wanted.
Result<void> LogWriter::Impl::truncate(Offset wanted) {
    Result<std::vector<Offset>> bases = list_segments(folder);
    if (!bases) return bases.error();
    syncer->lower(wanted);
    readable.store(wanted.value, std::memory_order_release);
    while (bases->size() > 1 && bases->back() > wanted) {
        if (auto removed = remove_file(segment_path(folder, bases->back())); !removed)
            return removed;
        bases->pop_back();
    }
    Result<File> opened = File::open(segment_path(folder, bases->back()), O_RDWR);
    if (!opened) return opened.error();
    const auto file = std::make_shared<const File>(std::move(*opened));
    SegmentCursor cursor(file, bases->back());
    Tail tail{.base = cursor.base(), .end = wanted};
    Record record;
    while (cursor.offset() < wanted) {
        const Result<SegmentCursor::Step> step = cursor.next(record);
        if (!step) return step.error();
        if (*step == SegmentCursor::Step::seal)
            tail.closed = true;  // `wanted` is within a hole behind this segment.
        if (*step != SegmentCursor::Step::record) break;
        tail.last_ts = record.ts_recv;
    }
    if (!tail.closed && cursor.offset() != wanted) {
        return internal_error(fmt::format("cannot truncate {} to {}: it is damaged",
                                          file->path().string(), wanted.value));
    }
    if (!tail.closed) {
        tail.position = cursor.position();
        if (auto cut = file->resize(tail.position); !cut) return cut;
    }
    end = wanted;
    last_ts = tail.last_ts;
    return open_tail(tail);
}

Offset LogWriter::begin() const {
    const Result<std::vector<Offset>> bases = list_segments(impl_->folder);
    if (bases && !bases->empty()) impl_->first = bases->front();
    return impl_->first;
}
Offset LogWriter::end() const {
    return impl_->end;
}
Offset LogWriter::readable() const {
    return {impl_->readable.load(std::memory_order_acquire)};
}
Offset LogWriter::durable() const {
    return impl_->syncer->durable();
}
const Recovery& LogWriter::recovery() const {
    return impl_->recovery;
}
void LogWriter::ring_on_flush(Doorbell& bell) {
    impl_->bells.push_back(&bell);
}

}  // namespace tape::log
