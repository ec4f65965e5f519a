#include "feed/limiter.h"

#include <algorithm>
#include <charconv>

namespace tape::feed {
namespace {

constexpr i64 doublings_max = 5;  // Of the wait where the venue names none.
constexpr Nanos retry_after_max =
    seconds(3 * 86'400);  // Bans of three days are the longest that are documented.

size_t index_of(RestUse use) {
    return static_cast<size_t>(use);
}

}  // namespace

Limiter::Limiter(const venues::RestBudget& budget, const Options& options, u64 seed)
    : budget_(budget),
      options_(options),
      failing_{Failing{Backoff({options.backoff_min, options.backoff_max, Nanos{1}}, seed)},
               Failing{Backoff({options.backoff_min, options.backoff_max, Nanos{1}}, seed + 1)}} {}

void Limiter::drop_old(Nanos now) {
    while (!window_.empty() && window_.front().at + budget_.per <= now) {
        in_window_ -= window_.front().weight;
        window_.pop_front();
    }
    if (reported_ && reported_->at + budget_.per <= now) reported_.reset();
}

Nanos Limiter::ready_at(Nanos now, i64 weight, RestUse use) {
    drop_old(now);
    const double share = use == RestUse::capture ? options_.capture_share : options_.backfill_share;
    const i64 limit =
        std::max<i64>(1, static_cast<i64>(static_cast<double>(budget_.weight) * share));
    Nanos ready = std::max({now, barred_until_, failing_[index_of(use)].until});
    i64 left = in_window_;
    for (const Spent& spent : window_) {
        if (left + weight <= limit) break;
        left -= spent.weight;
        ready = std::max(ready, spent.at + budget_.per);
    }
    if (reported_ && reported_->weight + since_report_ + weight > limit)
        ready = std::max(ready, reported_->at + budget_.per);
    return ready;
}

void Limiter::spend(Nanos now, i64 weight) {
    drop_old(now);
    window_.push_back({now, weight});
    in_window_ += weight;
    since_report_ += weight;
}

void Limiter::on_answer(Nanos now, RestUse use, const Answer& answer) {
    if (answer.used) {
        reported_ = {now, *answer.used};
        since_report_ = 0;
    }
    if (answer.status == 429) return bar(now, budget_.per, answer.retry_after);
    if (answer.status == 418) return bar(now, options_.ban, answer.retry_after);
    bars_ = 0;
    constexpr int passing[] = {401, 403, 408, 425};
    if (answer.status >= 500 || std::ranges::find(passing, answer.status) != std::end(passing)) {
        on_failure(now, use);
        if (answer.retry_after) {
            Nanos& until = failing_[index_of(use)].until;
            until = std::max(until, now + *answer.retry_after);
        }
        return;
    }
    failing_[index_of(use)].failing = false;
}

// A second more than the venue asks for: its seconds are cut, and asking too early is what bans
// are made of.
void Limiter::bar(Nanos now, Nanos at_least, const std::optional<Nanos>& asked) {
    const Nanos unnamed{at_least.count << std::min(bars_, doublings_max)};
    ++bars_;
    barred_until_ = std::max(barred_until_, now + (asked ? *asked + seconds(1) : unnamed));
}

void Limiter::on_failure(Nanos now, RestUse use) {
    Failing& failing = failing_[index_of(use)];
    const Nanos lasted = failing.failing ? Nanos{} : Nanos{1};  // One: the shortest wait again.
    failing.failing = true;
    failing.until = now + failing.backoff.next(lasted);
}

std::optional<Nanos> parse_retry_after(std::string_view text) {
    i64 whole = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (error != std::errc{} || whole < 0) return std::nullopt;
    if (end != text.data() + text.size() && *end != '.') return std::nullopt;
    const bool fraction = end != text.data() + text.size();
    return std::min(seconds(std::min<i64>(whole, retry_after_max.count / seconds(1).count)) +
                        seconds(fraction ? 1 : 0),
                    retry_after_max);
}

}  // namespace tape::feed
