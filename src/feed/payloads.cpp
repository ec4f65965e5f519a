#include "feed/payloads.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/json_text.h"

namespace tape::feed {

std::string connected_payload(std::string_view address, i64 session) {
    return fmt::format(R"({{"address":{},"session":{}}})", json_quoted(address), session);
}

std::string disconnected_payload(std::string_view cause) {
    std::string text(cause);
    if (!is_utf8(text))
        std::ranges::replace_if(
            text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    return fmt::format(R"({{"cause":{}}})", json_quoted(text));
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

}  // namespace tape::feed
