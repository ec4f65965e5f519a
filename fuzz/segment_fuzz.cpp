// Any bytes may stand in a segment file: reader, inspection and recovery give records or errors,
// and never crash or hang. Because a checksum stops nearly all random bytes at once, most inputs
// are patches to a whole segment instead. TMPDIR should name a folder in memory: each input makes
// files there.
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/log.h"
#include "log/log.h"
#include "log/segment.h"

namespace {

namespace fs = std::filesystem;
using namespace tape;

constexpr Offset base{0};
constexpr i64 records = 20;

enum Flags : u8 { raw = 1, sealed = 2, has_successor = 4, cut_short = 8 };

std::string whole_segment(u8 flags) {
    std::string bytes = log::encode_header(base, {});
    for (i64 i = 0; i < records; ++i)
        log::encode_record(bytes, base, {i}, static_cast<u8>(log::RecordKind::frame), {i},
                           std::string(static_cast<std::size_t>(i * 5), 'x'));
    if ((flags & sealed) != 0) log::encode_seal(bytes, base, {records}, {records});
    return bytes;
}

// A flag byte, then the file as it stands, or patches {u16 position, u8 what to flip} to a whole
// segment.
std::string make_segment(u8 flags, std::string_view input) {
    if ((flags & raw) != 0) return std::string(input);
    std::string bytes = whole_segment(flags);
    for (; input.size() >= 3; input.remove_prefix(3)) {
        u16 position = 0;
        std::memcpy(&position, input.data(), sizeof position);
        bytes[position % bytes.size()] ^= input[2];
        if ((flags & cut_short) != 0 && input.size() < 6) bytes.resize(position % bytes.size());
    }
    return bytes;
}

void store(const fs::path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), std::ssize(bytes));
}

// Reads all there is, stepping over damage.
void read_all(const fs::path& folder) {
    const auto reader = log::LogReader::open(folder);
    if (!reader) return;
    Offset next;
    for (;;) {
        const auto batch = (*reader)->read(7);
        if (!batch && !(*reader)->skip_damage()) return;
        if (!batch) continue;
        if (batch->empty()) break;
        for (const log::Record& record : *batch) {
            ensure(record.offset >= next, "offsets ascend");
            next = {record.offset.value + 1};
        }
    }
    ensure((*reader)->end().has_value(), "the end can be told");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size) {
    if (size == 0) return 0;
    set_log_level(LogLevel::off);
    static const fs::path folder =
        fs::temp_directory_path() / fmt::format("tape-fuzz-{}", ::getpid());
    fs::create_directory(folder);
    const u8 flags = data[0];
    store(log::segment_path(folder, base),
          make_segment(flags, {reinterpret_cast<const char*>(data + 1), size - 1}));
    if ((flags & has_successor) != 0)
        store(log::segment_path(folder, {records}), log::encode_header({records}, {}));

    read_all(folder);
    if (!log::inspect(log::segment_path(folder, base), [](std::string_view) {})) {
    }
    if (const auto writer = log::LogWriter::open(
            folder, {.segment_bytes = 4096, .sync_interval = {}, .reserve_bytes = 0})) {
        const auto appended = (*writer)->append(log::RecordKind::frame, {}, "behind it all");
        ensure(appended && (*writer)->sync(), "a recovered log can be appended to");
        const auto reader = log::LogReader::open(folder);
        ensure(reader && (*reader)->seek(*appended), "a recovered log can be read");
        const auto batch = (*reader)->read(1);
        ensure(batch && batch->size() == 1 && batch->front().payload == "behind it all",
               "what was appended is read");
    }
    fs::remove_all(folder);
    return 0;
}
