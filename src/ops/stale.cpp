#include "ops/stale.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace tape::ops {
namespace {

auto key(const StaleSpan& span) {
    return std::tuple(span.kind, span.instrument);
}

}  // namespace

void StaleSpans::add(const StaleSpan& span, Why why, Nanos now) {
    if (spans_.empty()) {
        since_ = last_ = now;
        closed_ = false;
    }
    if (why == Why::closed) closed_ = true;
    if (why == Why::tick) last_ = now;

    auto [from, same_to] = std::ranges::equal_range(spans_, key(span), {}, key);
    const auto count = same_to - from;
    while (from != same_to && from->hi + near < span.lo) ++from;
    StaleSpan joined = span;
    auto to = from;
    for (; to != same_to && to->lo <= span.hi + near; ++to) {
        joined.lo = std::min(joined.lo, to->lo);
        joined.hi = std::max(joined.hi, to->hi);
    }
    if (to == from && count >= static_cast<std::ptrdiff_t>(spans_max)) {
        if (to == same_to)
            --from;
        else
            ++to;
        joined.lo = std::min(joined.lo, from->lo);
        joined.hi = std::max(joined.hi, from->hi);
    }
    spans_.insert(spans_.erase(from, to), joined);
}

std::vector<StaleSpan> StaleSpans::take() {
    closed_ = false;
    since_ = last_ = {};
    return std::exchange(spans_, {});
}

void StaleSpans::save(stream::StateWriter& out) const {
    out.put(static_cast<u8>(closed_));
    out.put(since_);
    out.put(last_);
    out.put(static_cast<i64>(spans_.size()));
    for (const StaleSpan& span : spans_) {
        out.put(span.kind);
        out.put(span.instrument);
        out.put(span.lo);
        out.put(span.hi);
    }
}

void StaleSpans::load(stream::StateReader& in) {
    closed_ = in.get<u8>() != 0;
    since_ = in.get<Nanos>();
    last_ = in.get<Nanos>();
    spans_.resize(static_cast<std::size_t>(in.count()));
    for (StaleSpan& span : spans_) {
        span.kind = in.get<TickKind>();
        span.instrument = in.get<u32>();
        span.lo = in.get<Nanos>();
        span.hi = in.get<Nanos>();
    }
}

}  // namespace tape::ops
