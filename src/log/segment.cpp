#include "log/segment.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <system_error>

#include "log/crc32c.h"

namespace tape::log {

namespace fs = std::filesystem;
static_assert(std::endian::native == std::endian::little, "the file's numbers are little-endian");

namespace {

constexpr char magic[8] = {'t', 'a', 'p', 'e', 'l', 'o', 'g', '\0'};
constexpr i64 smallest_chunk = 4 << 10;
constexpr i64 largest_chunk = 256 << 10;  // Of each reader, and every sink has one a partition.
constexpr std::size_t name_digits = 20;

template <class T>
std::string_view bytes_of(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

bool all_zero(std::string_view bytes) {
    return std::ranges::all_of(bytes, [](char byte) { return byte == 0; });
}

// `record` is the whole record, header to padding. The base offset is summed first: a record that
// another segment left on a recycled block does not pass.
u32 record_crc(Offset base, std::string_view record) {
    return crc32c(crc32c(0, bytes_of(base.value)), record.substr(sizeof(u32)));
}

RecordHeader load_header(const char* at) {
    RecordHeader header;
    std::memcpy(&header, at, sizeof header);
    return header;
}

}  // namespace

std::string encode_header(Offset base, Nanos created) {
    SegmentHeader header{};
    std::memcpy(header.magic, magic, sizeof magic);
    header.version = format_version;
    header.header_bytes = sizeof header;
    header.base_offset = base.value;
    header.created = created.count;
    header.crc = crc32c(0, bytes_of(header).substr(0, offsetof(SegmentHeader, crc)));
    return std::string(bytes_of(header));
}

void encode_record(std::string& out, Offset base, Offset offset, u8 kind, Nanos ts_recv,
                   std::string_view payload) {
    RecordHeader header{};
    header.length = static_cast<u32>(payload.size());
    header.index = static_cast<u32>(offset.value - base.value);
    header.kind = kind;
    header.ts_recv = ts_recv.count;
    const std::size_t start = out.size();
    out.append(bytes_of(header));
    out.append(payload);
    out.resize(start + static_cast<std::size_t>(record_bytes(header.length)));
    const u32 crc = record_crc(base, std::string_view(out).substr(start));
    std::memcpy(out.data() + start, &crc, sizeof crc);
}

void encode_seal(std::string& out, Offset base, Offset end, Nanos last_ts) {
    encode_record(out, base, end, seal_kind, last_ts, {});
}

fs::path segment_path(const fs::path& folder, Offset base) {
    return folder / fmt::format("{:020}.seg", base.value);
}

fs::path damage_note_path(const fs::path& folder, Offset base) {
    return folder / fmt::format("{:020}.damaged", base.value);
}

Result<std::vector<Offset>> list_segments(const fs::path& folder) {
    std::vector<Offset> bases;
    std::error_code code;
    fs::directory_iterator entry(folder, code);
    for (; !code && entry != fs::directory_iterator(); entry.increment(code)) {
        if (entry->path().extension() != ".seg") continue;
        const std::string stem = entry->path().stem().string();
        i64 base = 0;
        const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), base);
        const bool whole = error == std::errc() && end == stem.data() + stem.size();
        if (whole && stem.size() == name_digits && base >= 0) bases.push_back({base});
    }
    if (code) return file_error("list", folder, code.value());
    std::ranges::sort(bases);
    return bases;
}

Result<HeaderState> check_header(const File& file, Offset base) {
    SegmentHeader header{};
    const Result<i64> read = file.read_at(reinterpret_cast<char*>(&header), sizeof header, 0);
    if (!read) return read.error();
    if (all_zero(bytes_of(header))) return HeaderState::blank;
    if (std::memcmp(header.magic, magic, sizeof magic) != 0) return HeaderState::damaged;
    if (header.version > format_version) {
        return user_error(fmt::format(
            "{} has log format {}; this program knows formats up to {}: use a newer one",
            file.path().string(), header.version, format_version));
    }
    const u32 crc = crc32c(0, bytes_of(header).substr(0, offsetof(SegmentHeader, crc)));
    return crc == header.crc && header.base_offset == base.value ? HeaderState::good
                                                                 : HeaderState::damaged;
}

