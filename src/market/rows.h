// The rows that flow right of the raw log: ticks, windows, gaps and dead letters, as contract.md's
// tables have them.
#pragma once

#include <optional>
#include <string>

#include "base/decimal.h"
#include "base/short_text.h"
#include "base/time.h"
#include "base/types.h"
#include "market/instrument.h"

namespace tape {

enum class TickKind : u8 { trade, ticker, quote, poll };
enum class Side : u8 { none, buy, sell };  // The aggressor's.

std::string_view to_string(TickKind kind);
std::string_view to_string(Side side);  // "" for none.

/// One observation of an instrument: a trade, a ticker, a quote or a polled price.
struct Tick {
    const Instrument* instrument{};
    TickKind kind{};
    Side side{};
    bool ts_estimated{};           // The venue sent no time: ts_event is ts_recv.
    std::optional<Decimal> price;  // None for a quote.
    std::optional<Decimal> size;   // In base units; for derivatives in contracts.
    std::optional<Decimal> bid, ask;
    ShortText<39> trade_id;  // As the venue writes it; empty where there is none.
    std::optional<i64> sequence;
    Nanos ts_event, ts_recv;

    // A trade's identity, which de-duplication and the order within one ts_event use; none for
    // other kinds. A merged frame stands for the `covers` identities that end at this one.
    std::optional<u64> identity;
    u32 covers = 1;

    Offset source_offset;  // The raw record it came from …
    i32 source_index{};    // … and its place in the frame, from 0.
};

/// One emitted row of a window; see contract.md, table `windows`.
struct WindowRow {
    std::string window_name;
    const Instrument* instrument{};
    Nanos window_start, window_end;
    i64 tick_count{};
    Decimal open, high, low, close, mean;
    std::optional<Decimal> vwap, stddev, volume, change_pct;
    bool complete{};
    i64 gap_ms{};
    i64 revision{};
};

/// What was not observed, as it stands now: a gap that is found is open, and the same (venue,
/// symbol, channel, from_ts, from_id) comes again when more is known of it.
struct Gap {
    std::string venue, symbol, channel;  // Empty symbol or channel: all of the partition's.
    std::string cause;     // "disconnect", "restart", "id_gap", "muted", "token", "ban", "disk", …
    Nanos from_ts, to_ts;  // Of an outage by the capture's clock, of missing ids by the venue's.
    std::optional<i64> from_id, to_id, missing;  // Of trades; none where unknown.
    enum class Status : u8 { open, backfilled, unrecoverable } status{};
    std::optional<Nanos> repaired_ts;
};

std::string_view to_string(Gap::Status status);

/// A candle as the venue computed it.
struct Candle {
    const Instrument* instrument{};
    Nanos size, open_time;  // It covers [open_time, open_time + size).
    Decimal open, high, low, close, volume;
    std::optional<i64> trade_count;
    bool closed{};  // False: it may come again, changed.
    Nanos ts_recv;
    Offset source_offset;
    i32 source_index{};
};

/// A tick that came but may be wrong.
struct QualityFlag {
    std::string venue, symbol;
    std::string rule;    // "crossed", "locked", "time_backwards", …
    bool quarantined{};  // Then it is not among the ticks.
    Nanos ts_event, ts_recv;
    std::string detail;  // The values.
    Offset source_offset;
    i32 source_index{};
};

/// A record that gave no rows although it should have; its bytes are in the raw log at
/// source_offset.
struct DeadLetter {
    std::string venue;
    Offset source_offset;
    Nanos ts_recv;
    std::string reason;  // A short, fixed name: "malformed", "future", "negative", "late", …
    std::string detail;  // What exactly, with the value.
    i32 schema_version{};
};

}  // namespace tape
