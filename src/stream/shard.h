// A thread that steps partition tasks in turn and sleeps while there is nothing to read. Which task
// runs when has no influence on what any of them writes.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "base/doorbell.h"
#include "base/result.h"
#include "stream/task.h"

namespace tape::stream {

struct ShardOptions {
    Nanos look_after =
        millis(100);  // Logs written by another process ring no bell: looked at this often.
    Nanos retry_after = seconds(1);  // How long a task rests after an error that may pass.
};

class Shard final {
 public:
    /// Runs `tasks` from now on.
    explicit Shard(std::vector<std::unique_ptr<PartitionTask>> tasks, ShardOptions options = {});
    /// stop().
    ~Shard();

    /// Processes what is readable at this moment, stores a checkpoint of every task and ends the
    /// thread.
    void stop();

    /// To be rung when a raw log has new records; hand it to LogWriter::ring_on_flush().
    Doorbell& bell() { return bell_; }
    const std::vector<std::unique_ptr<PartitionTask>>& tasks() const { return tasks_; }
    std::vector<TaskStatus> status() const;

 private:
    struct Pause {
        bool paused{};
        bool for_good{};
        Nanos until;
    };
    void run();
    bool step(std::size_t index);
    void drain();
    void note(std::size_t index, const Error& error);

    const ShardOptions options_;
    const std::vector<std::unique_ptr<PartitionTask>> tasks_;
    std::vector<Pause> pauses_;  // As tasks_.
    Doorbell bell_;
    std::atomic<bool> stopping_{};
    std::jthread thread_;
};

}  // namespace tape::stream
