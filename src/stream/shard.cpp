#include "stream/shard.h"

#include <utility>

#include "base/log.h"

namespace tape::stream {

Shard::Shard(std::vector<std::unique_ptr<PartitionTask>> tasks, ShardOptions options)
    : options_(options),
      tasks_(std::move(tasks)),
      pauses_(tasks_.size()),
      thread_([this] { run(); }) {}

Shard::~Shard() {
    stop();
}

void Shard::stop() {
    stopping_ = true;
    bell_.ring();
    if (thread_.joinable()) thread_.join();
}

std::vector<TaskStatus> Shard::status() const {
    std::vector<TaskStatus> all;
    for (const auto& task : tasks_) all.push_back(task->status());
    return all;
}

void Shard::run() {
    while (!stopping_) {
        bool worked = false;
        for (std::size_t i = 0; i < tasks_.size(); ++i) worked |= step(i);
        if (!worked) bell_.wait(options_.look_after);
    }
    drain();
}

// True if there was something to do.
bool Shard::step(std::size_t index) {
    Pause& pause = pauses_[index];
    PartitionTask& task = *tasks_[index];
    if (pause.paused) {
        if (pause.for_good || steady_clock() < pause.until) return false;
        pause.paused = false;
        if (auto restored = task.restore(); !restored) {
            note(index, restored.error());
            return false;
        }
        log_info("{} goes on", task.status().partition);
    }
    auto count = task.step();
    if (!count) note(index, count.error());
    return count && *count > 0;
}

// Only up to what is readable now: a writer that goes on does not keep this thread.
void Shard::drain() {
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
        PartitionTask& task = *tasks_[i];
        if (pauses_[i].paused) continue;
        const auto end = task.readable_end();
        if (!end) note(i, end.error());
        while (!pauses_[i].paused && task.status().input < *end && step(i)) {
        }
        if (pauses_[i].paused) continue;
        if (auto stored = task.checkpoint(); !stored) note(i, stored.error());
    }
}

void Shard::note(std::size_t index, const Error& error) {
    const bool for_good = error.retry == Retry::never;
    pauses_[index] = {
        .paused = true, .for_good = for_good, .until = steady_clock() + options_.retry_after};
    log_error("{} stops{}: {}", tasks_[index]->status().partition, for_good ? "" : " for a while",
              error.what);
}

}  // namespace tape::stream
