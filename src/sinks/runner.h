// Feeds one sink from the derived log in a thread of its own: follows every partition, also those
// that appear later, writes in batches, commits when the sink is due, and tries again where an
// error may pass. A slow sink lags; nobody waits for it.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/doorbell.h"
#include "base/result.h"
#include "base/time.h"
#include "sinks/sink.h"

namespace tape::sinks {

struct RunnerOptions {
    std::filesystem::path derived;  // Root of the derived log.
    i64 batch_records = 4096;
    Nanos poll =
        millis(100);  // The longest sleep between two looks at the log: batches, not single rows.
    Nanos rescan = seconds(1);     // Between two looks for new partitions.
    Nanos remember = seconds(10);  // Between two notes for retention of how far the sink is.
    Nanos backoff_min = millis(200), backoff_max = seconds(30);
    Nanos drain_limit = seconds(
        3);  // What stop() gives the sink to catch up; the rest is done after the next start.
};

struct SinkStatus {
    std::string name;
    bool
        running{};  // False before start, after stop, and for good after an error that cannot pass.
    i64 rows{}, commits{},
        errors{};            // Derived records committed; commits; failures since the start.
    i64 lag_records{};       // Derived records not yet committed, as of the last look.
    std::string last_error;  // Empty once a commit succeeded again.
};

class SinkRunner final {
 public:
    /// `barrier` makes the raw logs durable: what a sink commits must not outlive what it was made
    /// from. It is called in the runner's thread, before each commit. It and what `sink` uses
    /// outlive the runner.
    SinkRunner(std::unique_ptr<Sink> sink, RunnerOptions options,
               std::function<Result<void>()> barrier);
    ~SinkRunner();

    void start();
    /// Takes what the log holds now, commits, ends the thread. Nothing is lost if time runs out:
    /// positions say where to go on.
    void stop();

    /// Ring it to make the runner look at once; it looks by itself every `poll`.
    Doorbell& bell();
    SinkStatus status() const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tape::sinks
