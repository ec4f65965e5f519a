// The instrument lists of one source: asked for at the start and each day, recorded in each of its
// slots, so that what is right of the log knows the instruments without asking anybody.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "feed/rest_client.h"
#include "feed/slot.h"

namespace tape::feed {

class InstrumentLists final {
 public:
    InstrumentLists(FeedContext& context, const venues::Venue& venue, venues::SourceSpec spec,
                    std::shared_ptr<RestClient> rest, std::vector<std::shared_ptr<Slot>> slots)
        : context_(context),
          venue_(venue),
          spec_(std::move(spec)),
          rest_(std::move(rest)),
          slots_(std::move(slots)),
          wait_(context.io),
          pause_(context.io) {}

    /// Fetches and records all lists, trying again for ever, and again each `lists_every`. Started
    /// once.
    asio::awaitable<void> run();
    /// Returns when they are recorded, or after lists_wait: capture does not wait longer for them.
    asio::awaitable<void> wait();
    /// Nothing is recorded any more, the slots are let go, and run() ends.
    void stop();

 private:
    asio::awaitable<void> fetch_all();
    asio::awaitable<std::string> fetch(venues::RestRequest request);
    asio::awaitable<void> pause(Nanos span);

    FeedContext& context_;
    const venues::Venue& venue_;
    const venues::SourceSpec spec_;
    const std::shared_ptr<RestClient> rest_;
    std::vector<std::shared_ptr<Slot>> slots_;
    asio::steady_timer wait_, pause_;
    bool done_{}, stopped_{};
};

}  // namespace tape::feed
