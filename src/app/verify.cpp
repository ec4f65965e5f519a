#include "app/verify.h"

#include <fmt/core.h>

#include "app/parts.h"
#include "sinks/verify.h"
#include "stream/checkpoint.h"

namespace tape::app {
namespace {

namespace fs = std::filesystem;
using Difference = std::optional<std::string>;

// Whether every record that the partition retains is the replayed one; `replayed` may go on beyond
// it.
Result<Difference> compare_partition(const std::string& name, const fs::path& stored,
                                     const fs::path& replayed, Offset at_least) {
    auto is = log::LogReader::open(stored);
    if (!is) return is.error();
    auto should = log::LogReader::open(replayed);
    if (!should) return should.error();
    const auto begin = (*is)->begin();
    if (!begin) return begin.error();
    if (auto sought = (*is)->seek(*begin); !sought) return sought.error();
    if (auto sought = (*should)->seek(*begin); !sought) return sought.error();
    for (Offset offset = *begin;; ++offset.value) {
        const auto one = (*is)->read(1);
        if (!one)
            return Difference(fmt::format("derived log of {}: record {} cannot be read: {}", name,
                                          offset.value, one.error().what));
        if (one->empty()) {
            if (offset < at_least)
                return Difference(fmt::format(
                    "derived log of {}: it ends at record {}, but its checkpoint knows {}", name,
                    offset.value, at_least.value));
            return Difference();
        }
        const auto other = (*should)->read(1);
        if (!other) return other.error();
        if (other->empty())
            return Difference(fmt::format(
                "derived log of {}: record {} is stored, but the raw log does not yield it", name,
                offset.value));
        const log::Record &a = one->front(), &b = other->front();
        if (a.offset != b.offset || a.kind != b.kind || a.ts_recv != b.ts_recv ||
            a.payload != b.payload)
            return Difference(fmt::format(
                "derived log of {}: record {} ({}) differs from what the raw log yields", name,
                offset.value, to_string(a.kind)));
    }
}

// Notes, when one of the partition's epochs is of another decoder version.
Result<Difference> foreign_epoch(const stream::TaskOptions& task,
                                 const std::vector<stream::Checkpoint>& checkpoints) {
    const auto processor = task.processor();
    if (!processor) return processor.error();
    for (const stream::Checkpoint& checkpoint : checkpoints)
        for (const stream::EpochStart& epoch : checkpoint.epochs)
            if (epoch.version != (*processor)->version())
                return Difference(fmt::format(
                    "{}: from derived record {} on it was made by decoder version {}, and this "
                    "build has {}",
                    task.partition, epoch.output.value, epoch.version, (*processor)->version()));
    return Difference();
}

}  // namespace

Result<Verdict> verify(const Config& config, const Paths& paths, const fs::path& scratch,
                       const ReplayOptions& options) {
    Verdict verdict;
    const auto names = log::list_partitions(paths.raw);
    if (!names) return names.error();
    for (const std::string& name : *names) {
        auto reader = log::LogReader::open(paths.raw / name);
        if (!reader) return reader.error();
        const auto begin = (*reader)->begin();
        if (!begin) return begin.error();
        if (begin->value != 0)
            return user_error(
                fmt::format("the raw log of {} begins at record {}: retention removed what its "
                            "first results were made from, "
                            "so they cannot be verified",
                            name, begin->value));
    }
    const Paths again{.raw = paths.raw,
                      .derived = scratch / "derived",
                      .checkpoints = scratch / "checkpoints",
                      .lake = scratch / "lake",
                      .warehouse = scratch / "warehouse.duckdb",
                      .symbols = {}};
    if (auto replayed = replay_engine(config, again, options); !replayed) return replayed.error();

    bool comparable = true;
    for (const std::string& name : *names) {
        const stream::TaskOptions task = task_options(config, paths, name);
        if (!fs::exists(task.derived)) continue;
        const auto checkpoints = stream::load_checkpoints(task.checkpoints);
        if (!checkpoints) return checkpoints.error();
        auto foreign = foreign_epoch(task, *checkpoints);
        if (!foreign) return foreign.error();
        if (*foreign) {
            verdict.notes.push_back(**foreign + ": not compared");
            comparable = false;
            continue;
        }
        const Offset at_least = checkpoints->empty() ? Offset{0} : checkpoints->front().output;
        auto difference = compare_partition(name, task.derived, again.derived / name, at_least);
        if (!difference) return difference.error();
        if (*difference) return Verdict{**difference, verdict.notes};
    }
    if (!comparable) {
        verdict.notes.emplace_back(
            "lake and warehouse hold rows of that version too: not compared");
        return verdict;
    }
    sinks::VerifyOptions tables{.derived = again.derived, .scratch = scratch, .not_before = {}};
    if (config.warehouse.retention_ticks)
        tables.not_before[static_cast<std::size_t>(sinks::TableId::ticks)] =
            wall_clock() - *config.warehouse.retention_ticks;
    if (config.warehouse.retention_windows)
        tables.not_before[static_cast<std::size_t>(sinks::TableId::windows)] =
            wall_clock() - *config.warehouse.retention_windows;
    auto difference = sinks::warehouse_difference(paths.warehouse, tables);
    if (difference && !*difference) difference = sinks::lake_difference(paths.lake, tables);
    if (!difference) return difference.error();
    verdict.difference = *difference;
    return verdict;
}

}  // namespace tape::app
