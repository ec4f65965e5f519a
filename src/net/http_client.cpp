// One HTTP/1.1 exchange on a connection of its own: instrument lists and histories are asked for
// rarely, so nothing is kept open between them.
#include <fmt/core.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "net/streams.h"

namespace tape::net {

namespace http = beast::http;

namespace {

using HttpRequest = http::request<http::string_body>;

template <class Stream>
asio::awaitable<HttpResponse> exchange(Stream stream, HttpRequest request, std::string what,
                                       ClientOptions options) {
    beast::get_lowest_layer(stream).expires_after(to_chrono(options.timeout));
    error_code error;
    co_await http::async_write(stream, request, asio::redirect_error(asio::use_awaitable, error));
    if (error) fail(what, error);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(static_cast<u64>(options.max_message_bytes));
    parser.skip(request.method() == http::verb::head);
    co_await http::async_read(stream, buffer, parser,
                              asio::redirect_error(asio::use_awaitable, error));
    if (error == http::error::body_limit)
        throw NetError(fmt::format("{}: the body is longer than the limit of {} bytes", what,
                                   options.max_message_bytes));
    if (error) fail(what, error);
    auto message = parser.release();
    HttpResponse response;
    response.status = static_cast<int>(message.result_int());
    for (const auto& field : message)
        response.headers.emplace_back(field.name_string(), field.value());
    response.body = std::move(message.body());
    co_return response;
}

}  // namespace

asio::awaitable<HttpResponse> http_request(std::string method, Url url, Headers headers,
                                           std::string body, ClientOptions options) {
    const std::string what =
        fmt::format("{} {}://{}{}", method, url.scheme, host_header(url), url.target);
    HttpRequest request;
    request.version(11);
    request.method_string(method);
    request.target(url.target);
    request.set(http::field::host, host_header(url));
    request.set(http::field::user_agent, options.user_agent);
    request.set(http::field::accept, "*/*");
    request.keep_alive(false);
    for (const auto& [name, value] : headers) request.set(name, value);
    request.body() = std::move(body);
    request.prepare_payload();

    PlainStream stream = co_await dial(url, options);
    if (!url.tls())
        co_return co_await exchange(std::move(stream), std::move(request), what, options);
    TlsStream secure = co_await start_tls(std::move(stream), url.host, options);
    co_return co_await exchange(std::move(secure), std::move(request), what, options);
}

}  // namespace tape::net
