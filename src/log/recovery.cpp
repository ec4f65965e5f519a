#include "log/recovery.h"

#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <ranges>
#include <system_error>

namespace tape::log {

namespace fs = std::filesystem;
using Step = SegmentCursor::Step;

namespace {

Result<std::shared_ptr<const File>> open_segment(const fs::path& folder, Offset base) {
    Result<File> file = File::open(segment_path(folder, base), O_RDWR);
    if (!file) return file.error();
    return std::make_shared<const File>(std::move(*file));
}

fs::path part_path(const fs::path& folder, Offset base) {
    return segment_path(folder, base).replace_extension(".tmp");
}

Result<void> remove_half_made(const fs::path& folder) {
    std::error_code code;
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder, code))
        if (entry.path().extension() == ".tmp") found.push_back(entry.path());
    if (code) return file_error("list", folder, code.value());
    for (const fs::path& path : found)
        if (auto removed = remove_file(path); !removed) return removed.error();
    return {};
}

// The number of bytes from `position` to the last one that is not zero.
Result<i64> written_behind(const File& file, i64 position) {
    std::vector<char> chunk(1 << 20);
    i64 last = position;
    for (i64 at = position;;) {
        const Result<i64> read = file.read_at(chunk.data(), std::ssize(chunk), at);
        if (!read) return read.error();
        if (*read == 0) return last - position;
        for (i64 i = *read; i > 0; --i) {
            if (chunk[static_cast<std::size_t>(i - 1)] == 0) continue;
            last = at + i;
            break;
        }
        at += *read;
    }
}

// Cuts `file` at `position`; returns how many bytes of content that cost.
Result<i64> cut(const File& file, i64 position) {
    const Result<i64> lost = written_behind(file, position);
    if (!lost) return lost.error();
    if (auto resized = file.resize(position); !resized) return resized.error();
    return *lost;
}

// The end of the newest segment, which has a good header: all up to the first bytes that are no
// record.
Result<RecoveredTail> recover_live(const std::shared_ptr<const File>& file, Offset base) {
    SegmentCursor cursor(file, base);
    Tail tail{.base = base};
    Record record;
    Result<Step> step = cursor.next(record);
    for (; step && *step == Step::record; step = cursor.next(record)) tail.last_ts = record.ts_recv;
    if (!step) return step.error();
    tail.closed = *step == Step::seal;
    tail.end = cursor.offset();
    tail.position = cursor.position() + (tail.closed ? seal_bytes : 0);
    const Result<i64> lost = cut(*file, tail.position);
    if (!lost) return lost.error();
    return RecoveredTail{tail, *lost};
}

// The newest segment when its header is damaged: nothing can be appended behind that, but its
// records count.
Result<RecoveredTail> find_end(const std::shared_ptr<const File>& file, Offset base) {
    SegmentCursor cursor(file, base);
    Record record;
    constexpr Offset no_limit{INT64_MAX};
    for (bool more = true; more;) {
        Result<Step> step = cursor.next(record);
        while (step && *step == Step::record) step = cursor.next(record);
        if (!step) return step.error();
        const Result<bool> found = cursor.resync(no_limit);
        if (!found) return found.error();
        more = *found;
    }
    return RecoveredTail{
        Tail{.base = base, .end = cursor.offset(), .position = cursor.position(), .closed = true},
        0};
}

// Whether the segment ends with its seal at `limit` or before; `each_record`: and every record
// before it is intact.
enum class Depth : u8 { seal, each_record };
Result<bool> is_intact(const std::shared_ptr<const File>& file, Offset base, Offset limit,
                       Depth depth) {
    const Result<HeaderState> header = check_header(*file, base);
    if (!header) return header.error();
    const Result<std::optional<Seal>> seal = read_seal(*file, base);
    if (!seal) return seal.error();
    if (*header != HeaderState::good || !*seal || (*seal)->end > limit) return false;
    if (depth == Depth::seal) return true;
    SegmentCursor cursor(file, base);
    Record record;
    Result<Step> step = cursor.next(record);
    while (step && *step == Step::record) step = cursor.next(record);
    if (!step) return step.error();
    return *step == Step::seal && cursor.offset() == (*seal)->end;
}

// Copies the intact stretch at the cursor into a segment of its own; nothing where there is none.
Result<Step> save_stretch(const fs::path& folder, SegmentCursor& cursor, Salvage& salvage) {
    const Offset start = cursor.offset();
    std::string bytes = encode_header(start, wall_clock());
    Nanos last_ts;
    Record record;
    Result<Step> step = cursor.next(record);
    for (; step && *step == Step::record; step = cursor.next(record)) {
        encode_record(bytes, start, record.offset, static_cast<u8>(record.kind), record.ts_recv,
                      record.payload);
        last_ts = record.ts_recv;
    }
    if (!step || cursor.offset() == start) return step;
    encode_seal(bytes, start, cursor.offset(), last_ts);
    const Result<File> part = File::open(part_path(folder, start), O_RDWR | O_CREAT | O_TRUNC);
    if (!part) return part.error();
    if (auto written = part->write_at(bytes, 0); !written) return written.error();
    if (auto synced = part->sync(); !synced) return synced.error();
    salvage.parts.push_back(start);
    salvage.records += cursor.offset().value - start.value;
    return step;
}

