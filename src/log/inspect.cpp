// A segment file as text, for people: what the header says, each record, and how the file ends.
#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "log/log.h"
#include "log/segment.h"

namespace tape::log {

namespace {

constexpr std::size_t shown_bytes = 60;

std::string printable(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes.substr(0, shown_bytes)) {
        const auto code = static_cast<u8>(byte);
        if (code >= 0x20 && code < 0x7f)
            text += byte;
        else
            text += fmt::format("\\x{:02x}", code);
    }
    if (bytes.size() > shown_bytes) text += "…";
    return text;
}

std::string_view state_text(HeaderState state) {
    switch (state) {
        case HeaderState::good:
            return "good";
        case HeaderState::blank:
            return "blank";
        case HeaderState::damaged:
            return "damaged";
    }
    return "unknown";
}

}  // namespace

Result<void> inspect(const std::filesystem::path& segment,
                     const std::function<void(std::string_view line)>& print) {
    const std::string stem = segment.stem().string();
    Offset base;
    const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), base.value);
    if (error != std::errc())
        return user_error(fmt::format("{} is not named like a segment", segment.string()));
    Result<File> opened = File::open(segment, O_RDONLY);
    if (!opened) return opened.error();
    const auto file = std::make_shared<const File>(std::move(*opened));
    const Result<HeaderState> header = check_header(*file, base);
    if (!header) return header.error();
    const Result<i64> size = file->size();
    if (!size) return size.error();
    print(fmt::format("segment {} format {} header {} bytes {}", base.value, format_version,
                      state_text(*header), *size));

    SegmentCursor cursor(file, base);
    Record record;
    for (;;) {
        const i64 position = cursor.position();
        const Result<SegmentCursor::Step> step = cursor.next(record);
        if (!step) return step.error();
        switch (*step) {
            case SegmentCursor::Step::record:
                print(fmt::format("{} {} {} {} {}", record.offset.value, to_string(record.kind),
                                  format_rfc3339(record.ts_recv), record.payload.size(),
                                  printable(record.payload)));
                continue;
            case SegmentCursor::Step::seal:
                print(fmt::format("sealed: {} records", cursor.offset().value - base.value));
                return {};
            case SegmentCursor::Step::blank:
                print(fmt::format("live: {} records in {} bytes",
                                  cursor.offset().value - base.value, position));
                return {};
            case SegmentCursor::Step::broken:
                print(fmt::format("broken at byte {}: record {} cannot be read", position,
                                  cursor.offset().value));
                const Result<bool> more = cursor.resync({INT64_MAX});
                if (!more) return more.error();
                if (!*more) return {};
                print(fmt::format("goes on at byte {} with record {}", cursor.position(),
                                  cursor.offset().value));
        }
    }
}

}  // namespace tape::log
