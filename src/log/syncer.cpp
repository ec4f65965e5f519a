#include "log/syncer.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace tape::log {

Syncer::Syncer(std::filesystem::path folder, Offset durable, const Options& options, Counter syncs)
    : folder_(std::move(folder)), options_(options), syncs_(syncs), durable_(durable.value) {
    pending_.end = durable.value;
    if (options_.interval > Nanos{}) thread_ = std::jthread([this] { run(); });
}

Syncer::~Syncer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
}

void Syncer::wrote(const std::shared_ptr<const File>& file, Offset end, i64 bytes) {
    bool due = false;
    {
        const std::lock_guard lock(mutex_);
        due = pending_.files.empty() || pending_.bytes + bytes >= options_.bytes;
        if (std::ranges::find(pending_.files, file) == pending_.files.end())
            pending_.files.push_back(file);
        pending_.end = end.value;
        pending_.bytes += bytes;
    }
    if (due) wake_.notify_one();
}

void Syncer::changed_folder() {
    const std::lock_guard lock(mutex_);
    pending_.folder = true;
}

Result<void> Syncer::sync() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return !busy_; });
    perform_pending(lock);
    if (failure_) return *failure_;
    return {};
}

void Syncer::lower(Offset end) {
    const std::lock_guard lock(mutex_);
    pending_.end = std::min(pending_.end, end.value);
    durable_.store(std::min(durable_.load(), end.value), std::memory_order_release);
}

i64 Syncer::unsynced_files() const {
    const std::lock_guard lock(mutex_);
    return files_under_way_ + std::ssize(pending_.files);
}

std::optional<Error> Syncer::failure() const {
    if (!failed_.load(std::memory_order_acquire)) return {};
    const std::lock_guard lock(mutex_);
    return failure_;
}

void Syncer::run() {
    const std::chrono::nanoseconds interval(options_.interval.count);
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        wake_.wait(lock, [this] { return stopping_ || !pending_.files.empty(); });
        wake_.wait_for(lock, interval,
                       [this] { return stopping_ || pending_.bytes >= options_.bytes; });
        idle_.wait(lock, [this] { return !busy_; });
        if (!stopping_) perform_pending(lock);
    }
}

// Called and returns with the lock held, which it lets go of while the disk works. Only one such
// call is under way.
void Syncer::perform_pending(std::unique_lock<std::mutex>& lock) {
    if (failure_ || pending_.empty()) return;
    const Work work =
        std::exchange(pending_, {.files = {}, .folder = false, .end = pending_.end, .bytes = 0});
    busy_ = true;
    files_under_way_ = std::ssize(work.files);
    lock.unlock();
    Result<void> done = perform(work);
    lock.lock();
    busy_ = false;
    files_under_way_ = 0;
    if (done) {
        durable_.store(work.end, std::memory_order_release);
    } else {
        failure_ = external_error(fmt::format("{}; the log must be opened anew", done.error().what),
                                  Retry::never);
        failed_.store(true, std::memory_order_release);
    }
    idle_.notify_all();
}

Result<void> Syncer::perform(const Work& work) const {
    for (const auto& file : work.files) {
        syncs_.add();
        if (auto synced = file->sync(options_.call); !synced) return synced.error();
    }
    if (work.folder) return sync_folder(folder_);
    return {};
}

}  // namespace tape::log
