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

/// In the order of the config; a connection whose places are all free is no slot, but counts.
/// Errors (user): an unknown venue, channel or feed, a bad endpoint.
Result<std::vector<PlannedSource>> plan_sources(const std::vector<SourceOptions>& sources);

/// Keeps the symbols that a source had before in their places, so that they stay on their slots.
/// The n-th source of a venue and feed is taken for the n-th of `had`.
void keep_places(std::vector<SourceOptions>& wanted, const std::vector<SourceOptions>& had);

bool same_spec(const venues::SourceSpec& a, const venues::SourceSpec& b);
bool same_url(const net::Url& a, const net::Url& b);
bool same_connection(const venues::Connection& a, const venues::Connection& b);
/// Whether a slot that captures `had` can go on with `wanted`: it keeps to sockets or to polling.
bool can_follow(const venues::Connection& had, const venues::Connection& wanted);

/// The URL of `target` below a REST endpoint; plan_sources() saw that it is one.
net::Url rest_url(const std::string& endpoint, const std::string& target);
net::Url rest_url(const PlannedSource& source, const std::string& target);

}  // namespace tape::feed
