// Which of a slot's streams are heard: the first frames after each tick are decoded, by the venue's
// own decoder, until each stream was named or the next tick comes. And what to do about the others:
// liveness.h says when a silence is suspicious, and here the venue is asked whether its market
// traded meanwhile.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "feed/event_sinks.h"
#include "feed/liveness.h"
#include "feed/slot.h"

namespace tape::feed {

/// The streams that one socket was heard of: acknowledged, or seen in a frame.
class Seen final {
 public:
    explicit Seen(size_t streams) : seen_(streams), missing_(std::ssize(seen_)) {}
    void mark(size_t stream) {
        if (stream >= seen_.size() || seen_[stream]) return;
        seen_[stream] = true;
        --missing_;
    }
    bool all() const { return missing_ == 0; }

 private:
    std::vector<bool> seen_;
    i64 missing_;
};

/// What to ask for the newest trades of an instrument: as the venue lists them for one of
/// `streams`, or else for any of its channels. None: it cannot be asked.
std::optional<venues::RestRequest> newest_trades(
    const venues::Venue& venue, const venues::SourceSpec& spec,
    const std::vector<venues::Connection::Stream>& streams, const std::string& native_symbol);

class Hearing final {
 public:
    explicit Hearing(Slot& slot);

    /// Takes the streams of the slot's plan anew; what it knows of those that stay, it keeps.
    void take_plan();
    size_t streams() const { return streams_.size(); }
    /// Whether a frame that `seen` belongs to would tell anything.
    bool wants(const Seen& seen) const { return unheard_ > 0 || !seen.all(); }
    /// Takes what `decoder`, the session's own, finds in `record`.
    void listen(venues::Decoder& decoder, const log::Record& record, Seen& seen);
    /// A first connection is there: silence counts from now.
    void on_connected(Nanos now);

    /// What has to be done about a stream that is mute, which is recorded as a gap.
    struct Finding {
        venues::Connection::Stream stream;
        Liveness::Step step;
        Nanos from;  // When it was heard last, by the wall clock.
    };
    std::vector<Finding> on_tick(Nanos now);

    /// Streams whose last hearing is longer ago than stale_after: "trades of BTC-USDT".
    std::vector<std::string> stale(Nanos now) const;
    std::vector<std::string> mute() const;

 private:
    struct Stream {
        venues::Connection::Stream name;
        TickKind kind{};
        Liveness liveness;
        Nanos last_heard;    // By the steady clock.
        Nanos last_recv;     // By the wall clock; also of an acknowledgement.
        Nanos last_event;    // By the venue's …
        bool event_known{};  // … and whether that is of this connection.
    };
    class Listener;

    void hear(size_t stream, Nanos ts_event, Nanos ts_recv);
    asio::awaitable<void> ask_markets();
    void judge(const venues::Connection::Stream& name, std::optional<Nanos> newest);
    asio::awaitable<std::optional<Nanos>> newest_trade(std::string native_symbol);
    Stream* find(const venues::Connection::Stream& name);
    bool trades_go_on(const Stream& stream) const;

    Slot& slot_;
    const std::unique_ptr<venues::Decoder> decoder_;  // Of answers.
    std::vector<Stream> streams_;
    std::unordered_map<std::string, std::vector<size_t>> by_symbol_;
    i64 unheard_{};
    std::deque<venues::Connection::Stream> to_ask_;
    bool asking_{};
    Counter probes_total_;
};

}  // namespace tape::feed
