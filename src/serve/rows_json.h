// Rows as JSON, the same for HTTP and WebSocket: decimals are strings (exact), times RFC 3339 in
// UTC to the nanosecond.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "market/rows.h"

namespace tape::serve {

/// Which columns of a row are wanted.
class Columns final {
 public:
    /// All of them.
    Columns() = default;
    /// A list with commas, "window_end,mean". Error (user): one that is not in `known`, by name.
    static Result<Columns> parse(std::string_view list, const std::vector<std::string_view>& known);
    bool wanted(std::string_view name) const;

 private:
    std::vector<std::string> names_;  // Empty: all.
};

extern const std::vector<std::string_view> tick_columns;
extern const std::vector<std::string_view> window_columns;

void append_json(std::string& out, const Tick& tick, const Columns& columns = {});
void append_json(std::string& out, const WindowRow& row, const Columns& columns = {});
void append_json(std::string& out, const Gap& gap);

/// {"error":"…"} with a line's end.
std::string error_json(std::string_view what);

}  // namespace tape::serve
