// The line: the parts of Tickertape put together, in the order of the data's way, and taken apart
// in the same order.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/config.h"
#include "app/data_folder.h"
#include "base/result.h"

namespace tape::app {

/// Which parts run in this process.
struct Parts {
    bool capture = false;  // Exchanges → raw log.
    bool process = false;  // Raw log → windows → lake and warehouse.
    bool serve = false;    // Page, HTTP, SQL.
};

/// Whether any exchange was reached since the start.
enum class Reach : u8 { unknown, some, none };

/// Reads the config again, for a reload.
using Reread = std::function<Result<Config>()>;

class Line final {
 public:
    /// Starts the parts on `folder`, which outlives the line. Errors: as those of the parts;
    /// nothing runs then.
    static Result<std::unique_ptr<Line>> start(const Config& config, const DataFolder& folder,
                                               Parts parts, DataKind kind, Reread reread);
    /// Stops.
    ~Line();

    /// "127.0.0.1:8080"; empty when nothing is served.
    std::string address() const;
    Reach reach() const;
    /// Why each slot is not connected, one a line.
    std::string causes() const;
    /// Follows the sources and windows that the config names now; the sockets of unchanged ones
    /// stay as they are. Gives a word on what changed. Errors: the config's, then nothing has
    /// changed; this process captures nothing. Thread-safe.
    Result<std::string> reload();
    /// Stops in the order of the data's way, each part taking what the one before it left: nothing
    /// is cut off. Error: something could not be stored; it is not lost but waits in the log.
    Result<void> stop();

 private:
    Line();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tape::app
