#include "log/space_guard.h"

#include <fmt/core.h>
#include <sys/statvfs.h>

#include <cerrno>

#include "log/file.h"

namespace tape::log {

constexpr i64 bytes_between_checks = 4 << 20;

Result<void> SpaceGuard::admit(i64 bytes) {
    if (bytes > allowance_) {
        allowance_ = 0;
        if (auto enough = check(bytes); !enough) return enough;
        allowance_ = bytes_between_checks + bytes;
    }
    allowance_ -= bytes;
    return {};
}

Result<void> SpaceGuard::check(i64 bytes) const {
    struct statvfs status{};
    if (::statvfs(folder_.c_str(), &status) != 0)
        return file_error("ask the free space of", folder_, errno);
    const i64 free = static_cast<i64>(status.f_bavail) * static_cast<i64>(status.f_frsize);
    if (free - bytes >= reserve_bytes_) return {};
    return external_error(fmt::format("{}: disk full: {} bytes are free, {} are kept in reserve",
                                      folder_.string(), free, reserve_bytes_),
                          Retry::backoff);
}

}  // namespace tape::log
