#include "app/line.h"

#include <fmt/core.h>
#include <malloc.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "app/backfill_request.h"
#include "app/parts.h"
#include "app/remote_ask.h"
#include "app/sources.h"
#include "app/status.h"
#include "base/log.h"
#include "base/metrics.h"
#include "venues/plan.h"

namespace tape::app {
namespace {

// Of a question over HTTP: below what the program takes to stop.
constexpr Nanos sql_time_limit = seconds(4);
// Of a venue's list of instruments, which has megabytes: before the first socket, and beside them.
constexpr Nanos first_list_limit = seconds(20), list_limit = seconds(4);
constexpr i64 seconds_between_lists = 86'400;

}  // namespace

struct Line::Impl {
    const Config started_with;  // What engine and stores refer to; partitions learn of later ones
                                // from their logs.
    Paths paths;
    Parts parts;
    DataKind kind;
    Reread reread;

    // In the order of the data's way, which is also that of stopping.
    std::unique_ptr<feed::Feed> feed;
    std::optional<RemoteAsk> remote;  // Where capture is another process.
    Engine engine;
    Stores stores;
    std::unique_ptr<serve::DashboardServer> server;

    std::mutex reload_mutex;
    mutable std::mutex config_mutex;
    std::shared_ptr<const Config> config;  // As it is now.

    std::mutex sleep_mutex;
    std::condition_variable sleep;
    bool stopped = false;
    std::jthread housekeeper;

    Impl(const Config& config_in, const DataFolder& folder, Parts parts_in, DataKind kind_in,
         Reread reread_in)
        : started_with(config_in),
          paths(folder.paths()),
          parts(parts_in),
          kind(kind_in),
          reread(std::move(reread_in)),
          engine(started_with, paths),
          stores(started_with, paths),
          config(std::make_shared<const Config>(config_in)) {
        if (parts.process && !parts.capture) remote.emplace(folder);
    }

    Result<void> start() {
        if (parts.capture)
            if (auto started = start_capture(); !started) return started;
        if (parts.process) {
            if (auto opened = stores.open(); !opened) return opened;
            if (auto followed = follow_partitions(); !followed) return followed;
            stores.start([this] { return engine.make_durable(); });
        }
        if (parts.serve)
            if (auto started = start_server(); !started) return started;
        housekeeper = std::jthread([this] { keep_house(); });
        return {};
    }

    Result<void> start_capture() {
        Config asked = *config;
        if (auto found = find_symbols(asked, paths.symbols, first_list_limit); !found) return found;
        auto started = feed::Feed::start(
            {.sources = source_options(asked),
             .log_root = paths.raw,
             .writer = raw_writer_options(started_with),
             .config_payload = config_record(started_with, kind == DataKind::simulated)});
        if (!started) return started.error();
        feed = std::move(*started);
        config = std::make_shared<const Config>(std::move(asked));
        return {};
    }

    // What is missing is asked for where the exchanges are talked to: here or in another process.
    Result<void> follow_partitions() {
        return engine.follow_partitions(
            feed.get(), [this](const std::string& slot, const venues::Missing& missing) {
                if (feed)
                    feed->backfill(slot, missing);
                else
                    remote->ask({slot, missing});
            });
    }

    Result<std::string> backfill(const std::string& request) {
        const auto asked = parse_backfill(request, *current());
        if (!asked) return asked.error();
        const auto& slots = feed->slots();
        for (const BackfillRequest& each : *asked)
            if (std::ranges::find(slots, each.slot) == slots.end())
                return user_error(fmt::format("there is no slot '{}'", each.slot));
        for (const BackfillRequest& each : *asked) feed->backfill(each.slot, each.missing);
        return fmt::format("{} back-fills", asked->size());
    }

    Result<void> start_server() {
        if (!parts.process && !parts.capture)
            if (auto opened = stores.open_lake(); !opened) return opened;
        serve::Backend backend;
        backend.status_json = [this] { return status_json(snapshot()); };
        backend.ready = [this] { return readiness(snapshot()); };
        if (stores.warehouse() != nullptr)
            backend.sql = [this](std::string statement, i64 limit) -> Result<std::string> {
                const auto result = stores.warehouse()->query(
                    statement, {.rows = limit, .timeout = sql_time_limit});
                if (!result) return result.error();
                return sinks::to_json(*result);
            };
        if (feed) {
            backend.reload = [this] { return reload(); };
            backend.backfill = [this](const std::string& request) { return backfill(request); };
        }
        auto started = serve::DashboardServer::start({.listen = started_with.serve.listen,
                                                      .simulated = kind == DataKind::simulated,
                                                      .derived_log_root = paths.derived},
                                                     std::move(backend));
        if (!started) return started.error();
        server = std::move(*started);
        return {};
    }

    std::shared_ptr<const Config> current() const {
        const std::lock_guard lock(config_mutex);
        return config;
    }

    LineStatus snapshot() const {
        LineStatus status{.simulated = kind == DataKind::simulated, .config = current()};
        if (feed) status.slots = feed->status();
        status.tasks = engine.status();
        status.sinks = stores.status();
        return status;
    }

    Result<std::string> reload() {
        const std::lock_guard lock(reload_mutex);
        if (!feed) return user_error("this process captures nothing; reload the one that captures");
        auto asked = reread();
        if (!asked) return asked.error();
        if (auto found = find_symbols(*asked, paths.symbols, first_list_limit); !found)
            return found.error();
        return follow(std::move(*asked));
    }

