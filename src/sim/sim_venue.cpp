// The simulated venues of this build, which register themselves.
#include "sim/sim_venue.h"

#include <algorithm>

namespace tape::sim {
namespace {

struct Registry {
    std::vector<std::unique_ptr<SimVenue>> owned;
    std::vector<const SimVenue*> sorted;
};

Registry& registry() {
    static Registry
        instance;  // Made by the first venue that registers, whatever the order of the files.
    return instance;
}

}  // namespace

Registration::Registration(std::unique_ptr<SimVenue> venue) {
    Registry& all = registry();
    ensure(find_sim_venue(venue->name()) == nullptr, "a simulated venue is registered twice");
    all.sorted.push_back(venue.get());
    all.owned.push_back(std::move(venue));
    std::ranges::sort(all.sorted, {}, &SimVenue::name);
}

net::Response throttle(const SimVenue& venue, bool banned, i64 retry_after_s, Nanos now) {
    return {
        .status = banned ? 418 : 429,
        .headers = {{"Retry-After", std::to_string(retry_after_s)}},
        .body = venue.too_many_requests({.banned = banned, .until = now + seconds(retry_after_s)})};
}

const std::vector<const SimVenue*>& sim_venues() {
    return registry().sorted;
}

const SimVenue* find_sim_venue(std::string_view name) {
    const auto found = std::ranges::find(sim_venues(), name, &SimVenue::name);
    return found == sim_venues().end() ? nullptr : *found;
}

}  // namespace tape::sim
