// From a host name to a connected TCP stream: name look-up, each address in turn, and the tunnel of
// a proxy.
#include <fmt/core.h>
#include <netdb.h>

#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <thread>

#include "net/proxy.h"
#include "net/streams.h"

namespace tape::net {

namespace http = beast::http;

void fail(std::string_view what, error_code error) {
    const bool late = error == beast::error::timeout;
    throw NetError(fmt::format("{}: {}", what, late ? "no answer in time" : error.message()));
}

std::string host_and_port(const std::string& host, u16 port) {
    if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
    return fmt::format("{}:{}", host, port);
}

std::string host_header(const Url& url) {
    if (url.port != (url.tls() ? 443 : 80)) return host_and_port(url.host, url.port);
    return url.host.find(':') != std::string::npos ? '[' + url.host + ']' : url.host;
}

std::string remote_of(const PlainStream& stream) {
    error_code error;
    const auto endpoint = stream.socket().remote_endpoint(error);
    return error ? std::string() : host_and_port(endpoint.address().to_string(), endpoint.port());
}

asio::awaitable<void> sleep_for(Nanos span) {
    asio::steady_timer timer(co_await asio::this_coro::executor, to_chrono(span));
    co_await timer.async_wait(asio::use_awaitable);
}

namespace {

// getaddrinfo has no time limit and cannot be interrupted, and Asio's resolver makes the end of the
// program wait for it. So it runs on a thread of its own that nobody waits for, and its result is
// polled.
struct Lookup {
    std::string host;
    int error{};
    std::vector<asio::ip::address> addresses;
    std::atomic<bool> done;
};

void look_up(const std::shared_ptr<Lookup>& lookup) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    lookup->error = getaddrinfo(lookup->host.c_str(), nullptr, &hints, &found);
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
        asio::ip::tcp::endpoint endpoint;
        if (entry->ai_addrlen > endpoint.capacity()) continue;
        std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
        endpoint.resize(entry->ai_addrlen);
        lookup->addresses.push_back(endpoint.address());
    }
    if (found != nullptr) freeaddrinfo(found);
    lookup->done.store(true, std::memory_order_release);
}

asio::awaitable<std::vector<asio::ip::address>> resolve(std::string host, Nanos deadline) {
    error_code not_literal;
    const auto literal = asio::ip::make_address(host, not_literal);
    if (!not_literal) co_return std::vector{literal};
    const auto lookup =
        std::make_shared<Lookup>();  // Shared with a thread that may outlive this coroutine.
    lookup->host = host;
    std::thread(look_up, lookup).detach();
    for (Nanos pause = micros(500); !lookup->done.load(std::memory_order_acquire);) {
        if (steady_clock() >= deadline)
            throw NetError(
                fmt::format("the name '{}' cannot be looked up: no answer in time", host));
        co_await sleep_for(pause);
        pause = std::min(pause + pause, millis(20));
    }
    if (lookup->error != 0 || lookup->addresses.empty())
        throw NetError(fmt::format("the name '{}' cannot be looked up: {}", host,
                                   gai_strerror(lookup->error)));
    co_return lookup->addresses;
}

// Each address gets its share of the time that is left, so that one dead address does not take it
// all.
asio::awaitable<PlainStream> connect_tcp(std::vector<asio::ip::address> addresses, std::string what,
                                         u16 port, Nanos deadline) {
    const auto executor = co_await asio::this_coro::executor;
    error_code error = asio::error::host_not_found;
    for (size_t i = 0; i < addresses.size(); ++i) {
        const Nanos left = deadline - steady_clock();
        PlainStream stream(executor);
        stream.expires_after(
            std::chrono::nanoseconds(left.count / static_cast<i64>(addresses.size() - i)));
        co_await stream.async_connect(tcp::endpoint(addresses[i], port),
                                      asio::redirect_error(asio::use_awaitable, error));
        if (error) continue;
        stream.socket().set_option(tcp::no_delay(true));
        co_return stream;
    }
    fail("cannot connect to " + what, error);
}

// RFC 9110, section 9.3.6: the proxy answers 200 and is from then on a pipe.
asio::awaitable<void> open_tunnel(PlainStream& stream, Url url, Proxy proxy, Nanos deadline) {
    const std::string target = host_and_port(url.host, url.port);
    http::request<http::empty_body> request{http::verb::connect, target, 11};
    request.set(http::field::host, target);
    if (!proxy.authorization.empty())
        request.set(http::field::proxy_authorization, proxy.authorization);
    stream.expires_after(to_chrono(deadline - steady_clock()));
    error_code error;
    const std::string what = fmt::format("proxy {}", host_and_port(proxy.host, proxy.port));
    co_await http::async_write(stream, request, asio::redirect_error(asio::use_awaitable, error));
    if (error) fail(what, error);
    beast::flat_buffer buffer;
    http::response_parser<http::empty_body> parser;
    parser.skip(true);  // The answer to CONNECT has no body.
    co_await http::async_read_header(stream, buffer, parser,
                                     asio::redirect_error(asio::use_awaitable, error));
    if (error) fail(what, error);
    if (parser.get().result() != http::status::ok)
        throw NetError(fmt::format("{} refused the tunnel to {} with status {}", what, target,
                                   parser.get().result_int()));
}

}  // namespace

void report(const ClientOptions& options, ConnectStep step, std::string_view detail) {
    if (options.progress) options.progress(step, detail);
}

asio::awaitable<PlainStream> dial(Url url, ClientOptions options) {
    const Nanos deadline = steady_clock() + options.timeout;
    const auto proxy = proxy_for(url);
    if (!proxy) throw NetError(proxy.error().what);
    const bool direct = !proxy->has_value();
    const std::string host = direct ? url.host : (*proxy)->host;
    const u16 port = direct ? url.port : (*proxy)->port;
    const std::vector<asio::ip::address> addresses = co_await resolve(host, deadline);
    report(options, ConnectStep::looked_up,
           fmt::format("{} is {}", host, addresses.front().to_string()));
    PlainStream stream = co_await connect_tcp(addresses, host_and_port(host, port), port, deadline);
    if (!direct) co_await open_tunnel(stream, url, **proxy, deadline);
    report(options, ConnectStep::connected, remote_of(stream) + (direct ? "" : ", a proxy"));
    stream.expires_never();
    co_return stream;
}

}  // namespace tape::net
