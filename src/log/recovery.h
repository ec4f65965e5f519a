// What a writer does before its first record: it looks at how the last owner left the partition,
// cuts what a crash tore, and takes damaged segments out of the readers' way. Only the newest
// segments are read whole, so that a start takes the same short time however long the log is.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "log/log.h"
#include "log/segment.h"

namespace tape::log {

/// The newest segment, as recovery left it.
struct Tail {
    Offset base;
    Offset end;      // One past its last record.
    i64 position{};  // Where the next record goes in the file.
    Nanos last_ts;   // Of its last record.
    bool closed{};   // Sealed or damaged: the next record opens a new segment.
};

struct RecoveredTail {
    std::optional<Tail> tail;  // Nothing: the partition holds no record.
    i64 cut_bytes{};
};

/// Removes half-made files, finds the end of the newest segment and cuts the file behind it.
/// Errors: a newer format version (then nothing was touched), I/O.
Result<RecoveredTail> recover_tail(const std::filesystem::path& folder);

/// A damaged segment, and its intact stretches written aside as segments of their own, not yet in
/// place.
struct Salvage {
    Offset base;
    std::vector<Offset> parts;  // Where they start.
    std::vector<Hole> holes;    // Between and behind them.
    i64 records{};              // In the parts.
};

struct ClosedSegments {
    i64 records{};
    std::vector<Salvage> damaged;
};

/// Looks at header and seal of every closed segment up to `tail`, and at each record where a reader
/// left a note of damage and in the newest ones, at least one and up to `verify_bytes` in all.
Result<ClosedSegments> examine_closed(const std::filesystem::path& folder, const Tail& tail,
                                      i64 verify_bytes);

/// Renames the damaged segment to *.corrupt and puts its intact parts in its place; returns the new
/// name. To be called when the holes are on record: a crash in between repeats the record rather
/// than loses it.
Result<std::string> set_aside(const std::filesystem::path& folder, const Salvage& salvage);

}  // namespace tape::log
