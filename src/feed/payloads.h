// The texts of the records that the feed itself makes. One JSON object each, keys in a fixed order;
// src/feed/README.md lists them, because everything right of the log reads them.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "base/types.h"

namespace tape::feed {

/// {"address":"203.0.113.7:8443","session":1}
std::string connected_payload(std::string_view address, i64 session);
/// {"cause":"silent for 30s"}; what is not UTF-8 in a cause (a peer's words) becomes '?'.
std::string disconnected_payload(std::string_view cause);
/// {"method":"GET","target":"/api/…","status":200,"body":"…"}
std::string rest_payload(std::string_view method, std::string_view target, int status,
                         std::string_view body);
/// {"cause":"disk full","from_ts":1652459225503749100,"to_ts":…}: between the two nothing was
/// captured.
std::string gap_payload(std::string_view cause, Nanos from, Nanos to);

}  // namespace tape::feed
