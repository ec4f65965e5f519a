// What the log's tests share: folders that vanish, records whose content follows from their offset,
// and ways to hurt files.
#pragma once

#include <fcntl.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "log/log.h"
#include "log/segment.h"

namespace tape::log::test {

namespace fs = std::filesystem;

class TempFolder final {
 public:
    TempFolder() {
        std::string name = (fs::temp_directory_path() / "tape-log-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~TempFolder() { fs::remove_all(path_); }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    const fs::path& path() const { return path_; }
    fs::path partition() const { return path_ / "okx-1"; }

 private:
    fs::path path_;
};

/// Small segments, no background thread, no reserve: what a test does is all that happens.
inline WriterOptions small_segments(i64 segment_bytes = 4096) {
    return {.segment_bytes = segment_bytes, .sync_interval = {}, .reserve_bytes = 0};
}

/// Record `offset` of every test log; the length varies, and some payloads are empty.
inline std::string payload_of(i64 offset) {
    return offset % 17 == 0
               ? ""
               : fmt::format("{}:{}", offset,
                             std::string(static_cast<std::size_t>(offset * 7 % 90), 'x'));
}
inline Nanos time_of(i64 offset) {
    return seconds(1'600'000'000 + offset);
}

inline std::unique_ptr<LogWriter> open_writer(const fs::path& folder,
                                              const WriterOptions& options = small_segments()) {
    auto writer = LogWriter::open(folder, options);
    EXPECT_TRUE(writer) << writer.error().what;
    return writer ? std::move(*writer) : nullptr;
}
inline std::unique_ptr<LogReader> open_reader(const fs::path& folder) {
    auto reader = LogReader::open(folder);
    EXPECT_TRUE(reader) << reader.error().what;
    return reader ? std::move(*reader) : nullptr;
}

/// Appends and flushes so many records as payload_of() says.
inline void append_records(LogWriter& writer, i64 count) {
    for (i64 i = 0; i < count; ++i) {
        const i64 next = writer.end().value;
        const auto offset = writer.append(RecordKind::frame, time_of(next), payload_of(next));
        ASSERT_TRUE(offset) << offset.error().what;
        ASSERT_EQ(offset->value, next);
    }
    const auto flushed = writer.flush();
    ASSERT_TRUE(flushed) << flushed.error().what;
}

/// Makes a closed log of `count` records.
inline void make_log(const fs::path& folder, i64 count,
                     const WriterOptions& options = small_segments()) {
    const auto writer = open_writer(folder, options);
    append_records(*writer, count);
}

struct Copy {
    i64 offset;
    RecordKind kind;
    Nanos ts_recv;
    std::string payload;
    bool operator==(const Copy&) const = default;
};

/// All that a reader gives until there is none; ends at an error too.
inline std::vector<Copy> drain(LogReader& reader, i64 limit = 100) {
    std::vector<Copy> all;
    for (;;) {
        const auto batch = reader.read(limit);
        if (!batch || batch->empty()) return all;
        for (const Record& record : *batch)
            all.push_back(
                {record.offset.value, record.kind, record.ts_recv, std::string(record.payload)});
    }
}
inline std::vector<Copy> read_all(const fs::path& folder) {
    return drain(*open_reader(folder));
}

/// That `records` are those of payload_of() from offset `first` on, `count` of them.
inline void expect_records(const std::vector<Copy>& records, i64 first, i64 count) {
    ASSERT_EQ(std::ssize(records), count);
    for (i64 i = 0; i < count; ++i) {
        const Copy& record = records[static_cast<std::size_t>(i)];
        ASSERT_EQ(record.offset, first + i);
        ASSERT_EQ(record.kind, RecordKind::frame);
        ASSERT_EQ(record.ts_recv, time_of(first + i));
        ASSERT_EQ(record.payload, payload_of(first + i));
    }
}

inline std::vector<Offset> segments_of(const fs::path& folder) {
    return list_segments(folder).value();
}

inline std::string load(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
inline void store(const fs::path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), std::ssize(bytes));
}
inline void flip_byte(const fs::path& path, i64 position) {
    std::string bytes = load(path);
    bytes.at(static_cast<std::size_t>(position)) ^= 0x40;
    store(path, bytes);
}

/// Where record `offset` starts in the file of its segment.
inline i64 position_of(const fs::path& folder, Offset base, Offset offset) {
    const auto file =
        std::make_shared<const File>(File::open(segment_path(folder, base), O_RDONLY).value());
    SegmentCursor cursor(file, base);
    Record record;
    while (cursor.offset() < offset)
        EXPECT_EQ(cursor.next(record).value(), SegmentCursor::Step::record);
    return cursor.position();
}

/// Waits, with a bound that only a hang reaches, until `condition` holds.
template <class Condition>
bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

}  // namespace tape::log::test
