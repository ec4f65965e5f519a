// A fault script: what is to go wrong at a simulated venue, and when. Read from TOML;
// docs/reference/faults.md says what each kind does, with an example.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace tape::sim {

enum class FaultKind : u8 {
    // Of trades.
    drop_ids,
    drop_ids_everywhere,
    clock_step,
    delist,
    rename,
    // Of frames.
    duplicate,
    reorder,
    delay,
    mute,
    truncate,
    unknown_field,
    checksum_zero,
    slow,
    // Of connections.
    close,
    reset,
    half_open,
    day_end,
    token_expiry,
    // Of REST answers.
    rate_limit,
    ban,
    server_error,
};
std::string_view to_string(FaultKind kind);

/// One [[fault]]; what a kind does not need stays at its default.
struct Fault {
    FaultKind kind{};
    std::string venue;
    std::string symbol;  // As the venue writes it; empty: all.
    // When: after the simulator's start, or at a moment, or when the venue has sent so many frames.
    Nanos at;
    bool at_is_moment{};
    std::optional<i64> after_messages;
    std::optional<Nanos> lasts;  // "for"; none: to the end.

    std::optional<i64> count;  // How many it strikes at most.
    double probability = 1;    // Of each.
    std::optional<i64> from_id, to_id;
    std::optional<Nanos> by;  // How much a delay delays.
    i64 ms{};                 // How far a clock steps; negative: back.
    i64 distance = 1;         // How many frames overtake a reordered one.
    i64 code = 1006;          // Of a close.
    i64 status = 503;         // Of a server_error.
    std::optional<i64> retry_after_s;
    i64 bytes_per_second = 2'000;
    std::string path;  // Of REST requests: only those that begin so.
    std::string to;    // The new name.
};

struct FaultScript {
    u64 seed = 1;
    std::vector<Fault> faults;
};

/// Either the script, or all that is wrong with it, each as "line:column: what". `venues` are those
/// that may be named.
std::expected<FaultScript, std::vector<std::string>> parse_fault_script(
    std::string_view text, std::span<const std::string_view> venues);

}  // namespace tape::sim
