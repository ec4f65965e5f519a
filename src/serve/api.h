// What the server answers to HTTP, path by path. It needs no socket and no thread: a request and
// what is in memory make the response, but for SQL, which the server runs elsewhere.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/net.h"
#include "serve/recent.h"
#include "serve/server.h"

namespace tape::serve {

/// A question that is still to be put to the warehouse.
struct SqlQuestion {
    std::string sql;
    i64 limit = 10'000;
};

struct Answer {
    net::Response response;
    std::string route = "other";          // A bounded set of names, for the metric.
    std::optional<SqlQuestion> question;  // Set: `response` comes from sql_response() later.
};

/// Routes, checks and answers a request. Wrong ones get JSON {"error"} that names the parameter and
/// the value.
Answer answer(const net::Request& request, const Recent& recent, const Backend& backend);

net::Response sql_response(const Result<std::string>& result);

/// Adds the headers that every response carries and compresses the body where the client takes
/// that.
void finish(net::Response& response, const net::Request& request);

net::Response error_response(int status, std::string_view what);

}  // namespace tape::serve
