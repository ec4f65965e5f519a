// What a log holds. One enum serves raw and derived logs, so that one reader and one `inspect`
// understand both.
#pragma once

#include <string_view>

#include "base/time.h"
#include "base/types.h"

namespace tape::log {

enum class RecordKind : u8 {
    // Raw: what the network edge saw and did.
    config = 1,        // {hash, text, build} as JSON, at start and at each reload.
    connected = 2,     // {address, session} as JSON.
    disconnected = 3,  // {cause} as JSON.
    frame = 4,         // The text exactly as received.
    sent = 5,          // The text exactly as sent.
    rest = 6,          // {method, target, status, body} as JSON.
    heartbeat = 7,     // Empty: time passed, and the feed was alive.
    gap = 8,           // What was lost without a disconnection: a corrupt segment set aside, a full
                       // disk, a mute stream; or that all which can be had of a gap was fetched.
    // Derived: rows, as src/market/codec.h writes them.
    tick = 32,
    window = 33,
    gap_row = 34,
    dead_letter = 35,
    candle = 36,
    quality = 37,
};

std::string_view to_string(RecordKind kind);
/// The kind of that name among the raw ones of the capture interchange, or false.
bool parse_kind(std::string_view name, RecordKind& kind);

/// A view: `payload` is valid until the next read of the reader that gave it.
struct Record {
    Offset offset;
    RecordKind kind{};
    Nanos ts_recv;  // Raw: capture time. Derived: the ts_recv of the raw record that caused it.
    std::string_view payload;
};

}  // namespace tape::log
