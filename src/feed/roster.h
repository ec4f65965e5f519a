// The slots of a running feed: who is in it, whom they ask over REST, and how they follow another
// plan without touching those whose plan stays. On the feed's thread, but for what says otherwise.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "feed/backfill.h"
#include "feed/instrument_lists.h"
#include "feed/plan.h"
#include "feed/slot.h"

namespace tape::feed {

class Roster final {
 public:
    explicit Roster(FeedContext& context) : context_(context) {}

    using Logs = std::map<std::string, std::unique_ptr<Recorder>>;
    /// Opens the logs of the slots in `planned` that neither run nor are ending. Errors as those of
    /// LogWriter::open. From any thread.
    Result<Logs> open_logs(const std::vector<PlannedSource>& planned) const;
    /// Follows `planned` from now on: slots that are in it no more end, those whose plan is another
    /// one follow it, those that have one of `logs` begin, and the others stay as they are. All
    /// record `config_payload` and what they carry. A slot without a log that still ends, or that
    /// cannot change into what is planned, begins when this is called again with its log.
    void follow(const std::vector<PlannedSource>& planned, Logs logs,
                const std::string& config_payload);
    /// Whether the plan names slots that begin later, when their predecessors have ended. From any
    /// thread.
    bool waits(const std::vector<PlannedSource>& planned) const;

    /// Once each heartbeat interval.
    void tick();
    void ring_on_flush(std::string_view slot, Doorbell& bell);
    /// A slot that is not of this feed is left alone.
    void backfill(const std::string& slot, venues::Missing missing);
    /// Stops all slots and returns when their sockets are closed, or at `deadline` of the steady
    /// clock.
    asio::awaitable<void> stop(Nanos deadline);
    /// After the feed's thread ended.
    void sync_logs();

    /// From any thread.
    std::vector<std::string> names() const;
    std::vector<SlotStatus> status() const;

 private:
    class SlotLog;
    struct Running {
        std::shared_ptr<Slot> slot;
        std::shared_ptr<BackfillTarget> target;
        SlotLog* log{};  // The target's.
    };
    struct Source {
        venues::SourceSpec spec;
        std::shared_ptr<RestClient> rest;
        std::vector<std::shared_ptr<Slot>> slots;
        std::shared_ptr<InstrumentLists> lists;
    };
    struct Ending {
        std::shared_ptr<Slot> slot;
        i64 idle_ticks{};
    };

    std::shared_ptr<RestClient> client(const PlannedSource& source);
    Backfill& backfill_of(const venues::Venue& venue);
    Running begin(Slot::Plan plan, std::unique_ptr<Recorder> log, const std::string& payload);
    void change(Running& running, Slot::Plan plan, const std::string& payload);
    void end(Running& running, std::string_view cause);
    void follow_lists(std::vector<Source> sources, const std::set<const Slot*>& fresh);
    asio::awaitable<void> close(std::shared_ptr<Slot> slot);

    FeedContext& context_;
    std::map<const venues::Venue*, VenueLimits> limits_;
    std::map<std::string, std::shared_ptr<RestClient>> clients_;  // By venue, endpoint, authority.
    std::map<const venues::Venue*, std::unique_ptr<Backfill>> backfills_;
    std::vector<Source> sources_;
    std::multimap<std::string, Doorbell*> bells_;
    i64 closing_{};

    mutable std::mutex mutex_;  // Over these two, which other threads read.
    std::vector<Running> running_;
    std::vector<Ending> ending_;
};

}  // namespace tape::feed
