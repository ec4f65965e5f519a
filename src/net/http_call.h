// One HTTP exchange with a running tape, waiting for the answer.
#pragma once

#include <string>

#include "base/result.h"

namespace tape::net {

struct HttpAnswer {
    int status{};
    std::string body;
};

/// POSTs JSON to a URL on this machine. Error (external): no answer within a minute.
Result<HttpAnswer> http_post(const std::string& url, const std::string& json);

}  // namespace tape::net
