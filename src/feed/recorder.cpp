#include "feed/recorder.h"

#include <boost/asio/post.hpp>

#include "base/log.h"

namespace tape::feed {
namespace {

// At most a thousand writes a second and slot: readers wake as often, and no reader minds a
// millisecond.
constexpr Nanos flush_interval = millis(1);

}  // namespace

Result<std::unique_ptr<Recorder>> Recorder::open(asio::io_context& io, std::filesystem::path folder,
                                                 const log::WriterOptions& options) {
    std::unique_ptr<Recorder> recorder(new Recorder(io, std::move(folder), options));
    auto writer = log::LogWriter::open(recorder->folder_, options);
    if (!writer) return writer.error();
    recorder->writer_ = std::move(*writer);
    return recorder;
}

void Recorder::append(log::RecordKind kind, Nanos ts_recv, std::string_view payload) {
    ensure(fits(payload), "the caller looked at the payload's length");
    if (trouble_) throw CannotRecord(*trouble_);
    if (auto appended = writer_->append(kind, ts_recv, payload); !appended) {
        fail(appended.error());
        throw CannotRecord(*trouble_);
    }
    last_ts_ = ts_recv;
    if (!flush_scheduled_) schedule_flush();
}

void Recorder::schedule_flush() {
    flush_scheduled_ = true;
    const Nanos wait = last_flush_ + flush_interval - steady_clock();
    if (wait.count <= 0) {
        asio::post(io_, [this] { flush(); });
        return;
    }
    flush_timer_.expires_after(std::chrono::nanoseconds(wait.count));
    flush_timer_.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled) flush();
    });
}

void Recorder::flush() {
    flush_scheduled_ = false;
    last_flush_ = steady_clock();
    if (trouble_) return;
    if (auto flushed = writer_->flush(); !flushed) fail(flushed.error());
}

void Recorder::sync() {
    if (trouble_) return;
    if (auto synced = writer_->sync(); !synced) {
        fail(synced.error());
        log_error("{}", synced.error().what);
    }
}

// A full disk may pass and the writer goes on; after any other failure only a new one, with its
// recovery, can tell what the disk holds.
void Recorder::fail(const Error& error) {
    reopen_ = reopen_ || error.retry == Retry::never;
    trouble_ = error.retry == Retry::backoff ? "disk full" : error.what;
}

bool Recorder::resume(Nanos ts_recv, std::string_view gap) {
    if (reopen_) {
        const std::lock_guard lock(writer_mutex_);
        writer_.reset();  // It holds the folder's lock.
        auto writer = log::LogWriter::open(folder_, options_);
        if (!writer) return false;
        writer_ = std::move(*writer);
        for (Doorbell* const bell : bells_) writer_->ring_on_flush(*bell);
        reopen_ = false;
    }
    trouble_.reset();
    if (auto appended = writer_->append(log::RecordKind::gap, ts_recv, gap); !appended) {
        fail(appended.error());
        return false;
    }
    last_ts_ = ts_recv;
    flush();
    return !trouble_;
}

void Recorder::ring_on_flush(Doorbell& bell) {
    bells_.push_back(&bell);
    if (writer_) writer_->ring_on_flush(bell);
}

Recorder::Positions Recorder::positions() const {
    const std::lock_guard lock(writer_mutex_);
    if (!writer_) return {};
    return {writer_->readable(), writer_->durable()};
}

}  // namespace tape::feed
