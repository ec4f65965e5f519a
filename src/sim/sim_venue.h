// A simulated venue: what it lists, what it says to a client, what it answers to a REST request.
// Without sockets and clocks, which simulator.cpp has: so a test drives it by hand. One file a
// venue; it registers itself in sim_venues().
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/net.h"
#include "sim/market.h"

namespace tape::sim {

/// What a session wants to be sent, in this order.
struct Outbox {
    std::vector<std::string> frames;
    bool ping{};  // A WebSocket ping after the frames.
    struct Close {
        enum class How : u8 {
            politely,  // By a closing frame with code and reason.
            cut,       // The TCP connection ends, and nothing was said.
            reset,     // It is reset.
            silent     // It stays, and nothing is sent or answered any more.
        };
        u16 code;
        std::string reason;
        How how = How::politely;
    };
    std::optional<Close> close;  // After the frames.
    i64 bytes_per_second = 0;    // How slowly they go; 0: as fast as they can.
};

/// One client's connection, from the handshake on. Time is given and does not go back.
class Session {
 public:
    virtual ~Session() = default;
    virtual void on_text(std::string_view text, Nanos now, Outbox& out) = 0;
    /// Sends everything that is due up to `now` and was not sent yet.
    virtual void advance(Nanos now, Outbox& out) = 0;
    /// Says what the venue says shortly before it closes an old connection; most say nothing.
    virtual void announce_end(Nanos /*now*/, Outbox& /*out*/) {}
};

/// Who asked too often, and may ask again at `until`.
struct Throttled {
    bool banned{};  // Since asking went on in spite of it.
    Nanos until;
};

class SimVenue {
 public:
    virtual ~SimVenue() = default;
    virtual std::string_view name() const = 0;
    virtual std::span<const Listing> listings() const = 0;
    /// Null when there is no WebSocket at the request's path. `market` outlives the session.
    virtual std::unique_ptr<Session> connect(const net::Request& request, const Market& market,
                                             Nanos now) const = 0;
    virtual net::Response answer(const net::Request& request, const Market& market,
                                 Nanos now) const = 0;
    /// The body of what it answers then, in the venue's own words.
    virtual std::string too_many_requests(const Throttled& throttled) const = 0;
};

/// The answer to who asked too often: status 429, or 418 to the banned.
net::Response throttle(const SimVenue& venue, bool banned, i64 retry_after_s, Nanos now);

/// Every simulated venue of this build, sorted by name.
const std::vector<const SimVenue*>& sim_venues();
/// Null when there is none of that name.
const SimVenue* find_sim_venue(std::string_view name);

/// Registers a venue at program start: `const Registration okx{std::make_unique<Okx>()};` at the
/// end of its file.
struct Registration {
    explicit Registration(std::unique_ptr<SimVenue> venue);
};

}  // namespace tape::sim
