// What to ask a venue next so that the gaps of one stream close, given what its answers brought so
// far. Pure: backfill.h asks and records.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "feed/missing_ids.h"
#include "venues/venue.h"

namespace tape::feed {

/// A trade of an answer; one that stands for several ends at `last`.
struct FetchedTrade {
    u64 first{}, last{};
    Nanos ts;
};

/// The way of one gap. Where ids are consecutive and its first one is known, exactly the ids that
/// did not come are hunted, after the newest page when the last one is not known. Else the newest
/// page, then older ones until its time is reached (by leaps where that is far back), and then what
/// lies between those pages; a venue that lists from a time on, oldest first, is followed upwards.
class GapHunt final {
 public:
    GapHunt(venues::Missing asked, const venues::IdentityRule& rule);

    const venues::Missing& asked() const { return asked_; }
    bool done() const { return phase_ == Phase::done; }
    /// What to ask for; demands !done().
    venues::Missing next() const;
    /// An answer to whatever brought these. How many of them were missing by id.
    u64 take(std::span<const FetchedTrade> trades);
    /// The answer to next() brought these; take() has seen them.
    void on_answer(std::span<const FetchedTrade> trades);
    /// Nobody has the ids first to last: they are hunted no more.
    void drop(u64 first, u64 last);
    /// Stops, and why.
    void give_up(std::string why);

    /// Of the ids that are hunted; none while it is not by id.
    const MissingIds* ids() const { return phase_ == Phase::ids ? &ids_ : nullptr; }
    /// Whether next() is about the newest trades, whichever those are.
    bool wants_newest() const {
        return phase_ == Phase::newest || (phase_ == Phase::older && !oldest_ && !asked_.to_id);
    }
    i64 fetched() const { return fetched_; }  // Trades of the gap that came.
    const std::string& detail() const { return detail_; }

 private:
    enum class Phase : u8 { newest, ids, older, newer, done };
    void on_newest(std::span<const FetchedTrade> trades);
    void on_page(std::span<const FetchedTrade> trades);
    void note_hole(const FetchedTrade& first, const FetchedTrade& last);
    void plan_jump(const FetchedTrade& first, const FetchedTrade& last);
    void fill_holes(std::string detail);
    void leave_newer();
    bool passed_start() const;
    // Where its ids begin: at the last one that is known, whenever that was read.
    Nanos begin_ts() const { return asked_.last_ts > Nanos{} ? asked_.last_ts : asked_.from_ts; }
    bool within(Nanos ts) const { return ts >= asked_.from_ts && ts <= asked_.to_ts; }
    void finish(std::string detail);

    venues::Missing asked_;
    bool consecutive_;
    Phase phase_{};
    MissingIds ids_;
    u64 lost_{};                                   // Ids that were dropped.
    std::optional<FetchedTrade> oldest_, newest_;  // Of the pages so far.
    std::vector<IdRange> holes_;                   // Between them.
    std::optional<u64> jump_;  // The id to ask for next, far from the last page.
    bool may_jump_ = true;
    bool by_time_{};  // The ids are those of holes.
    i64 fetched_{};
    std::string detail_;
};

/// All gaps of one (channel, symbol) that are open, oldest first. One request serves as many of
/// them as it can.
class StreamHunt final {
 public:
    /// The venue's REST may lag behind its sockets: what it does not list sooner than `settle`
    /// after a gap was asked for may still come.
    explicit StreamHunt(const venues::IdentityRule& rule, Nanos settle = {})
        : rule_(rule), settle_(settle) {}

    /// False: it is hunted already.
    bool add(venues::Missing asked, Nanos now);
    i64 size() const { return std::ssize(gaps_); }
    bool empty() const { return gaps_.empty(); }
    /// Where the oldest gap begins; demands !empty().
    Nanos oldest_ts() const { return oldest().hunt.asked().from_ts; }

    struct Request {
        venues::Missing missing;
        u64 gap{};     // A number of the gap it is asked for …
        u64 before{};  // … and the first of those that came too late for it.
        bool wide{};   // Several ranges are asked for at once.
        Nanos due;     // Not to be sent sooner.
    };
    /// Of the oldest gap; demands !empty() and that take_done() took what is done.
    Request next(Nanos now) const;
    /// Whether an answer that brings nothing may merely lag.
    bool may_lag(const Request& request, std::span<const FetchedTrade> trades, Nanos now) const;
    /// What the answer to `request` brought; how many trades were missing.
    i64 on_answer(const Request& request, std::span<const FetchedTrade> trades);
    /// The venue cannot be asked for it at all.
    void refuse(const Request& request, const std::string& why);
    /// The venue could not be asked now: gaps for which that has been so for `patience` (or, for
    /// all of the venue, since `venue_since`) are given up.
    void on_failure(Nanos now);
    void give_up(Nanos now, Nanos patience, const std::optional<Nanos>& venue_since,
                 const std::string& why);

    struct Done {
        venues::Missing asked;
        std::string detail;
        bool given_up{};
    };
    /// The gaps that are done, taken out.
    std::vector<Done> take_done();

 private:
    struct Gap {
        GapHunt hunt;
        u64 number{};
        Nanos asked_at;
        std::optional<Nanos> failing_since;
        bool given_up{};
    };
    const Gap& oldest() const;
    void widen(Request& request) const;

    venues::IdentityRule rule_;
    Nanos settle_;
    std::deque<Gap> gaps_;
    u64 next_number_ = 1;
    bool narrow_{};  // The last answer by id brought nothing: one range at a time.
};

}  // namespace tape::feed
