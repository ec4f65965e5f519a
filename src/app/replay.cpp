#include "app/replay.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/parts.h"
#include "base/log.h"

namespace tape::app {
namespace {

// One partition and, where the replay is paced, the time of its next record.
struct Track {
    std::unique_ptr<stream::PartitionTask> task;
    std::unique_ptr<log::LogReader>
        ahead;  // Reads the next record's time; null where nothing is paced.
    Nanos next;
    bool ended = false;

    Result<void> look_ahead() {
        auto records = ahead->read(1);
        if (!records) return records.error();
        ended = records->empty();
        if (!ended) next = records->front().ts_recv;
        return {};
    }
};

Result<void> finish_track(Track& track, const ReplayOptions& options) {
    if (options.finish)
        if (auto finished = track.task->finish(); !finished) return finished;
    return track.task->checkpoint();
}

Result<void> run_unpaced(std::vector<Track>& tracks, const ReplayOptions& options, i64 all) {
    i64 done = 0;
    for (Track& track : tracks) {
        for (;;) {
            const auto count = track.task->step();
            if (!count) return count.error();
            if (*count == 0) break;
            done += *count;
            if (options.progress) options.progress(done, all);
        }
        if (auto finished = finish_track(track, options); !finished) return finished;
    }
    return {};
}

// Record by record in the order of time, each when it is due.
Result<void> run_paced(std::vector<Track>& tracks, const ReplayOptions& options, i64 all) {
    for (Track& track : tracks)
        if (auto looked = track.look_ahead(); !looked) return looked;
    const Nanos began = steady_clock();
    std::optional<Nanos> first;
    for (i64 done = 1;; ++done) {
        const auto track = std::ranges::min_element(
            tracks, {}, [](const Track& t) { return std::pair(t.ended, t.next); });
        if (track == tracks.end() || track->ended) break;
        if (!first) first = track->next;
        const Nanos due{
            began.count +
            static_cast<i64>(static_cast<double>((track->next - *first).count) / options.speed)};
        if (const Nanos wait = due - steady_clock(); wait.count > 0)
            std::this_thread::sleep_for(std::chrono::nanoseconds(wait.count));
        if (const auto stepped = track->task->step(); !stepped) return stepped.error();
        if (auto looked = track->look_ahead(); !looked) return looked;
        if (options.progress) options.progress(done, all);
    }
    for (Track& track : tracks)
        if (auto finished = finish_track(track, options); !finished) return finished;
    return {};
}

}  // namespace

Result<void> replay_engine(const Config& config, const Paths& paths, const ReplayOptions& options) {
    const auto names = log::list_partitions(paths.raw);
    if (!names) return names.error();
    std::vector<Track> tracks;
    i64 all = 0;
    for (const std::string& name : *names) {
        stream::TaskOptions task = task_options(config, paths, name);
        Track track;
        if (options.speed > 0) {
            task.batch_records = 1;
            auto reader = log::LogReader::open(task.raw);
            if (!reader) return reader.error();
            track.ahead = std::move(*reader);
        }
        auto opened = stream::PartitionTask::open(std::move(task));
        if (!opened) return opened.error();
        track.task = std::move(*opened);
        const auto end = track.task->readable_end();
        if (!end) return end.error();
        all += end->value - track.task->status().input.value;
        tracks.push_back(std::move(track));
    }
    return options.speed > 0 ? run_paced(tracks, options, all) : run_unpaced(tracks, options, all);
}

Result<void> replay(const Config& config, const Paths& paths, const ReplayOptions& options) {
    if (auto run = replay_engine(config, paths, options); !run) return run;
    Stores stores(config, paths);
    if (auto opened = stores.open(); !opened) return opened;
    stores.start([] { return Result<void>(); },
                 seconds(7 * 86'400));  // The logs are durable already; take all the time there is.
    return stores.stop();
}

Result<Config> recorded_config(const Paths& paths, const Config& fallback) {
    const auto names = log::list_partitions(paths.raw);
    if (!names) return names.error();
    Nanos latest;
    std::string text;
    for (const std::string& name : *names) {
        auto reader = log::LogReader::open(paths.raw / name);
        if (!reader) return reader.error();
        for (;;) {
            const auto records = (*reader)->read(4096);
            if (!records) return records.error();
            if (records->empty()) break;
            for (const log::Record& record : *records) {
                if (record.kind != log::RecordKind::config || record.ts_recv < latest) continue;
                const auto json = nlohmann::json::parse(record.payload, nullptr, false);
                if (!json.is_object() || !json.contains("text") || !json["text"].is_string())
                    continue;
                latest = record.ts_recv;
                text = json["text"];
            }
        }
    }
    if (text.empty()) return fallback;
    auto config = parse_config(std::move(text));
    if (!config)
        return user_error(
            fmt::format("the recorded config does not parse: {}", config.error().front().text));
    return std::move(*config);
}

}  // namespace tape::app
