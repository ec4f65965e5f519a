// The ledger of gaps: which stream (channel and symbol) missed what, why, and how it was repaired.
//
// There are two ways to see a gap. An outage is a time in which a stream was not observed; ids that
// jump are a hole. Holes are judged when a record is over, because venues list the trades of one
// frame newest first, and announced when they lasted for a second of the log's own time, because
// sockets reorder. Where ids count up by one, an outage becomes its missing ids as soon as an id
// from after it is known, and a gap is closed when none of them is missing, or by the record that
// says that all which can be had was fetched: then what still lacks is unrecoverable. Elsewhere an
// outage is closed by that record alone, and repaired if the answers reach back to what was known.
//
// All that is said of gaps is said when a record is over, in settle().
#pragma once

#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/instrument.h"
#include "ops/dedup.h"
#include "ops/gap_entry.h"
#include "ops/observation.h"
#include "venues/venue.h"

namespace tape::ops {

/// Who is told about gaps.
class GapOutput {
 public:
    virtual ~GapOutput() = default;
    virtual void on_gap(const Gap& row) = 0;
    /// What is known of [from, to] is other than what was: the windows over it are out of date.
    virtual void on_closed(const Instrument& instrument, Nanos from, Nanos to) = 0;
    /// A gap is no longer waited for because there are too many.
    virtual void on_given_up() = 0;
};

class GapLedger final {
 public:
    /// A hole is announced when it lasted this long.
    static constexpr Nanos grace = seconds(1);
    /// An id that is further from the last one begins a new numbering.
    static constexpr u64 renumbering = 10'000'000;
    /// A dead socket is noticed late: trades may be missing from so long before an outage.
    static constexpr Nanos notice_late = seconds(60);
    /// Of one instrument; the oldest are no longer waited for (open) or forgotten (unrecoverable).
    static constexpr std::size_t open_max = 512, unrecoverable_max = 256;

    explicit GapLedger(const venues::Venue& venue) : venue_(venue) {}

    // ---- Streams ----

    /// The venue's word that a stream is observed from `at` on; an instrument of null: `channel` of
    /// every instrument.
    void acknowledged(std::string_view channel, const Instrument* instrument, Nanos at);
    /// The first tick of a kind that the socket gives after it was not observed tells the same.
    void heard(TickKind kind, const Instrument& instrument, Nanos at);
    /// Nothing is observed from `at` on.
    void lost(Nanos at, std::string_view cause);
    void muted(std::string_view channel, const Instrument& instrument, Nanos at);
    /// The slot no longer carries it: what was missed until `at` is all that was.
    void dropped(TickKind kind, const Instrument& instrument, Nanos at);
    /// What is observed was not from `from` to `to`.
    void interrupted(Nanos from, Nanos to, std::string_view cause);

    // ---- Trades ----

    enum class Source : u8 { socket, rest };
    /// A trade of a `fresh` identity, or one that was seen before.
    void on_trade(const Tick& tick, bool fresh, Source source) {
        const u32 index = tick.instrument->index;
        if (consecutive_ && fresh && index < books_.size()) [[likely]] {
            Book& book = books_[index];
            if (!book.busy && book.any && *tick.identity - tick.covers == book.highest) [[likely]] {
                book.highest = *tick.identity;
                book.highest_ts = tick.ts_event;
                return;
            }
        }
        look_at(tick, fresh, source);
    }
    /// The venue named the id of the last trade.
    void on_last_trade(const Instrument& instrument, u64 id, Nanos ts_event, Nanos now);
    /// All that the venue had of a gap has come; the gap is named as it was asked for. A channel
    /// that is empty: all of the instrument.
    void on_fetched(std::string_view channel, const Instrument& instrument, Nanos from_ts,
                    std::optional<u64> from_id);

    // ---- What follows ----

    /// The record of `now` is over: announces, closes and asks.
    void settle(Nanos now, const Dedup& dedup, Observation& observation, GapOutput& out) {
        if (touched_.empty() && now < due_) [[likely]]
            return;
        settle_touched(now, dedup, observation, out);
    }
    /// Some gap was asked for, and the answer has not come.
    bool waits() const { return waiting_ > 0; }
    /// What is to be asked for and was not given out yet; after load() all that is still open.
    std::vector<venues::Missing> take_asks();
    /// Where in [start, end) trades of the instrument are missing by their ids.
    std::span<const Span> missing(u32 instrument, Nanos start, Nanos end) const;

    void save(stream::StateWriter& out) const;
    void load(stream::StateReader& in, const InstrumentTable& instruments);

 private:
    struct Stream {
        std::string channel;
        TickKind kind{};
        bool observed{};
        bool guessed{};  // No acknowledgement named it: a tick came.
    };
    struct Seen {
        IdRange ids;
        Nanos ts_event;
    };
    struct Book {  // Of one instrument.
        const Instrument* instrument{};
        bool any{};     // A trade was seen.
        bool busy{};    // A gap is open or suspected …
        i64 waiting{};  // … and so many wait for an answer.
        u64 highest{};
        Nanos highest_ts;
        std::optional<u64> heard;  // The highest that the socket gave.
        std::vector<Stream> streams;
        std::vector<GapEntry> gaps;  // Oldest first.
        std::vector<Span> spans;     // Where ids are missing, disjoint; follows from `gaps`.
        std::vector<Seen> seen;      // Of this record, while an outage waits for ids after it.
    };
    static constexpr Nanos never{std::numeric_limits<i64>::max()};

    Book& book_of(const Instrument& instrument);
    Stream& stream_of(Book& book, TickKind kind);
    void each_stream(const std::function<void(Book&, Stream&)>& visit);
    void touch(const Book& book) { touched_.push_back(book.instrument->index); }
    void begin_outage(Book& book, Stream& stream, Nanos at, std::string_view cause);
    void end_outage(Book& book, Stream& stream, Nanos at);
    void look_at(const Tick& tick, bool fresh, Source source);
    void suspect(Book& book, IdRange ids, Nanos before, Nanos now);
    void renumber(Book& book);
    static void note(GapEntry& gap, IdRange ids, const Tick& tick, bool fresh, Source source);

    struct Settling {
        Nanos now;
        const Dedup& dedup;
        Observation& observation;
        GapOutput& out;
    };
    void settle_touched(Nanos now, const Dedup& dedup, Observation& observation, GapOutput& out);
    void settle(Book& book, const Settling& with);
    bool settle(Book& book, GapEntry& gap, std::vector<GapEntry>& left, const Settling& with);
    void find_ids(Book& book, GapEntry& gap, const Settling& with);
    static void close_by_ids(Book& book, GapEntry& gap, std::vector<GapEntry>& left,
                             const Settling& with);
    static void close_by_time(Book& book, GapEntry& gap, const Settling& with);
    static void limit(Book& book, const Settling& with);
    static void emit(const Book& book, const GapEntry& gap, Gap::Status status,
                     const Settling& with);
    void sum_up(Book& book);

    const venues::Venue& venue_;
    const bool consecutive_ = venue_.identity().consecutive;
    std::vector<Book> books_;             // By instrument index.
    std::vector<std::string> slot_wide_;  // Channels that were acknowledged for all.
    Nanos due_ = never;                   // When the first suspicion becomes a gap.

    std::vector<u32> touched_;  // In this record.
    i64 waiting_ = 0;           // Gaps that wait for an answer.
    bool asks_{};               // There may be something to ask for.
};

}  // namespace tape::ops
