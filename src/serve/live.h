// The live feed to browsers over WebSocket. A session keeps no queue: at each interval it sends
// what changed since its last frame, the newest state of each key, and only when the frame before
// has been taken. So a slow browser gets fewer frames, never a stall, and costs one frame of
// memory. The messages are in README.md.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "net/net.h"
#include "serve/hub.h"
#include "serve/server.h"

namespace tape::serve {

class Live final {
 public:
    /// All of them outlive it.
    Live(const ServeOptions& options, const Backend& backend, const Recent& recent, const Hub& hub);

    /// Serves one browser until it goes.
    net::asio::awaitable<void> serve(std::shared_ptr<net::WebSocket> socket);
    /// Once a second: makes the second's message and cuts browsers that take nothing.
    void on_second(Nanos now);
    i64 clients() const { return static_cast<i64>(sessions_.size()); }

 private:
    struct Session;
    class Writing;
    net::asio::awaitable<void> listen(std::shared_ptr<Session> session);
    net::asio::awaitable<void> send(Session& session, std::string frame);
    void subscribe(Session& session, std::string_view message) const;
    std::vector<std::string> frames(Session& session) const;
    std::string changes(Session& session) const;
    std::string second(Session& session) const;

    const ServeOptions& options_;
    const Backend& backend_;
    const Recent& recent_;
    const Hub& hub_;
    std::list<std::weak_ptr<Session>>
        sessions_;             // Owned by their coroutines, which end with the io_context.
    i64 second_{};             // Counts on_second().
    std::string second_head_;  // What every browser gets alike.
};

}  // namespace tape::serve
