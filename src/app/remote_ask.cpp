#include "app/remote_ask.h"

#include <fmt/core.h>

#include "base/log.h"
#include "net/http_call.h"

namespace tape::app {
namespace {

constexpr std::chrono::seconds retry_after{2};
constexpr Nanos patience = seconds(2);  // Of one request: stopping waits for it.

}  // namespace

RemoteAsk::RemoteAsk(const DataFolder& folder) : folder_(folder), thread_([this] { run(); }) {}

RemoteAsk::~RemoteAsk() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
}

void RemoteAsk::ask(BackfillRequest request) {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= limit) waiting_.pop_front();
    waiting_.push_back(std::move(request));
    wake_.notify_all();
}

void RemoteAsk::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (stopping_) return;
        BackfillRequest request = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        const bool taken = post(request);
        lock.lock();
        if (taken) continue;
        waiting_.push_front(std::move(request));
        wake_.wait_for(lock, retry_after, [this] { return stopping_; });
    }
}

// What the other process refuses is not asked again.
bool RemoteAsk::post(const BackfillRequest& request) const {
    const auto address = folder_.holder(Role::capture);
    if (!address || address->empty()) return false;
    const auto answer = net::http_post(fmt::format("http://{}/api/v1/backfill", *address),
                                       to_json(request), patience);
    if (!answer) return false;
    if (answer->status / 100 == 4)
        log_warn("{}: the back-fill of {} is refused: {}", request.slot,
                 request.missing.native_symbol, answer->body);
    return answer->status / 100 != 5;
}

}  // namespace tape::app
