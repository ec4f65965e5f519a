// When the partition was listening, and to what. A stream (an instrument's trades, say) is observed
// from the record in which the venue acknowledged it, or from its first tick where there is no such
// word, until the connection was lost; what a back-fill brought counts as observed, too. All in
// capture time: which events fall into an outage, only the venue's clock could say exactly.
#pragma once

#include <span>
#include <vector>

#include "base/time.h"
#include "market/instrument.h"
#include "market/rows.h"
#include "stream/state.h"

namespace tape::ops {

/// [from, to).
struct Span {
    Nanos from, to;
};

class Observation final {
 public:
    /// How many past spans of one stream are kept; older ones count as not observed.
    static constexpr std::size_t spans_max = 1024;

    /// From `at` on, `kind` of `instrument` (null: of all) is observed. True if it was not before.
    bool observed(TickKind kind, const Instrument* instrument, Nanos at) {
        Stream& stream =
            instrument == nullptr ? all_[index(kind)] : stream_of(kind, instrument->index);
        if (stream.open) [[likely]]
            return false;
        stream.open = true;
        stream.since = at;
        any_open_ = true;
        return true;
    }
    /// Nothing is observed from `at` on. False if nothing was before.
    bool lost(Nanos at);
    /// `kind` of `instrument` is not observed from `at` on.
    void lost(TickKind kind, const Instrument& instrument, Nanos at);
    /// What is observed now was not between `from` and `to`.
    void interrupted(Nanos from, Nanos to);
    /// `kind` of `instrument` is known of all of [from, to) after all.
    void repaired(TickKind kind, u32 instrument, Nanos from, Nanos to);

    /// Milliseconds of [start, end), rounded up, in which `kind` of `instrument` was not observed,
    /// or which lie in one of the `missing` spans (in any order); nothing before `since` counts as
    /// observed.
    i64 gap_ms(TickKind kind, const Instrument& instrument, Nanos start, Nanos end, Nanos since,
               std::span<const Span> missing = {}) const;

    void save(stream::StateWriter& out) const;
    void load(stream::StateReader& in);

 private:
    struct Stream {
        bool open{};
        Nanos since;             // Where open: observed from here on.
        std::vector<Span> past;  // Oldest first, disjoint.
    };
    static constexpr std::size_t kinds = 4;

    static std::size_t index(TickKind kind) { return static_cast<std::size_t>(kind); }
    Stream& stream_of(TickKind kind, u32 instrument) {
        std::vector<Stream>& streams = streams_[index(kind)];
        if (instrument >= streams.size()) streams.resize(instrument + 1);
        return streams[instrument];
    }
    template <class Change>
    void each_open(Change change);
    static void close(Stream& stream, Nanos at);
    static void add_past(Stream& stream, Span span);
    static void save(const Stream& stream, stream::StateWriter& out);
    static void load(Stream& stream, stream::StateReader& in);

    Stream all_[kinds];                   // Said of the whole slot.
    std::vector<Stream> streams_[kinds];  // By instrument index.
    bool any_open_{};
};

}  // namespace tape::ops
