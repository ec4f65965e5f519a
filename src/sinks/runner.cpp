#include "sinks/runner.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/metrics.h"
#include "log/log.h"

namespace tape::sinks {

struct SinkRunner::Impl {
    struct Partition {
        std::unique_ptr<log::LogReader> reader;
        i64 unsaved{};  // Records written to the sink since the last commit.
    };

    // One life after another, until stopped or an error that cannot pass.
    void run();
    // Follows the log from where the sink stands; returns when drained after stop(), or with what
    // went wrong.
    Result<void> follow();
    Result<void> scan();
    Result<void> add_partition(const std::string& name);
    // Gives the sink what there is, up to a batch of each partition; gives the number of records.
    Result<i64> pump();
    Result<void> commit();
    Result<void> remember_positions();
    void measure_lag();
    void wait_out(Nanos pause);
    bool out_of_time() const { return stopping && steady_clock() >= stop_deadline.load(); }

    std::unique_ptr<Sink> sink;
    RunnerOptions options;
    std::function<Result<void>()> barrier;
    Doorbell bell;

    std::map<std::string, Partition> partitions;
    Nanos next_scan{}, next_note{}, pause{};

    std::atomic<bool> stopping{};
    std::atomic<Nanos> stop_deadline{};
    mutable std::mutex status_mutex;
    SinkStatus status;
    Counter rows, commits, errors;
    Gauge lag;
    std::thread thread;
};

SinkRunner::SinkRunner(std::unique_ptr<Sink> sink, RunnerOptions options,
                       std::function<Result<void>()> barrier)
    : impl_(std::make_unique<Impl>()) {
    const Labels labels{{"sink", std::string(sink->name())}};
    impl_->status.name = sink->name();
    impl_->sink = std::move(sink);
    impl_->options = std::move(options);
    impl_->barrier = std::move(barrier);
    impl_->rows = counter("tape_sink_rows_total", labels);
    impl_->commits = counter("tape_sink_commits_total", labels);
    impl_->errors = counter("tape_sink_errors_total", labels);
    impl_->lag = gauge("tape_sink_lag_records", labels);
}

SinkRunner::~SinkRunner() {
    stop();
}

void SinkRunner::start() {
    ensure(!impl_->thread.joinable(), "a sink runner is started once");
    impl_->status.running = true;
    impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

void SinkRunner::stop() {
    impl_->stop_deadline = steady_clock() + impl_->options.drain_limit;
    impl_->stopping = true;
    impl_->bell.ring();
    if (impl_->thread.joinable()) impl_->thread.join();
}

Doorbell& SinkRunner::bell() {
    return impl_->bell;
}

SinkStatus SinkRunner::status() const {
    const std::lock_guard lock(impl_->status_mutex);
    return impl_->status;
}

void SinkRunner::Impl::run() {
    pause = options.backoff_min;
    bool last_try = false;
    while (true) {
        const Result<void> followed = follow();
        partitions.clear();
        if (followed) break;
        const Error& error = followed.error();
        errors.add();
        {
            const std::lock_guard lock(status_mutex);
            ++status.errors;
            status.last_error = error.what;
        }
        if (error.retry == Retry::never) {
            log_error("sink {}: {}; it stops here and takes nothing more until the next start",
                      sink->name(), error.what);
            break;
        }
        log_warn("sink {}: {}; trying again in {}", sink->name(), error.what,
                 format_duration(pause));
        if (!stopping)
            wait_out(pause);
        else if (std::exchange(last_try, true))
            break;  // The rest is done after the next start.
        pause = std::min(pause + pause, options.backoff_max);
    }
    const std::lock_guard lock(status_mutex);
    status.running = false;
}

Result<void> SinkRunner::Impl::follow() {
    next_scan = {};
    while (true) {
        const bool last_look =
            stopping;  // Asked before the look: what was there at stop() is taken.
        if (steady_clock() >= next_scan || last_look) {
            if (auto scanned = scan(); !scanned) return scanned;
        }
        const Result<i64> taken = pump();
        if (!taken) return taken.error();
        const bool done = last_look && (*taken == 0 || out_of_time());
        if (done || sink->due(steady_clock())) {
            if (auto committed = commit(); !committed) return committed;
        }
        if (done) return remember_positions();
        // A nearly empty log is left to fill for a moment, so that the sink gets batches; a long
        // one is read on at once.
        if (*taken < options.batch_records / 2 && !last_look) bell.wait(options.poll);
    }
}

Result<void> SinkRunner::Impl::scan() {
    next_scan = steady_clock() + options.rescan;
    std::error_code ignored;
    if (!std::filesystem::exists(options.derived, ignored)) return {};
    const auto names = log::list_partitions(options.derived);
    if (!names) return names.error();
    for (const std::string& name : *names) {
        if (partitions.contains(name)) continue;
        if (auto added = add_partition(name); !added) return added;
    }
    measure_lag();
    return {};
}

Result<void> SinkRunner::Impl::add_partition(const std::string& name) {
    const auto next = sink->resume(name);
    if (!next) return next.error();
    auto reader = log::LogReader::open(options.derived / name);
    if (!reader) return reader.error();
    if (auto sought = (*reader)->seek(*next); !sought) return sought;
    const Offset at = (*reader)->position();
    if (at > *next)
        return internal_error(
            fmt::format("the derived log {} begins at record {}, but {} needs it from {} on", name,
                        at.value, sink->name(), next->value));
    partitions.emplace(name, Partition{std::move(*reader)});
    return {};
}

Result<i64> SinkRunner::Impl::pump() {
    i64 taken = 0;
    for (auto& [name, partition] : partitions) {
        const auto records = partition.reader->read(options.batch_records);
        if (!records) return records.error();
        if (records->empty()) continue;
        if (auto written = sink->write(name, *records); !written) return written.error();
        partition.unsaved += std::ssize(*records);
        taken += std::ssize(*records);
    }
    return taken;
}

Result<void> SinkRunner::Impl::commit() {
    if (auto durable = barrier(); !durable) return durable;
    for (auto& [name, partition] : partitions)
        if (auto synced = partition.reader->sync(); !synced) return synced;
    if (auto committed = sink->commit(); !committed) return committed;
    i64 saved = 0;
    for (auto& [name, partition] : partitions) saved += std::exchange(partition.unsaved, 0);
    rows.add(saved);
    commits.add();
    pause = options.backoff_min;
    {
        const std::lock_guard lock(status_mutex);
        status.rows += saved;
        ++status.commits;
        status.last_error.clear();
    }
    return steady_clock() >= next_note ? remember_positions() : Result<void>{};
}

Result<void> SinkRunner::Impl::remember_positions() {
    next_note = steady_clock() + options.remember;
    for (const auto& [name, partition] : partitions) {
        const auto next = sink->resume(name);
        if (!next) return next.error();
        if (auto stored = log::store_position(options.derived / name, sink->name(), *next); !stored)
            return stored;
    }
    measure_lag();
    return {};
}

void SinkRunner::Impl::measure_lag() {
    i64 records = 0;
    for (auto& [name, partition] : partitions) {
        const auto end = partition.reader->end();
        if (end)
            records += std::max<i64>(0, end->value - partition.reader->position().value) +
                       partition.unsaved;
    }
    lag.set(static_cast<double>(records));
    const std::lock_guard lock(status_mutex);
    status.lag_records = records;
}

void SinkRunner::Impl::wait_out(Nanos span) {
    const Nanos until = steady_clock() + span;
    while (!stopping && steady_clock() < until)
        bell.wait(std::min(until - steady_clock(), options.poll));
}

}  // namespace tape::sinks
