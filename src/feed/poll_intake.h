// A slot without a socket: asks the venue for each of its polls every interval, and records what is
// new. Polls keep their distance from the start, and those that a suspended machine missed are not
// made up for.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "feed/intake.h"
#include "feed/slot.h"

namespace tape::feed {

class PollIntake final : public Intake {
 public:
    explicit PollIntake(Slot& slot);

    asio::awaitable<Down> hold() override;
    void cut(const std::string& cause) override;
    void on_change() override;
    asio::awaitable<void> close() override;
    void describe(SlotStatus& status) const override;

 private:
    /// Asks each poll once; throws what went wrong with the first that failed, after all.
    asio::awaitable<void> ask_all();
    asio::awaitable<void> ask(size_t poll);
    void take_plan();
    Nanos next_round(Nanos now) const;

    Slot& slot_;
    const Nanos start_;               // Of the grid of rounds.
    std::vector<std::string> etags_;  // The last answer's, a poll each.
    bool connected_{};
    std::atomic<i64> polls_{}, unchanged_{}, next_poll_{};
    Counter polls_total_, unchanged_total_, bytes_total_;
};

}  // namespace tape::feed
