// Beast's WebSocket over a plain TCP stream, instantiated here alone.
#include "net/websocket_impl.h"

namespace tape::net {

asio::awaitable<std::unique_ptr<WebSocket>> open_websocket(PlainStream stream, Url url,
                                                           ClientOptions options) {
    return open_on(std::move(stream), std::move(url), std::move(options));
}

asio::awaitable<std::unique_ptr<WebSocket>> accept_websocket(PlainStream stream,
                                                             HttpRequest request,
                                                             ServerOptions options) {
    return accept_on(std::move(stream), std::move(request), std::move(options));
}

}  // namespace tape::net
