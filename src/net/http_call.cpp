#include "net/http_call.h"

#include <fmt/core.h>

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "net/net.h"

namespace tape::net {
namespace {

asio::awaitable<void> exchange(Url url, std::string json, Nanos timeout, HttpAnswer* answer) {
    // Arguments have names: gcc 12 destroys temporaries of a co_await expression twice.
    Headers headers;
    headers.emplace_back("Content-Type", "application/json");
    ClientOptions options;
    options.timeout = timeout;
    std::string method = "POST";
    auto request = http_request(std::move(method), std::move(url), std::move(headers),
                                std::move(json), std::move(options));
    HttpResponse response = co_await std::move(request);
    answer->status = response.status;
    answer->body = std::move(response.body);
}

}  // namespace

Result<HttpAnswer> http_post(const std::string& url, const std::string& json, Nanos timeout) {
    const auto parsed = parse_url(url);
    if (!parsed) return parsed.error();
    asio::io_context io;
    HttpAnswer answer;
    std::exception_ptr failure;
    asio::co_spawn(io, exchange(*parsed, json, timeout, &answer),
                   [&failure](std::exception_ptr error) { failure = std::move(error); });
    io.run();
    try {
        if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        return external_error(fmt::format("{}: {}", url, error.what()), Retry::never);
    }
    return answer;
}

}  // namespace tape::net
