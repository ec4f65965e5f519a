// What becomes of gaps when a record is over.
#include <algorithm>
#include <utility>

#include "ops/gaps.h"

namespace tape::ops {

using State = GapEntry::State;

void GapLedger::settle_touched(Nanos now, const Dedup& dedup, Observation& observation,
                               GapOutput& out) {
    const Settling with{now, dedup, observation, out};
    const bool due = now >= due_;
    if (due) due_ = never;
    if (due)
        for (const Book& book : books_)
            if (book.busy) touch(book);
    std::ranges::sort(touched_);
    touched_.erase(std::ranges::unique(touched_).begin(), touched_.end());
    for (const u32 index : touched_) settle(books_[index], with);
    touched_.clear();
}

void GapLedger::settle(Book& book, const Settling& with) {
    limit(book, with);
    std::vector<GapEntry> left, kept;
    for (GapEntry& gap : book.gaps)
        if (settle(book, gap, left, with)) kept.push_back(std::move(gap));
    std::ranges::move(left, std::back_inserter(kept));
    book.gaps = std::move(kept);
    book.seen.clear();
    sum_up(book);
}

// What follows from a book's gaps and is kept beside them.
void GapLedger::sum_up(Book& book) {
    waiting_ -= std::exchange(book.waiting, 0);
    book.busy = false;
    book.spans.clear();
    for (const GapEntry& gap : book.gaps) {
        if (gap.waits()) ++book.waiting;
        if (gap.state != State::unrecoverable) book.busy = true;
        if (gap.state == State::suspected) {
            due_ = std::min(due_, gap.found + grace);
            continue;
        }
        for (const MissingIds& range : gap.ids.ranges())
            book.spans.push_back({range.after, range.before + Nanos{1}});
    }
    waiting_ += book.waiting;
    std::ranges::sort(book.spans, {}, &Span::from);
    std::size_t last = 0;
    for (std::size_t i = 1; i < book.spans.size(); ++i) {
        if (book.spans[i].from <= book.spans[last].to)
            book.spans[last].to = std::max(book.spans[last].to, book.spans[i].to);
        else
            book.spans[++last] = book.spans[i];
    }
    if (!book.spans.empty()) book.spans.resize(last + 1);
}

// The oldest are no longer waited for, or forgotten, where there are too many.
void GapLedger::limit(Book& book, const Settling& with) {
    const auto unrecoverable = static_cast<std::size_t>(
        std::ranges::count(book.gaps, State::unrecoverable, &GapEntry::state));
    std::size_t open = book.gaps.size() - unrecoverable;
    for (GapEntry& gap : book.gaps) {
        if (open <= open_max) break;
        if (gap.state == State::unrecoverable || (gap.outage && !gap.ended) || gap.fetched)
            continue;
        if (gap.outage && !gap.ranged) gap.by_time = true;
        if (gap.state == State::suspected) gap.found = with.now - grace;
        gap.asked = gap.fetched = true;
        with.out.on_given_up();
        --open;
    }
    std::size_t forget = unrecoverable - std::min(unrecoverable, unrecoverable_max);
    std::erase_if(book.gaps, [&](const GapEntry& gap) {
        return gap.state == State::unrecoverable && forget > 0 && forget-- > 0;
    });
}

// False: it is over, or became those in `left`.
bool GapLedger::settle(Book& book, GapEntry& gap, std::vector<GapEntry>& left,
                       const Settling& with) {
    if (gap.state == State::suspected) {
        if (gap.ids.empty()) return false;
        if (with.now - gap.found < grace) return true;
        gap.state = State::open;
        const MissingIds &first = gap.ids.ranges().front(), &last = gap.ids.ranges().back();
        gap.from_id = first.ids.first;
        gap.to_id = last.ids.last;
        gap.from_ts = gap.lo = first.after;
        gap.to_ts = gap.hi = last.before;
        gap.missing = gap.ids.count();
        gap.row_due = gap.asked = asks_ = true;
    }
    if (gap.outage && gap.ended && !gap.by_time && !gap.ranged && gap.after_known)
        find_ids(book, gap, with);

    const bool by_ids = gap.ranged && !gap.by_time;
    if (by_ids && (gap.ids.empty() || gap.fetched)) {
        close_by_ids(book, gap, left, with);
        return gap.state == State::unrecoverable && !gap.ids.empty();
    }
    if (gap.ended && gap.by_time && (gap.fetched || gap.kind != TickKind::trade)) {
        close_by_time(book, gap, with);
        return false;
    }
    // Fetched, but no trade from after the outage has come to tell what was missing.
    if (std::exchange(gap.fetched, false)) gap.answered = true;
    if (std::exchange(gap.row_due, false)) emit(book, gap, Gap::Status::open, with);
    return true;
}

// A trade from after the outage is known: what lies between is missing, or came with this record.
void GapLedger::find_ids(Book& book, GapEntry& gap, const Settling& with) {
    const Nanos after = std::max(gap.last_ts, gap.from_ts - notice_late);
    const Nanos before = std::max(after, std::min(book.highest_ts, gap.to_ts + notice_late));
    if (book.highest >= *gap.from_id)
        for (const IdRange& ids :
             with.dedup.missing(book.instrument->index, *gap.from_id, book.highest))
            gap.ids.add({ids, after, before});
    gap.ranged = true;
    gap.missing = gap.ids.count() + gap.came;
    if (gap.missing > 0) {
        gap.to_id = gap.came > 0 ? book.highest : gap.ids.ranges().back().ids.last;
        gap.lo = std::min(gap.lo, after);
        gap.hi = std::max(gap.hi, before);
    }
    for (const Seen& trade : book.seen) gap.ids.see(trade.ids, trade.ts_event);
    gap.row_due = true;
    if (!gap.ids.empty() && std::exchange(gap.answered, false)) {
        gap.told = false;  // Now that the ids are known, once more.
        asks_ = true;
    }
}

void GapLedger::close_by_ids(Book& book, GapEntry& gap, std::vector<GapEntry>& left,
                             const Settling& with) {
    gap.fetched = gap.row_due = false;
    const u32 index = book.instrument->index;
    if (gap.outage && gap.state == State::open)
        with.observation.repaired(gap.kind, index, gap.from_ts, gap.to_ts);
    with.out.on_closed(*book.instrument, gap.lo, gap.hi);

    const std::vector<MissingIds>& ranges = gap.ids.ranges();
    if (ranges.size() == 1 && gap.ids.count() == gap.missing) {
        if (gap.state == State::unrecoverable) return;  // Nothing is new.
        gap.state = State::unrecoverable;
        gap.to_id = ranges.front().ids.last;
        return emit(book, gap, Gap::Status::unrecoverable, with);
    }
    const bool same_row = std::ranges::any_of(ranges, [&](const MissingIds& range) {
        return range.after == gap.from_ts && range.ids.first == gap.from_id;
    });
    if (!same_row) emit(book, gap, Gap::Status::backfilled, with);
    for (const MissingIds& range : ranges) {
        GapEntry& rest = left.emplace_back(
            GapEntry{.state = State::unrecoverable, .kind = gap.kind, .channel = gap.channel});
        rest.cause = gap.cause;
        rest.found = with.now;
        rest.from_ts = rest.lo = range.after;
        rest.to_ts = rest.hi = range.before;
        rest.from_id = range.ids.first;
        rest.to_id = range.ids.last;
        rest.ranged = true;
        rest.ids.add(range);
        rest.missing = rest.ids.count();
        emit(book, rest, Gap::Status::unrecoverable, with);
    }
    gap.state = State::unrecoverable;
    gap.ids = {};
}

// Without ids only answers that reach back to what was known before prove that nothing is missing.
void GapLedger::close_by_time(Book& book, GapEntry& gap, const Settling& with) {
    gap.row_due = false;
    const bool complete = gap.last_id ? gap.oldest_id && *gap.oldest_id <= *gap.last_id
                                      : gap.oldest_ts && *gap.oldest_ts <= gap.from_ts;
    const bool trades = gap.kind == TickKind::trade;
    if (trades) with.out.on_closed(*book.instrument, gap.lo, gap.hi);
    const u32 index = book.instrument->index;
    if (trades && complete) {
        with.observation.repaired(gap.kind, index, gap.from_ts, gap.to_ts);
        gap.missing = gap.came;
        return emit(book, gap, Gap::Status::backfilled, with);
    }
    if (trades && gap.oldest_ts && *gap.oldest_ts < gap.to_ts) {
        const Nanos oldest = std::max(*gap.oldest_ts, gap.from_ts);
        with.observation.repaired(gap.kind, index, oldest, gap.to_ts);
        gap.to_ts = oldest;
    }
    emit(book, gap, Gap::Status::unrecoverable, with);
}

void GapLedger::emit(const Book& book, const GapEntry& gap, Gap::Status status,
                     const Settling& with) {
    Gap row;
    row.venue = book.instrument->venue;
    row.symbol = book.instrument->symbol;
    row.channel = gap.channel;
    row.cause = gap.cause;
    row.from_ts = gap.from_ts;
    row.to_ts = gap.to_ts;
    if (gap.from_id) row.from_id = static_cast<i64>(*gap.from_id);
    if (gap.to_id) row.to_id = static_cast<i64>(*gap.to_id);
    const bool known = !gap.by_time ? gap.ranged : status == Gap::Status::backfilled;
    if (known) row.missing = static_cast<i64>(gap.missing);
    row.status = status;
    if (status == Gap::Status::backfilled) row.repaired_ts = with.now;
    with.out.on_gap(row);
}

}  // namespace tape::ops
