// The data folder: one root for all that a pipeline stores. It says of itself which format it has
// and whether its data are real or simulated, so that the two never mix, and each role in it has
// one owner at a time.
//
// clang-format off
//   tape.json                    {"format":1,"kind":"live"}
//   capture.lock, process.lock   held by the process that owns the raw log, or what is right of it
//   symbols.json                 what "*" stood for last time, by venue and quote
//   log/raw/<slot>/              the raw log
//   log/derived/<slot>/          ticks, windows, gaps, … on their way to the sinks
//   checkpoints/<slot>/          the engine's state
//   lake/, warehouse.duckdb      the results
// clang-format on
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "app/config.h"
#include "base/result.h"

namespace tape::app {

enum class DataKind : u8 { live, simulated };

/// Who may hold a folder at a time: one process for each role.
enum class Role : u8 { capture, process };

/// Where a line reads and writes. A replay takes `raw` from one folder and the rest from another.
struct Paths {
    std::filesystem::path raw, derived, checkpoints, lake, warehouse, symbols;
};

class DataFolder final {
 public:
    /// The folder at `root` with the relative URIs of `config` resolved in it; nothing is touched.
    DataFolder(std::filesystem::path root, const Config& config);

    /// Makes the folder if there is none. Errors: it holds data of the other kind, is of a newer
    /// format, or is a non-empty folder of something else.
    Result<void> claim(DataKind kind);
    /// Errors: as claim(), and when there is no data folder at all.
    Result<DataKind> kind() const;

    /// Keeps `role` until the process ends. Error: another process has it; names its pid.
    Result<void> lock(Role role);
    /// Notes for others where this process serves, in the lock file of `role`.
    void announce(Role role, const std::string& address) const;
    /// Where the process that holds `role` serves: none when nobody holds it, "" when it serves
    /// nowhere.
    std::optional<std::string> holder(Role role) const;

    const std::filesystem::path& root() const { return root_; }
    const Paths& paths() const { return paths_; }

 private:
    std::filesystem::path lock_path(Role role) const;

    struct Lock {
        int descriptor = -1;
        Lock() = default;
        Lock(Lock&& other) noexcept : descriptor(std::exchange(other.descriptor, -1)) {}
        Lock& operator=(Lock&& other) noexcept {
            std::swap(descriptor, other.descriptor);
            return *this;
        }
        ~Lock();
    };

    std::filesystem::path root_;
    Paths paths_;
    Lock locks_[2];
};

}  // namespace tape::app
