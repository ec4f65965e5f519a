#include "log/file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace tape::log {

namespace fs = std::filesystem;

bool is_disk_full(int code) {
    return code == ENOSPC || code == EDQUOT;
}

Error file_error(std::string_view doing, const fs::path& path, int code) {
    const bool may_pass = is_disk_full(code) || code == EMFILE || code == ENFILE || code == ENOMEM;
    return external_error(fmt::format("cannot {} {}: {}", doing, path.string(),
                                      std::generic_category().message(code)),
                          may_pass ? Retry::backoff : Retry::never);
}

Result<File> File::open(const fs::path& path, int flags) {
    const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
    if (descriptor < 0) return file_error("open", path, errno);
    return File(descriptor, path);
}

File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(path_, other.path_);
    return *this;
}

File::~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<i64> File::size() const {
    struct stat status{};
    if (::fstat(descriptor_, &status) != 0) return file_error("examine", path_, errno);
    return status.st_size;
}

Result<bool> File::removed() const {
    struct stat status{};
    if (::fstat(descriptor_, &status) != 0) return file_error("examine", path_, errno);
    return status.st_nlink == 0;
}

Result<i64> File::read_at(char* out, i64 size, i64 position) const {
    i64 done = 0;
    while (done < size) {
        const ssize_t n = ::pread(descriptor_, out + done, static_cast<std::size_t>(size - done),
                                  position + done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return file_error("read", path_, errno);
        if (n == 0) break;
        done += n;
    }
    return done;
}

Result<void> File::write_at(std::string_view bytes, i64 position) const {
    while (!bytes.empty()) {
        const ssize_t n = ::pwrite(descriptor_, bytes.data(), bytes.size(), position);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return file_error("write", path_, errno);
        bytes.remove_prefix(static_cast<std::size_t>(n));
        position += n;
    }
    return {};
}

Result<void> File::resize(i64 size) const {
    if (::ftruncate(descriptor_, size) != 0) return file_error("resize", path_, errno);
    return {};
}

Result<void> File::preallocate(i64 size) const {
    const Result<i64> present = this->size();
    if (!present) return present.error();
    if (*present >= size) return {};
    int outcome = 0;
    while ((outcome = ::fallocate(descriptor_, 0, *present, size - *present)) != 0 &&
           errno == EINTR) {
    }
    if (outcome == 0) return {};
    if (errno == EOPNOTSUPP) return resize(size);
    return file_error("reserve space for", path_, errno);
}

Result<void> File::rename(const fs::path& to) {
    if (auto renamed = rename_file(path_, to); !renamed) return renamed;
    path_ = to;
    return {};
}

Result<void> File::sync(int (*call)(int)) const {
    if ((call != nullptr ? call : ::fdatasync)(descriptor_) != 0)
        return file_error("sync", path_, errno);
    return {};
}

Result<void> sync_folder(const fs::path& folder) {
    const Result<File> opened = File::open(folder, O_RDONLY | O_DIRECTORY);
    if (!opened) return opened.error();
    if (::fsync(opened->descriptor()) != 0) return file_error("sync", folder, errno);
    return {};
}

Result<void> remove_file(const fs::path& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return file_error("remove", path, errno);
    return {};
}

Result<void> rename_file(const fs::path& from, const fs::path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) return file_error("rename", from, errno);
    return {};
}

}  // namespace tape::log
