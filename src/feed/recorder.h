// Writes one slot's records to its log, from the feed's thread. Records that come close together
// share one write; a lone one is written at once. A log that cannot be written to is a state, not
// the end: the slot pauses and tries again.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <vector>

#include "log/log.h"

namespace tape::feed {

namespace asio = boost::asio;

/// Nothing can be recorded now; the text is the cause, "disk full" where it is that.
struct CannotRecord : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Recorder final {
 public:
    /// Opens the log in `folder`. Errors as those of LogWriter::open.
    static Result<std::unique_ptr<Recorder>> open(asio::io_context& io,
                                                  std::filesystem::path folder,
                                                  const log::WriterOptions& options);
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    /// Adds a record; it is flushed within a millisecond, or at the end of this turn of the loop
    /// when the last flush is longer ago. Throws CannotRecord, now and on each call until resume()
    /// succeeded. Demands fits(payload).
    void append(log::RecordKind kind, Nanos ts_recv, std::string_view payload);
    bool fits(std::string_view payload) const {
        return std::ssize(payload) <= options_.max_record_bytes;
    }
    /// Writes what was appended, and waits until it is durable. Failing, it says so in the
    /// program's log.
    void sync();

    /// Why nothing can be recorded, or nothing.
    const std::optional<std::string>& trouble() const { return trouble_; }
    /// Tries to record `payload` as a `gap`, opening the log anew where a failed disk demands it.
    /// Whether it worked.
    bool resume(Nanos ts_recv, std::string_view gap);
    /// The ts_recv of the last record that was appended.
    Nanos last_ts() const { return last_ts_; }

    /// Rings `bell` after each flush; it must outlive the recorder.
    void ring_on_flush(Doorbell& bell);
    struct Positions {
        Offset readable, durable;
    };
    /// Thread-safe.
    Positions positions() const;

 private:
    Recorder(asio::io_context& io, std::filesystem::path folder, const log::WriterOptions& options)
        : io_(io), folder_(std::move(folder)), options_(options), flush_timer_(io) {}
    void schedule_flush();
    void flush();
    void fail(const Error& error);

    asio::io_context& io_;
    const std::filesystem::path folder_;
    const log::WriterOptions options_;
    mutable std::mutex
        writer_mutex_;  // Over the pointer: positions() may come while a failed writer is replaced.
    std::unique_ptr<log::LogWriter> writer_;
    std::vector<Doorbell*> bells_;
    asio::steady_timer flush_timer_;
    Nanos last_flush_;  // By the steady clock.
    bool flush_scheduled_{};
    bool reopen_{};
    std::optional<std::string> trouble_;
    Nanos last_ts_;
};

}  // namespace tape::feed
