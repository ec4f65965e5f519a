// What the server answers to HTTP, path by path. It needs no socket and no thread: a request and
// what is in memory make the response, but for what takes long (SQL, a reload), which the server
// runs elsewhere.
#pragma once

#include <functional>
#include <string>

#include "net/net.h"
#include "serve/recent.h"
#include "serve/server.h"

namespace tape::serve {

struct Answer {
    net::Response response;
    std::string route = "other";  // A bounded set of names, for the metric.
    // Set: it gives the response, may take seconds, and is called elsewhere while the backend
    // lives.
    std::function<net::Response()> work;
};

/// Routes, checks and answers a request. Wrong ones get JSON {"error"} that names the parameter and
/// the value.
Answer answer(const net::Request& request, const Recent& recent, const Backend& backend);

/// Adds the headers that every response carries and compresses the body where the client takes
/// that.
void finish(net::Response& response, const net::Request& request);

net::Response error_response(int status, std::string_view what);

}  // namespace tape::serve
