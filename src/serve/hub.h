// Follows the derived logs into memory, from a while before their ends. It only reads: what it has
// shown is nobody's position, and a restart begins again at the end.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "log/log.h"
#include "serve/recent.h"

namespace tape::serve {

class Hub final {
 public:
    /// `root` holds a folder a partition; it and they may appear later. `recent` outlives the hub.
    Hub(std::filesystem::path root, i64 history_records, Recent& recent);

    /// Opens partitions that are new since the last call, and reopens those whose reader failed.
    void find_partitions();
    /// Reads what is new, a bounded number of records of each partition; whether there may be more
    /// at once. `now` is the wall clock's.
    bool poll(Nanos now);

    /// How old the newest record was when it was read: from the socket to here. None before the
    /// first one.
    std::optional<Nanos> lag() const { return lag_; }
    /// When poll() last found a record.
    std::optional<Nanos> last_record() const { return last_record_; }

 private:
    Result<void> open(const std::string& partition);
    Result<i64> read_some(log::LogReader& reader, Nanos now);
    void take(const log::Record& record);

    std::filesystem::path root_;
    i64 history_records_;
    Recent& recent_;
    std::map<std::string, std::unique_ptr<log::LogReader>> readers_;
    std::optional<Nanos> lag_, last_record_;
};

}  // namespace tape::serve
