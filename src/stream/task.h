// One raw partition on its way to one derived partition: reads, processes, writes, checkpoints, and
// after a crash goes on so that the same bytes stand at the same offsets. Nothing depends on when
// or how often it is stepped.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/doorbell.h"
#include "base/metrics.h"
#include "base/result.h"
#include "log/log.h"
#include "stream/checkpoint.h"
#include "stream/processor.h"
#include "stream/watermark.h"

namespace tape::stream {

struct TaskOptions {
    std::string partition;  // Its name, for messages and metrics.
    std::filesystem::path raw, derived,
        checkpoints;  // The partition's own folders; `raw` must exist.
    ProcessorFactory processor;
    log::WriterOptions
        writer;  // Of the derived log; it is synced by make_durable() and checkpoints only.
    i64 checkpoint_records = 200'000;     // A checkpoint is due after so many raw records …
    Nanos checkpoint_span = seconds(10);  // … or so much raw time.
    i64 batch_records = 4096;             // The most that one step() takes.
};

/// A snapshot; consistent in itself.
struct TaskStatus {
    std::string partition;
    Offset input;    // The next raw record.
    Offset raw_end;  // One past the last readable raw record, as of the last look.
    Offset output;   // One past the last derived record that is readable.
    Nanos watermark = Watermark::none;
    i64 epochs = 0;
    std::string error;  // Why it does not go on; empty while it does.
    i64 lag() const { return raw_end.value - input.value; }
};

/// All functions may be called from any thread; they wait for each other.
class PartitionTask final : Output {
 public:
    /// Name under which the raw and the derived log know how far they may be trimmed on this task's
    /// behalf.
    static constexpr std::string_view reader_name = "shard";

    /// Opens the logs and restores. Errors: those of the logs; a checkpoint of a newer format; a
    /// derived log without the checkpoint that belongs to it.
    static Result<std::unique_ptr<PartitionTask>> open(TaskOptions options);
    ~PartitionTask() override;

    /// Processes what is readable, at most a batch, and makes its output readable; returns the
    /// number of raw records. After an error the task rests until restore().
    Result<i64> step();
    /// To be called when step() gives 0: the end of the log is the end of time. No step() after it.
    Result<void> finish();
    /// Makes durable what was read, then what was written, and stores a checkpoint.
    Result<void> checkpoint();
    /// Makes durable what was read, then what was written; gives the end of the derived log. A sink
    /// commits no further.
    Result<Offset> make_durable();
    /// Starts over from the last checkpoint, as after a crash.
    Result<void> restore();

    TaskStatus status() const;
    /// One past the last readable raw record, looked up now.
    Result<Offset> readable_end();
    /// Every change of config or version so far, from the oldest that is remembered.
    std::vector<EpochStart> epochs() const;
    /// Rung when there is new output; the bell must outlive the task.
    void ring_on_output(Doorbell& bell);

 private:
    explicit PartitionTask(TaskOptions options);

    void emit(log::RecordKind kind, Nanos ts_recv, std::string_view payload) override;
    void begin_epoch() override;
    Result<void> read_back(Offset from,
                           const std::function<bool(const log::Record&)>& visit) override;

    Result<void> open_logs();
    Result<void> start_from(const Checkpoint& checkpoint);
    Result<void> start_anew();
    Result<void> suppress_from(Offset output);
    Result<i64> process_batch();
    Result<void> store();
    Result<Offset> sync_both();
    bool checkpoint_due() const;
    void publish(Offset raw_end);
    template <class T>
    Result<T> noted(Result<T> result);

    const TaskOptions options_;
    const Gauge lag_, watermark_;

    mutable std::mutex mutex_;  // Over all below, but for the status.
    std::unique_ptr<log::LogReader> reader_;
    std::unique_ptr<log::LogReader> back_reader_;  // Of read_back(); made when first wanted.
    std::unique_ptr<log::LogWriter> writer_;
    std::unique_ptr<Processor> processor_;
    std::vector<EpochStart> epochs_;
    std::vector<Doorbell*> bells_;
    Offset input_;                 // The next raw record.
    Offset record_;                // The one being processed.
    Nanos last_ts_;                // Of the last raw record.
    std::optional<Error> failed_;  // Of an append within a step.
    bool resting_{};               // Until restore().

    // Output that stands already, written by another version: not written again.
    i64 suppress_{};
    Nanos suppress_to_;  // What later raw records cause never stood there.

    std::optional<Checkpoint> stored_;  // The last one, without its state.
    Nanos stored_ts_ = Watermark::none;

    mutable std::mutex status_mutex_;
    TaskStatus status_;
};

}  // namespace tape::stream
