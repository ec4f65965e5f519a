#include "ops/carried.h"

#include <algorithm>

#include "ops/raw_payloads.h"

namespace tape::ops {

std::vector<std::pair<TickKind, const Instrument*>> Carried::follow(
    const log::Record& config, const venues::Venue& venue, const InstrumentTable& instruments) {
    const auto named = parse_streams(config.payload);
    if (!named) return {};
    Streams now;
    for (const auto& [channel, symbol] : *named) now.emplace(venue.kind_of(channel), symbol);
    left_.clear();
    std::ranges::set_difference(carried_, now, std::inserter(left_, left_.end()));
    carried_ = std::move(now);
    since_ = config.ts_recv;

    std::vector<std::pair<TickKind, const Instrument*>> left;
    for (const auto& [kind, symbol] : left_)
        if (const Instrument* instrument = instruments.find(venue.name(), symbol))
            left.emplace_back(kind, instrument);
    return left;
}

void Carried::save(stream::StateWriter& out) const {
    save(carried_, out);
    save(left_, out);
    out.put(since_);
}

void Carried::load(stream::StateReader& in) {
    carried_ = load_streams(in);
    left_ = load_streams(in);
    since_ = in.get<Nanos>();
}

void Carried::save(const Streams& streams, stream::StateWriter& out) {
    out.put(static_cast<i64>(streams.size()));
    for (const auto& [kind, symbol] : streams) {
        out.put(kind);
        out.text(symbol);
    }
}

Carried::Streams Carried::load_streams(stream::StateReader& in) {
    Streams streams;
    for (i64 count = in.count(); count > 0; --count) {
        const TickKind kind = in.get<TickKind>();
        streams.emplace_hint(streams.end(), kind, in.text());
    }
    return streams;
}

}  // namespace tape::ops
