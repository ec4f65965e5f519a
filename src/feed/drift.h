// Whether a venue still speaks the protocol that its decoder knows: looks at some frames of it and
// names what changed.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "feed/event_sinks.h"

namespace tape::feed {

class DriftWatch final : private DeafSink {
 public:
    DriftWatch(const venues::Venue& venue, const std::vector<venues::Connection::Stream>& streams);

    /// Decodes a frame or an answer.
    void take(log::RecordKind kind, std::string_view payload);
    /// An order book was asked for beside the streams: from now on unknown messages are its own,
    /// and words of refusal are about it.
    void begin_book() { book_ = true; }
    /// Whether enough of the book came to tell a constant checksum, or it was refused.
    bool book_known() const;
    i64 frames() const { return frames_; }
    /// Whether a subscription was acknowledged, or data came.
    bool acknowledged() const { return acknowledged_; }
    /// The venue's words of refusal; empty: it did not refuse.
    const std::string& refused() const { return refused_; }
    /// Streams of which no frame came.
    std::vector<venues::Connection::Stream> unheard() const;
    /// A field that the decoder needs and did not find, as the decoder says it; or empty.
    const std::string& vanished() const { return vanished_; }
    /// Other changes, in words: they cost nothing that is captured. Empty: none.
    std::string notes() const;
    venues::Decoder& decoder() { return *decoder_; }

 private:
    void on(const Tick& tick) override;
    void on_subscribed(std::string_view, const Instrument*) override { acknowledged_ = true; }
    void on_refused(std::string_view detail) override {
        (book_ ? book_refused_ : refused_) = detail;
    }
    void on_unknown(std::string_view what) override {
        if (!book_) unknown_.emplace(what);
    }
    void on_candle(const Candle&) override { acknowledged_ = true; }

    struct Stream {
        venues::Connection::Stream name;
        TickKind kind{};
        bool heard{};
    };
    const std::unique_ptr<venues::Decoder> decoder_;
    std::vector<Stream> streams_;
    i64 frames_{};
    bool acknowledged_{}, book_{};
    std::string refused_, book_refused_, vanished_;
    std::set<std::string> unknown_;
    i64 checksums_{}, zero_checksums_{};
};

/// Whether a venue's words, or a status, say that it wants to know who asks.
bool wants_authentication(std::string_view words);

}  // namespace tape::feed
