// One HTTP exchange with a running tape, waiting for the answer.
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"

namespace tape::net {

struct HttpAnswer {
    int status{};
    std::string body;
};

/// POSTs JSON to a URL on this machine. Error (external): no answer within `timeout`.
Result<HttpAnswer> http_post(const std::string& url, const std::string& json,
                             Nanos timeout = seconds(60));

}  // namespace tape::net
