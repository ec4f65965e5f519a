#include "feed/payloads.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/json_text.h"

namespace tape::feed {
namespace {

// A peer's words may be anything.
std::string utf8(std::string_view words) {
    std::string text(words);
    if (!is_utf8(text))
        std::ranges::replace_if(
            text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    return text;
}

}  // namespace

std::string_view to_string(Reason reason) {
    constexpr std::string_view names[] = {"disconnect", "token", "ban", "planned", "stopped"};
    return names[static_cast<size_t>(reason)];
}

std::string connected_payload(std::string_view address, i64 session) {
    return fmt::format(R"({{"address":{},"session":{}}})", json_quoted(address), session);
}

std::string overlapping_payload(std::string_view address, i64 session) {
    return fmt::format(R"({{"address":{},"session":{},"overlaps":true}})", json_quoted(address),
                       session);
}

std::string disconnected_payload(std::string_view cause, Reason reason) {
    const std::string text = utf8(cause);
    if (reason == Reason::disconnect) return fmt::format(R"({{"cause":{}}})", json_quoted(text));
    return fmt::format(R"({{"cause":{},"reason":"{}"}})", json_quoted(text), to_string(reason));
}

std::string muted_payload(std::string_view channel, std::string_view native_symbol, Nanos from,
                          Nanos to) {
    return fmt::format(R"({{"cause":"muted","channel":{},"symbol":{},"from_ts":{},"to_ts":{}}})",
                       json_quoted(channel), json_quoted(native_symbol), from.count, to.count);
}

std::string config_payload(std::string_view config,
                           const std::vector<venues::Connection::Stream>& streams) {
    std::string out(config.substr(0, config.rfind('}')));
    out += ",\"streams\":[";
    for (const venues::Connection::Stream& stream : streams) {
        if (&stream != &streams.front()) out += ',';
        append_json_string(out += '[', stream.channel) += ',';
        append_json_string(out, stream.native_symbol) += ']';
    }
    return out += "]}";
}

std::string rest_payload(std::string_view method, std::string_view target, int status,
                         std::string_view body) {
    std::string out = "{\"method\":";
    append_json_string(out, method) += ",\"target\":";
    append_json_string(out, target) += fmt::format(",\"status\":{},\"body\":", status);
    append_json_string(out, body) += '}';
    return out;
}

std::string gap_payload(std::string_view cause, Nanos from, Nanos to) {
    return fmt::format(R"({{"cause":{},"from_ts":{},"to_ts":{}}})", json_quoted(cause), from.count,
                       to.count);
}

std::string fetched_payload(const venues::Missing& asked, std::string_view detail) {
    const auto id = [](const std::optional<u64>& value) {
        return value ? fmt::format("{}", *value) : std::string("null");
    };
    return fmt::format(
        R"({{"cause":"fetched","channel":{},"symbol":{},"from_ts":{},"to_ts":{},"from_id":{},"to_id":{},"detail":{}}})",
        json_quoted(asked.channel), json_quoted(asked.native_symbol), asked.from_ts.count,
        asked.to_ts.count, id(asked.from_id), id(asked.to_id), json_quoted(utf8(detail)));
}

}  // namespace tape::feed
