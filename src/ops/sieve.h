// Which ticks count: not those that cannot be, and each once. The pipeline and every re-run of the
// log have one of their own, so that both count the same.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "market/rows.h"
#include "ops/dedup.h"
#include "stream/state.h"

namespace tape::ops {

class Sieve final {
 public:
    explicit Sieve(bool consecutive) : dedup_(consecutive) {}

    enum class Found : u8 {
        fresh,
        duplicate,  // A trade that was seen, or a poll that gave the same observation again.
        future,     // Its time is more than `max_skew` after its arrival.
        negative
    };
    /// Only a fresh tick is remembered.
    Found sift(const Tick& tick, Nanos max_skew) {
        if (tick.ts_event > tick.ts_recv + max_skew) [[unlikely]]
            return Found::future;
        if ((tick.price && tick.price->negative()) || (tick.size && tick.size->negative()))
            [[unlikely]]
            return Found::negative;
        const bool fresh =
            tick.kind == TickKind::trade
                ? !tick.identity || dedup_.add(tick.instrument->index, *tick.identity, tick.covers)
                : tick.kind != TickKind::poll || tick.ts_estimated || is_new_poll(tick);
        return fresh ? Found::fresh : Found::duplicate;
    }
    const Dedup& dedup() const { return dedup_; }

    void save(stream::StateWriter& out) const {
        dedup_.save(out);
        out.put(static_cast<i64>(polled_.size()));
        for (const auto& time : polled_) out.put(time);
    }
    void load(stream::StateReader& in) {
        dedup_.load(in);
        polled_.resize(static_cast<std::size_t>(in.count()));
        for (auto& time : polled_) time = in.get_optional<Nanos>();
    }

 private:
    bool is_new_poll(const Tick& tick) {
        if (tick.instrument->index >= polled_.size()) polled_.resize(tick.instrument->index + 1);
        return std::exchange(polled_[tick.instrument->index], tick.ts_event) != tick.ts_event;
    }

    Dedup dedup_;
    std::vector<std::optional<Nanos>> polled_;  // By instrument index: ts_event of the last one.
};

}  // namespace tape::ops
