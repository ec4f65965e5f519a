// Asking for back-fills where capture is another process: over its HTTP interface, found by its
// lock file.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "app/backfill_request.h"
#include "app/data_folder.h"

namespace tape::app {

class RemoteAsk final {
 public:
    /// `folder` outlives it.
    explicit RemoteAsk(const DataFolder& folder);
    ~RemoteAsk();

    /// Returns at once; is repeated until the other process takes it. Of more than `limit` waiting
    /// the oldest are dropped: they are asked for again after a restart, while they are open.
    void ask(BackfillRequest request);
    static constexpr std::size_t limit = 10'000;

 private:
    void run();
    bool post(const BackfillRequest& request) const;

    const DataFolder& folder_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<BackfillRequest> waiting_;
    bool stopping_{};
    std::jthread thread_;
};

}  // namespace tape::app
