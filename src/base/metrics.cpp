#include "base/metrics.h"

#include <fmt/core.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>
#include <sstream>

#include "base/result.h"

namespace tape {
namespace {

using Kind = MetricInfo::Kind;

// Names follow one scheme: tape_<part>_<what>_<unit>; counters end in _total.
const std::vector<MetricInfo> table = {
    {"tape_build_info", Kind::gauge, "version", "Always 1; the label says which build runs."},
    {"tape_feed_frames_total", Kind::counter, "slot", "WebSocket frames received."},
    {"tape_feed_bytes_total", Kind::counter, "slot", "Payload bytes received."},
    {"tape_feed_connects_total", Kind::counter, "slot", "Connections opened."},
    {"tape_feed_disconnects_total", Kind::counter, "slot",
     "Connections lost or closed, whatever the cause."},
    {"tape_feed_connected", Kind::gauge, "slot", "1 while the slot's socket is open."},
    {"tape_feed_stale", Kind::gauge, "slot",
     "Streams of an open socket that no frame named for too long."},
    {"tape_feed_mute", Kind::gauge, "slot",
     "Streams that are silent although the venue says that their market trades."},
    {"tape_feed_probes_total", Kind::counter, "slot",
     "Questions over REST whether the market of a silent stream trades."},
    {"tape_feed_resubscribes_total", Kind::counter, "slot", "Mute streams subscribed anew."},
    {"tape_feed_replacements_total", Kind::counter, "slot",
     "Sockets replaced by one that was opened before."},
    {"tape_feed_polls_total", Kind::counter, "slot", "Polls that were answered."},
    {"tape_feed_polls_unchanged_total", Kind::counter, "slot",
     "Polls whose answer was that nothing changed (304)."},
    {"tape_feed_rest_requests_total", Kind::counter, "venue,status",
     "Requests over REST by the status of their answer; failed: there was none."},
    {"tape_feed_rest_waits_total", Kind::counter, "venue",
     "Requests that the venue's limiter held back."},
    {"tape_feed_rest_barred", Kind::gauge, "venue",
     "1 while the venue demands that nothing is asked over REST (429, 418)."},
    {"tape_feed_backfills_open", Kind::gauge, "slot",
     "Gaps that are being fetched, or wait for it."},
    {"tape_feed_backfill_requests_total", Kind::counter, "slot", "Pages asked for to close gaps."},
    {"tape_feed_backfill_trades_total", Kind::counter, "slot",
     "Missing trades that answers brought."},
    {"tape_feed_backfills_given_up_total", Kind::counter, "slot",
     "Gaps left as they were because the venue could not be asked, or too many were waiting."},
    {"tape_feed_paused", Kind::gauge, "", "1 while capture is stopped because the disk is full."},
    {"tape_log_records_total", Kind::counter, "partition", "Records appended."},
    {"tape_log_bytes_total", Kind::counter, "partition", "Bytes appended, headers included."},
    {"tape_log_syncs_total", Kind::counter, "partition", "fdatasync calls."},
    {"tape_log_recovered_bytes_total", Kind::counter, "partition",
     "Bytes of a torn tail cut at recovery."},
    {"tape_log_corrupt_segments_total", Kind::counter, "partition", "Sealed segments set aside."},
    {"tape_decode_records_total", Kind::counter, "partition", "Raw records processed."},
    {"tape_decode_ticks_total", Kind::counter, "partition", "Ticks decoded, duplicates excluded."},
    {"tape_decode_duplicates_total", Kind::counter, "partition",
     "Trades dropped because their identity was seen before."},
    {"tape_decode_dead_letters_total", Kind::counter, "partition",
     "Records that could not be decoded."},
    {"tape_decode_unknown_total", Kind::counter, "partition",
     "Frames of a channel or type that is not decoded."},
    {"tape_decode_unlisted_total", Kind::counter, "partition",
     "Instruments decoded that no instrument list names."},
    {"tape_quality_flags_total", Kind::counter, "partition,rule",
     "Ticks, and of rule outlier windows, that broke a rule of data quality."},
    {"tape_stream_late_total", Kind::counter, "partition",
     "Ticks that came after their window was emitted."},
    {"tape_stream_windows_total", Kind::counter, "partition", "Window rows emitted."},
    {"tape_gap_open_rows_total", Kind::counter, "partition",
     "Rows that tell of an open gap; one gap may have several."},
    {"tape_gap_unrecoverable_rows_total", Kind::counter, "partition",
     "Rows that name what can no longer be had."},
    {"tape_gap_given_up_total", Kind::counter, "partition",
     "Gaps that are no longer waited for, because an instrument has too many."},
    {"tape_stream_lag_records", Kind::gauge, "partition", "Raw records not yet processed."},
    {"tape_stream_watermark_seconds", Kind::gauge, "partition",
     "The partition's watermark, in seconds since the epoch."},
    {"tape_sink_rows_total", Kind::counter, "sink", "Rows committed."},
    {"tape_sink_commits_total", Kind::counter, "sink", "Commits."},
    {"tape_sink_errors_total", Kind::counter, "sink",
     "Writes or commits that failed and are tried again."},
    {"tape_sink_lag_records", Kind::gauge, "sink", "Derived records not yet committed."},
    {"tape_serve_requests_total", Kind::counter, "route,status", "HTTP requests answered."},
    {"tape_serve_clients", Kind::gauge, "", "Open dashboard sockets."},
    {"tape_serve_dropped_total", Kind::counter, "",
     "Live updates dropped for browsers that read too slowly."},
    {"tape_serve_unshown_total", Kind::counter, "",
     "Rows of instruments beyond those that the page keeps."},
    {"tape_disk_free_bytes", Kind::gauge, "", "Free space where the data folder is."},
};

struct Registry {
    std::mutex mutex;
    prometheus::Registry registry;
    std::map<std::string, prometheus::Family<prometheus::Counter>*, std::less<>> counters;
    std::map<std::string, prometheus::Family<prometheus::Gauge>*, std::less<>> gauges;
};

Registry& registry() {
    static Registry instance;
    return instance;
}

const MetricInfo& describe(std::string_view name, Kind kind) {
    for (const MetricInfo& info : table)
        if (info.name == name && info.kind == kind) return info;
    ensure(false,
           fmt::format("no metric '{}' of this kind is declared in metrics.cpp", name).c_str());
    std::abort();
}

prometheus::Labels to_labels(const Labels& labels) {
    return {labels.begin(), labels.end()};
}

}  // namespace

void Counter::add(i64 n) const {
    static_cast<prometheus::Counter*>(impl_)->Increment(static_cast<double>(n));
}
i64 Counter::value() const {
    return static_cast<i64>(static_cast<prometheus::Counter*>(impl_)->Value());
}
void Gauge::set(double value) const {
    static_cast<prometheus::Gauge*>(impl_)->Set(value);
}
double Gauge::value() const {
    return static_cast<prometheus::Gauge*>(impl_)->Value();
}

Counter counter(std::string_view name, const Labels& labels) {
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    auto [place, added] = all.counters.try_emplace(std::string(name));
    if (added) {
        place->second = &prometheus::BuildCounter()
                             .Name(std::string(name))
                             .Help(std::string(describe(name, Kind::counter).help))
                             .Register(all.registry);
    }
    Counter made;
    made.impl_ = &place->second->Add(to_labels(labels));
    return made;
}

Gauge gauge(std::string_view name, const Labels& labels) {
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    auto [place, added] = all.gauges.try_emplace(std::string(name));
    if (added) {
        place->second = &prometheus::BuildGauge()
                             .Name(std::string(name))
                             .Help(std::string(describe(name, Kind::gauge).help))
                             .Register(all.registry);
    }
    Gauge made;
    made.impl_ = &place->second->Add(to_labels(labels));
    return made;
}

std::string metrics_text() {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, registry().registry.Collect());
    return out.str();
}

const std::vector<MetricInfo>& metric_table() {
    return table;
}

}  // namespace tape
