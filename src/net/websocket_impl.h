// A WebSocket over Beast. A template header for the two files that instantiate it; costly to
// include.
#pragma once

#include <fmt/core.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include "net/websocket.h"

namespace tape::net {

namespace ws = beast::websocket;

constexpr int server_deflate_level =
    3;  // Small JSON gains little from more, and each client costs it again.

template <class Stream>
class BeastWebSocket final : public WebSocket {
 public:
    BeastWebSocket(Stream stream, i64 max_message_bytes)
        : max_message_bytes_(max_message_bytes),
          remote_(remote_of(beast::get_lowest_layer(stream))),
          stream_(std::move(stream)) {
        beast::get_lowest_layer(stream_).expires_never();  // The WebSocket layer has its own timer.
        stream_.read_message_max(static_cast<size_t>(max_message_bytes));
        stream_.text(true);
    }

    ws::stream<Stream>& stream() { return stream_; }

    // Nothing heard for `idle`, pongs to our own pings included, ends the connection.
    void set_timeouts(Nanos handshake, Nanos idle) {
        stream_.set_option(ws::stream_base::timeout{to_chrono(handshake), to_chrono(idle), true});
    }

    asio::awaitable<Message> read() override {
        buffer_.clear();
        error_code error;
        co_await stream_.async_read(buffer_, asio::redirect_error(asio::use_awaitable, error));
        if (error) fail_read(error);
        const auto bytes = buffer_.cdata();
        co_return Message{{static_cast<const char*>(bytes.data()), bytes.size()},
                          stream_.got_binary()};
    }

    asio::awaitable<void> write_text(std::string text) override {
        error_code error;
        co_await stream_.async_write(asio::buffer(text),
                                     asio::redirect_error(asio::use_awaitable, error));
        if (error) fail("cannot send", error);
    }

    asio::awaitable<void> ping() override {
        error_code error;
        co_await stream_.async_ping({}, asio::redirect_error(asio::use_awaitable, error));
        if (error) fail("cannot send a ping", error);
    }

    asio::awaitable<void> close(u16 code, std::string reason) override {
        set_timeouts(seconds(1), seconds(1));
        ws::close_reason why{static_cast<ws::close_code>(code)};
        why.reason.assign(reason.data(), std::min(reason.size(), why.reason.max_size()));
        error_code ignored;
        co_await stream_.async_close(why, asio::redirect_error(asio::use_awaitable, ignored));
        abort();
    }

    void abort() override {
        auto& socket = beast::get_lowest_layer(stream_).socket();
        error_code ignored;
        socket.set_option(asio::socket_base::linger(true, 0), ignored);
        beast::get_lowest_layer(stream_).close();
    }

    void cut() override {
        auto& lowest = beast::get_lowest_layer(stream_);
        error_code ignored;
        lowest.socket().shutdown(asio::socket_base::shutdown_send, ignored);
        lowest.close();
    }

    void go_silent() override {
        stream_.set_option(
            ws::stream_base::timeout{ws::stream_base::none(), ws::stream_base::none(), false});
        beast::get_lowest_layer(stream_).cancel();
    }

    asio::awaitable<void> write_slowly(std::string text, i64 bytes_per_second) override {
        const std::size_t step = slow_step(bytes_per_second);
        for (std::size_t at = 0; at < text.size(); at += step) {
            const std::size_t size = std::min(step, text.size() - at);
            error_code error;
            co_await stream_.async_write_some(at + size == text.size(),
                                              asio::buffer(text.data() + at, size),
                                              asio::redirect_error(asio::use_awaitable, error));
            if (error) fail("cannot send", error);
            co_await sleep_for(slow_interval);
        }
    }

    std::string remote() const override { return remote_; }

 private:
    [[noreturn]] void fail_read(error_code error) const {
        if (error == ws::error::message_too_big || error == ws::error::buffer_overflow)
            throw NetError(
                fmt::format("a message is longer than the limit of {} bytes", max_message_bytes_));
        if (error == ws::error::closed) {
            const ws::close_reason& why = stream_.reason();
            throw NetError(fmt::format("closed by the peer: {} {}", why.code,
                                       std::string_view(why.reason.data(), why.reason.size())));
        }
        if (error == asio::error::eof || error == asio::ssl::error::stream_truncated)
            throw NetError("cut by the peer without a closing handshake");
        if (error == beast::error::timeout)
            throw NetError("nothing heard, not even an answer to a ping");
        fail("connection lost", error);
    }

    i64 max_message_bytes_;
    std::string remote_;
    beast::flat_buffer buffer_;  // One contiguous message at a time.
    ws::stream<Stream> stream_;
};

template <class Stream>
asio::awaitable<std::unique_ptr<WebSocket>> open_on(Stream stream, Url url, ClientOptions options) {
    auto socket =
        std::make_unique<BeastWebSocket<Stream>>(std::move(stream), options.max_message_bytes);
    auto& beast_stream = socket->stream();
    socket->set_timeouts(options.timeout, options.idle_timeout);
    ws::permessage_deflate deflate;
    deflate.client_enable = options.deflate;
    beast_stream.set_option(deflate);
    beast_stream.set_option(
        ws::stream_base::decorator([agent = options.user_agent](ws::request_type& request) {
            request.set(beast::http::field::user_agent, agent);
        }));
    error_code error;
    ws::response_type response;
    co_await beast_stream.async_handshake(response, host_header(url), url.target,
                                          asio::redirect_error(asio::use_awaitable, error));
    const std::string where =
        fmt::format("WebSocket {}://{}{}", url.scheme, host_header(url), url.target);
    if (error == ws::error::upgrade_declined)
        throw UpgradeRefused(fmt::format("{}: answered with status {} instead of an upgrade", where,
                                         response.result_int()),
                             static_cast<int>(response.result_int()));
    if (error) fail(where, error);
    report(options, ConnectStep::upgraded, where);
    co_return socket;
}

template <class Stream>
asio::awaitable<std::unique_ptr<WebSocket>> accept_on(Stream stream, HttpRequest request,
                                                      ServerOptions options) {
    auto socket =
        std::make_unique<BeastWebSocket<Stream>>(std::move(stream), options.max_message_bytes);
    socket->set_timeouts(seconds(10), seconds(60));
    ws::permessage_deflate deflate;
    deflate.server_enable = options.deflate;
    deflate.compLevel = server_deflate_level;
    socket->stream().set_option(deflate);
    error_code error;
    co_await socket->stream().async_accept(request,
                                           asio::redirect_error(asio::use_awaitable, error));
    if (error) fail("WebSocket upgrade", error);
    co_return socket;
}

}  // namespace tape::net
