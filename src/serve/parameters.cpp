#include "serve/parameters.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace tape::serve {

void refuse(int status, std::string what) {
    throw Refused{status, std::move(what)};
}

void allow_parameters(const net::Request& request, std::initializer_list<std::string_view> known) {
    std::string_view rest = request.query;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('&'), rest.size());
        const std::string_view name = rest.substr(0, std::min(rest.find('='), end));
        if (!name.empty() && std::ranges::find(known, name) == known.end())
            refuse(400, fmt::format("no parameter '{}'", name));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

i64 parse_limit(std::string_view text) {
    i64 limit{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (failed != std::errc{} || end != text.data() + text.size() || limit < 1 || limit > most_rows)
        refuse(400, fmt::format("limit = '{}' is no whole number from 1 to {}", text, most_rows));
    return limit;
}

i64 limit_of(const net::Request& request, i64 otherwise) {
    const auto text = request.parameter("limit");
    return text ? parse_limit(*text) : otherwise;
}

Nanos since_of(const net::Request& request) {
    const auto text = request.parameter("since");
    if (!text) return {std::numeric_limits<i64>::min()};
    const auto time = parse_rfc3339(*text);
    if (!time) refuse(400, fmt::format("since = '{}': {}", *text, time.error().what));
    return *time;
}

std::optional<Gap::Status> parse_gap_status(std::string_view name) {
    for (const auto status :
         {Gap::Status::open, Gap::Status::backfilled, Gap::Status::unrecoverable})
        if (to_string(status) == name) return status;
    return std::nullopt;
}

Columns columns_of(const net::Request& request, const std::vector<std::string_view>& known) {
    const auto text = request.parameter("columns");
    if (!text) return {};
    auto columns = Columns::parse(*text, known);
    if (!columns) refuse(400, fmt::format("columns = '{}': {}", *text, columns.error().what));
    return std::move(*columns);
}

}  // namespace tape::serve
