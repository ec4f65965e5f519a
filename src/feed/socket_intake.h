// A slot's sockets. Mostly there is one; where its end is foreseen, the next one is opened first,
// and both are heard until the new one is known to carry everything: make before break. What both
// bring is recorded twice, and dropped right of the log by its identity.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "feed/backoff.h"
#include "feed/hearing.h"
#include "feed/intake.h"
#include "feed/session.h"

namespace tape::feed {

class SocketIntake final : public Intake {
 public:
    explicit SocketIntake(Slot& slot);

    asio::awaitable<Down> hold() override;
    void tick(Nanos now) override;
    void cut(const std::string& cause) override;
    void on_change() override;
    asio::awaitable<void> close() override;
    void describe(SlotStatus& status) const override;

 private:
    using Shared = std::shared_ptr<Session>;

    /// Opens one more session and subscribes; throws Failed or what net throws.
    asio::awaitable<Shared> open();
    asio::awaitable<venues::Venue::Admission> admission();
    asio::awaitable<void> read(Shared session);
    asio::awaitable<void> close_session(Shared session);
    asio::awaitable<void> replace();
    asio::awaitable<void> overlap(Shared fresh, Shared old);
    void on_frame(Session& session, std::string_view payload);
    void drop(const Shared& session, const std::string& what);
    void take_out(const Shared& session);
    bool is_live(const Shared& session) const;
    enum class End : u8 { foreseen, unforeseen };  // Of the connection that is replaced.
    void want_replacement(std::string why, End end);
    void plan_replacement(Nanos now);
    void check_streams(Nanos now);
    void show_stale(Nanos now);

    Slot& slot_;
    Hearing hearing_;
    std::vector<Shared> live_;  // Connected sessions, the oldest first: at most two.
    Down down_;
    Backoff replace_backoff_;
    std::optional<Nanos> replace_at_;  // By the steady clock.
    std::string replace_why_;
    End replace_end_{}, end_ = End::unforeseen;
    std::mt19937_64 random_;

    std::atomic<bool> replacing_{};
    std::atomic<i64> stale_{};
    mutable std::mutex mute_mutex_;
    std::vector<std::string> mute_;

    Counter frames_total_, bytes_total_, resubscribes_total_, replacements_total_;
    Gauge stale_gauge_, mute_gauge_;
};

}  // namespace tape::feed
