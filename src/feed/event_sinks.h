// What the feed wants to know of what decoders find: little, so each sink here names only that.
#pragma once

#include <algorithm>
#include <string_view>

#include "venues/venue.h"

namespace tape::feed {

/// Hears nothing, so that others need name only what they want to hear.
class DeafSink : public venues::EventSink {
 public:
    void on(const Tick&) override {}
    void on_subscribed(std::string_view, const Instrument*) override {}
    void on_refused(std::string_view) override {}
    void on_unknown(std::string_view) override {}
    void on_last_trade(const Instrument&, u64, Nanos) override {}
};

/// When an instrument traded last, by the venue's clock; zero: it is not named.
class NewestTrade final : public DeafSink {
 public:
    /// `native_symbol` outlives it.
    explicit NewestTrade(std::string_view native_symbol) : native_symbol_(native_symbol) {}
    Nanos ts_event{};

    void on(const Tick& tick) override {
        if (tick.kind == TickKind::trade && tick.instrument->native_symbol == native_symbol_)
            ts_event = std::max(ts_event, tick.ts_event);
    }

 private:
    const std::string_view native_symbol_;
};

/// Whether a stream's silence can tell anything. Candles come when their time is over, and can be
/// had at any time later: nothing to watch.
inline bool is_watched(const venues::Connection::Stream& stream) {
    return !stream.native_symbol.empty() && stream.channel.find("kline") == std::string::npos &&
           stream.channel.find("candle") == std::string::npos;
}

}  // namespace tape::feed
