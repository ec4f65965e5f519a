#include "market/instrument.h"

namespace tape {

const Instrument* InstrumentTable::find(std::string_view venue,
                                        std::string_view native_symbol) const {
    const auto names = by_venue_.find(venue);
    if (names == by_venue_.end()) return nullptr;
    const auto place = names->second.find(native_symbol);
    return place == names->second.end() ? nullptr : place->second;
}

Instrument& InstrumentTable::add(std::string_view venue, std::string_view native_symbol) {
    auto names = by_venue_.find(venue);
    if (names == by_venue_.end())
        names = by_venue_.try_emplace(venue_names_.emplace_back(venue)).first;
    const auto place = names->second.find(native_symbol);
    if (place != names->second.end()) return *place->second;
    Instrument& made = instruments_.emplace_back();
    made.venue = venue;
    made.native_symbol = native_symbol;
    made.symbol = to_capitals(native_symbol);
    made.index = static_cast<u32>(instruments_.size() - 1);
    names->second.emplace(made.native_symbol, &made);
    return made;
}

const Instrument& InstrumentTable::intern(std::string_view venue, std::string_view native_symbol) {
    return add(venue, native_symbol);
}

const Instrument& InstrumentTable::list(std::string_view venue, std::string_view native_symbol,
                                        std::string_view symbol) {
    Instrument& instrument = add(venue, native_symbol);
    instrument.symbol = symbol;
    instrument.listed = true;
    return instrument;
}

std::string to_capitals(std::string_view text) {
    std::string capitals(text);
    for (char& c : capitals)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return capitals;
}

}  // namespace tape
