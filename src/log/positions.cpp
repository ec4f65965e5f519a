#include "log/positions.h"

#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "log/crc32c.h"
#include "log/file.h"
#include "log/log.h"

namespace tape::log {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view extension = ".position";
constexpr i64 text_limit_bytes = 128;

// "tape-position 1 <next offset>"; the line of a file has the CRC-32C of this text, in hex, behind
// it.
std::string signed_text(Offset next) {
    return fmt::format("tape-position 1 {}", next.value);
}

Result<fs::path> path_of(const fs::path& folder, std::string_view reader) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
    };
    if (reader.empty() || reader.size() > 100 || reader.front() == '.' ||
        !std::ranges::all_of(reader, allowed)) {
        return user_error(fmt::format(
            "'{}' cannot name a log reader: use letters, digits, '-', '_' and '.'", reader));
    }
    return folder / fmt::format("{}{}", reader, extension);
}

Result<std::optional<Offset>> read_position(const fs::path& path) {
    std::error_code code;
    if (!fs::exists(path, code)) return std::optional<Offset>();
    const Result<File> file = File::open(path, O_RDONLY);
    if (!file) return file.error();
    char bytes[text_limit_bytes];
    const Result<i64> size = file->read_at(bytes, text_limit_bytes, 0);
    if (!size) return size.error();
    const std::string_view text(bytes, static_cast<std::size_t>(*size));
    constexpr std::string_view start = "tape-position ";
    if (text.starts_with(start) && !text.starts_with("tape-position 1 ")) {
        return user_error(
            fmt::format("{} has a newer format than this program knows", path.string()));
    }
    Offset next;
    const std::size_t number = std::min(text.size(), start.size() + 2);
    std::from_chars(text.data() + number, text.data() + text.size(), next.value);
    const std::string expected = signed_text(next);
    if (text != fmt::format("{} {:08x}\n", expected, crc32c(0, expected))) {
        return internal_error(fmt::format(
            "{} is damaged: remove it to start that reader at the log's beginning", path.string()));
    }
    return std::optional<Offset>(next);
}

}  // namespace

Result<void> store_position(const fs::path& folder, std::string_view reader, Offset next) {
    const Result<fs::path> path = path_of(folder, reader);
    if (!path) return path.error();
    fs::path aside = *path;
    aside += ".new";
    const std::string text = signed_text(next);
    const Result<File> file = File::open(aside, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file) return file.error();
    if (auto written = file->write_at(fmt::format("{} {:08x}\n", text, crc32c(0, text)), 0);
        !written)
        return written;
    if (auto synced = file->sync(); !synced) return synced;
    return rename_file(aside, *path);
}

Result<std::optional<Offset>> load_position(const fs::path& folder, std::string_view reader) {
    const Result<fs::path> path = path_of(folder, reader);
    if (!path) return path.error();
    return read_position(*path);
}

Result<std::optional<Offset>> lowest_position(const fs::path& folder) {
    std::optional<Offset> lowest;
    std::error_code code;
    fs::directory_iterator entry(folder, code);
    for (; !code && entry != fs::directory_iterator(); entry.increment(code)) {
        if (entry->path().extension() != extension) continue;
        const Result<std::optional<Offset>> position = read_position(entry->path());
        if (!position) return position.error();
        if (*position && (!lowest || **position < *lowest)) lowest = *position;
    }
    if (code) return file_error("list", folder, code.value());
    return lowest;
}

}  // namespace tape::log
