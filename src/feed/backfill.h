// Fetches what is missing: of each venue one request after the other, under its limiter, each
// answer recorded in the slot before its verdict. It decodes the answers itself, with the venue's
// decoder, to know what is still missing. All of it on one thread.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "feed/hunt.h"
#include "feed/rest_client.h"
#include "log/record.h"

namespace tape::feed {

/// Where answers (`rest`) and verdicts (`gap`) are recorded.
class AnswerLog {
 public:
    virtual ~AnswerLog() = default;
    virtual bool fits(std::string_view payload) const = 0;
    /// Returns when it is recorded, however long the disk is full, or never will be.
    virtual asio::awaitable<void> record(log::RecordKind kind, std::string payload) = 0;
};

/// One slot, as the back-fill needs it. Its client and spec are those of the plan as it is now.
struct BackfillTarget {
    BackfillTarget(std::string slot_name, const venues::Venue& of, venues::SourceSpec source,
                   std::shared_ptr<RestClient> client, std::unique_ptr<AnswerLog> records);
    void count_open(i64 change);

    const std::string slot;
    const venues::Venue& venue;
    venues::SourceSpec spec;
    std::shared_ptr<RestClient> rest;
    const std::unique_ptr<AnswerLog> log;
    const std::unique_ptr<venues::Decoder> decoder;
    std::atomic<i64> open{};   // Gaps without a verdict; other threads read it too.
    i64 answers{}, fetched{};  // That were recorded, and the missing trades in them.
    Nanos reached;             // The oldest time in them.
    StreamHunt::Done last;     // The last verdict.
    Gauge open_gauge;
    Counter requests_total, trades_total, given_up_total;
};

/// The back-fill of one venue.
class Backfill final {
 public:
    struct Options {
        Nanos patience;     // Of REST that fails, until a gap is left as it is.
        Nanos settle;       // REST may lag behind the sockets for so long.
        i64 queue = 1'000;  // Gaps that may wait; further ones are left as they are.
    };
    Backfill(asio::io_context& io, const Options& options) : options_(options), wake_(io) {}

    /// Whatever the venue still has of `missing` is recorded in the target, and then the verdict.
    /// Asking again for what is being fetched has no effect.
    void ask(const std::shared_ptr<BackfillTarget>& target, venues::Missing missing);
    /// Leaves everything that was asked for the target without a verdict.
    void forget(const BackfillTarget& target);
    /// Works for ever; what still waits when its thread ends has no verdict, and who asked for it
    /// asks again. Demands that the back-fill outlives the io_context's run.
    asio::awaitable<void> run();

 private:
    struct Stream {
        std::shared_ptr<BackfillTarget> target;
        std::string channel, native_symbol;
        StreamHunt hunt;
        i64 turn{};                   // Streams that failed go behind the others.
        Nanos not_before;             // By the steady clock.
        u64 answered_gap{};           // The last request that was answered: for which gap …
        std::string answered_target;  // … and where.
    };
    struct Verdict {
        std::shared_ptr<BackfillTarget> target;
        StreamHunt::Done done;
    };
    struct Answer;

    asio::awaitable<void> nap(Nanos span);
    Stream* pick(Nanos& wait) const;
    asio::awaitable<void> step(Stream& stream);
    asio::awaitable<void> fetch(Stream& stream, StreamHunt::Request request,
                                venues::RestRequest words);
    static Answer read(BackfillTarget& target, const net::HttpResponse& response,
                       std::string_view payload);
    void note_failure(Stream& stream, const std::string& why);
    void give_up_old(Nanos now);
    void collect_done();
    asio::awaitable<void> record_verdicts();

    const Options options_;
    asio::steady_timer wake_;
    std::vector<std::unique_ptr<Stream>> streams_;
    std::deque<Verdict> verdicts_;
    std::optional<Nanos> failing_since_;  // Nothing was answered since.
    std::string last_failure_;
    i64 turns_{};
};

}  // namespace tape::feed
