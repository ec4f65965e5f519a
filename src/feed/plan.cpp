#include "feed/plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "venues/plan.h"

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
        ++slots_of_venue;
        if (connection.streams.empty()) continue;
        const bool asks_only = !connection.polls.empty();  // It has no socket.
        auto url = asks_only ? net::Url{}
                             : endpoint(venue->name(), "websocket",
                                        joined(websocket, connection.websocket_path), "ws", "wss");
        if (!url) return url.error();
        source.slots.push_back({fmt::format("{}-{}", venue->name(), slots_of_venue),
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

void keep_places(std::vector<SourceOptions>& wanted, const std::vector<SourceOptions>& had) {
    std::map<std::pair<std::string, std::string>, std::vector<const SourceOptions*>> before;
    for (const SourceOptions& source : had)
        before[{source.spec.venue, source.spec.feed}].push_back(&source);
    std::map<std::pair<std::string, std::string>, size_t> seen;
    for (SourceOptions& source : wanted) {
        const auto& known = before[{source.spec.venue, source.spec.feed}];
        const size_t number = seen[{source.spec.venue, source.spec.feed}]++;
        if (number >= known.size()) continue;
        source.spec.symbols = venues::keep_places(known[number]->spec.symbols, source.spec.symbols);
    }
}

bool same_spec(const venues::SourceSpec& a, const venues::SourceSpec& b) {
    const auto fields = [](const venues::SourceSpec& spec) {
        return std::tie(spec.venue, spec.feed, spec.symbols, spec.channels, spec.interval, spec.ids,
                        spec.api_key, spec.monthly_calls);
    };
    return fields(a) == fields(b);
}

bool same_url(const net::Url& a, const net::Url& b) {
    const auto fields = [](const net::Url& url) {
        return std::tie(url.scheme, url.host, url.port, url.target);
    };
    return fields(a) == fields(b);
}

bool same_connection(const venues::Connection& a, const venues::Connection& b) {
    const auto same_stream = [](const auto& x, const auto& y) {
        return x.channel == y.channel && x.native_symbol == y.native_symbol;
    };
    const auto same_request = [](const venues::RestRequest& x, const venues::RestRequest& y) {
        return x.method == y.method && x.target == y.target && x.body == y.body &&
               x.weight == y.weight && x.headers == y.headers;
    };
    const auto fields = [](const venues::Connection& c) {
        return std::tie(c.websocket_path, c.subscribe, c.welcome, c.subscribe_interval,
                        c.replace_after, c.poll_interval, c.silence_limit);
    };
    return fields(a) == fields(b) && std::ranges::equal(a.streams, b.streams, same_stream) &&
           std::ranges::equal(a.polls, b.polls, same_request) &&
           a.token.has_value() == b.token.has_value() &&
           (!a.token || same_request(*a.token, *b.token)) &&
           a.keepalive.has_value() == b.keepalive.has_value() &&
           (!a.keepalive ||
            (a.keepalive->text == b.keepalive->text && a.keepalive->after == b.keepalive->after));
}

bool can_follow(const venues::Connection& had, const venues::Connection& wanted) {
    return had.polls.empty() == wanted.polls.empty();
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
