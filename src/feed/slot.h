// One slot: connects, subscribes, records, notices silence, reconnects, for ever. All of it on the
// feed's thread, but for status().
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "feed/backoff.h"
#include "feed/feed.h"
#include "feed/recorder.h"
#include "feed/rest_client.h"
#include "net/net.h"

namespace tape::feed {

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
    };
    Slot(FeedContext& context, Plan plan, std::unique_ptr<Recorder> recorder);

    /// Keeps the socket open; ends only when the slot is stopped. Demands that the slot outlives
    /// the io_context's run.
    asio::awaitable<void> run();
    /// Once each heartbeat interval: the `heartbeat` record, keep-alive, silence, stale
    /// subscriptions.
    void tick();
    /// Records an answer of the venue's REST endpoint, as soon as the disk allows.
    asio::awaitable<void> record_answer(std::string payload);
    /// Records what became of a gap, behind the answers that were recorded for it.
    asio::awaitable<void> record_verdict(std::string payload);
    /// Records `disconnected` where it is connected; nothing is recorded afterwards.
    void stop();
    /// The polite end of a stopped slot's socket, bounded by a second.
    asio::awaitable<void> close_socket();

    const std::string& name() const { return plan_.name; }
    Recorder& recorder() { return *recorder_; }
    SlotStatus status() const;

 private:
    struct Session {
        std::shared_ptr<net::WebSocket>
            socket;                   // Shared with a write that may end after the session.
        Nanos last_heard, last_sent;  // By the steady clock, to the tick.
        i64 frames_before_tick{};
        std::deque<std::string> outbox;
        bool writing{}, over{};
        std::string cut_cause;
    };
    // A symbol is heard of when a frame contains its name: cheap, and no protocol is parsed.
    struct Symbol {
        std::string name;
        i64 streams{};
        Nanos last_heard;
        bool heard{};
    };

    asio::awaitable<void> hold_connection();
    asio::awaitable<void> wait_for_disk();
    asio::awaitable<void> drain(std::shared_ptr<Session> session);
    void begin_session(std::shared_ptr<net::WebSocket> socket);
    void end_session(const std::string& what);
    void note_disconnected(const std::string& cause);
    void record_config();
    asio::awaitable<void> record_late(log::RecordKind kind, std::string payload);
    void cut(Session& session, std::string cause);
    void on_frame(std::string_view payload);
    void note_symbols(std::string_view payload);
    void send(const std::shared_ptr<Session>& session, std::string text);
    void check_silence(Session& session, Nanos now);
    void check_stale(Nanos now);
    void set_paused(bool paused);
    void set_cause(std::string cause, std::string address);

    FeedContext& context_;
    const Plan plan_;
    std::unique_ptr<Recorder> recorder_;
    Backoff backoff_;
    std::shared_ptr<Session> session_;
    std::vector<Symbol> symbols_;
    i64 unheard_symbols_{};
    bool config_recorded_{}, stopped_{};

    std::atomic<bool> connected_{}, paused_{};
    std::atomic<i64> sessions_{}, frames_{}, last_recv_{}, stale_{};
    mutable std::mutex words_mutex_;
    std::string cause_, address_;

    Counter frames_total_, bytes_total_, connects_total_, disconnects_total_;
    Gauge connected_gauge_, stale_gauge_;
};

}  // namespace tape::feed
