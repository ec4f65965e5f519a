// For this folder's tests: decoding text into events, and events as stable lines of JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "venues/venue.h"

namespace tape::venues {

/// Keeps what a decoder finds; each event also as a line.
class EventLog final : public EventSink {
 public:
    void on(const Tick& tick) override;
    void on_subscribed(std::string_view channel, const Instrument* instrument) override;
    void on_refused(std::string_view detail) override;
    void on_unknown(std::string_view what) override;
    void on_last_trade(const Instrument& instrument, u64 trade_id, Nanos ts_event) override;
    void on_candle(const Candle& candle) override;
    void on_lost_messages(i64 from, i64 to) override;
    void on_error(const DecodeError& error);

    std::vector<Tick> ticks;
    std::vector<Candle> candles;
    std::vector<std::string> lines;
};

/// {"method":"GET","target":…,"status":…,"body":…}, the payload of a `rest` record.
std::string rest_payload(std::string_view target, int status, std::string_view body);

/// What a fresh decoder of `venue` makes of one frame, received at second 1,700,000,000.
struct Decoded {
    std::unique_ptr<Decoder> decoder;
    std::optional<DecodeError> error;
    EventLog events;
};
Decoded decode_frame(std::string_view venue, std::string_view frame);
Decoded decode_answer(std::string_view venue, std::string_view target, int status,
                      std::string_view body);

}  // namespace tape::venues
