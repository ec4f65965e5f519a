// What Coinbase's two feeds have in common.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json_text.h"
#include "sim/sim_venue.h"

namespace tape::sim {

/// One of the two feeds, once a connection's first request has told which it is.
class CoinbaseFeed {
 public:
    virtual ~CoinbaseFeed() = default;
    virtual void on_request(const nlohmann::json& request, bool subscribing, Nanos now,
                            Outbox& out) = 0;
    virtual void advance(Nanos now, Outbox& out) = 0;
};

/// {"type":"error","message":"Failed to subscribe","reason":"FOO-BAR is not a valid product"}
inline std::string coinbase_error(std::string_view message, std::string_view reason) {
    if (reason.empty())
        return fmt::format(R"({{"type":"error","message":{}}})", json_quoted(message));
    return fmt::format(R"({{"type":"error","message":{},"reason":{}}})", json_quoted(message),
                       json_quoted(reason));
}

/// The strings of the list `name` of `request`; what is no string or no list is passed over.
inline std::vector<std::string> strings_of(const nlohmann::json& request, const char* name) {
    std::vector<std::string> found;
    const auto list = request.find(name);
    if (list == request.end() || !list->is_array()) return found;
    for (const nlohmann::json& item : *list)
        if (item.is_string()) found.push_back(item.get<std::string>());
    return found;
}

}  // namespace tape::sim
