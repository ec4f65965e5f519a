// The log's seam to the operating system: one open file, and errors that name the file and say
// whether trying again can help (a full disk may be emptied, a broken one is not mended by asking
// twice).
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace tape::log {

/// What the failed system call `code` (an errno) means; `doing` is a verb: "write", "open".
Error file_error(std::string_view doing, const std::filesystem::path& path, int code);
/// Whether `code` says that the disk or the quota is full.
bool is_disk_full(int code);

/// Owns a file descriptor.
class File final {
 public:
    /// open(2) with close-on-exec; a created file is readable by its group.
    static Result<File> open(const std::filesystem::path& path, int flags);
    File(File&& other) noexcept;
    File& operator=(File&& other) noexcept;
    ~File();

    int descriptor() const { return descriptor_; }
    const std::filesystem::path& path() const { return path_; }

    Result<i64> size() const;
    /// Whether the file was removed from its folder since it was opened.
    Result<bool> removed() const;
    /// Fills `out` from `position` on; returns the number of bytes, fewer only at the end of the
    /// file.
    Result<i64> read_at(char* out, i64 size, i64 position) const;
    /// Writes all of `bytes` at `position`. After a full disk a part of them may stand.
    Result<void> write_at(std::string_view bytes, i64 position) const;
    /// Makes the file `size` bytes long.
    Result<void> resize(i64 size) const;
    /// Makes the file at least `size` bytes long with its blocks reserved, where the file system
    /// can; zeros are added.
    Result<void> preallocate(i64 size) const;
    Result<void> rename(const std::filesystem::path& to);
    /// fdatasync, or what a test put in its place.
    Result<void> sync(int (*call)(int) = nullptr) const;

 private:
    File(int descriptor, std::filesystem::path path)
        : descriptor_(descriptor), path_(std::move(path)) {}
    int descriptor_;
    std::filesystem::path path_;
};

/// Makes the names in `folder` durable: files made, renamed and removed.
Result<void> sync_folder(const std::filesystem::path& folder);
/// Errors are file errors; a file that is not there is fine.
Result<void> remove_file(const std::filesystem::path& path);
Result<void> rename_file(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace tape::log
