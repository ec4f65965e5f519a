#include "app/http_call.h"

#include <fmt/core.h>

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "net/net.h"

namespace tape::app {
namespace {

net::asio::awaitable<void> exchange(net::Url url, std::string json, HttpAnswer* answer) {
    net::Headers headers{{"Content-Type", "application/json"}};
    const net::HttpResponse response =
        co_await net::http_request("POST", std::move(url), std::move(headers), std::move(json), {.timeout = seconds(60)});
    answer->status = response.status;
    answer->body = response.body;
}

}  // namespace

Result<HttpAnswer> http_post(const std::string& url, const std::string& json) {
    const auto parsed = net::parse_url(url);
    if (!parsed) return parsed.error();
    net::asio::io_context io;
    HttpAnswer answer;
    std::exception_ptr failure;
    net::asio::co_spawn(io, exchange(*parsed, json, &answer), [&failure](std::exception_ptr error) { failure = std::move(error); });
    io.run();
    try {
        if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        return external_error(fmt::format("{}: {}", url, error.what()), Retry::never);
    }
    return answer;
}

}  // namespace tape::app
