// The page, its data and the health of the process over HTTP and WebSocket, on loopback. One thread
// of its own reads the derived logs and serves everybody; questions in SQL, which take long, have
// another. What the server knows of the rest of the program are the functions in Backend.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/time.h"
#include "serve/recent.h"

namespace tape::serve {

struct ServeOptions {
    std::string listen = "127.0.0.1:8080";   // Port 0: any free one.
    bool simulated = false;                  // The page says so in large letters.
    std::filesystem::path derived_log_root;  // A folder a partition; may appear later.
    RecentOptions recent;
    i64 history_records = 300'000;      // Read from before each partition's end at start.
    Nanos poll_interval = millis(10);   // Of the derived logs.
    Nanos live_interval = millis(100);  // Between two updates to one browser.
    Nanos stalled_after = seconds(20);  // A browser that takes nothing for so long is cut off.
};

/// Called from the server's threads: they have to be thread-safe.
struct Backend {
    /// A JSON object, see README.md; quick, it is asked each second.
    std::function<std::string()> status_json;
    /// The result of one SELECT as a JSON object, of at most `limit` rows. It may take seconds, and
    /// stop() waits for it, so it has to have a limit of time or a way to be interrupted. Empty:
    /// there is no warehouse here.
    std::function<Result<std::string>(std::string sql, i64 limit)> sql;
    /// Reads the config again and follows it, or says why not; gives what changed in words. Empty:
    /// not here.
    std::function<Result<std::string>()> reload;
    /// Begins to fetch what `request`, a JSON object, names; gives in words what that is. Empty:
    /// not here.
    std::function<Result<std::string>(const std::string& request)> backfill;
    /// Whether all is well, and if not why.
    std::function<std::pair<bool, std::string>()> ready;
};

class DashboardServer final {
 public:
    /// Errors (user): the address is not one of this machine alone; (external): it is in use, which
    /// names it.
    static Result<std::unique_ptr<DashboardServer>> start(ServeOptions options, Backend backend);
    ~DashboardServer();
    u16 port() const;
    /// "http://127.0.0.1:8080/"
    std::string url() const;
    /// Cuts all connections and ends the threads; called by the destructor too.
    void stop();

 private:
    DashboardServer();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tape::serve
