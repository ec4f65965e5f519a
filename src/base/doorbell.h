// Wakes a thread that waits for more work. Ringing is cheap when nobody waits; a ring that comes
// before the wait is not lost.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/time.h"

namespace tape {

class Doorbell final {
 public:
    void ring() {
        {
            const std::lock_guard lock(mutex_);
            rung_ = true;
        }
        condition_.notify_one();
    }
    /// Returns at once if rung since the last wait, else when rung or after `limit`.
    void wait(Nanos limit) {
        std::unique_lock lock(mutex_);
        condition_.wait_for(lock, std::chrono::nanoseconds(limit.count), [this] { return rung_; });
        rung_ = false;
    }

 private:
    std::mutex mutex_;
    std::condition_variable condition_;
    bool rung_{};
};

}  // namespace tape
