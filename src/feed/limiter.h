// What one venue lets this address ask for over REST: a sliding window over the documented budget,
// corrected by what the venue's answers say is used, and the waits it demands. Pure: the time is
// given, and somebody else sleeps.
#pragma once

#include <array>
#include <deque>
#include <optional>

#include "feed/backoff.h"
#include "venues/venue.h"

namespace tape::feed {

/// What a request is for. Capture (tokens, polls, lists, probes) may take nearly all of the budget;
/// back-fill can wait, and leaves half of it to others behind the same address.
enum class RestUse : u8 { capture, backfill };

class Limiter final {
 public:
    struct Options {
        double capture_share = 0.8, backfill_share = 0.5;  // Of the budget.
        Nanos backoff_min = millis(500),
              backoff_max = seconds(30);  // After failures and 5xx, of the same use.
        Nanos ban = seconds(120);  // At least, after a 418 that does not say how long it lasts.
    };
    Limiter(const venues::RestBudget& budget, const Options& options, u64 seed);

    /// When a request of `weight` may be sent, by what is known at `now`: not after `now` means at
    /// once. A request heavier than the share may be sent once nothing else is in the window.
    Nanos ready_at(Nanos now, i64 weight, RestUse use);
    /// A request is being sent.
    void spend(Nanos now, i64 weight);

    /// What an answer says: its status, Retry-After, and the venue's own count in used_header.
    struct Answer {
        int status{};
        std::optional<Nanos> retry_after;
        std::optional<i64> used;
    };
    /// 429 and 418 hold back everything of the venue: as long as Retry-After says, else for a
    /// window of the budget or for `ban`, longer each time. 5xx (and 401, 403,
    /// which firewalls use for who asks too often, 408, 425) hold back the same use; other answers
    /// end that.
    void on_answer(Nanos now, RestUse use, const Answer& answer);
    /// No answer came, or one that is none.
    void on_failure(Nanos now, RestUse use);
    /// Whether the venue demanded that nothing is asked at `now`.
    bool barred(Nanos now) const { return now < barred_until_; }
    std::string_view used_header() const { return budget_.used_header; }

 private:
    struct Spent {
        Nanos at;
        i64 weight{};
    };
    struct Failing {
        Backoff backoff;
        bool failing{};
        Nanos until;
    };
    void drop_old(Nanos now);
    void bar(Nanos now, Nanos at_least, const std::optional<Nanos>& asked);

    const venues::RestBudget budget_;
    const Options options_;
    std::deque<Spent> window_;
    i64 in_window_{};
    std::optional<Spent> reported_;  // The venue's own count, when it came …
    i64 since_report_{};             // … and what was sent since.
    Nanos barred_until_;
    i64 bars_{};  // In a row.
    std::array<Failing, 2> failing_;
};

/// The time that a Retry-After header names, in seconds; none where it is anything else.
std::optional<Nanos> parse_retry_after(std::string_view text);

}  // namespace tape::feed
