// One slot: connects, records, and begins anew, for ever. Where its data comes from is its intake's
// business; here are its log, the pause while nothing can be written, and what is said of it. All
// of it on the feed's thread, but for status().
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <memory>
#include <mutex>
#include <string>

#include "base/metrics.h"
#include "feed/backoff.h"
#include "feed/feed.h"
#include "feed/intake.h"
#include "feed/recorder.h"
#include "feed/rest_client.h"
#include "net/net.h"

namespace tape::feed {

/// Where each coroutine of a feed ends. Nothing may throw out of them: what does is a broken
/// invariant, and ends the process.
void expect_no_exception(std::exception_ptr error);

/// What all slots of a feed share.
struct FeedContext {
    asio::io_context& io;
    const FeedOptions& options;
    i64 paused_slots = 0;
    Gauge paused = gauge("tape_feed_paused");
};

class Slot final {
 public:
    struct Plan {
        std::string name;
        const venues::Venue* venue{};
        venues::Connection connection;
        net::Url url;
        std::string ca_file;
        std::shared_ptr<RestClient> rest;  // Shared with the back-fill and the other slots.
        venues::SourceSpec spec;
    };
    /// Opens the slot's run with a `config` record.
    Slot(FeedContext& context, Plan plan, std::unique_ptr<Recorder> recorder,
         std::string_view config);
    ~Slot();

    /// Captures; ends only when the slot is stopped. Demands that the slot outlives the
    /// io_context's run, or is kept until ended().
    asio::awaitable<void> run();
    /// Once each heartbeat interval: the `heartbeat` record, keep-alive, silence, stale and mute
    /// streams.
    void tick();
    /// Follows another plan from now on: a socket is replaced by one that overlaps it, a polled
    /// slot asks for other things. Demands the same name and venue, and polls where there were any.
    void change(Plan plan);
    /// Records the config that holds from now on, and what the slot will carry, as soon as the disk
    /// allows.
    void record_config(std::string_view config, const venues::Connection& carried);
    /// Records an answer of the venue's REST endpoint, as soon as the disk allows.
    asio::awaitable<void> record_answer(std::string payload);
    /// Records what became of a gap, behind the answers that were recorded for it.
    asio::awaitable<void> record_verdict(std::string payload);
    /// Records `disconnected` where it is connected; nothing is recorded afterwards.
    void stop(std::string_view cause = "stopped", Reason reason = Reason::stopped);
    /// The polite end of a stopped slot's socket, bounded by a second.
    asio::awaitable<void> close_socket();
    /// Whether a stopped slot's coroutines are through: then it may be destroyed.
    bool ended() const { return stopped_ && coroutines_ == 0; }

    const std::string& name() const { return plan_.name; }
    Recorder& recorder() { return *recorder_; }
    SlotStatus status() const;

    // For its intake.

    const Plan& plan() const { return plan_; }
    /// Counts change().
    i64 plan_version() const { return plan_version_; }
    FeedContext& context() { return context_; }
    bool stopped() const { return stopped_; }
    /// Appends a record that is stamped now, and gives that time. Throws CannotRecord.
    Nanos append(log::RecordKind kind, std::string_view payload);
    /// A connection is there; whether another one is still heard.
    enum class Overlap : u8 { no, yes };
    void on_connected(const std::string& address, Overlap overlap);
    /// There is none, be it that one ended or that an attempt failed.
    void on_disconnected(const std::string& cause, Reason reason);
    /// Data came, by the wall clock.
    void on_received(Nanos now);
    /// Sleeps in the slot's own coroutine, run(), until wake() or for `span`.
    asio::awaitable<void> nap(Nanos span);
    void wake() { alarm_.cancel(); }
    /// Runs a coroutine beside it; it must end soon after stop(), and not throw.
    void spawn(asio::awaitable<void> coroutine);
    /// Between attempts, as the options say.
    Backoff make_backoff() const;

 private:
    asio::awaitable<void> capture();
    asio::awaitable<void> counted(asio::awaitable<void> coroutine);
    asio::awaitable<void> wait_for_disk();
    asio::awaitable<void> record_late(log::RecordKind kind, std::string payload);
    void try_record_config();
    void set_paused(bool paused);
    void set_cause(std::string cause, std::string address);

    FeedContext& context_;
    Plan plan_;
    i64 plan_version_{};
    std::unique_ptr<Recorder> recorder_;
    std::string config_payload_;  // To be recorded; empty: it was.
    asio::steady_timer alarm_;
    i64 coroutines_{};
    bool stopped_{};

    std::atomic<bool> connected_{}, paused_{};
    std::atomic<i64> sessions_{}, frames_{}, last_recv_{};
    mutable std::mutex words_mutex_;
    std::string cause_, address_;

    Counter connects_total_, disconnects_total_;
    Gauge connected_gauge_;
    std::unique_ptr<Intake> intake_;
};

}  // namespace tape::feed
