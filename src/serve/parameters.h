// What the paths take as parameters, checked. A wrong one is thrown as Refused, which the router
// turns into a response.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "market/rows.h"
#include "net/net.h"
#include "serve/rows_json.h"

namespace tape::serve {

constexpr i64 most_rows = 10'000;  // Of one answer.

/// A wrong request: the HTTP status, and what is wrong in words.
struct Refused {
    int status;
    std::string what;
};
[[noreturn]] void refuse(int status, std::string what);

/// Refuses a parameter of any other name.
void allow_parameters(const net::Request& request, std::initializer_list<std::string_view> known);
/// From 1 to most_rows.
i64 parse_limit(std::string_view text);
/// The parameter "limit".
i64 limit_of(const net::Request& request, i64 otherwise);
/// The parameter "since"; without it, before all times.
Nanos since_of(const net::Request& request);
/// None if it is not the name of one.
std::optional<Gap::Status> parse_gap_status(std::string_view name);
/// The parameter "columns"; without it, all.
Columns columns_of(const net::Request& request, const std::vector<std::string_view>& known);

}  // namespace tape::serve
