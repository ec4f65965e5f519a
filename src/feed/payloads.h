// The texts of the records that the feed itself makes. One JSON object each, keys in a fixed order;
// src/feed/README.md lists them, because everything right of the log reads them.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "base/types.h"
#include "venues/venue.h"

namespace tape::feed {

/// What a disconnection is put down to in the table of gaps.
enum class Reason : u8 { disconnect, token, ban, planned, stopped };
std::string_view to_string(Reason reason);

/// {"address":"203.0.113.7:8443","session":1}; a session that begins while another one of the slot
/// is still heard has "overlaps":true as well.
std::string connected_payload(std::string_view address, i64 session);
std::string overlapping_payload(std::string_view address, i64 session);
/// {"cause":"silent for 30s"}, and where it is no plain disconnection {"cause":…,"reason":"token"};
/// what is not UTF-8 in a cause (a peer's words) becomes '?'.
std::string disconnected_payload(std::string_view cause, Reason reason = Reason::disconnect);
/// {"cause":"muted","channel":"trades","symbol":"BTC-USDT","from_ts":…,"to_ts":…}: a stream was not
/// heard in between, although its market lived.
std::string muted_payload(std::string_view channel, std::string_view native_symbol, Nanos from,
                          Nanos to);
/// {"hash":…,"streams":[["trades","BTC-USDT"],…]}: an object as the program gives it, and what the
/// slot carries from then on, as (channel, native symbol).
std::string config_payload(std::string_view config,
                           const std::vector<venues::Connection::Stream>& streams);
/// {"method":"GET","target":"/api/…","status":200,"body":"…"}
std::string rest_payload(std::string_view method, std::string_view target, int status,
                         std::string_view body);
/// {"cause":"disk full","from_ts":1652459225503749100,"to_ts":…}: between the two nothing was
/// captured.
std::string gap_payload(std::string_view cause, Nanos from, Nanos to);

/// {"cause":"fetched","channel":"trades","symbol":"BTC-USDT","from_ts":…,"to_ts":…,"from_id":…,
/// "to_id":…,"detail":"…"}, ids null where they were not named: what the venue still had of that
/// gap stands before this record.
std::string fetched_payload(const venues::Missing& asked, std::string_view detail);

}  // namespace tape::feed
