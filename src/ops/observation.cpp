#include "ops/observation.h"

#include <algorithm>
#include <utility>

namespace tape::ops {

std::optional<Outage> Observation::open(Stream& stream, Nanos at) {
    stream.open = true;
    stream.since = at;
    any_open_ = true;
    if (!outage_) return std::nullopt;
    std::optional<Outage> ended = std::exchange(outage_, std::nullopt);
    ended->to = std::max(ended->from, at);
    return ended;
}

void Observation::close(Stream& stream, Nanos at) {
    if (!stream.open) return;
    stream.open = false;
    if (at <= stream.since) return;
    if (stream.past.size() >= spans_max) stream.past.erase(stream.past.begin());
    stream.past.push_back({stream.since, at});
}

void Observation::lost(Nanos at, std::string_view cause) {
    if (!any_open_) return;
    any_open_ = false;
    for (std::size_t kind = 0; kind < kinds; ++kind) {
        close(all_[kind], at);
        for (Stream& stream : streams_[kind]) close(stream, at);
    }
    outage_ = Outage{.cause = std::string(cause), .from = at, .to = at};
}

i64 Observation::gap_ms(TickKind kind, const Instrument& instrument, Nanos start, Nanos end,
                        Nanos since) const {
    const Nanos from = std::max(start, since);
    const Stream* const streams[] = {&all_[index(kind)],
                                     instrument.index < streams_[index(kind)].size()
                                         ? &streams_[index(kind)][instrument.index]
                                         : nullptr};
    std::vector<Span> spans;
    for (const Stream* stream : streams) {
        if (stream == nullptr) continue;
        if (stream->open && stream->since <= start && since <= start) return 0;
        const auto add = [&](Span span) {
            span = {std::max(span.from, from), std::min(span.to, end)};
            if (span.from < span.to) spans.push_back(span);
        };
        for (auto span = stream->past.rbegin(); span != stream->past.rend() && span->to > from;
             ++span)
            add(*span);
        if (stream->open) add({stream->since, end});
    }
    std::ranges::sort(spans, {}, &Span::from);
    Nanos covered_to = start, missing;
    for (const Span& span : spans) {
        if (span.from > covered_to) missing += span.from - covered_to;
        covered_to = std::max(covered_to, span.to);
    }
    missing += end - covered_to;
    return (missing.count + 999'999) / 1'000'000;
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
    out.put(static_cast<u8>(outage_.has_value()));
    if (outage_) {
        out.text(outage_->cause);
        out.put(outage_->from);
    }
    for (std::size_t kind = 0; kind < kinds; ++kind) {
        save(all_[kind], out);
        out.put(static_cast<i64>(streams_[kind].size()));
        for (const Stream& stream : streams_[kind]) save(stream, out);
    }
}

void Observation::load(stream::StateReader& in) {
    any_open_ = in.get<u8>() != 0;
    outage_.reset();
    if (in.get<u8>() != 0) {
        outage_.emplace();
        outage_->cause = in.text();
        outage_->from = in.get<Nanos>();
    }
    for (std::size_t kind = 0; kind < kinds; ++kind) {
        load(all_[kind], in);
        streams_[kind].resize(static_cast<std::size_t>(in.count()));
        for (Stream& stream : streams_[kind]) load(stream, in);
    }
}

}  // namespace tape::ops
