// Of each client one coroutine reads, one writes what is due every few milliseconds, and one
// watches that it does not fall behind.
#include "sim/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/log.h"
#include "sim/faulty_session.h"

namespace tape::sim {
namespace {

namespace asio = net::asio;

// How much time is turned into frames at once: what waits for a slow client is a span of time, not
// a queue.
constexpr Nanos slice = millis(50);
constexpr Nanos watch_interval = millis(100);

// A connection that is to be silent is not kept longer than this.
constexpr Nanos silence_max = seconds(3'600);

// Shared by the client's coroutines, which end one after the other.
struct Client {
    std::shared_ptr<net::WebSocket> socket;
    std::unique_ptr<Session> session;
    Outbox outbox;
    bool open = true;
    std::optional<Nanos> write_began;  // Steady time; while a write lasts.
    SpentWeight spoken;
};

struct CloseAtEnd {
    Client& client;
    ~CloseAtEnd() { client.open = false; }
};

asio::awaitable<void> send_frames(std::shared_ptr<Client> client) {
    std::vector<std::string> frames = std::exchange(client->outbox.frames, {});
    const bool ping = std::exchange(client->outbox.ping, false);
    for (std::string& frame : frames) {
        client->write_began = steady_clock();
        if (client->outbox.bytes_per_second > 0)
            co_await client->socket->write_slowly(std::move(frame),
                                                  client->outbox.bytes_per_second);
        else
            co_await client->socket->write_text(std::move(frame));
    }
    if (ping) {
        client->write_began = steady_clock();
        co_await client->socket->ping();
    }
    client->write_began.reset();
}

asio::awaitable<void> end(std::shared_ptr<Client> client, Outbox::Close close) {
    using How = Outbox::Close::How;
    switch (close.how) {
        case How::politely:
            co_await client->socket->close(close.code, close.reason);
            break;
        case How::cut:
            client->socket->cut();
            break;
        case How::reset:
            client->socket->abort();
            break;
        case How::silent:
            client->socket->go_silent();
            co_await net::sleep_for(silence_max);
            client->socket->abort();
            break;
    }
}

asio::awaitable<void> write_due(Exchange* exchange, std::shared_ptr<Client> client, Nanos from) {
    const CloseAtEnd close_at_end{*client};
    try {
        for (Nanos until = from; client->open;) {
            const Nanos now = wall_clock();
            if (now - until > exchange->slow_limit) {
                log_warn("simulator: {} client {} is {} ms behind and is disconnected",
                         exchange->venue.name(), client->socket->remote(), (now - until).millis());
                co_await client->socket->close(1008, "ErrSlowConsume");
                co_return;
            }
            until = std::min(now, until + slice);
            client->session->advance(until, client->outbox);
            co_await send_frames(client);
            if (const std::optional<Outbox::Close> close = client->outbox.close) {
                co_await end(client, *close);
                co_return;
            }
            if (until == now) co_await net::sleep_for(exchange->tick);
        }
    } catch (const std::exception& error) {
        log_debug("simulator: writing to a client ended: {}", error.what());
    }
}

// A write to a client that reads nothing never ends by itself.
asio::awaitable<void> watch(Exchange* exchange, std::shared_ptr<Client> client) {
    while (client->open) {
        co_await net::sleep_for(watch_interval);
        if (!client->write_began || steady_clock() - *client->write_began <= exchange->slow_limit)
            continue;
        log_warn("simulator: {} client {} reads nothing and is cut off", exchange->venue.name(),
                 client->socket->remote());
        client->socket->abort();
        co_return;
    }
}

void tell(const Exchange& exchange, std::string_view what, const Limits::Violation& violation,
          Nanos now) {
    log_debug("simulator: {} allows {} of '{}', and a client had more", exchange.venue.name(),
              violation.limit, what);
    if (exchange.ledger)
        exchange.ledger->note_violation(exchange.venue.name(), what, violation.limit, now);
}

// None: the limits allow it.
std::optional<net::Response> refuse_by_limits(Exchange& exchange, const net::Request& request,
                                              Nanos now) {
    if (!exchange.limits) return std::nullopt;
    const auto violation = exchange.limits->on_request(request, now);
    if (!violation) return std::nullopt;
    tell(exchange, request.path, *violation, now);
    return throttle(exchange.venue, false, violation->retry_after_s, now);
}

}  // namespace

asio::awaitable<void> serve_client(Exchange* exchange, net::Request request,
                                   std::shared_ptr<net::WebSocket> socket) {
    const Nanos connected = wall_clock();
    auto client = std::make_shared<Client>();
    client->socket = socket;
    client->session = exchange->venue.connect(request, exchange->markets.at(connected), connected);
    if (!client->session) {
        const std::string reason = fmt::format("there is no WebSocket at {}", request.path);
        co_await socket->close(1008, reason);
        co_return;
    }
    if (!exchange->faults.empty())
        client->session = make_faulty(std::move(client->session), exchange->faults,
                                      request.path + "?" + request.query, connected);
    if (exchange->limits)
        if (const auto violation = exchange->limits->on_connect(connected))
            tell(*exchange, "connect", *violation, connected);
    const CloseAtEnd close_at_end{*client};
    const auto executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, write_due(exchange, client, connected), asio::detached);
    asio::co_spawn(executor, watch(exchange, client), asio::detached);
    while (client->open) {
        const net::WebSocket::Message message = co_await socket->read();
        if (message.binary) continue;
        const Nanos now = wall_clock();
        if (exchange->limits)
            if (const auto violation = exchange->limits->on_message(client->spoken, now))
                tell(*exchange, "message", *violation, now);
        client->session->on_text(message.payload, now, client->outbox);
    }
}

asio::awaitable<net::Response> answer(Exchange* exchange, net::Request request) {
    const Nanos now = wall_clock();
    std::optional<net::Response> refusal = refuse_by_limits(*exchange, request, now);
    if (!refusal) refusal = exchange->faults.refuse(request, now);
    net::Response response = refusal
                                 ? std::move(*refusal)
                                 : exchange->venue.answer(request, exchange->markets.at(now), now);
    if (exchange->limits) exchange->limits->describe(response);
    response.bytes_per_second = exchange->faults.answer_speed(request, now);
    co_return response;
}

}  // namespace tape::sim
