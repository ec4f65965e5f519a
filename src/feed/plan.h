// From the config's sources to slots: which venue, which endpoints, which names. Nothing is opened
// here.
#pragma once

#include <vector>

#include "feed/feed.h"
#include "net/net.h"

namespace tape::feed {

struct PlannedSlot {
    std::string name;
    venues::Connection connection;
    net::Url url;
};
struct PlannedSource {
    const venues::Venue* venue{};
    venues::SourceSpec spec;
    std::string rest;  // Endpoint; a request's target is added to it.
    std::string ca_file;
    std::vector<PlannedSlot> slots;
};

/// In the order of the config. Errors (user): an unknown venue, channel or feed, a bad endpoint.
Result<std::vector<PlannedSource>> plan_sources(const std::vector<SourceOptions>& sources);

/// The URL of `target` below a REST endpoint; plan_sources() saw that it is one.
net::Url rest_url(const std::string& endpoint, const std::string& target);
net::Url rest_url(const PlannedSource& source, const std::string& target);

}  // namespace tape::feed
