#include "ops/gaps.h"

#include <algorithm>
#include <utility>

namespace tape::ops {
namespace {

using State = GapEntry::State;

bool is_far(u64 a, u64 b) {
    return std::max(a, b) - std::min(a, b) > GapLedger::renumbering;
}

}  // namespace

// ---- Streams ----

GapLedger::Book& GapLedger::book_of(const Instrument& instrument) {
    if (instrument.index >= books_.size()) books_.resize(instrument.index + 1);
    Book& book = books_[instrument.index];
    book.instrument = &instrument;
    return book;
}

// The first stream of a kind; made up if there is none, with the likeliest name.
GapLedger::Stream& GapLedger::stream_of(Book& book, TickKind kind) {
    const auto known = std::ranges::find(book.streams, kind, &Stream::kind);
    if (known != book.streams.end()) return *known;
    std::string channel(to_string(kind));
    for (const std::string_view offered : venue_.channels(""))
        if (venue_.kind_of(offered) == kind) {
            channel = offered;
            break;
        }
    for (const std::string& wide : slot_wide_)
        if (venue_.kind_of(wide) == kind) channel = wide;
    return book.streams.emplace_back(
        Stream{.channel = std::move(channel), .kind = kind, .guessed = true});
}

void GapLedger::each_stream(const std::function<void(Book&, Stream&)>& visit) {
    for (Book& book : books_)
        for (Stream& stream : book.streams) visit(book, stream);
}

void GapLedger::acknowledged(std::string_view channel, const Instrument* instrument, Nanos at) {
    if (instrument == nullptr) {
        if (std::ranges::find(slot_wide_, channel) == slot_wide_.end())
            slot_wide_.emplace_back(channel);
        return each_stream([&](Book& book, Stream& stream) {
            if (stream.channel == channel) end_outage(book, stream, at);
        });
    }
    Book& book = book_of(*instrument);
    const TickKind kind = venue_.kind_of(channel);
    auto stream = std::ranges::find(book.streams, channel, &Stream::channel);
    if (stream == book.streams.end()) {
        stream = std::ranges::find_if(
            book.streams, [&](const Stream& other) { return other.guessed && other.kind == kind; });
        if (stream == book.streams.end())
            stream = book.streams.insert(stream, Stream{.channel = {}, .kind = kind});
        else
            end_outage(book, *stream, at);
        stream->channel = channel;
    }
    stream->guessed = false;
    end_outage(book, *stream, at);
}

void GapLedger::heard(TickKind kind, const Instrument& instrument, Nanos at) {
    Book& book = book_of(instrument);
    stream_of(book, kind);
    for (Stream& stream : book.streams)
        if (stream.kind == kind) end_outage(book, stream, at);
}

void GapLedger::lost(Nanos at, std::string_view cause) {
    each_stream([&](Book& book, Stream& stream) { begin_outage(book, stream, at, cause); });
}

void GapLedger::muted(std::string_view channel, const Instrument& instrument, Nanos at) {
    Book& book = book_of(instrument);
    for (Stream& stream : book.streams)
        if (stream.channel == channel) begin_outage(book, stream, at, "muted");
}

// Should it come back, the trades from before are no reason to look for those in between.
void GapLedger::dropped(TickKind kind, const Instrument& instrument, Nanos at) {
    Book& book = book_of(instrument);
    for (Stream& stream : book.streams) {
        if (stream.kind != kind) continue;
        end_outage(book, stream, at);
        stream.observed = false;
    }
    if (kind == TickKind::trade) book.any = false;
}

void GapLedger::interrupted(Nanos from, Nanos to, std::string_view cause) {
    each_stream([&](Book& book, Stream& stream) {
        if (!stream.observed) return;
        begin_outage(book, stream, from, cause);
        end_outage(book, stream, to);
    });
}

void GapLedger::begin_outage(Book& book, Stream& stream, Nanos at, std::string_view cause) {
    if (!std::exchange(stream.observed, false)) return;
    GapEntry gap{.state = State::open, .kind = stream.kind, .channel = stream.channel};
    gap.cause = cause;
    gap.from_ts = gap.to_ts = gap.lo = gap.hi = gap.found = at;
    gap.outage = gap.row_due = true;
    gap.by_time = true;
    if (stream.kind == TickKind::trade && book.any) {
        // A probe's answers may already have been from after it.
        gap.last_id = consecutive_ ? book.highest : book.heard;
        gap.last_ts = book.highest_ts;
        gap.by_time = !consecutive_;
        if (consecutive_) gap.from_id = book.highest + 1;
    }
    book.gaps.push_back(std::move(gap));
    book.busy = true;
    touch(book);
}

void GapLedger::end_outage(Book& book, Stream& stream, Nanos at) {
    if (std::exchange(stream.observed, true)) return;
    for (GapEntry& gap : book.gaps) {
        if (!gap.outage || gap.ended || gap.kind != stream.kind || gap.channel != stream.channel)
            continue;
        gap.to_ts = gap.hi = std::max(gap.from_ts, at);
        gap.ended = gap.row_due = true;
        gap.asked = gap.kind == TickKind::trade;
        asks_ = true;
        touch(book);
    }
}

// ---- Trades ----

void GapLedger::look_at(const Tick& tick, bool fresh, Source source) {
    if (!tick.identity) return;
    Book& book = book_of(*tick.instrument);
    const u64 last = *tick.identity;
    const IdRange ids{last - std::min<u64>(std::max(tick.covers, 1U) - 1, last), last};
    bool waits_for_ids = false;
    for (GapEntry& gap : book.gaps) {
        note(gap, ids, tick, fresh, source);
        waits_for_ids |= gap.outage && !gap.ranged && !gap.by_time;
    }
    if (!book.gaps.empty()) touch(book);
    if (waits_for_ids) book.seen.push_back({ids, tick.ts_event});
    if (source == Source::socket) book.heard = std::max(last, book.heard.value_or(0));
    if (!std::exchange(book.any, true)) {
        book.highest = last;
        book.highest_ts = tick.ts_event;
        return;
    }
    if (consecutive_ && is_far(last, book.highest) && (last > book.highest || fresh)) {
        if (last < book.highest && source == Source::rest) return;
        renumber(book);
        book.highest = last;
        book.highest_ts = tick.ts_event;
        return;
    }
    if (last <= book.highest) return;
    if (consecutive_ && ids.first > book.highest + 1 && !waits_for_ids)
        suspect(book, {book.highest + 1, ids.first - 1}, tick.ts_event, tick.ts_recv);
    book.highest = last;
    book.highest_ts = tick.ts_event;
}

void GapLedger::note(GapEntry& gap, IdRange ids, const Tick& tick, bool fresh, Source source) {
    gap.ids.see(ids, tick.ts_event);
    if (!gap.outage || gap.state != State::open || gap.kind != TickKind::trade) return;
    if (source == Source::rest) {
        if (gap.asked) {
            gap.oldest_id = std::min(ids.first, gap.oldest_id.value_or(ids.first));
            gap.oldest_ts = std::min(tick.ts_event, gap.oldest_ts.value_or(tick.ts_event));
        }
        const u64 first = std::max(ids.first, gap.from_id.value_or(0));
        if (fresh && !gap.ranged && first <= ids.last) gap.came += ids.last - first + 1;
    }
    if (gap.ended && (source == Source::socket || (gap.from_id && ids.last + 1 >= *gap.from_id)))
        gap.after_known = true;
}

// Outages that are not judged yet cannot be judged by ids any more.
void GapLedger::renumber(Book& book) {
    for (GapEntry& gap : book.gaps) {
        if (!gap.outage || gap.ranged) continue;
        gap.by_time = true;
        gap.last_id.reset();
    }
}

void GapLedger::suspect(Book& book, IdRange ids, Nanos before, Nanos now) {
    GapEntry gap{.state = State::suspected,
                 .kind = TickKind::trade,
                 .channel = stream_of(book, TickKind::trade).channel,
                 .cause = "id_gap"};
    gap.found = now;
    gap.ranged = true;
    gap.ids.add({ids, book.highest_ts, std::max(before, book.highest_ts)});
    book.gaps.push_back(std::move(gap));
    book.busy = true;
    due_ = std::min(due_, now + grace);
    touch(book);
}

void GapLedger::on_last_trade(const Instrument& instrument, u64 id, Nanos ts_event, Nanos now) {
    Book& book = book_of(instrument);
    if (!consecutive_ || !book.any || is_far(id, book.highest)) return;
    bool waits_for_ids = false;
    for (GapEntry& gap : book.gaps) {
        if (!gap.outage || gap.ranged || gap.by_time) continue;
        waits_for_ids = true;
        if (gap.ended && id + 1 >= *gap.from_id) gap.after_known = true;
        touch(book);
    }
    if (id <= book.highest) return;
    if (!waits_for_ids) suspect(book, {book.highest + 1, id}, ts_event, now);
    book.highest = id;
    book.highest_ts = std::max(book.highest_ts, ts_event);
}

void GapLedger::on_fetched(std::string_view channel, const Instrument& instrument, Nanos from_ts,
                           std::optional<u64> from_id) {
    Book& book = book_of(instrument);
    for (GapEntry& gap : book.gaps) {
        const bool named = gap.state == State::open && gap.asked && gap.from_ts == from_ts &&
                           gap.from_id == from_id && gap.channel == channel;
        // What was given up may have come nevertheless, whoever asked for it.
        const bool came =
            gap.state == State::unrecoverable && !gap.ids.empty() && gap.ids.count() < gap.missing;
        if (named || came) gap.fetched = true;
    }
    touch(book);
}

// ---- What follows ----

std::vector<venues::Missing> GapLedger::take_asks() {
    std::vector<venues::Missing> asks;
    if (!std::exchange(asks_, false)) return asks;
    for (Book& book : books_)
        for (GapEntry& gap : book.gaps) {
            if (!gap.waits() || std::exchange(gap.told, true)) continue;
            asks.push_back({.native_symbol = book.instrument->native_symbol,
                            .channel = gap.channel,
                            .from_id = gap.from_id,
                            .to_id = gap.to_id,
                            .from_ts = gap.from_ts,
                            .to_ts = gap.to_ts,
                            .last_ts = gap.last_id ? gap.last_ts : Nanos{},
                            .cause = gap.cause});
        }
    return asks;
}

std::span<const Span> GapLedger::missing(u32 instrument, Nanos start, Nanos end) const {
    if (instrument >= books_.size()) return {};
    const std::vector<Span>& spans = books_[instrument].spans;
    if (spans.empty()) [[likely]]
        return {};
    const auto from = std::ranges::upper_bound(spans, start, {}, &Span::to);
    const auto to = std::ranges::lower_bound(from, spans.end(), end, {}, &Span::from);
    return {from, to};
}

void GapLedger::save(stream::StateWriter& out) const {
    out.put(static_cast<i64>(slot_wide_.size()));
    for (const std::string& channel : slot_wide_) out.text(channel);
    out.put(due_);
    out.put(static_cast<i64>(books_.size()));
    for (const Book& book : books_) {
        out.put(static_cast<u8>(book.instrument != nullptr));
        out.put(static_cast<u8>(book.any));
        out.put(book.highest);
        out.put(book.highest_ts);
        out.put(book.heard);
        out.put(static_cast<i64>(book.streams.size()));
        for (const Stream& stream : book.streams) {
            out.text(stream.channel);
            out.put(stream.kind);
            out.put(static_cast<u8>(stream.observed));
            out.put(static_cast<u8>(stream.guessed));
        }
        out.put(static_cast<i64>(book.gaps.size()));
        for (const GapEntry& gap : book.gaps) gap.save(out);
    }
}

void GapLedger::load(stream::StateReader& in, const InstrumentTable& instruments) {
    slot_wide_.resize(static_cast<std::size_t>(in.count()));
    for (std::string& channel : slot_wide_) channel = in.text();
    due_ = in.get<Nanos>();
    books_.resize(static_cast<std::size_t>(in.count()));
    if (books_.size() > instruments.all().size()) return in.fail();
    waiting_ = 0;
    for (std::size_t i = 0; i < books_.size(); ++i) {
        Book& book = books_[i];
        book = {};
        if (in.get<u8>() != 0) book.instrument = &instruments.all()[i];
        book.any = in.get<u8>() != 0;
        book.highest = in.get<u64>();
        book.highest_ts = in.get<Nanos>();
        book.heard = in.get_optional<u64>();
        book.streams.resize(static_cast<std::size_t>(in.count()));
        for (Stream& stream : book.streams) {
            stream.channel = in.text();
            stream.kind = in.get<TickKind>();
            stream.observed = in.get<u8>() != 0;
            stream.guessed = in.get<u8>() != 0;
        }
        book.gaps.resize(static_cast<std::size_t>(in.count()));
        for (GapEntry& gap : book.gaps) gap.load(in);
        sum_up(book);
    }
    asks_ = waiting_ > 0;
}

}  // namespace tape::ops
