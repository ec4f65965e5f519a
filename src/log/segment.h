// One segment file: its header, its records, and the cursor that walks them. Everything that knows
// the bytes on disk is here and in segment.cpp; README.md has the same as tables.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "log/file.h"
#include "log/record.h"

namespace tape::log {

constexpr u32 format_version = 1;

struct SegmentHeader {
    char magic[8];     // "tapelog" and a zero byte.
    u32 version;       // Magic and version keep their places in every version to come.
    u32 header_bytes;  // 64.
    i64 base_offset;   // Of the first record; the file's name says the same.
    i64 created;       // Nanoseconds since 1970, UTC.
    u8 reserved[28];   // Zero.
    u32 crc;           // Of the 60 bytes before it.
};
static_assert(sizeof(SegmentHeader) == 64);

struct RecordHeader {
    u32 crc;  // Of the base offset (8 bytes), the rest of this header, the payload and its padding.
    u32 length;      // Of the payload, without the padding to 8 bytes.
    u32 index;       // The record's offset less the segment's base offset.
    u8 kind;         // A RecordKind, or seal_kind.
    u8 reserved[3];  // Zero.
    i64 ts_recv;
};
static_assert(sizeof(RecordHeader) == 24);

constexpr i64 segment_header_bytes = sizeof(SegmentHeader);
constexpr i64 record_header_bytes = sizeof(RecordHeader);

/// The last record of a sealed segment has this kind, no payload, the number of records as its
/// index and the ts_recv of the last one; it is the end of the file.
constexpr u8 seal_kind = 255;
constexpr i64 seal_bytes = record_header_bytes;

/// What a record with a payload of `length` bytes takes in the file.
constexpr i64 record_bytes(i64 length) {
    return record_header_bytes + (length + 7) / 8 * 8;
}

/// The header of a segment that starts at `base`.
std::string encode_header(Offset base, Nanos created);
/// Appends one record as it stands in the file of the segment that starts at `base`.
void encode_record(std::string& out, Offset base, Offset offset, u8 kind, Nanos ts_recv,
                   std::string_view payload);
void encode_seal(std::string& out, Offset base, Offset end, Nanos last_ts);

/// "00000000000000001234.seg"
std::filesystem::path segment_path(const std::filesystem::path& folder, Offset base);
/// The note that a reader found the segment damaged; the next writer looks into it.
std::filesystem::path damage_note_path(const std::filesystem::path& folder, Offset base);
/// The base offsets of the segments in `folder`, ascending.
Result<std::vector<Offset>> list_segments(const std::filesystem::path& folder);

enum class HeaderState : u8 { good, blank, damaged };
/// Looks at the header of the segment that should start at `base`. A blank one was never written:
/// all its bytes are zero or missing. Error: a newer format version, I/O.
Result<HeaderState> check_header(const File& file, Offset base);

struct Seal {
    Offset end;
    Nanos last_ts;
};
/// The seal at the end of `file`, or nothing: the segment is live or damaged.
Result<std::optional<Seal>> read_seal(const File& file, Offset base);

/// Walks the records of one segment from the front. Copies share the file and keep their own place.
class SegmentCursor final {
 public:
    enum class Step : u8 {
        record,  // One was read.
        seal,    // The end of a sealed segment; the cursor stays before it.
        blank,   // Zeros or the end of the file: nothing is written here yet.
        broken,  // Bytes that are no record: torn, being written just now, or damaged.
    };

    SegmentCursor(std::shared_ptr<const File> file, Offset base);

    /// The next record, or why there is none; may be asked again when more was written. The
    /// payloads of earlier records die.
    Result<Step> next(Record& out);
    /// The next record if it is in memory, so that the payloads of earlier ones live on; anything
    /// but `record` means: ask next().
    Step next_in_memory(Record& out);
    /// From a broken place to the next intact record below `limit`; false, and unmoved, where there
    /// is none.
    Result<bool> resync(Offset limit);

    Offset base() const { return base_; }
    Offset offset() const { return {base_.value + index_}; }  // Of the next record.
    i64 position() const { return position_; }                // Of the next record, in the file.
    const std::shared_ptr<const File>& file() const { return file_; }

 private:
    Result<void> fill(i64 size);
    i64 unread() const { return static_cast<i64>(buffer_.size()) - (position_ - buffer_position_); }

    std::shared_ptr<const File> file_;
    Offset base_;
    i64 index_{};
    i64 position_ = segment_header_bytes;
    std::vector<char> buffer_;
    i64 buffer_position_ = segment_header_bytes;
    i64 chunk_;
};

}  // namespace tape::log
