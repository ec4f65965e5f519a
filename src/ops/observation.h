// When the partition was listening, and to what. A stream (an instrument's trades, say) is observed
// from the record in which the venue acknowledged it, or from its first tick where there is no such
// word, until the connection was lost. All in capture time: which events fall into an outage, only
// the venue's clock could say exactly.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "market/instrument.h"
#include "market/rows.h"
#include "stream/state.h"

namespace tape::ops {

/// A time in which nothing of the partition was observed.
struct Outage {
    std::string cause;
    Nanos from, to;
};

class Observation final {
 public:
    /// How many past spans of one stream are kept; older ones count as not observed.
    static constexpr std::size_t spans_max = 1024;

    /// From `at` on, `kind` of `instrument` (null: of all) is observed. Gives the outage that this
    /// ends, if any.
    std::optional<Outage> observed(TickKind kind, const Instrument* instrument, Nanos at) {
        Stream& stream =
            instrument == nullptr ? all_[index(kind)] : stream_of(kind, instrument->index);
        if (stream.open) [[likely]]
            return std::nullopt;
        return open(stream, at);
    }
    /// Nothing is observed from `at` on. Has no effect while nothing is.
    void lost(Nanos at, std::string_view cause);

    /// Milliseconds of [start, end), rounded up, in which `kind` of `instrument` was not observed;
    /// nothing before `since` counts as observed.
    i64 gap_ms(TickKind kind, const Instrument& instrument, Nanos start, Nanos end,
               Nanos since) const;

    void save(stream::StateWriter& out) const;
    void load(stream::StateReader& in);

 private:
    struct Span {
        Nanos from, to;
    };
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
    std::optional<Outage> open(Stream& stream, Nanos at);
    static void close(Stream& stream, Nanos at);
    static void save(const Stream& stream, stream::StateWriter& out);
    static void load(Stream& stream, stream::StateReader& in);

    Stream all_[kinds];                   // Said of the whole slot.
    std::vector<Stream> streams_[kinds];  // By instrument index.
    bool any_open_{};
    std::optional<Outage> outage_;  // Since when nothing is observed, if something ever was.
};

}  // namespace tape::ops
