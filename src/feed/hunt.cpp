#include "feed/hunt.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/result.h"

namespace tape::feed {
namespace {

// Ranges so close are asked for at once: each venue's page is at least as long.
constexpr u64 page_ids = 100;

constexpr double jump_share = 0.7;  // Of the way, because the pace changes.

bool older(const FetchedTrade& a, const FetchedTrade& b, bool consecutive) {
    return consecutive ? a.first < b.first : a.ts < b.ts;
}

bool same(const venues::Missing& a, const venues::Missing& b) {
    return a.from_id == b.from_id && a.to_id == b.to_id && a.from_ts == b.from_ts &&
           a.to_ts == b.to_ts;
}

}  // namespace

GapHunt::GapHunt(venues::Missing asked, const venues::IdentityRule& rule)
    : asked_(std::move(asked)), consecutive_(rule.consecutive) {
    if (!consecutive_ || !asked_.from_id)
        phase_ = Phase::older;
    else if (!asked_.to_id)
        phase_ = Phase::newest;
    else if (*asked_.from_id > *asked_.to_id)
        finish("nothing is missing");
    else {
        phase_ = Phase::ids;
        ids_.add({*asked_.from_id, *asked_.to_id, begin_ts(), asked_.to_ts});
    }
}

venues::Missing GapHunt::next() const {
    ensure(!done(), "a gap that is done asks for nothing");
    venues::Missing missing = asked_;
    if (phase_ == Phase::ids) {
        const IdRange& range = ids_.ranges().front();
        missing.from_id = range.from;
        missing.to_id = range.to;
        missing.from_ts = range.from_ts;
        missing.to_ts = range.to_ts;
    } else if (phase_ == Phase::older && oldest_) {
        if (consecutive_) missing.to_id = jump_.value_or(oldest_->first - 1);
        missing.to_ts = oldest_->ts;
    } else if (phase_ == Phase::newer) {
        if (consecutive_) missing.from_id = newest_->last + 1;
        missing.from_ts = newest_->ts;
    }
    return missing;
}

u64 GapHunt::take(std::span<const FetchedTrade> trades) {
    if (phase_ != Phase::ids) return 0;
    u64 removed = 0;
    for (const FetchedTrade& trade : trades) {
        const u64 missing = ids_.remove(trade.first, trade.last, trade.ts);
        removed += missing;
        if (!by_time_ || within(trade.ts)) fetched_ += static_cast<i64>(missing);
    }
    if (by_time_ && removed > 0) leave_newer();
    if (ids_.empty()) finish("");
    return removed;
}

// Holes reach beyond the time that was asked for.
void GapHunt::leave_newer() {
    const std::vector<IdRange> ranges = ids_.ranges();
    for (const IdRange& range : ranges)
        if (range.from_ts > asked_.to_ts) ids_.drop(range.from, range.to);
}

void GapHunt::on_answer(std::span<const FetchedTrade> trades) {
    if (phase_ == Phase::newest) on_newest(trades);
    if (phase_ == Phase::older || phase_ == Phase::newer) on_page(trades);
}

void GapHunt::on_newest(std::span<const FetchedTrade> trades) {
    const auto newest = std::ranges::max_element(trades, {}, &FetchedTrade::last);
    if (newest == trades.end()) return finish("the venue lists no trades");
    if (newest->last < *asked_.from_id) return finish("");
    phase_ = Phase::ids;
    ids_.add({*asked_.from_id, newest->last, begin_ts(), newest->ts});
    take(trades);
}

void GapHunt::on_page(std::span<const FetchedTrade> trades) {
    if (trades.empty() && jump_) {  // It led to where the venue has nothing: page by page, then.
        jump_.reset();
        may_jump_ = false;
        return;
    }
    jump_.reset();
    bool went_back = false, went_on = false;
    if (!trades.empty()) {
        const auto before = [this](const FetchedTrade& a, const FetchedTrade& b) {
            return older(a, b, consecutive_);
        };
        const auto [first, last] = std::ranges::minmax_element(trades, before);
        note_hole(*first, *last);
        went_back = !oldest_ || before(*first, *oldest_);
        went_on = !newest_ || before(*newest_, *last);
        if (went_back) oldest_ = *first;
        if (went_on) newest_ = *last;
        fetched_ += std::ranges::count_if(
            trades, [this](const FetchedTrade& trade) { return within(trade.ts); });
        plan_jump(*first, *last);
    }
    if (!oldest_) return finish("the venue lists no trades");
    if (phase_ == Phase::older && passed_start()) return fill_holes("");
    if (phase_ == Phase::older && went_back && oldest_->ts > asked_.from_ts) return;
    const bool ended = newest_->ts >= asked_.to_ts || (phase_ == Phase::newer && !went_on);
    phase_ = Phase::newer;
    if (!ended) return;
    fill_holes(oldest_->ts <= asked_.from_ts
                   ? ""
                   : fmt::format("the venue lists trades from {} to {}",
                                 format_rfc3339(oldest_->ts), format_rfc3339(newest_->ts)));
}

// Between a page and those before it.
void GapHunt::note_hole(const FetchedTrade& first, const FetchedTrade& last) {
    if (!consecutive_ || !oldest_) return;
    if (last.last + 1 < oldest_->first)
        holes_.push_back({last.last + 1, oldest_->first - 1, last.ts, oldest_->ts});
    if (first.first > newest_->last + 1)
        holes_.push_back({newest_->last + 1, first.first - 1, newest_->ts, first.ts});
}

// Of a gap that lies far back what is newer need not be fetched: most of the way there, by the
// page's pace, is left out. A jump too far leaves a hole, which is filled.
void GapHunt::plan_jump(const FetchedTrade& first, const FetchedTrade& last) {
    const double ids = static_cast<double>(last.last - first.first + 1);
    const double pace = ids / static_cast<double>(last.ts.count - first.ts.count);
    const double way = pace * static_cast<double>(first.ts.count - asked_.to_ts.count);
    if (!consecutive_ || !may_jump_ || last.ts <= first.ts || way < 4 * ids) return;
    const double jump = std::min(way * jump_share, static_cast<double>(first.first - 1));
    jump_ = std::max<u64>(1, first.first - 1 - static_cast<u64>(jump));
}

void GapHunt::fill_holes(std::string detail) {
    std::erase_if(holes_, [this](const IdRange& hole) { return hole.from_ts > asked_.to_ts; });
    if (holes_.empty()) return finish(std::move(detail));
    std::ranges::sort(holes_, {}, &IdRange::from);
    for (const IdRange& hole : holes_) ids_.add(hole);
    holes_.clear();
    by_time_ = true;
    phase_ = Phase::ids;
}

// A page that begins exactly there may be one of a venue that lists from a time on.
bool GapHunt::passed_start() const {
    const bool first_of_all = consecutive_ && oldest_->first <= 1;
    return oldest_->ts < asked_.from_ts || asked_.from_ts == Nanos{} || first_of_all;
}

void GapHunt::drop(u64 first, u64 last) {
    if (phase_ != Phase::ids) return;
    lost_ += ids_.drop(first, last);
    if (ids_.empty()) finish("");
}

void GapHunt::finish(std::string detail) {
    phase_ = Phase::done;
    detail_ = lost_ > 0 ? fmt::format("the venue has {} of the trades no more", lost_)
                        : std::move(detail);
}

void GapHunt::give_up(std::string why) {
    phase_ = Phase::done;
    detail_ = std::move(why);
}

bool StreamHunt::add(venues::Missing asked, Nanos now) {
    const auto known =
        std::ranges::find_if(gaps_, [&](const Gap& gap) { return same(gap.hunt.asked(), asked); });
    if (known != gaps_.end()) return false;
    gaps_.push_back(
        {.hunt = GapHunt(std::move(asked), rule_), .number = next_number_++, .asked_at = now});
    return true;
}

const StreamHunt::Gap& StreamHunt::oldest() const {
    return *std::ranges::min_element(gaps_, {},
                                     [](const Gap& gap) { return gap.hunt.asked().from_ts; });
}

StreamHunt::Request StreamHunt::next(Nanos now) const {
    const Gap& gap = oldest();
    Request request{.missing = gap.hunt.next(), .gap = gap.number, .before = next_number_};
    if (gap.hunt.ids() != nullptr && !narrow_) widen(request);
    if (!gap.hunt.wants_newest()) return request;
    request.due = gap.asked_at + settle_;
    for (const Gap& each : gaps_)
        if (each.asked_at + settle_ > now) request.before = std::min(request.before, each.number);
    return request;
}

// Takes in what is missing close by, of this gap and of others.
void StreamHunt::widen(Request& request) const {
    venues::Missing& missing = request.missing;
    std::vector<IdRange> ranges;
    for (const Gap& gap : gaps_)
        if (const MissingIds* const ids = gap.hunt.ids())
            ranges.insert(ranges.end(), ids->ranges().begin(), ids->ranges().end());
    std::ranges::sort(ranges, {}, &IdRange::from);
    std::optional<IdRange> cluster;
    for (const IdRange& range : ranges) {
        if (cluster && range.from <= cluster->to + page_ids) {
            request.wide = true;
            if (range.to <= cluster->to) continue;
            cluster->to = range.to;
            cluster->to_ts = range.to_ts;
        } else {
            if (cluster && cluster->to >= *missing.to_id) break;
            cluster = range;
            request.wide = false;
        }
    }
    missing.from_id = cluster->from;
    missing.to_id = cluster->to;
    missing.from_ts = cluster->from_ts;
    missing.to_ts = cluster->to_ts;
}

bool StreamHunt::may_lag(const Request& request, std::span<const FetchedTrade> trades,
                         Nanos now) const {
    bool young = false;
    for (const Gap& gap : gaps_) {
        const MissingIds* const ids = gap.hunt.ids();
        if (gap.number == request.gap && ids == nullptr) return false;
        if (ids == nullptr || gap.number >= request.before) continue;
        young |= now - gap.asked_at < settle_;
        for (const FetchedTrade& trade : trades)
            for (const IdRange& range : ids->ranges())
                if (trade.first <= range.to && trade.last >= range.from) return false;
    }
    return young;
}

i64 StreamHunt::on_answer(const Request& request, std::span<const FetchedTrade> trades) {
    u64 removed = 0;
    i64 before = 0, after = 0;
    bool by_id = false;
    for (Gap& gap : gaps_) {
        before += gap.hunt.fetched();
        gap.failing_since.reset();
        if (gap.number == request.gap) by_id = gap.hunt.ids() != nullptr;
        removed += gap.hunt.take(trades);
    }
    // A page may end before it comes to the ids that the venue has: each range is asked for alone
    // before it is given up.
    narrow_ = by_id && removed == 0;
    for (Gap& gap : gaps_) {
        if (by_id && removed == 0 && !request.wide && gap.number < request.before)
            gap.hunt.drop(*request.missing.from_id, *request.missing.to_id);
        else if (!by_id && (gap.number == request.gap ||
                            (gap.hunt.wants_newest() && gap.number < request.before)))
            gap.hunt.on_answer(trades);
        after += gap.hunt.fetched();
    }
    return after - before;
}

void StreamHunt::refuse(const Request& request, const std::string& why) {
    for (Gap& gap : gaps_)
        if (gap.number == request.gap) gap.hunt.give_up(why);
}

void StreamHunt::on_failure(Nanos now) {
    for (Gap& gap : gaps_)
        if (!gap.failing_since) gap.failing_since = now;
}

void StreamHunt::give_up(Nanos now, Nanos patience, const std::optional<Nanos>& venue_since,
                         const std::string& why) {
    for (Gap& gap : gaps_) {
        const bool own = gap.failing_since && now - *gap.failing_since >= patience;
        const bool all = venue_since && now - std::max(*venue_since, gap.asked_at) >= patience;
        if (gap.hunt.done() || !(own || all)) continue;
        gap.hunt.give_up(why);
        gap.given_up = true;
    }
}

std::vector<StreamHunt::Done> StreamHunt::take_done() {
    std::vector<Done> done;
    for (const Gap& gap : gaps_)
        if (gap.hunt.done()) done.push_back({gap.hunt.asked(), gap.hunt.detail(), gap.given_up});
    std::erase_if(gaps_, [](const Gap& gap) { return gap.hunt.done(); });
    return done;
}

}  // namespace tape::feed
