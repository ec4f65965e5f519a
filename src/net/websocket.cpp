// A client's WebSocket, step by step: TCP, TLS where asked for, the WebSocket handshake.
#include "net/websocket.h"

namespace tape::net {

asio::awaitable<std::unique_ptr<WebSocket>> connect_websocket(Url url, ClientOptions options) {
    PlainStream stream = co_await dial(url, options);
    if (!url.tls()) co_return co_await open_websocket(std::move(stream), url, options);
    TlsStream secure = co_await start_tls(std::move(stream), url.host, options);
    co_return co_await open_websocket(std::move(secure), url, options);
}

}  // namespace tape::net