Result<Salvage> save_intact(const fs::path& folder, const std::shared_ptr<const File>& file,
                            Offset base, Offset limit) {
    const Result<std::optional<Seal>> seal = read_seal(*file, base);
    if (!seal) return seal.error();
    if (*seal && (*seal)->end < limit) limit = (*seal)->end;
    Salvage salvage{.base = base};
    SegmentCursor cursor(file, base);
    for (;;) {
        const Result<Step> step = save_stretch(folder, cursor, salvage);
        if (!step) return step.error();
        if (*step == Step::seal) return salvage;
        const Offset from = cursor.offset();
        const Result<bool> more = cursor.resync(limit);
        if (!more) return more.error();
        const Offset to = *more ? cursor.offset() : limit;
        if (from < to)
            salvage.holes.push_back(
                {from, to, fmt::format("corrupt segment {}", file->path().filename().string())});
        if (!*more) return salvage;
    }
}

fs::path corrupt_path(const fs::path& folder, Offset base) {
    for (int n = 1;; ++n) {
        const fs::path path = folder / (n == 1 ? fmt::format("{:020}.corrupt", base.value)
                                               : fmt::format("{:020}-{}.corrupt", base.value, n));
        if (!fs::exists(path)) return path;
    }
}

}  // namespace

Result<RecoveredTail> recover_tail(const fs::path& folder) {
    const Result<std::vector<Offset>> bases = list_segments(folder);
    if (!bases) return bases.error();
    std::vector<HeaderState> headers;
    for (const Offset base : *bases) {
        const Result<std::shared_ptr<const File>> file = open_segment(folder, base);
        if (!file) return file.error();
        const Result<HeaderState> header = check_header(**file, base);
        if (!header) return header.error();
        headers.push_back(*header);
    }
    if (auto removed = remove_half_made(folder); !removed) return removed.error();

    i64 cut_bytes = 0;
    for (std::size_t i = bases->size(); i-- > 0;) {
        const Offset base = (*bases)[i];
        const Result<std::shared_ptr<const File>> file = open_segment(folder, base);
        if (!file) return file.error();
        if (headers[i] == HeaderState::blank) {  // No fdatasync of this file ever returned: a power
                                                 // cut tore it whole.
            const Result<i64> lost = written_behind(**file, 0);
            if (!lost) return lost.error();
            if (auto removed = remove_file((*file)->path()); !removed) return removed.error();
            cut_bytes += *lost;
            continue;
        }
        Result<RecoveredTail> found =
            headers[i] == HeaderState::good ? recover_live(*file, base) : find_end(*file, base);
        if (found) found->cut_bytes += cut_bytes;
        return found;
    }
    return RecoveredTail{{}, cut_bytes};
}

Result<ClosedSegments> examine_closed(const fs::path& folder, const Tail& tail, i64 verify_bytes) {
    Result<std::vector<Offset>> bases = list_segments(folder);
    if (!bases) return bases.error();
    if (!tail.closed) std::erase(*bases, tail.base);
    ClosedSegments closed;
    Offset limit = tail.closed ? tail.end : tail.base;
    bool newest = true;
    for (const Offset base : *bases | std::views::reverse) {
        const Result<std::shared_ptr<const File>> file = open_segment(folder, base);
        if (!file) return file.error();
        const Result<i64> size = (*file)->size();
        if (!size) return size.error();
        verify_bytes -= *size;
        const bool suspect = fs::exists(damage_note_path(folder, base));
        const Depth depth =
            newest || suspect || verify_bytes >= 0 ? Depth::each_record : Depth::seal;
        const Result<bool> intact = is_intact(*file, base, limit, depth);
        if (!intact) return intact.error();
        if (*intact) {
            const Result<std::optional<Seal>> seal = read_seal(**file, base);
            if (!seal) return seal.error();
            closed.records += (*seal)->end.value - base.value;
            if (auto removed = remove_file(damage_note_path(folder, base)); !removed)
                return removed.error();
        } else {
            Result<Salvage> salvage = save_intact(folder, *file, base, limit);
            if (!salvage) return salvage.error();
            closed.records += salvage->records;
            closed.damaged.push_back(std::move(*salvage));
        }
        limit = base;
        newest = false;
    }
    std::ranges::reverse(closed.damaged);
    return closed;
}

Result<std::string> set_aside(const fs::path& folder, const Salvage& salvage) {
    const fs::path damaged = segment_path(folder, salvage.base);
    const fs::path corrupt = corrupt_path(folder, salvage.base);
    // Later parts first: a crash then leaves the damaged segment in front of them, to be found
    // again up to there.
    for (const Offset part : salvage.parts | std::views::reverse) {
        if (part == salvage.base) continue;
        if (auto placed = rename_file(part_path(folder, part), segment_path(folder, part)); !placed)
            return placed.error();
    }
    const bool has_front = !salvage.parts.empty() && salvage.parts.front() == salvage.base;
    if (has_front) {
        std::error_code code;
        fs::create_hard_link(damaged, corrupt, code);
        if (code) return file_error("set aside", damaged, code.value());
        if (auto placed = rename_file(part_path(folder, salvage.base), damaged); !placed)
            return placed.error();
    } else if (auto renamed = rename_file(damaged, corrupt); !renamed) {
        return renamed.error();
    }
    if (auto removed = remove_file(damage_note_path(folder, salvage.base)); !removed)
        return removed.error();
    if (auto synced = sync_folder(folder); !synced) return synced.error();
    return corrupt.filename().string();
}

}  // namespace tape::log
