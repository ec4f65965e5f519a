#include "feed/roster.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "base/log.h"

namespace tape::feed {
namespace {

asio::awaitable<void> run_lists(std::shared_ptr<InstrumentLists> lists) {
    co_await lists->run();
}

asio::awaitable<void> run_slot(std::shared_ptr<InstrumentLists> lists, std::shared_ptr<Slot> slot) {
    co_await lists->wait();
    co_await slot->run();
}

}  // namespace

// The slot's log for its back-fill, until the slot ends.
class Roster::SlotLog final : public AnswerLog {
 public:
    explicit SlotLog(std::shared_ptr<Slot> slot) : slot_(std::move(slot)) {}
    void leave() { slot_.reset(); }

    bool fits(std::string_view payload) const override {
        return slot_ && slot_->recorder().fits(payload);
    }
    asio::awaitable<void> record(log::RecordKind kind, std::string payload) override {
        const std::shared_ptr<Slot> slot = slot_;
        if (!slot) co_return;
        if (kind == log::RecordKind::rest)
            co_await slot->record_answer(std::move(payload));
        else
            co_await slot->record_verdict(std::move(payload));
    }

 private:
    std::shared_ptr<Slot> slot_;  // Shared with the roster and with what records into it.
};

Result<Roster::Logs> Roster::open_logs(const std::vector<PlannedSource>& planned) const {
    const FeedOptions& options = context_.options;
    std::set<std::string> taken;
    {
        const std::lock_guard lock(mutex_);
        for (const Running& running : running_) taken.insert(running.slot->name());
        for (const Ending& ending : ending_) taken.insert(ending.slot->name());
    }
    Logs logs;
    for (const PlannedSource& source : planned)
        for (const PlannedSlot& slot : source.slots) {
            if (taken.contains(slot.name)) continue;
            auto log = Recorder::open(context_.io, options.log_root / slot.name, options.writer);
            if (!log) return log.error();
            logs.emplace(slot.name, std::move(*log));
        }
    return logs;
}

bool Roster::waits(const std::vector<PlannedSource>& planned) const {
    const std::lock_guard lock(mutex_);
    return std::ranges::any_of(planned, [&](const PlannedSource& source) {
        return std::ranges::any_of(source.slots, [&](const PlannedSlot& slot) {
            return std::ranges::any_of(
                ending_, [&](const Ending& ending) { return ending.slot->name() == slot.name; });
        });
    });
}

void Roster::follow(const std::vector<PlannedSource>& planned, Logs logs,
                    const std::string& config_payload) {
    std::map<std::string, Running> had;
    {
        const std::lock_guard lock(mutex_);
        for (const Running& running : running_) had.emplace(running.slot->name(), running);
    }
    std::vector<Running> running;
    std::vector<Source> sources;
    std::set<const Slot*> fresh;
    for (const PlannedSource& source : planned) {
        Source& followed = sources.emplace_back(Source{source.spec, client(source), {}, {}});
        for (const PlannedSlot& slot : source.slots) {
            Slot::Plan plan{.name = slot.name,
                            .venue = source.venue,
                            .connection = slot.connection,
                            .url = slot.url,
                            .ca_file = source.ca_file,
                            .rest = followed.rest,
                            .spec = source.spec};
            const auto known = had.find(slot.name);
            const auto log = logs.find(slot.name);
            if (known != had.end() &&
                can_follow(known->second.slot->plan().connection, plan.connection)) {
                change(known->second, std::move(plan), config_payload);
                running.push_back(std::move(known->second));
                had.erase(known);
            } else if (known == had.end() && log != logs.end()) {
                running.push_back(begin(std::move(plan), std::move(log->second), config_payload));
                fresh.insert(running.back().slot.get());
            } else {
                continue;  // It begins when its predecessor has ended.
            }
            followed.slots.push_back(running.back().slot);
        }
    }
    for (auto& [name, left] : had) {
        left.slot->record_config(config_payload, {});
        end(left, "no longer configured");
    }
    {
        const std::lock_guard lock(mutex_);
        running_ = std::move(running);
    }
    follow_lists(std::move(sources), fresh);
}

std::shared_ptr<RestClient> Roster::client(const PlannedSource& source) {
    VenueLimits& limits = limits_[source.venue];
    if (!limits.rest) limits = make_limits(context_.options, *source.venue);
    auto& client =
        clients_[fmt::format("{}\n{}\n{}", source.venue->name(), source.rest, source.ca_file)];
    if (!client) client = make_client(context_.options, source, limits);
    return client;
}

Backfill& Roster::backfill_of(const venues::Venue& venue) {
    std::unique_ptr<Backfill>& backfill = backfills_[&venue];
    if (!backfill) {
        const FeedOptions& options = context_.options;
        backfill = std::make_unique<Backfill>(
            context_.io, Backfill::Options{.patience = options.backfill_patience,
                                           .settle = options.backfill_settle,
                                           .queue = options.backfill_queue});
        asio::co_spawn(context_.io, backfill->run(), expect_no_exception);
    }
    return *backfill;
}

Roster::Running Roster::begin(Slot::Plan plan, std::unique_ptr<Recorder> log,
                              const std::string& payload) {
    const venues::Venue& venue = *plan.venue;
    const auto [first, last] = bells_.equal_range(plan.name);
    for (auto bell = first; bell != last; ++bell) log->ring_on_flush(*bell->second);
    auto slot = std::make_shared<Slot>(context_, plan, std::move(log), payload);
    auto answers = std::make_unique<SlotLog>(slot);
    SlotLog* const shown = answers.get();
    auto target = std::make_shared<BackfillTarget>(plan.name, venue, std::move(plan.spec),
                                                   std::move(plan.rest), std::move(answers));
    return {std::move(slot), std::move(target), shown};
}

void Roster::change(Running& running, Slot::Plan plan, const std::string& payload) {
    running.target->spec = plan.spec;
    running.target->rest = plan.rest;
    const Slot::Plan& had = running.slot->plan();
    const bool same = same_connection(had.connection, plan.connection) &&
                      same_url(had.url, plan.url) && had.rest == plan.rest &&
                      had.ca_file == plan.ca_file && had.spec.api_key == plan.spec.api_key &&
                      had.spec.ids == plan.spec.ids;
    // What is right of the log may change in any case.
    running.slot->record_config(payload, plan.connection);
    if (same) return;
    log_info("{}: its plan changes", running.slot->name());
    running.slot->change(std::move(plan));
}

void Roster::end(Running& running, std::string_view cause) {
    backfill_of(*running.slot->plan().venue).forget(*running.target);
    running.log->leave();
    running.slot->stop(cause, Reason::planned);
    asio::co_spawn(context_.io, close(running.slot), expect_no_exception);
    const std::lock_guard lock(mutex_);
    ending_.push_back({std::move(running.slot)});
}

// Sources that are as they were keep their lists; the others fetch them, and what begins waits for
// that.
void Roster::follow_lists(std::vector<Source> sources, const std::set<const Slot*>& fresh) {
    for (Source& source : sources) {
        const auto known = std::ranges::find_if(sources_, [&](const Source& had) {
            return had.lists && had.rest == source.rest && had.slots == source.slots &&
                   same_spec(had.spec, source.spec);
        });
        if (known != sources_.end()) {
            source.lists = std::move(known->lists);
            continue;
        }
        const venues::Venue& venue = *venues::find_venue(source.spec.venue);
        source.lists = std::make_shared<InstrumentLists>(context_, venue, source.spec, source.rest,
                                                         source.slots);
        asio::co_spawn(context_.io, run_lists(source.lists), expect_no_exception);
        for (const auto& slot : source.slots)
            if (fresh.contains(slot.get()))
                asio::co_spawn(context_.io, run_slot(source.lists, slot), expect_no_exception);
    }
    for (const Source& had : sources_)
        if (had.lists) had.lists->stop();
    sources_ = std::move(sources);
}

asio::awaitable<void> Roster::close(std::shared_ptr<Slot> slot) {
    ++closing_;
    co_await slot->close_socket();
    --closing_;
}

// A slot that has ended is destroyed, and its log with it, two ticks after the last coroutine that
// knows it: what it had posted is through by then.
void Roster::tick() {
    for (const Running& running : running_) running.slot->tick();
    const std::lock_guard lock(mutex_);
    for (Ending& ending : ending_)
        if (ending.slot->ended() && ending.slot.use_count() == 1) ++ending.idle_ticks;
    std::erase_if(ending_, [](const Ending& ending) { return ending.idle_ticks > 2; });
}

void Roster::ring_on_flush(std::string_view slot, Doorbell& bell) {
    bells_.emplace(slot, &bell);
    for (const Running& running : running_)
        if (running.slot->name() == slot) running.slot->recorder().ring_on_flush(bell);
}

void Roster::backfill(const std::string& slot, venues::Missing missing) {
    for (const Running& running : running_)
        if (running.slot->name() == slot)
            return backfill_of(running.target->venue).ask(running.target, std::move(missing));
    log_debug("{}: no longer captured, so nothing is fetched for it", slot);
}

asio::awaitable<void> Roster::stop(Nanos deadline) {
    for (const Running& running : running_) {
        running.slot->stop();
        asio::co_spawn(context_.io, close(running.slot), expect_no_exception);
    }
    do co_await net::sleep_for(millis(2));
    while (closing_ > 0 && steady_clock() < deadline);
}

void Roster::sync_logs() {
    for (const Running& running : running_) running.slot->recorder().sync();
    for (const Ending& ending : ending_) ending.slot->recorder().sync();
}

std::vector<std::string> Roster::names() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const Running& running : running_) names.push_back(running.slot->name());
    return names;
}

std::vector<SlotStatus> Roster::status() const {
    const std::lock_guard lock(mutex_);
    std::vector<SlotStatus> all;
    for (const Running& running : running_) {
        all.push_back(running.slot->status());
        all.back().backfills = running.target->open;
    }
    return all;
}

}  // namespace tape::feed
