// How long to wait before the next attempt: twice as long each time up to a bound, with jitter, so
// that a venue that comes back is not met by everybody at once.
#pragma once

#include <random>

#include "base/time.h"

namespace tape::feed {

class Backoff final {
 public:
    struct Options {
        Nanos min, max;
        Nanos healthy_after;  // What lasted this long was no failure: the next wait is the shortest
                              // again.
    };
    Backoff(Options options, u64 seed) : options_(options), span_(options.min), random_(seed) {}

    /// The wait after an attempt that lasted for `lasted`: between half of the current span and all
    /// of it.
    Nanos next(Nanos lasted);

 private:
    Options options_;
    Nanos span_;
    std::mt19937_64 random_;
};

}  // namespace tape::feed
