#include "feed/liveness.h"

#include <algorithm>

namespace tape::feed {
namespace {

constexpr i64 samples_min = 5;                  // Before a usual distance is believed.
constexpr i64 usual_distances = 20;             // Of silence are suspicious.
constexpr i64 doublings_max = 10;               // Of the patience with a market that is quiet …
constexpr Nanos patience_max = seconds(3'600);  // … and its bound.

}  // namespace

Nanos Liveness::usual_distance() const {
    return samples_ >= samples_min ? usual_ : Nanos{};
}

Nanos Liveness::patience() const {
    const bool known = samples_ >= samples_min;
    const Nanos span = std::max(options_.silence_min, known ? Nanos{usual_.count * usual_distances}
                                                            : options_.silence_unknown);
    // The second cure follows the first after the same time; later ones take longer each time.
    const i64 doublings = std::min(quiet_answers_ + std::max<i64>(cures_ - 1, 0), doublings_max);
    return std::max(span, std::min(Nanos{span.count << doublings}, patience_max));
}

void Liveness::on_connected(Nanos now) {
    heard_ = false;
    from_ = {};
    silent_since_ = now;
    if (state_ == State::accused) state_ = State::calm;
}

// The distance is measured from a tick to the next hearing and not from hearing to hearing, so that
// only one frame a tick has to be looked at; for arrivals at random that is the same on average.
void Liveness::on_heard(Nanos now) {
    if (heard_) return;
    heard_ = true;
    if (from_ == Nanos{}) return;
    const Nanos distance = now - from_;
    usual_ = samples_ == 0 ? distance : Nanos{usual_.count + (distance.count - usual_.count) / 8};
    ++samples_;
}

Liveness::Step Liveness::on_tick(Nanos now) {
    if (heard_) {
        heard_ = false;
        from_ = silent_since_ = now;
        quiet_answers_ = cures_ = 0;
        state_ = State::calm;
        return Step::none;
    }
    if (state_ == State::calm && now - silent_since_ > patience()) {
        state_ = State::asking;
        return Step::ask;
    }
    if (state_ == State::accused && now - accused_at_ >= options_.margin) {
        state_ = State::calm;
        silent_since_ = now;
        return ++cures_ == 1 ? Step::resubscribe : Step::replace;
    }
    return Step::none;
}

void Liveness::on_answer(Nanos now, Market market) {
    if (state_ != State::asking) return;
    state_ = State::calm;
    if (heard_) return;
    if (market == Market::traded) {
        state_ = State::accused;
        accused_at_ = now;
        return;
    }
    silent_since_ = now;
    if (market == Market::noted)
        silent_since_ = now - patience() + options_.silence_min;
    else
        ++quiet_answers_;
}

}  // namespace tape::feed
