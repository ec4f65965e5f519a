#include "venues/venue.h"

#include <algorithm>

namespace tape::venues {
namespace {

// Filled before main() by the venues' files, in the linker's order; the table below is in order of
// names.
std::vector<std::unique_ptr<Venue>>& registered() {
    static std::vector<std::unique_ptr<Venue>> venues;
    return venues;
}

}  // namespace

std::optional<std::string> Venue::reply(std::string_view /*frame*/) const {
    return std::nullopt;
}

Result<Venue::Admission> Venue::admit(std::string_view /*answer*/,
                                      std::string_view /*connection_id*/) const {
    return internal_error("the venue has no tokens");
}
bool Venue::is_welcome(std::string_view /*frame*/) const {
    return true;
}
bool Venue::announces_end(std::string_view /*frame*/) const {
    return false;
}
std::vector<std::string> Venue::resubscribe(const Connection::Stream& /*stream*/) const {
    return {};
}
std::optional<std::string> Venue::look_at_book(const Connection& /*connection*/) const {
    return std::nullopt;
}
std::optional<RestRequest> Venue::backfill(const SourceSpec& /*spec*/,
                                           const Missing& /*missing*/) const {
    return std::nullopt;
}

Registration::Registration(std::unique_ptr<Venue> venue) {
    for (const auto& other : registered())
        ensure(other->name() != venue->name(), "a venue registers once");
    registered().push_back(std::move(venue));
}

const std::vector<const Venue*>& venue_table() {
    static const std::vector<const Venue*> table = [] {
        std::vector<const Venue*> venues;
        for (const auto& venue : registered()) venues.push_back(venue.get());
        std::ranges::sort(venues, {}, &Venue::name);
        return venues;
    }();
    return table;
}

const Venue* find_venue(std::string_view name) {
    const auto place = std::ranges::find(venue_table(), name, &Venue::name);
    return place == venue_table().end() ? nullptr : *place;
}

std::string_view venue_of_slot(std::string_view slot) {
    return slot.substr(0, slot.rfind('-'));
}

}  // namespace tape::venues
