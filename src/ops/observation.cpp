#include "ops/observation.h"

#include <algorithm>
#include <utility>

namespace tape::ops {

template <class Change>
void Observation::each_open(Change change) {
    for (std::size_t kind = 0; kind < kinds; ++kind) {
        if (all_[kind].open) change(all_[kind]);
        for (Stream& stream : streams_[kind])
            if (stream.open) change(stream);
    }
}

// Adds a span and joins those that touch it, with what is observed now as well.
void Observation::add_past(Stream& stream, Span span) {
    std::vector<Span>& past = stream.past;
    auto from = std::ranges::lower_bound(past, span.from, {}, &Span::to);
    auto to = from;
    for (; to != past.end() && to->from <= span.to; ++to)
        span = {std::min(span.from, to->from), std::max(span.to, to->to)};
    from = past.erase(from, to);
    if (stream.open && span.to >= stream.since) {
        stream.since = std::min(stream.since, span.from);
        return;
    }
    past.insert(from, span);
    if (past.size() > spans_max) past.erase(past.begin());
}

void Observation::close(Stream& stream, Nanos at) {
    stream.open = false;
    if (at > stream.since) add_past(stream, {stream.since, at});
}

bool Observation::lost(Nanos at) {
    if (!any_open_) return false;
    any_open_ = false;
    each_open([&](Stream& stream) { close(stream, at); });
    return true;
}

void Observation::lost(TickKind kind, const Instrument& instrument, Nanos at) {
    Stream& stream = stream_of(kind, instrument.index);
    if (stream.open) close(stream, at);
}

void Observation::interrupted(Nanos from, Nanos to) {
    if (from >= to) return;
    each_open([&](Stream& stream) {
        close(stream, from);
        stream.open = true;
        stream.since = std::max(stream.since, to);
    });
}

void Observation::repaired(TickKind kind, u32 instrument, Nanos from, Nanos to) {
    if (from < to) add_past(stream_of(kind, instrument), {from, to});
}

i64 Observation::gap_ms(TickKind kind, const Instrument& instrument, Nanos start, Nanos end,
                        Nanos since, std::span<const Span> missing) const {
    const Nanos from = std::max(start, since);
    const Stream* const streams[] = {&all_[index(kind)],
                                     instrument.index < streams_[index(kind)].size()
                                         ? &streams_[index(kind)][instrument.index]
                                         : nullptr};
    std::vector<Span> spans;
    for (const Stream* stream : streams) {
        if (stream == nullptr) continue;
        if (stream->open && stream->since <= start && since <= start && missing.empty()) return 0;
        const auto add = [&](Span span) {
            span = {std::max(span.from, from), std::min(span.to, end)};
            if (span.from < span.to) spans.push_back(span);
        };
        for (auto span = stream->past.rbegin(); span != stream->past.rend() && span->to > from;
             ++span)
            add(*span);
        if (stream->open) add({stream->since, end});
    }
    // What is missing cuts what was observed: the rest of each span in front of the cut is counted.
    std::vector<Span> cuts(missing.begin(), missing.end());
    std::ranges::sort(cuts, {}, &Span::from);
    std::ranges::sort(spans, {}, &Span::from);
    Nanos covered_to = start, covered;
    for (const Span& span : spans) {
        Nanos at = std::max(span.from, covered_to);
        covered_to = std::max(covered_to, span.to);
        for (const Span& cut : cuts) {
            if (cut.to <= at) continue;
            if (cut.from >= span.to) break;
            if (cut.from > at) covered += cut.from - at;
            at = std::max(at, cut.to);
        }
        if (at < span.to) covered += span.to - at;
    }
    return ((end - start - covered).count + 999'999) / 1'000'000;
}

void Observation::save(const Stream& stream, stream::StateWriter& out) {
    out.put(static_cast<u8>(stream.open));
    out.put(stream.open ? stream.since : Nanos{});
    out.put(static_cast<i64>(stream.past.size()));
    for (const Span& span : stream.past) out.put(span);
}

void Observation::load(Stream& stream, stream::StateReader& in) {
    stream.open = in.get<u8>() != 0;
    stream.since = in.get<Nanos>();
    stream.past.resize(static_cast<std::size_t>(in.count()));
    for (Span& span : stream.past) span = in.get<Span>();
}

void Observation::save(stream::StateWriter& out) const {
    out.put(static_cast<u8>(any_open_));
    for (std::size_t kind = 0; kind < kinds; ++kind) {
        save(all_[kind], out);
        out.put(static_cast<i64>(streams_[kind].size()));
        for (const Stream& stream : streams_[kind]) save(stream, out);
    }
}

void Observation::load(stream::StateReader& in) {
    any_open_ = in.get<u8>() != 0;
    for (std::size_t kind = 0; kind < kinds; ++kind) {
        load(all_[kind], in);
        streams_[kind].resize(static_cast<std::size_t>(in.count()));
        for (Stream& stream : streams_[kind]) load(stream, in);
    }
}

}  // namespace tape::ops
