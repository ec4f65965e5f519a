#include "feed/backoff.h"

#include <algorithm>

namespace tape::feed {

Nanos Backoff::next(Nanos lasted) {
    if (lasted >= options_.healthy_after) span_ = options_.min;
    std::uniform_int_distribution<i64> jitter(span_.count / 2, span_.count);
    const Nanos wait{jitter(random_)};
    span_ = std::min(span_ + span_, options_.max);
    return wait;
}

}  // namespace tape::feed