    // Under reload_mutex.
    Result<std::string> follow(Config asked) {
        if (auto followed = feed->reload(
                source_options(asked),
                config_record(asked, kind == DataKind::simulated, ConfigMoment::reload));
            !followed)
            return followed.error();
        std::size_t symbols = 0;
        const auto sources = feed->sources();
        for (std::size_t i = 0; i < sources.size(); ++i) {
            asked.sources[i].symbols = sources[i].spec.symbols;
            symbols += venues::present(sources[i].spec.symbols).size();
        }
        std::string word = fmt::format("{} sources with {} symbols", asked.sources.size(), symbols);
        {
            const std::lock_guard config_lock(config_mutex);
            config = std::make_shared<const Config>(std::move(asked));
        }
        if (parts.process)
            if (auto joined = follow_partitions(); !joined) return joined.error();
        log_info("reloaded: {}", word);
        return word;
    }

    // The config as it is, not its file: that may be half edited.
    void follow_lists() {
        const std::lock_guard lock(reload_mutex);
        Config asked = *current();
        Result<std::string> followed;
        if (auto found = find_symbols(asked, paths.symbols, list_limit); !found)
            followed = found.error();
        else if (std::ranges::equal(asked.sources, current()->sources, {}, &SourceConfig::symbols,
                                    &SourceConfig::symbols))
            return;
        else
            followed = follow(std::move(asked));
        if (!followed) log_warn("the lists of symbols stay as they are: {}", followed.error().what);
    }

    // What has to be done now and then, once a second: new partitions, old data, the disk.
    void keep_house() {
        const Gauge free_bytes = gauge("tape_disk_free_bytes");
        std::unique_lock lock(sleep_mutex);
        for (i64 second = 0; !stopped; ++second) {
            lock.unlock();
            std::error_code failed;
            const auto space = std::filesystem::space(paths.derived.parent_path(), failed);
            if (!failed) free_bytes.set(static_cast<double>(space.available));
            if (parts.process && !parts.capture)
                if (auto followed = follow_partitions(); !followed)
                    log_error("{}", followed.error().what);
            if (second % 60 == 30) {
                remove_old_data();
                malloc_trim(0);  // What a burst took goes back to the system.
            }
            if (feed && second % seconds_between_lists == seconds_between_lists - 1 &&
                lists_symbols(*current()))
                follow_lists();
            lock.lock();
            sleep.wait_for(lock, std::chrono::seconds(1), [this] { return stopped; });
        }
    }

    void remove_old_data() {
        const Nanos now = wall_clock();
        const auto trim = [&](const std::filesystem::path& root,
                              const log::RetentionOptions& options) {
            const auto partitions = log::list_partitions(root);
            if (!partitions) return;
            for (const std::string& partition : *partitions)
                if (const auto freed = log::apply_retention(root / partition, options, now); !freed)
                    log_warn("retention of {}: {}", partition, freed.error().what);
        };
        if (parts.capture) trim(paths.raw, raw_retention(*current()));
        // The derived logs are queues: what every reader has passed may go; an hour stays for the
        // page.
        if (parts.process) trim(paths.derived, {.max_age = seconds(3600)});
        if (stores.fills_warehouse())
            if (const auto removed = stores.warehouse()->apply_retention(now); !removed)
                log_warn("retention of the warehouse: {}", removed.error().what);
    }

    Result<void> stop() {
        {
            const std::lock_guard lock(sleep_mutex);
            if (stopped) return {};
            stopped = true;
        }
        sleep.notify_all();
        if (housekeeper.joinable()) housekeeper.join();
        if (feed) feed->stop();
        engine.stop();
        const Result<void> stored = stores.stop();
        if (server) server->stop();
        return stored;
    }
};

Line::Line() = default;

Line::~Line() {
    if (!impl_) return;
    if (const auto stopped = impl_->stop(); !stopped) log_error("{}", stopped.error().what);
}

Result<std::unique_ptr<Line>> Line::start(const Config& config, const DataFolder& folder,
                                          Parts parts, DataKind kind, Reread reread) {
    std::unique_ptr<Line> line(new Line);
    line->impl_ = std::make_unique<Impl>(config, folder, parts, kind, std::move(reread));
    if (auto started = line->impl_->start(); !started) return started.error();
    return line;
}

std::string Line::address() const {
    if (!impl_->server) return {};
    const std::string& listen = impl_->started_with.serve.listen;
    return fmt::format("{}:{}", listen.substr(0, listen.rfind(':')), impl_->server->port());
}

Reach Line::reach() const {
    if (!impl_->feed) return Reach::some;
    bool tried = true;
    for (const feed::SlotStatus& slot : impl_->feed->status()) {
        if (slot.connected || slot.session > 0) return Reach::some;
        tried &= !slot.cause.empty();
    }
    return tried ? Reach::none : Reach::unknown;
}

std::string Line::causes() const {
    std::string text;
    if (!impl_->feed) return text;
    for (const feed::SlotStatus& slot : impl_->feed->status())
        text += fmt::format("  {}: {}\n", slot.slot, slot.cause);
    return text;
}

Result<std::string> Line::reload() {
    return impl_->reload();
}

Result<void> Line::stop() {
    return impl_->stop();
}

}  // namespace tape::app
