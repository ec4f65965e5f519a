// What websocket_plain.cpp and websocket_tls.cpp instantiate, each for one stream. Private to
// src/net.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "net/streams.h"

namespace tape::net {

using HttpRequest = beast::http::request<beast::http::string_body>;

/// The client's handshake on a connected stream.
asio::awaitable<std::unique_ptr<WebSocket>> open_websocket(PlainStream stream, Url url,
                                                           ClientOptions options);
asio::awaitable<std::unique_ptr<WebSocket>> open_websocket(TlsStream stream, Url url,
                                                           ClientOptions options);

/// The server's answer to an upgrade request.
asio::awaitable<std::unique_ptr<WebSocket>> accept_websocket(PlainStream stream,
                                                             HttpRequest request,
                                                             ServerOptions options);
asio::awaitable<std::unique_ptr<WebSocket>> accept_websocket(TlsStream stream, HttpRequest request,
                                                             ServerOptions options);

}  // namespace tape::net