Result<std::optional<Seal>> read_seal(const File& file, Offset base) {
    const Result<i64> size = file.size();
    if (!size) return size.error();
    if (*size < segment_header_bytes + seal_bytes) return std::optional<Seal>();
    char bytes[seal_bytes];
    const Result<i64> read = file.read_at(bytes, seal_bytes, *size - seal_bytes);
    if (!read) return read.error();
    const RecordHeader header = load_header(bytes);
    const bool sealed = *read == seal_bytes && header.kind == seal_kind && header.length == 0 &&
                        header.crc == record_crc(base, {bytes, seal_bytes});
    if (!sealed) return std::optional<Seal>();
    return std::optional<Seal>({{base.value + header.index}, {header.ts_recv}});
}

SegmentCursor::SegmentCursor(std::shared_ptr<const File> file, Offset base)
    : file_(std::move(file)), base_(base), chunk_(smallest_chunk) {}

// Reads `size` bytes from the next record on. What is in memory is read anew: it may have been
// written meanwhile. What one large record took is given back.
Result<void> SegmentCursor::fill(i64 size) {
    if (static_cast<i64>(buffer_.capacity()) > std::max(size, largest_chunk)) buffer_ = {};
    buffer_.resize(static_cast<std::size_t>(size));
    const Result<i64> read = file_->read_at(buffer_.data(), size, position_);
    buffer_.resize(read ? static_cast<std::size_t>(*read) : 0);
    buffer_position_ = position_;
    if (!read) return read.error();
    return {};
}

SegmentCursor::Step SegmentCursor::next_in_memory(Record& out) {
    const i64 present = unread();
    const char* const at = buffer_.data() + (position_ - buffer_position_);
    if (present < record_header_bytes)
        return all_zero({at, static_cast<std::size_t>(present)}) ? Step::blank : Step::broken;
    const RecordHeader header = load_header(at);
    const i64 size = record_bytes(header.length);
    if (header.crc == 0 && all_zero({at, sizeof header})) return Step::blank;
    if (size > present || header.index != index_) return Step::broken;
    if (header.crc != record_crc(base_, {at, static_cast<std::size_t>(size)})) return Step::broken;
    if (header.kind == seal_kind) return Step::seal;
    out = {offset(),
           RecordKind{header.kind},
           {header.ts_recv},
           {at + record_header_bytes, header.length}};
    position_ += size;
    ++index_;
    return Step::record;
}

Result<SegmentCursor::Step> SegmentCursor::next(Record& out) {
    if (next_in_memory(out) == Step::record) return Step::record;
    // A reader at the live end asks often and gets little: it reads little. One that is behind
    // reads ever more at once.
    const bool behind = !buffer_.empty() && unread() < static_cast<i64>(buffer_.size());
    chunk_ = behind ? std::min(2 * chunk_, largest_chunk) : smallest_chunk;
    if (const auto filled = fill(chunk_); !filled) return filled.error();
    Step step = next_in_memory(out);
    if (step != Step::broken || unread() < record_header_bytes) return step;
    const i64 size = record_bytes(load_header(buffer_.data()).length);
    if (size <= unread()) return step;
    // The record is larger than the chunk, or its length is nonsense: then the file ends before it.
    const Result<i64> file_size = file_->size();
    if (!file_size) return file_size.error();
    if (position_ + size > *file_size) return step;
    if (const auto filled = fill(size); !filled) return filled.error();
    return next_in_memory(out);
}

Result<bool> SegmentCursor::resync(Offset limit) {
    const Result<i64> file_size = file_->size();
    if (!file_size) return file_size.error();
    if (*file_size <= position_) return false;
    if (const auto filled = fill(*file_size - position_); !filled) return filled.error();
    const std::string_view bytes(buffer_.data(), buffer_.size());
    for (std::size_t at = 8; at + record_header_bytes <= bytes.size(); at += 8) {
        const RecordHeader header = load_header(bytes.data() + at);
        const auto size = static_cast<std::size_t>(record_bytes(header.length));
        const bool in_range = header.index > index_ && base_.value + header.index < limit.value;
        if (!in_range || header.kind == seal_kind || size > bytes.size() - at) continue;
        if (header.crc != record_crc(base_, bytes.substr(at, size))) continue;
        position_ += static_cast<i64>(at);
        index_ = header.index;
        return true;
    }
    return false;
}

}  // namespace tape::log
