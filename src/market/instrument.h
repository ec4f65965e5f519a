// What is traded, and where. Instruments are interned: one object for one (venue, native symbol),
// at one address for as long as its table lives, so a tick carries a pointer and comparing
// instruments is comparing addresses.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/types.h"

namespace tape {

struct Instrument {
    std::string venue;          // "okx"
    std::string symbol;         // Normalised BASE-QUOTE in capitals; derivatives keep their suffix.
    std::string native_symbol;  // As the venue writes it.
    u32 index{};                // Its place in its table, from 0 in the order of first sight.
    bool listed{};  // An instrument list of the venue named it; else the symbol is the native one
                    // in capitals.
};

/// The instruments of one partition, or of one reader. Not thread-safe: each owner has its own.
class InstrumentTable final {
 public:
    /// The instrument of `native_symbol`, made unlisted at first sight.
    const Instrument& intern(std::string_view venue, std::string_view native_symbol);
    /// As an instrument list names it; a known one becomes listed under `symbol`.
    const Instrument& list(std::string_view venue, std::string_view native_symbol,
                           std::string_view symbol);
    /// Null if it was never interned.
    const Instrument* find(std::string_view venue, std::string_view native_symbol) const;
    const std::deque<Instrument>& all() const { return instruments_; }

 private:
    Instrument& add(std::string_view venue, std::string_view native_symbol);

    std::deque<Instrument> instruments_;  // A deque keeps addresses.
    std::unordered_map<std::string_view, std::unordered_map<std::string_view, Instrument*>>
        by_venue_;
    std::deque<std::string> venue_names_;
};

/// "btc-usdt" → "BTC-USDT".
std::string to_capitals(std::string_view text);

}  // namespace tape
