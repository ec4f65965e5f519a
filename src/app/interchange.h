// Capture interchange: the raw log as JSON Lines, the same bytes back for the same file
// (contract.md).
#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "log/record.h"

namespace tape::app {

struct ImportReport {
    i64 lines = 0, records = 0;
    i64 bad_lines = 0;
    std::vector<std::string> problems;  // "line 7: …", the first hundred.
    std::vector<std::string> slots;     // Partitions appended to, sorted.
};

/// Appends each line of `in` to the raw partition it names below `raw`. A line that does not parse,
/// or whose `conn` is no slot of `venue`, is reported and counted; the rest is imported. Errors:
/// the log cannot be written.
Result<ImportReport> import_capture(std::istream& in, std::string_view venue,
                                    const std::filesystem::path& raw);

/// Writes the records of all raw partitions (or one venue's), ordered by (ts_recv, conn, offset),
/// one line each.
Result<i64> export_capture(const std::filesystem::path& raw, std::string_view venue,
                           std::ostream& out);

/// One record as its line, without the line's end.
void append_capture_line(std::string& out, std::string_view conn, const log::Record& record);

}  // namespace tape::app
