#include "app/parts.h"

#include <fmt/core.h>

#include <algorithm>
#include <thread>

#include "base/log.h"
#include "ops/pipeline.h"
#include "sinks/delta.h"

namespace tape::app {

log::WriterOptions raw_writer_options(const Config& config) {
    return {.segment_bytes = config.log.segment.bytes,
            .sync_interval = config.log.sync,
            .reserve_bytes = config.log.reserve.bytes};
}

log::RetentionOptions raw_retention(const Config& config) {
    log::RetentionOptions options{.max_age = config.log.retention,
                                  .max_bytes = {},
                                  .drop_unread = config.log.unread == "drop"};
    if (config.log.retention_size) options.max_bytes = config.log.retention_size->bytes;
    return options;
}

stream::TaskOptions task_options(const Config& config, const Paths& paths, const std::string& name,
                                 const Ask& ask, ops::WindowOutliers* outliers) {
    ops::PipelineSetup setup{.partition = name,
                             .options = pipeline_options(config),
                             .parse = pipeline_options_of,
                             .outliers = outliers};
    if (ask) setup.ask = [ask, name](const venues::Missing& missing) { ask(name, missing); };
    return {.partition = name,
            .raw = paths.raw / name,
            .derived = paths.derived / name,
            .checkpoints = paths.checkpoints / name,
            .processor = ops::pipeline_factory(std::move(setup)),
            .writer = {.segment_bytes = config.log.segment.bytes,
                       .reserve_bytes = config.log.reserve.bytes},
            .checkpoint_span = config.stream.checkpoint};
}

Engine::Engine(const Config& config, const Paths& paths) : config_(config), paths_(paths) {
    if (config.quality.outlier != "off")
        outliers_.emplace(
            ops::OutlierOptions{.percent = config.quality.outlier_percent,
                                .patience = config.stream.lateness + config.stream.idle});
}

Result<void> Engine::follow_partitions(feed::Feed* feed, const Ask& ask) {
    const std::lock_guard lock(mutex_);
    const auto partitions = log::list_partitions(paths_.raw);
    if (!partitions) return {};  // No log yet: nobody captured anything.
    // One thread less than there are cores: the network edge has one.
    std::vector<std::vector<std::unique_ptr<stream::PartitionTask>>> groups(
        std::max(1u, std::thread::hardware_concurrency()) > 2
            ? std::thread::hardware_concurrency() - 1
            : 1);
    std::size_t next = 0;
    for (const std::string& name : *partitions) {
        if (known_.contains(name)) continue;
        auto task = stream::PartitionTask::open(
            task_options(config_, paths_, name, ask, outliers_ ? &*outliers_ : nullptr));
        if (!task) return task.error();
        known_.insert(name);
        groups[next++ % groups.size()].push_back(std::move(*task));
    }
    for (auto& group : groups) {
        if (group.empty()) continue;
        shards_.push_back(std::make_unique<stream::Shard>(std::move(group)));
        if (feed == nullptr) continue;
        const auto& slots = feed->slots();
        for (const auto& task : shards_.back()->tasks()) {
            const std::string name = task->status().partition;
            if (std::ranges::find(slots, name) != slots.end())
                feed->ring_on_flush(name, shards_.back()->bell());
        }
    }
    return {};
}

Result<void> Engine::make_durable() const {
    const std::lock_guard lock(mutex_);
    for (const auto& shard : shards_)
        for (const auto& task : shard->tasks())
            if (auto synced = task->make_durable(); !synced) return synced.error();
    return {};
}

std::vector<stream::TaskStatus> Engine::status() const {
    const std::lock_guard lock(mutex_);
    std::vector<stream::TaskStatus> all;
    for (const auto& shard : shards_)
        for (auto& status : shard->status()) all.push_back(std::move(status));
    std::ranges::sort(all, {}, &stream::TaskStatus::partition);
    return all;
}

void Engine::stop() {
    const std::lock_guard lock(mutex_);
    for (const auto& shard : shards_) shard->stop();
}

namespace {

sinks::WarehouseOptions warehouse_options(const Config& config) {
    sinks::WarehouseOptions options{.memory_bytes = config.warehouse.memory.bytes,
                                    .commit_after = config.warehouse.commit_after,
                                    .outlier_pct = config.quality.outlier_percent};
    if (config.quality.outlier == "quarantine") options.outliers = sinks::Outliers::leave_out;
    options.retention[static_cast<std::size_t>(sinks::TableId::ticks)] =
        config.warehouse.retention_ticks;
    options.retention[static_cast<std::size_t>(sinks::TableId::windows)] =
        config.warehouse.retention_windows;
    return options;
}

}  // namespace

Result<void> Stores::open() {
    auto opened = sinks::Warehouse::open(paths_.warehouse, warehouse_options(config_));
    if (!opened) return opened.error();
    warehouse_ = std::move(*opened);
    auto sink = warehouse_->make_sink();
    if (!sink) return sink.error();
    opened_.push_back(std::move(*sink));

    auto lake = sinks::open_lake(paths_.lake, {.roll_after = config_.lake.roll_after,
                                               .roll_bytes = config_.lake.roll_size.bytes,
                                               .roll_rows = config_.lake.roll_rows});
    if (!lake) return lake.error();
    opened_.push_back(std::move(*lake));
    return {};
}

Result<void> Stores::open_lake() {
    auto opened = sinks::Warehouse::open_lake(paths_.lake, warehouse_options(config_));
    if (!opened) return opened.error();
    warehouse_ = std::move(*opened);
    lake_only_ = true;
    return {};
}

void Stores::start(const std::function<Result<void>()>& barrier, Nanos drain_limit) {
    for (auto& sink : opened_) {
        runners_.push_back(std::make_unique<sinks::SinkRunner>(
            std::move(sink),
            sinks::RunnerOptions{.derived = paths_.derived, .drain_limit = drain_limit}, barrier));
        runners_.back()->start();
    }
    opened_.clear();
}

Result<void> Stores::stop() {
    Result<void> all;
    for (const auto& runner : runners_) {
        const sinks::SinkStatus before = runner->status();
        runner->stop();
        const sinks::SinkStatus after = runner->status();
        const bool died = !before.running && !before.last_error.empty();
        if (died || !after.last_error.empty())
            all = external_error(
                fmt::format("the {} could not store everything (it waits in the log): {}",
                            after.name, after.last_error),
                Retry::never);
    }
    return all;
}

std::vector<sinks::SinkStatus> Stores::status() const {
    std::vector<sinks::SinkStatus> all;
    for (const auto& runner : runners_) all.push_back(runner->status());
    return all;
}

}  // namespace tape::app
