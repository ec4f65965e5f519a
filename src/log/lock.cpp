#include "log/lock.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

namespace tape::log {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view lock_name = "lock";

std::string owner_of(const File& lock) {
    char text[32] = {};
    const Result<i64> read = lock.read_at(text, sizeof text - 1, 0);
    const std::string_view line(text, read ? static_cast<std::size_t>(*read) : 0);
    const std::string_view number = line.substr(0, line.find('\n'));
    return number.empty() ? "another process" : fmt::format("process {}", number);
}

}  // namespace

bool is_partition(const fs::path& folder) {
    std::error_code code;
    if (fs::exists(folder / lock_name, code)) return true;
    return std::ranges::any_of(
        fs::directory_iterator(folder, code),
        [](const fs::directory_entry& entry) { return entry.path().extension() == ".seg"; });
}

Result<File> lock_partition(const fs::path& named) {
    std::error_code code;
    const fs::path folder = fs::weakly_canonical(named, code);
    if (code) return file_error("find", named, code.value());
    fs::create_directories(folder, code);
    if (code) return file_error("make", folder, code.value());
    const bool empty = fs::is_empty(folder, code);
    if (code) return file_error("list", folder, code.value());
    if (!empty && !is_partition(folder)) {
        return user_error(
            fmt::format("{} is not a log folder: it holds other files", folder.string()));
    }
    Result<File> lock = File::open(folder / lock_name, O_RDWR | O_CREAT);
    if (!lock) return lock.error();
    if (::flock(lock->descriptor(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return file_error("lock", lock->path(), errno);
        return user_error(fmt::format("{} is in use by {}", folder.string(), owner_of(*lock)));
    }
    if (auto cut = lock->resize(0); !cut) return cut.error();
    if (auto written = lock->write_at(fmt::format("{}\n", ::getpid()), 0);
        !written && written.error().retry == Retry::never) {
        return written.error();
    }
    return lock;
}

}  // namespace tape::log
