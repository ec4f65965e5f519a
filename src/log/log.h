// A partition of a log: a folder of segments that one writer appends to and any number of readers,
// also in other processes, follow. The on-disk format is in README.md.
//
// Two positions: *readable* moves when the bytes are in the page cache (SIGKILL loses nothing
// then), *durable* when fdatasync returned (a power cut loses nothing then).
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/doorbell.h"
#include "base/result.h"
#include "log/record.h"

namespace tape::log {

struct WriterOptions {
    i64 segment_bytes = 64 << 20;  // A segment is preallocated to this size and closed when the
                                   // next record would not fit.
    Nanos sync_interval = millis(
        200);  // Group commit: a background fdatasync at the latest this long after a write …
    i64 sync_bytes =
        8 << 20;  // … or once so many bytes are unsynced. Interval 0: only sync() syncs.
    i64 max_record_bytes = 16 << 20;
    i64 reserve_bytes =
        256
        << 20;  // Appending fails with ENOSPC while less than this is free, so others can go on.
    i64 verify_bytes =
        128 << 20;  // At opening, so much of the newest sealed segments is read and checked.
    int (*sync_call)(int) = nullptr;  // In the place of fdatasync: tests make the disk fail.
};

/// A stretch of offsets whose records can be read no more.
struct Hole {
    Offset from, to;
    std::string cause;
};

/// What recovery did when the partition was opened.
struct Recovery {
    i64 records = 0;    // In the partition now.
    i64 cut_bytes = 0;  // Of a torn tail.
    std::vector<std::string>
        set_aside;  // Corrupt sealed segments, renamed to *.corrupt; their intact records stay.
    std::vector<Hole>
        holes;  // What was lost with them; each left a `gap` record {from, to, cause}.
};

/// Appends to one partition; one owner at a time (flock). Not thread-safe but for durable() and
/// readable(). An error that says Retry::never is final (a disk that fails a write or a sync):
/// every later call repeats it, and the partition has to be opened anew. After a full disk
/// (Retry::backoff) the same writer goes on once there is space.
class LogWriter final {
 public:
    /// Opens or makes the partition folder, recovers it, takes the lock.
    /// Errors: folder in use, a newer format version, not a log folder, I/O.
    static Result<std::unique_ptr<LogWriter>> open(const std::filesystem::path& folder,
                                                   const WriterOptions& options);
    ~LogWriter();

    /// Adds a record behind the last one. It becomes readable with flush(); several appends share
    /// one write. Errors: payload too long (nothing is written); disk full (external, backoff):
    /// what was flushed stands.
    Result<Offset> append(RecordKind kind, Nanos ts_recv, std::string_view payload);
    /// Writes what was appended: one write, nothing is kept in user space.
    Result<void> flush();
    /// flush() and fdatasync: returns when all appended records are durable.
    Result<void> sync();
    /// Drops every record from `end` on, durably; for the owner's restore only, never for a raw
    /// log. Readers that are past `end` have to seek. Errors: `end` is before begin() or after
    /// end().
    Result<void> truncate(Offset end);

    Offset begin() const;     // The oldest record that retention left.
    Offset end() const;       // One past the last appended record.
    Offset readable() const;  // One past the last flushed record. Thread-safe.
    Offset durable() const;   // One past the last synced record. Thread-safe.
    const Recovery& recovery() const;

    /// Rung after each flush, from the writer's thread; the bell must outlive the writer. There may
    /// be several.
    void ring_on_flush(Doorbell& bell);

 private:
    LogWriter();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Follows one partition, in any process. Not thread-safe.
class LogReader final {
 public:
    /// Errors: no such partition, a newer format version, I/O.
    static Result<std::unique_ptr<LogReader>> open(const std::filesystem::path& folder);
    ~LogReader();

    /// The next records, at most `limit` and as many as a buffer holds; empty when there is none
    /// yet. A torn tail of a live writer reads as "none yet"; offsets that were lost are passed
    /// over. A corrupt sealed segment: an external error that names the file, and a note for the
    /// next writer to set it aside; skip_damage() gets past it. A record is larger than any buffer:
    /// the buffer grows.
    Result<std::span<const Record>> read(i64 limit);
    /// After read() found a corrupt segment: goes on with the next intact record, and tells what is
    /// passed over.
    Result<Hole> skip_damage();
    /// The next read starts at `offset`; one before begin() starts at begin(), one after end()
    /// waits for it.
    Result<void> seek(Offset offset);
    Offset position() const;       // Of the next record.
    Result<Offset> begin() const;  // The oldest record that retention left.
    Result<Offset>
    end();  // One past the last readable record (scans the last segment at first call).
    /// Makes durable all records this reader has returned (fdatasync on the segments it read since
    /// the last call), whoever wrote them; what is committed downstream of them must not outlive
    /// them.
    Result<void> sync();

 private:
    LogReader();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// The partitions below a log's root folder, sorted by name.
Result<std::vector<std::string>> list_partitions(const std::filesystem::path& root);

/// A named reader's position, kept beside the partition so that retention knows it: written aside
/// and renamed.
Result<void> store_position(const std::filesystem::path& folder, std::string_view reader,
                            Offset next);
Result<std::optional<Offset>> load_position(const std::filesystem::path& folder,
                                            std::string_view reader);

struct RetentionOptions {
    std::optional<Nanos> max_age;  // Segments whose last record is older than now − max_age.
    std::optional<i64> max_bytes;  // Oldest first, while the partition is larger.
    bool drop_unread = false;      // Else a segment stays until every named reader is past it.
};
/// Removes whole sealed segments; gives the number of bytes freed. Safe beside the writer and
/// readers.
Result<i64> apply_retention(const std::filesystem::path& folder, const RetentionOptions& options,
                            Nanos now);

/// One line a record, or a summary, of a segment file: for `tape log inspect`.
Result<void> inspect(const std::filesystem::path& segment,
                     const std::function<void(std::string_view line)>& print);

}  // namespace tape::log
