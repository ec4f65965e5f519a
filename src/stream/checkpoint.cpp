#include "stream/checkpoint.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

#include "base/log.h"
#include "log/crc32c.h"
#include "stream/state.h"

namespace tape::stream {
namespace {

namespace fs = std::filesystem;

constexpr std::array<char, 8> magic{'t', 'a', 'p', 'e', 'c', 'k', 'p', 't'};
constexpr u32 format_version = 1;
constexpr std::size_t kept = 2;

struct Header {
    std::array<char, 8> magic;
    u32 version;
    u32 body_crc;
    u64 body_size;
};
static_assert(sizeof(Header) == 24);

// Checkpoint files carry a number that counts up, at a fixed width, so that names sort by age.
std::vector<fs::path> files_oldest_first(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored))
        if (entry.path().extension() == ".checkpoint") files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

i64 number_of(const fs::path& file) {
    return std::strtoll(file.stem().c_str(), nullptr, 10);
}

Error io_error(std::string_view doing, const fs::path& path) {
    return external_error(fmt::format("{} {}: {}", doing, path.string(), std::strerror(errno)));
}

std::string to_bytes(const Checkpoint& checkpoint) {
    std::string body;
    StateWriter out(body);
    out.put(checkpoint.input);
    out.put(checkpoint.output);
    out.put(static_cast<i64>(checkpoint.epochs.size()));
    for (const EpochStart& epoch : checkpoint.epochs) out.put(epoch);
    out.text(checkpoint.state);
    const Header header{magic, format_version, log::crc32c(0, body), body.size()};
    return std::string(reinterpret_cast<const char*>(&header), sizeof header) + body;
}

// The checkpoint in `bytes`; none if they are damaged.
Result<std::optional<Checkpoint>> from_bytes(std::string_view bytes, const fs::path& file) {
    Header header;
    if (bytes.size() < sizeof header) return std::nullopt;
    std::memcpy(&header, bytes.data(), sizeof header);
    const std::string_view body = bytes.substr(sizeof header);
    if (header.magic != magic) return std::nullopt;
    if (header.version > format_version)
        return user_error(
            fmt::format("{} has format version {}; this build knows {}: use a newer build",
                        file.string(), header.version, format_version));
    if (header.version != format_version || header.body_size != body.size() ||
        header.body_crc != log::crc32c(0, body))
        return std::nullopt;
    StateReader in(body);
    Checkpoint checkpoint;
    checkpoint.input = in.get<Offset>();
    checkpoint.output = in.get<Offset>();
    for (i64 epochs = in.count(); epochs > 0; --epochs)
        checkpoint.epochs.push_back(in.get<EpochStart>());
    checkpoint.state = in.text();
    if (in.failed() || !in.at_end()) return std::nullopt;
    return checkpoint;
}

Result<void> write_synced(const fs::path& file, std::string_view bytes) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return io_error("cannot write", file);
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) break;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    const bool failed = !bytes.empty() || ::fsync(fd) != 0;
    const Error error = io_error("cannot write", file);  // Before close() changes errno.
    ::close(fd);
    if (failed) return error;
    return {};
}

Result<void> sync_folder(const fs::path& folder) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return io_error("cannot open", folder);
    const bool failed = ::fsync(fd) != 0;
    const Error error = io_error("cannot sync", folder);
    ::close(fd);
    if (failed) return error;
    return {};
}

}  // namespace

Result<void> store_checkpoint(const fs::path& folder, const Checkpoint& checkpoint) {
    std::error_code error;
    fs::create_directories(folder, error);
    std::vector<fs::path> files = files_oldest_first(folder);
    const i64 number = files.empty() ? 1 : number_of(files.back()) + 1;
    const fs::path file = folder / fmt::format("{:020}.checkpoint", number);
    const fs::path aside = folder / "next.tmp";
    if (auto written = write_synced(aside, to_bytes(checkpoint)); !written) return written.error();
    fs::rename(aside, file, error);
    if (error)
        return external_error(fmt::format("cannot rename {}: {}", aside.string(), error.message()));
    if (auto synced = sync_folder(folder); !synced) return synced.error();
    files.push_back(file);
    for (std::size_t i = 0; i + kept < files.size(); ++i) fs::remove(files[i], error);
    return {};
}

Result<std::vector<Checkpoint>> load_checkpoints(const fs::path& folder) {
    std::vector<fs::path> files = files_oldest_first(folder);
    std::vector<Checkpoint> checkpoints;
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
        std::ifstream in(*file, std::ios::binary);
        const std::string bytes((std::istreambuf_iterator<char>(in)), {});
        auto checkpoint = from_bytes(bytes, *file);
        if (!checkpoint) return checkpoint.error();
        if (*checkpoint)
            checkpoints.push_back(std::move(**checkpoint));
        else
            log_warn("checkpoint {} is damaged and passed over", file->string());
    }
    return checkpoints;
}

}  // namespace tape::stream
