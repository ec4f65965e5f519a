#include "stream/task.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace tape::stream {

Result<std::unique_ptr<PartitionTask>> PartitionTask::open(TaskOptions options) {
    options.writer.sync_interval = Nanos{0};  // Never before the raw log.
    std::unique_ptr<PartitionTask> task(new PartitionTask(std::move(options)));
    if (auto restored = task->restore(); !restored) return restored.error();
    return task;
}

PartitionTask::PartitionTask(TaskOptions options)
    : options_(std::move(options)),
      lag_(gauge("tape_stream_lag_records", {{"partition", options_.partition}})),
      watermark_(gauge("tape_stream_watermark_seconds", {{"partition", options_.partition}})) {
    status_.partition = options_.partition;
}
PartitionTask::~PartitionTask() = default;

// Keeps an error for the status, and the task still.
template <class T>
Result<T> PartitionTask::noted(Result<T> result) {
    if (result) return result;
    resting_ = true;
    const std::lock_guard lock(status_mutex_);
    status_.error = result.error().what;
    return result;
}

// ---- Restore ----

Result<void> PartitionTask::restore() {
    const std::lock_guard lock(mutex_);
    resting_ = false;
    failed_.reset();
    suppress_ = 0;
    stored_.reset();
    stored_ts_ = Watermark::none;
    if (auto opened = open_logs(); !opened) return noted(std::move(opened));
    Result<std::vector<Checkpoint>> checkpoints = load_checkpoints(options_.checkpoints);
    if (!checkpoints) return noted(Result<void>(checkpoints.error()));

    std::optional<Error> why;
    for (const Checkpoint& checkpoint : *checkpoints) {
        auto started = start_from(checkpoint);
        if (started) break;
        log_warn("{}: checkpoint at {} cannot be used: {}", options_.partition,
                 checkpoint.input.value, started.error().what);
        why = started.error();
        processor_.reset();
    }
    if (!processor_)
        if (auto started = start_anew(); !started)
            return noted(Result<void>(why.value_or(started.error())));
    if (auto sought = reader_->seek(input_); !sought) return noted(std::move(sought));
    {
        const std::lock_guard status_lock(status_mutex_);
        status_.error.clear();
    }
    publish(input_);
    return {};
}

Result<void> PartitionTask::open_logs() {
    writer_.reset();  // It holds the folder's lock.
    back_reader_.reset();
    processor_.reset();
    auto writer = log::LogWriter::open(options_.derived, options_.writer);
    if (!writer) return writer.error();
    auto reader = log::LogReader::open(options_.raw);
    if (!reader) return reader.error();
    writer_ = std::move(*writer);
    reader_ = std::move(*reader);
    for (Doorbell* bell : bells_) writer_->ring_on_flush(*bell);
    return {};
}

Result<void> PartitionTask::start_from(const Checkpoint& checkpoint) {
    if (writer_->end() < checkpoint.output)
        return internal_error(fmt::format("the derived log ends at {}, before the checkpoint's {}",
                                          writer_->end().value, checkpoint.output.value));
    auto processor = options_.processor();
    if (!processor) return processor.error();
    if (auto loaded = (*processor)->load(checkpoint.state); !loaded) return loaded;
    const i64 version = (*processor)->version();
    epochs_ = checkpoint.epochs;
    if (epochs_.empty() || epochs_.back().version != version) {
        // Nothing that was emitted is taken back: a new epoch begins at the output's end.
        epochs_.push_back(
            {.version = version, .input = checkpoint.input, .output = writer_->end()});
        if (auto suppressed = suppress_from(checkpoint.output); !suppressed) return suppressed;
    } else if (checkpoint.output < writer_->end()) {
        if (auto cut = writer_->truncate(checkpoint.output); !cut) return cut;
    }
    input_ = checkpoint.input;
    processor_ = *std::move(processor);
    stored_ = Checkpoint{
        .input = checkpoint.input, .output = checkpoint.output, .epochs = {}, .state = {}};
    return {};
}

// Without a checkpoint: from the beginning. What stands in the derived log is what will come again.
Result<void> PartitionTask::start_anew() {
    auto begin = reader_->begin();
    if (!begin) return begin.error();
    if (begin->value > 0 && writer_->end().value > 0)
        return internal_error(
            fmt::format("{}: no usable checkpoint in {}, and the raw log no longer has what the "
                        "derived log was made of",
                        options_.partition, options_.checkpoints.string()));
    auto processor = options_.processor();
    if (!processor) return processor.error();
    processor_ = *std::move(processor);
    input_ = *begin;
    epochs_ = {{.version = processor_->version(), .input = input_, .output = {}}};
    if (auto suppressed = suppress_from({}); !suppressed) return suppressed;
    return suppress_ > 0 ? Result<void>{} : store();  // From now on the version is known.
}

// As many records as stand from `output` on are not written again, as far as what stands there can
// have been caused by the same raw records.
Result<void> PartitionTask::suppress_from(Offset output) {
    suppress_ = writer_->end().value - output.value;
    if (suppress_ == 0) return {};
    auto reader = log::LogReader::open(options_.derived);
    if (!reader) return reader.error();
    if (auto sought = (*reader)->seek({writer_->end().value - 1}); !sought) return sought;
    auto last = (*reader)->read(1);
    if (!last) return last.error();
    if (last->empty()) return internal_error("the derived log's last record cannot be read");
    suppress_to_ = last->front().ts_recv;
    return {};
}

// ---- The way of a record ----

