// The two halves right of the raw log as the program runs them: the engine over all partitions, and
// the stores.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/data_folder.h"
#include "feed/feed.h"
#include "log/log.h"
#include "ops/outliers.h"
#include "serve/server.h"
#include "sinks/duckdb.h"
#include "sinks/runner.h"
#include "stream/shard.h"

namespace tape::app {

log::WriterOptions raw_writer_options(const Config& config);
log::RetentionOptions raw_retention(const Config& config);

/// Who is told what `slot` misses; see ops::PipelineSetup::ask.
using Ask = std::function<void(const std::string& slot, const venues::Missing& missing)>;
/// How the partition `name` is processed; `outliers` as in ops::PipelineSetup.
stream::TaskOptions task_options(const Config& config, const Paths& paths, const std::string& name,
                                 const Ask& ask = {}, ops::WindowOutliers* outliers = {});

/// Runs every raw partition through the windows, also such that appear later. Thread-safe.
class Engine final {
 public:
    Engine(const Config& config, const Paths& paths);
    ~Engine() { stop(); }

    /// Takes on the partitions that are new. `feed` (may be null) wakes the engine when it has
    /// written; `ask` is told what is missing.
    Result<void> follow_partitions(feed::Feed* feed, const Ask& ask);
    /// Makes raw and derived logs durable as far as they were processed.
    Result<void> make_durable() const;
    std::vector<stream::TaskStatus> status() const;
    void stop();

 private:
    const Config& config_;
    const Paths& paths_;
    std::optional<ops::WindowOutliers> outliers_;
    mutable std::mutex mutex_;
    std::set<std::string> known_;
    std::vector<std::unique_ptr<stream::Shard>> shards_;
};

/// Lake and warehouse, each fed by a thread of its own.
class Stores final {
 public:
    Stores(const Config& config, const Paths& paths) : config_(config), paths_(paths) {}

    Result<void> open();
    /// For a process that only asks: the lake in the warehouse's stead, which belongs to another.
    Result<void> open_lake();
    /// `barrier` makes the logs durable; see SinkRunner.
    void start(const std::function<Result<void>()>& barrier, Nanos drain_limit = seconds(3));
    /// Error: a sink ended by itself; names it.
    Result<void> stop();
    /// What answers questions; null where nothing does.
    sinks::Warehouse* warehouse() const { return warehouse_.get(); }
    bool fills_warehouse() const { return warehouse_ && !lake_only_; }
    std::vector<sinks::SinkStatus> status() const;

 private:
    const Config& config_;
    const Paths& paths_;
    std::unique_ptr<sinks::Warehouse> warehouse_;
    bool lake_only_ = false;
    std::vector<std::unique_ptr<sinks::Sink>> opened_;
    std::vector<std::unique_ptr<sinks::SinkRunner>> runners_;
};

}  // namespace tape::app
