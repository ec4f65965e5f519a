#include "feed/plan.h"

#include <fmt/core.h>

#include <map>

namespace tape::feed {
namespace {

// "wss://host/" and "/path" meet in one slash.
std::string joined(std::string base, std::string_view path) {
    if (base.ends_with('/') && path.starts_with('/')) base.pop_back();
    return base.append(path);
}

Result<net::Url> endpoint(std::string_view venue, std::string_view setting, const std::string& text,
                          std::string_view plain, std::string_view secure) {
    auto url = net::parse_url(text);
    if (!url) return user_error(fmt::format("{}: {}: {}", venue, setting, url.error().what));
    if (url->scheme != plain && url->scheme != secure)
        return user_error(fmt::format("{}: {} = '{}' must begin with {}:// or {}://", venue,
                                      setting, text, secure, plain));
    return url;
}

Result<PlannedSource> plan_source(const SourceOptions& options, i64& slots_of_venue) {
    const venues::Venue* venue = venues::find_venue(options.spec.venue);
    if (venue == nullptr)
        return user_error(fmt::format("there is no venue '{}'", options.spec.venue));
    auto connections = venue->plan(options.spec);
    if (!connections) return connections.error();
    const std::string_view feed = options.spec.feed;
    PlannedSource source{.venue = venue, .spec = options.spec, .ca_file = options.ca_file};
    source.rest = options.rest.empty() ? std::string(venue->default_rest(feed)) : options.rest;
    if (auto rest = endpoint(venue->name(), "rest", source.rest, "http", "https"); !rest)
        return rest.error();
    const std::string websocket =
        options.websocket.empty() ? std::string(venue->default_websocket(feed)) : options.websocket;
    for (venues::Connection& connection : *connections) {
        auto url = endpoint(venue->name(), "websocket",
                            joined(websocket, connection.websocket_path), "ws", "wss");
        if (!url) return url.error();
        source.slots.push_back({fmt::format("{}-{}", venue->name(), ++slots_of_venue),
                                std::move(connection), std::move(*url)});
    }
    return source;
}

}  // namespace

Result<std::vector<PlannedSource>> plan_sources(const std::vector<SourceOptions>& sources) {
    std::map<std::string, i64> slots_of_venue;
    std::vector<PlannedSource> planned;
    for (const SourceOptions& options : sources) {
        auto source = plan_source(options, slots_of_venue[options.spec.venue]);
        if (!source) return source.error();
        planned.push_back(std::move(*source));
    }
    return planned;
}

Result<std::vector<std::string>> plan_slots(const std::vector<SourceOptions>& sources) {
    const auto planned = plan_sources(sources);
    if (!planned) return planned.error();
    std::vector<std::string> names;
    for (const PlannedSource& source : *planned)
        for (const PlannedSlot& slot : source.slots) names.push_back(slot.name);
    return names;
}

net::Url rest_url(const std::string& endpoint, const std::string& target) {
    auto url = net::parse_url(joined(endpoint, target));
    ensure(url.has_value(), "a request's target fits behind a checked endpoint");
    return std::move(*url);
}

net::Url rest_url(const PlannedSource& source, const std::string& target) {
    return rest_url(source.rest, target);
}

}  // namespace tape::feed
