// The shell around every decoder of JSON venues: it takes records, parses their text, holds ticks
// back until the whole record has decoded, catches what was wrong with it, and keeps the
// instruments. What is left to a venue's file is the protocol.
#pragma once

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "venues/values.h"
#include "venues/venue.h"

namespace tape::venues {

/// A longer frame, or a longer body of an answer, is a dead letter. No message that is decoded
/// comes near it; the longest are instrument lists of some megabytes.
constexpr std::size_t frame_bytes_max = 4 << 20;
constexpr std::size_t body_bytes_max = 16 << 20;
/// Of an instrument's native id, its symbol, a venue's words, and how many instruments one
/// partition may have: a venue gone wild is not memorised.
constexpr std::size_t native_symbol_bytes_max = 64;
constexpr std::size_t symbol_bytes_max = 129;  // Two such with a dash.
constexpr std::size_t refusal_bytes_max = 400;
constexpr std::size_t instruments_max = 100'000;

/// An answer of the venue's REST interface.
struct RestAnswer {
    std::string_view path;   // Of the request's target …
    std::string_view query;  // … and what follows its question mark.
    json::Document body;

    /// A value of the query, for answers that do not repeat what they are about. Fault:
    /// missing_field.
    json::Field parameter(std::string_view name) const;
    json::Field find_parameter(std::string_view name) const;
};

/// What every venue's candles consist of.
struct CandleFields {
    json::Field open, high, low, close, volume;
};

/// Whether a connection's predecessor still runs.
enum class Overlap : u8 { none, with_last };

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
    /// An answer with status 200; others are reported as refused, but for 304: nothing changed.
    virtual void on_answer(RestAnswer answer, EventSink& out) = 0;
    /// For venues whose messages cannot be understood alone: what we said to them, the start of a
    /// connection, and the state that comes of it.
    virtual void on_sent(json::Document /*text*/) {}
    virtual void on_connected(Overlap /*overlap*/) {}
    virtual void save_more(std::string& /*out*/) const {}
    /// False where `state` is damaged.
    virtual bool load_more(std::string_view state) { return state.empty(); }

    /// The instrument of a native id, made unlisted at first sight. Fault: no text, too long, too
    /// many instruments.
    TAPE_INLINE const Instrument& instrument(const json::Field& native_symbol) {
        // Ids are mostly of 4 to 16 bytes: their two ends and the size tell them apart. Others are
        // not remembered.
        const std::string_view id = native_symbol.text;
        if (!native_symbol.quoted) [[unlikely]]
            json::fail_value(native_symbol.name, id, "no text");
        if (id.size() < 4 || id.size() > 16) [[unlikely]]
            return intern(native_symbol.name, id);
        Recent key{.size = id.size()};
        const bool wide = id.size() >= 8;
        key.head = wide ? load<u64>(id.data()) : load<u32>(id.data());
        key.tail =
            wide ? load<u64>(id.data() + id.size() - 8) : load<u32>(id.data() + id.size() - 4);
        const u64 mixed = (key.head ^ (key.tail << 1) ^ key.size) * 0x9E37'79B9'7F4A'7C15;
        Recent& recent = recent_[mixed >> 54];
        if (recent.head == key.head && recent.tail == key.tail && recent.size == key.size)
            [[likely]]
            return *recent.instrument;
        key.instrument = &intern(native_symbol.name, id);
        recent = key;
        return *key.instrument;
    }
    /// As the venue's list names it; `trading`: it can be traded now.
    void list_instrument(const json::Field& native_symbol, std::string_view symbol, bool trading);
    /// Of spot: its symbol is that of the two.
    void list_pair(const json::Field& native_symbol, const json::Field& base,
                   const json::Field& quote, bool trading);
    /// One more tick of this record, the last in order so far; the caller fills in what the venue
    /// says.
    Tick& tick(TickKind kind, const Instrument& instrument);
    /// One more candle, likewise.
    Candle& candle(const Instrument& instrument, Nanos size, Nanos open_time,
                   const CandleFields& fields);
    Nanos ts_recv() const { return record_->ts_recv; }
    /// A venue's words in a message of ours.
    static std::string words(const json::Field& field) {
        return json::clip(field.text, refusal_bytes_max);
    }

 private:
    template <class T>
    static T load(const char* bytes) {
        T value;
        std::memcpy(&value, bytes, sizeof value);
        return value;
    }
    const Instrument& intern(std::string_view name, std::string_view native_symbol);
    void decode_frame(EventSink& out);
    void decode_answer(EventSink& out);
    void decode_sent();

    std::string_view venue_;
    InstrumentTable instruments_;
    // Instruments seen lately, in a place that their hash names; a collision merely costs a look
    // into the table.
    struct Recent {
        u64 head{}, tail{}, size{};
        const Instrument* instrument{};
    };
    std::array<Recent, 1024> recent_{};
    json::Cursor cursor_, envelope_;
    std::vector<Tick> ticks_;
    std::vector<Candle> candles_;
    std::vector<std::pair<const Instrument*, bool>> listed_;  // And whether it trades.
    const log::Record* record_{};
};

}  // namespace tape::venues
