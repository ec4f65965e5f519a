// Group commit: makes what a writer wrote durable, in a thread of its own, so that the appending
// thread never waits for the disk unless it asks to. One fdatasync covers all writes before it.
//
// An error of fdatasync is final. The kernel drops the pages that it could not write and reports
// the error once; a second call that succeeds would say nothing about them (the lesson of
// PostgreSQL's "fsyncgate", 2018). The writer has to be opened anew, and recovery looks at what is
// really there.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "base/time.h"
#include "log/file.h"

namespace tape::log {

class Syncer final {
 public:
    struct Options {
        Nanos interval;    // The longest that a write stays unsynced; 0: until sync().
        i64 bytes;         // So many unsynced bytes do not wait for the interval.
        int (*call)(int);  // In the place of fdatasync, or null.
    };
    Syncer(std::filesystem::path folder, Offset durable, const Options& options, Counter syncs);
    /// Stops the thread; what is still unsynced stays so.
    ~Syncer();
    Syncer(const Syncer&) = delete;
    Syncer& operator=(const Syncer&) = delete;

    /// `bytes` were written to `file`: all records before `end` are in the page cache now.
    void wrote(const std::shared_ptr<const File>& file, Offset end, i64 bytes);
    /// A file was made, renamed or removed: the folder has to be synced as well.
    void changed_folder();
    /// Returns when all that was told is durable.
    Result<void> sync();
    /// After a truncation: nothing from `end` on is durable any more.
    void lower(Offset end);

    Offset durable() const { return {durable_.load(std::memory_order_acquire)}; }
    /// Files with unsynced writes.
    i64 unsynced_files() const;
    /// The error that ended this syncer's work.
    std::optional<Error> failure() const;

 private:
    struct Work {
        std::vector<std::shared_ptr<const File>> files;
        bool folder{};
        i64 end{};
        i64 bytes{};
        bool empty() const { return files.empty() && !folder; }
    };
    void run();
    void perform_pending(std::unique_lock<std::mutex>& lock);
    Result<void> perform(const Work& work) const;

    const std::filesystem::path folder_;
    const Options options_;
    const Counter syncs_;
    std::atomic<i64> durable_;
    std::atomic<bool> failed_{};

    mutable std::mutex mutex_;
    std::condition_variable wake_;  // There is work, or the end.
    std::condition_variable idle_;  // No fdatasync is under way.
    Work pending_;
    i64 files_under_way_{};
    bool busy_{};
    bool stopping_{};
    std::optional<Error> failure_;
    std::jthread thread_;
};

}  // namespace tape::log
