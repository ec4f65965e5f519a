// The instrument lists of one source: asked for at the start, recorded in each of its slots, so
// that what is right of the log knows the instruments without asking anybody.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <vector>

#include "feed/plan.h"
#include "feed/slot.h"

namespace tape::feed {

class InstrumentLists final {
 public:
    InstrumentLists(FeedContext& context, PlannedSource source, std::vector<Slot*> slots)
        : context_(context),
          source_(std::move(source)),
          slots_(std::move(slots)),
          wait_(context.io) {}

    /// Fetches and records all lists, trying again for ever. Started once.
    asio::awaitable<void> run();
    /// Returns when they are recorded, or after lists_wait: capture does not wait longer for them.
    asio::awaitable<void> wait();

 private:
    asio::awaitable<std::string> fetch(venues::RestRequest request);

    FeedContext& context_;
    const PlannedSource source_;
    const std::vector<Slot*> slots_;
    asio::steady_timer wait_;
    bool done_{};
};

}  // namespace tape::feed
