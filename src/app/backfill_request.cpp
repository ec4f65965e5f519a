#include "app/backfill_request.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/sources.h"
#include "feed/feed.h"

namespace tape::app {
namespace {

using Json = nlohmann::ordered_json;

Json id_or_null(const std::optional<u64>& id) {
    return id ? Json(*id) : Json();
}
std::optional<u64> id_of(const Json& json, const char* name) {
    const auto found = json.find(name);
    if (found == json.end() || found->is_null()) return std::nullopt;
    return found->get<u64>();
}

BackfillRequest request_of(const Json& json) {
    return {.slot = json.at("slot"),
            .missing = {.native_symbol = json.at("symbol"),
                        .channel = json.at("channel"),
                        .from_id = id_of(json, "from_id"),
                        .to_id = id_of(json, "to_id"),
                        .from_ts = {json.at("from_ts").get<i64>()},
                        .to_ts = {json.at("to_ts").get<i64>()},
                        .last_ts = {json.value("last_ts", i64{0})},
                        .cause = json.value("cause", "")}};
}

Result<Nanos> time_of(const Json& json, const char* name) {
    return parse_rfc3339(json.at(name).get<std::string>());
}

// The venue's own names of the instruments that `span` means, among those of `source`.
std::vector<std::string> natives_of(const venues::Venue& venue, const SourceConfig& source,
                                    const BackfillSpan& span) {
    venues::SourceSpec spec = source_spec(source);
    if (!span.venue.empty() && span.venue != source.venue) return {};
    if (!span.symbol.empty())
        std::erase_if(spec.symbols, [&](const auto& s) { return s != span.symbol; });
    std::vector<std::string> natives;
    if (std::ranges::all_of(spec.symbols, &std::string::empty)) return natives;
    if (const auto connections = venue.plan(spec))
        for (const venues::Connection& connection : *connections)
            for (const auto& stream : connection.streams) natives.push_back(stream.native_symbol);
    return natives;
}

}  // namespace

std::string to_json(const BackfillRequest& request) {
    const venues::Missing& missing = request.missing;
    return Json{{"slot", request.slot},
                {"channel", missing.channel},
                {"symbol", missing.native_symbol},
                {"from_id", id_or_null(missing.from_id)},
                {"to_id", id_or_null(missing.to_id)},
                {"from_ts", missing.from_ts.count},
                {"to_ts", missing.to_ts.count},
                {"last_ts", missing.last_ts.count},
                {"cause", missing.cause}}
        .dump();
}

std::string to_json(const BackfillSpan& span) {
    return Json{{"venue", span.venue},
                {"symbol", span.symbol},
                {"from", format_rfc3339(span.from)},
                {"to", format_rfc3339(span.to)}}
        .dump();
}

Result<std::vector<BackfillRequest>> parse_backfill(const std::string& json, const Config& config) {
    try {
        const Json asked = Json::parse(json);
        if (asked.contains("slot")) return std::vector<BackfillRequest>{request_of(asked)};
        const auto from = time_of(asked, "from"), to = time_of(asked, "to");
        if (!from) return from.error();
        if (!to) return to.error();
        return requests_of({asked.value("venue", ""), asked.value("symbol", ""), *from, *to},
                           config);
    } catch (const Json::exception& error) {
        return user_error(
            fmt::format("the back-fill's request is not of its form: {}", error.what()));
    }
}

Result<std::vector<BackfillRequest>> requests_of(const BackfillSpan& span, const Config& config) {
    if (span.to <= span.from)
        return user_error(fmt::format("the back-fill's end {} is not after its begin {}",
                                      format_rfc3339(span.to), format_rfc3339(span.from)));
    const auto slots = feed::plan_slots(source_options(config));
    if (!slots) return slots.error();
    auto slot = slots->begin();
    std::vector<BackfillRequest> requests;
    for (const SourceConfig& source : config.sources) {
        const venues::Venue& venue = *venues::find_venue(source.venue);
        const auto connections = venue.plan(source_spec(source));
        if (!connections) return connections.error();
        const auto wanted = natives_of(venue, source, span);
        for (const venues::Connection& connection : *connections) {
            if (connection.streams.empty()) continue;  // No slot: its places are free.
            for (const auto& stream : connection.streams) {
                const venues::Missing missing{.native_symbol = stream.native_symbol,
                                              .channel = stream.channel,
                                              .from_id = {},
                                              .to_id = {},
                                              .from_ts = span.from,
                                              .to_ts = span.to,
                                              .cause = "asked"};
                if (std::ranges::find(wanted, stream.native_symbol) != wanted.end() &&
                    venue.backfill(source_spec(source), missing))
                    requests.push_back({*slot, missing});
            }
            ++slot;
        }
    }
    if (requests.empty())
        return user_error(fmt::format("the config has no source that captures trades of {} {}",
                                      span.venue.empty() ? "any venue" : span.venue,
                                      span.symbol.empty() ? "any symbol" : span.symbol));
    return requests;
}

}  // namespace tape::app
