#include "ops/raw_payloads.h"

#include <nlohmann/json.hpp>

namespace tape::ops {
namespace {

using nlohmann::json;

// The member `name` if `object` has it, else null.
const json* find(const json& object, std::string_view name) {
    if (!object.is_object()) return nullptr;
    const auto place = object.find(name);
    return place == object.end() ? nullptr : &*place;
}

std::string text(const json& object, std::string_view name) {
    const json* member = find(object, name);
    return member && member->is_string() ? member->get<std::string>() : std::string();
}

template <class T>
std::optional<T> number(const json& object, std::string_view name) {
    const json* member = find(object, name);
    if (!member || !member->is_number_integer()) return std::nullopt;
    return member->get<T>();
}

std::optional<Nanos> time(const json& object, std::string_view name) {
    const auto count = number<i64>(object, name);
    return count ? std::optional(Nanos{*count}) : std::nullopt;
}

}  // namespace

std::optional<std::string> text_member(std::string_view payload, std::string_view name) {
    const json object = json::parse(payload, nullptr, false);
    const json* member = find(object, name);
    if (!member || !member->is_string()) return std::nullopt;
    return member->get<std::string>();
}

bool is_set(std::string_view payload, std::string_view name) {
    const json object = json::parse(payload, nullptr, false);
    const json* member = find(object, name);
    return member && member->is_boolean() && member->get<bool>();
}

std::optional<std::vector<std::pair<std::string, std::string>>> parse_streams(
    std::string_view payload) {
    const json object = json::parse(payload, nullptr, false);
    const json* member = find(object, "streams");
    if (!member || !member->is_array()) return std::nullopt;
    std::vector<std::pair<std::string, std::string>> streams;
    for (const json& each : *member) {
        const bool pair = each.is_array() && each.size() == 2;
        if (!pair || !each[0].is_string() || !each[1].is_string()) return std::nullopt;
        streams.emplace_back(each[0].get<std::string>(), each[1].get<std::string>());
    }
    return streams;
}

GapRecord parse_gap(std::string_view payload) {
    const json object = json::parse(payload, nullptr, false);
    return {.cause = text(object, "cause"),
            .channel = text(object, "channel"),
            .symbol = text(object, "symbol"),
            .from_ts = time(object, "from_ts"),
            .to_ts = time(object, "to_ts"),
            .from_id = number<u64>(object, "from_id")};
}

}  // namespace tape::ops