void PartitionTask::emit(log::RecordKind kind, Nanos ts_recv, std::string_view payload) {
    if (suppress_ > 0) [[unlikely]] {
        if (ts_recv <= suppress_to_) {
            --suppress_;
            return;
        }
        suppress_ = 0;
    }
    if (failed_) return;
    if (auto appended = writer_->append(kind, ts_recv, payload); !appended)
        failed_ = appended.error();
}

void PartitionTask::begin_epoch() {
    epochs_.push_back(
        {.version = processor_->version(), .input = record_, .output = writer_->end()});
    if (epochs_.size() > Checkpoint::max_epochs) epochs_.erase(epochs_.begin());
}

// With a reader of its own: the records at hand lie in the buffer of the other one.
Result<void> PartitionTask::read_back(Offset from,
                                      const std::function<bool(const log::Record&)>& visit) {
    if (!back_reader_) {
        auto reader = log::LogReader::open(options_.raw);
        if (!reader) return reader.error();
        back_reader_ = *std::move(reader);
    }
    const auto begin = back_reader_->begin();
    if (!begin) return begin.error();
    if (from < *begin)
        return external_error(
            fmt::format("the raw log begins at {}, after {}", begin->value, from.value));
    if (auto sought = back_reader_->seek(from); !sought) return sought;
    while (back_reader_->position() <= record_) {
        const auto records = back_reader_->read(options_.batch_records);
        if (!records) return records.error();
        if (records->empty()) break;
        for (const log::Record& record : *records)
            if (record.offset > record_ || !visit(record)) return {};
    }
    return {};
}

Result<i64> PartitionTask::step() {
    const std::lock_guard lock(mutex_);
    if (resting_) return external_error(options_.partition + " rests after an error");
    return noted(process_batch());
}

Result<i64> PartitionTask::process_batch() {
    auto records = reader_->read(options_.batch_records);
    if (!records) return records.error();
    for (const log::Record& record : *records) {
        record_ = record.offset;
        processor_->on_record(record, *this);
        last_ts_ = record.ts_recv;
    }
    const i64 count = std::ssize(*records);
    if (count == 0) {
        publish(input_);
        return 0;
    }
    input_ = reader_->position();
    if (failed_) return *failed_;
    if (auto flushed = writer_->flush(); !flushed) return flushed.error();
    processor_->report();
    if (checkpoint_due())
        if (auto stored = store(); !stored) return stored.error();
    auto end = count < options_.batch_records ? Result<Offset>(input_) : reader_->end();
    if (!end) return end.error();
    publish(*end);
    return count;
}

Result<void> PartitionTask::finish() {
    const std::lock_guard lock(mutex_);
    processor_->finish(*this);
    if (failed_) return noted(Result<void>(*failed_));
    processor_->report();
    if (auto synced = sync_both(); !synced) return noted(Result<void>(synced.error()));
    publish(input_);
    return {};
}

// ---- Durability ----

bool PartitionTask::checkpoint_due() const {
    if (suppress_ > 0) return false;  // The state is behind the output.
    if (!stored_ || stored_ts_ == Watermark::none) return true;
    return input_.value - stored_->input.value >= options_.checkpoint_records ||
           last_ts_ - stored_ts_ >= options_.checkpoint_span;
}

Result<Offset> PartitionTask::sync_both() {
    if (auto synced = reader_->sync(); !synced) return synced.error();
    if (auto synced = writer_->sync(); !synced) return synced.error();
    return writer_->end();
}

Result<void> PartitionTask::store() {
    auto end = sync_both();
    if (!end) return end.error();
    Checkpoint checkpoint{.input = input_, .output = *end, .epochs = epochs_, .state = {}};
    processor_->save(checkpoint.state);
    if (auto stored = store_checkpoint(options_.checkpoints, checkpoint); !stored) return stored;
    // The one before must stay usable, too.
    if (stored_) {
        if (auto kept = log::store_position(options_.raw, reader_name, stored_->input); !kept)
            return kept;
        if (auto kept = log::store_position(options_.derived, reader_name, stored_->output); !kept)
            return kept;
    }
    checkpoint.state.clear();
    stored_ = std::move(checkpoint);
    stored_ts_ = last_ts_;
    return {};
}

Result<void> PartitionTask::checkpoint() {
    const std::lock_guard lock(mutex_);
    if (resting_) return external_error(options_.partition + " rests after an error");
    if (suppress_ > 0 || (stored_ && stored_->input == input_)) return {};
    return noted(store());
}

Result<Offset> PartitionTask::make_durable() {
    const std::lock_guard lock(mutex_);
    if (resting_) return external_error(options_.partition + " rests after an error");
    return noted(sync_both());
}

// ---- What others see ----

void PartitionTask::publish(Offset raw_end) {
    const Nanos watermark = processor_->watermark();
    {
        const std::lock_guard lock(status_mutex_);
        status_.input = input_;
        status_.raw_end = raw_end;
        status_.output = writer_->readable();
        status_.watermark = watermark;
        status_.epochs = std::ssize(epochs_);
    }
    lag_.set(static_cast<double>(raw_end.value - input_.value));
    if (watermark != Watermark::none) watermark_.set(static_cast<double>(watermark.count) * 1e-9);
}

TaskStatus PartitionTask::status() const {
    const std::lock_guard lock(status_mutex_);
    return status_;
}

Result<Offset> PartitionTask::readable_end() {
    const std::lock_guard lock(mutex_);
    if (!reader_) return external_error(options_.partition + " has no log");
    return reader_->end();
}

std::vector<EpochStart> PartitionTask::epochs() const {
    const std::lock_guard lock(mutex_);
    return epochs_;
}

void PartitionTask::ring_on_output(Doorbell& bell) {
    const std::lock_guard lock(mutex_);
    bells_.push_back(&bell);
    writer_->ring_on_flush(bell);
}

}  // namespace tape::stream
