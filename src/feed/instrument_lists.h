// The instrument lists of one source: asked for at the start and each day, recorded in each of its
// slots, so that what is right of the log knows the instruments without asking anybody.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <vector>

#include "feed/plan.h"
#include "feed/rest_client.h"
#include "feed/slot.h"

namespace tape::feed {

class InstrumentLists final {
 public:
    InstrumentLists(FeedContext& context, PlannedSource source, std::shared_ptr<RestClient> rest,
                    std::vector<Slot*> slots)
        : context_(context),
          source_(std::move(source)),
          rest_(std::move(rest)),
          slots_(std::move(slots)),
          wait_(context.io) {}

    /// Fetches and records all lists, trying again for ever, and again each `lists_every`. Started
    /// once.
    asio::awaitable<void> run();
    /// Returns when they are recorded, or after lists_wait: capture does not wait longer for them.
    asio::awaitable<void> wait();
    /// Nothing is recorded any more, and run() ends.
    void stop() { stopped_ = true; }

 private:
    asio::awaitable<void> fetch_all();
    asio::awaitable<std::string> fetch(venues::RestRequest request);

    FeedContext& context_;
    const PlannedSource source_;
    const std::shared_ptr<RestClient> rest_;
    const std::vector<Slot*> slots_;
    asio::steady_timer wait_;
    bool done_{}, stopped_{};
};

}  // namespace tape::feed
