// One WebSocket of a slot: what waits to be sent, and in which pace; keep-alives; silence. It ends
// with its socket.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "feed/hearing.h"
#include "feed/slot.h"
#include "net/net.h"

namespace tape::feed {

class Session final : public std::enable_shared_from_this<Session> {
 public:
    /// Of `slot`, with its plan as it is now; `ping_interval` replaces that of the keep-alive.
    Session(Slot& slot, std::shared_ptr<net::WebSocket> socket, size_t streams,
            const std::optional<Nanos>& ping_interval);

    /// Sends what subscribes, or waits for the welcome before.
    void begin();
    /// Records a frame, sends what the protocol answers, and tells `hearing` what it names. Throws
    /// CannotRecord.
    void on_frame(std::string_view frame, Hearing& hearing);
    /// Sends `text` behind what waits; a venue that does not read is cut.
    void send(std::string text);
    void tick(Nanos now);
    /// Ends the socket at once; the first cause is the one that counts.
    void cut(std::string cause);
    /// Nothing is sent any more.
    void end() { over_ = true; }

    net::WebSocket& socket() { return *socket_; }
    /// A reference of its own, for who needs the socket beyond the session.
    std::shared_ptr<net::WebSocket> share_socket() const { return socket_; }
    const std::string& cut_cause() const { return cut_cause_; }
    Nanos opened() const { return opened_; }
    /// Of the slot's plan that it subscribes.
    i64 plan_version() const { return plan_version_; }
    /// By the steady clock, to the tick.
    Nanos last_heard() const { return last_heard_; }
    i64 frames() const { return frames_; }
    /// Whether each of its streams was acknowledged or heard.
    bool ready() const { return frames_ > 0 && seen_.all(); }

 private:
    asio::awaitable<void> drain();
    void show_decoder(log::RecordKind kind, Nanos now, std::string_view payload);

    Slot& slot_;
    const std::shared_ptr<net::WebSocket>
        socket_;  // Shared with an operation that may end after the session.
    const venues::Venue& venue_;
    const venues::Connection connection_;
    const i64 plan_version_;
    const Nanos opened_;
    Nanos last_heard_, last_sent_;
    i64 frames_{}, frames_before_tick_{};
    Seen seen_;
    const std::unique_ptr<venues::Decoder> decoder_;  // Only of what Hearing wants to know.
    std::deque<std::string> outbox_;
    bool writing_{}, over_{}, welcome_{};
    std::string cut_cause_;
};

}  // namespace tape::feed
