// How a slot comes by its data: over sockets (socket_intake.h) or by asking again and again
// (poll_intake.h). All of it on the feed's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "feed/payloads.h"

namespace tape::feed {

namespace asio = boost::asio;

struct SlotStatus;

/// Why nothing is captured now.
struct Down {
    std::string cause;
    Reason reason = Reason::disconnect;
};

class Intake {
 public:
    virtual ~Intake() = default;
    /// Connects, and captures until there is nothing left to capture from: then it has told the
    /// slot, and says why. Also returns, soon, when the slot is stopped or cannot record.
    virtual asio::awaitable<Down> hold() = 0;
    /// Once each heartbeat interval.
    virtual void tick(Nanos /*now*/) {}
    /// Ends what is open, at once.
    virtual void cut(const std::string& cause) = 0;
    /// The slot's plan is another one now.
    virtual void on_change() = 0;
    /// The polite end after the slot was stopped, bounded by a second.
    virtual asio::awaitable<void> close() = 0;
    /// Its part of the status.
    virtual void describe(SlotStatus& status) const = 0;
};

}  // namespace tape::feed
