// The shell around every decoder of JSON venues: it takes records, parses their text, holds ticks back until the whole
// record has decoded, catches what was wrong with it, and keeps the instruments. What is left to a venue's file is the
// protocol.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "venues/json.h"
#include "venues/venue.h"

namespace tape::venues {

/// A longer frame, or a longer body of an answer, is a dead letter. No message that is decoded comes near it; the longest
/// are instrument lists of some megabytes.
constexpr std::size_t frame_bytes_max = 4 << 20;
constexpr std::size_t body_bytes_max = 16 << 20;
/// Of an instrument's native id, and how many instruments one partition may have: a venue gone wild is not memorised.
constexpr std::size_t native_symbol_bytes_max = 64;
constexpr std::size_t instruments_max = 100'000;

/// An answer of the venue's REST interface.
struct RestAnswer {
    std::string_view path;  // Of the request's target, without the query.
    json::Document body;
};

class JsonDecoder : public Decoder {
 public:
    /// `venue` outlives the decoder.
    explicit JsonDecoder(std::string_view venue) : venue_(venue) {}

    std::optional<DecodeError> decode(const log::Record& record, EventSink& out) final;
    void save(std::string& out) const final;
    Result<void> load(std::string_view state) final;
    InstrumentTable& instruments() final { return instruments_; }

 protected:
    /// A frame that is not JSON but part of the protocol, such as an answer to a text ping.
    virtual bool is_control(std::string_view /*frame*/) const { return false; }
    /// `out` takes all events but ticks; those go to tick().
    virtual void on_frame(json::Document frame, EventSink& out) = 0;
    /// An answer with status 200; others are reported as refused.
    virtual void on_answer(RestAnswer answer, EventSink& out) = 0;

    /// The instrument of a native id, made unlisted at first sight. Fault: no text, too long, too many instruments.
    const Instrument& instrument(const json::Field& native_symbol);
    /// As the venue's list names it.
    void list_instrument(const json::Field& native_symbol, std::string_view symbol);
    /// One more tick of this record, the last in order so far; the caller fills in what the venue says.
    Tick& tick(TickKind kind, const Instrument& instrument);
    Nanos ts_recv() const { return record_->ts_recv; }

 private:
    void decode_frame(EventSink& out);
    void decode_answer(EventSink& out);

    std::string_view venue_;
    InstrumentTable instruments_;
    // Where an instrument was found last: its hash names its place, a collision merely costs a look into the table.
    std::array<const Instrument*, 1024> recent_{};
    json::Parser parser_, envelope_parser_;
    std::vector<Tick> ticks_;
    const log::Record* record_{};
};

}  // namespace tape::venues
