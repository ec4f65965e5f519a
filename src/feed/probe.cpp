// The doctor's visit to a venue: the same steps as capture takes, once, each with a word on what to
// do where it fails.
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include "feed/doze.h"
#include "feed/drift.h"
#include "feed/hearing.h"
#include "feed/payloads.h"
#include "feed/plan.h"
#include "feed/rest_client.h"

namespace tape::feed {

namespace asio = boost::asio;

namespace {

struct Advice {
    std::string_view what, text;
};
constexpr Advice dns{"DNS",
                     "Is this machine online, and does its resolver work (/etc/resolv.conf)? "
                     "Behind a proxy, set HTTPS_PROXY."};
constexpr Advice tcp{
    "TCP",
    "A firewall may be in the way, or the endpoint may be wrong. Behind a proxy, set HTTPS_PROXY."};
constexpr Advice tls{"TLS",
                     "Is the clock right? An endpoint or a proxy with an authority of its own "
                     "needs it in `ca_file`."};
constexpr Advice websocket{"WebSocket",
                           "The endpoint answers but does not upgrade: check `websocket`, and "
                           "whether the venue serves your region."};
constexpr Advice subscription{
    "subscription",
    "Check the source's `symbols`, `channels` and `feed` against what the venue lists."};
constexpr Advice rest{"REST",
                      "Check `rest`. Capture works without it, but instruments that no list names "
                      "keep their native symbol."};

constexpr Advice token{"token",
                       "The venue hands out no token: check `rest`, and whether the venue serves "
                       "your region."};
constexpr Advice welcome{"welcome",
                         "The venue lets us connect but does not greet: its protocol may have "
                         "changed, or `websocket` is another service."};
constexpr Advice authentication{
    "subscription",
    "The venue changed: this channel needs authentication now. Take another of its `channels` or "
    "another `feed`."};
constexpr Advice data{"data",
                      "The venue changed, or limits this address: it acknowledges the subscription "
                      "and sends nothing, while its market trades. Take another of its `channels` "
                      "or another `feed`."};
constexpr Advice drift{"drift",
                       "The venue's messages lack what is needed: records stay in the raw log, and "
                       "can be decoded again by a newer build."};
constexpr Advice poll{"poll", "Check `rest`, `ids` and `api_key`."};

constexpr Nanos listen_limit = seconds(8);  // For a frame of each stream.
constexpr Nanos look_limit = seconds(3);    // For an order book.
constexpr Nanos trade_under_way = seconds(2);

ProbeStep failed(const Advice& advice, std::string why) {
    return {std::string(advice.what), false, std::move(why), std::string(advice.text)};
}

// Which step an attempt broke off at that took `reached` steps.
const Advice& step_after(size_t reached, bool with_tls) {
    if (reached == 0) return dns;
    if (reached == 1) return tcp;
    return with_tls && reached == 2 ? tls : websocket;
}

// Where to connect: the slot's own endpoint, or what the venue's token says.
asio::awaitable<net::Url> admitted_url(const PlannedSource& source, PlannedSlot slot, Nanos timeout,
                                       std::vector<ProbeStep>& steps) {
    if (!slot.connection.token) co_return slot.url;
    venues::RestRequest request = *slot.connection.token;
    const net::HttpResponse response = co_await fetch_once(source, std::move(request), timeout);
    if (response.status != 200)
        throw net::NetError(fmt::format("{} answers with status {}", slot.connection.token->target,
                                        response.status));
    const auto admitted = source.venue->admit(response.body, "doctor");
    if (!admitted) throw net::NetError(admitted.error().what);
    auto url = net::parse_url(admitted->websocket);
    if (!url) throw net::NetError(url.error().what);
    steps.push_back({std::string(token.what), true,
                     fmt::format("{} names {}", slot.connection.token->target, url->host), ""});
    co_return std::move(*url);
}

asio::awaitable<void> await_welcome(std::shared_ptr<net::WebSocket> socket,
                                    const venues::Venue* venue, std::vector<ProbeStep>& steps) {
    for (;;) {
        const net::WebSocket::Message message = co_await socket->read();
        if (venue->is_welcome(message.payload)) break;
    }
    steps.push_back({std::string(welcome.what), true, "the venue greets", ""});
}

// A socket and what is heard of it; shared with the coroutine that reads, which may outlive the
// visit.
struct Visit {
    std::shared_ptr<net::WebSocket> socket;
    DriftWatch watch;
    asio::steady_timer news;  // Cancelled whenever something was heard.
    std::string ended;        // Why nothing comes any more.
};
using Shared = std::shared_ptr<Visit>;

// Nothing ends a read that waits but the socket's end.
asio::awaitable<void> read_all(Shared visit) {
    try {
        for (;;) {
            const net::WebSocket::Message message = co_await visit->socket->read();
            visit->watch.take(log::RecordKind::frame, message.payload);
            visit->news.cancel();
        }
    } catch (const std::exception& error) {
        visit->ended = error.what();
    }
    visit->news.cancel();
}

asio::awaitable<void> send_all(Shared visit, venues::Connection connection) {
    for (const std::string& text : connection.subscribe) {
        visit->watch.take(log::RecordKind::sent, text);
        std::string sent = text;
        co_await visit->socket->write_text(std::move(sent));
        co_await net::sleep_for(connection.subscribe_interval);
    }
}

// Until that is `enough`, the socket ends, or the time is over.
asio::awaitable<void> hear(Shared visit, Nanos span, bool (*enough)(const DriftWatch&)) {
    const Nanos deadline = steady_clock() + span;
    for (;;) {
        const Nanos left = deadline - steady_clock();
        if (enough(visit->watch) || !visit->ended.empty() || left <= Nanos{}) co_return;
        co_await doze(visit->news, left);
    }
}

bool answered(const DriftWatch& watch) {
    return !watch.refused().empty() || (watch.acknowledged() && watch.unheard().empty());
}

bool book_known(const DriftWatch& watch) {
    return watch.book_known();
}

// Captured channels have no checksum, so an order book is heard for a moment. What keeps it away
// costs nothing that is captured.
asio::awaitable<void> look_at_book(Shared visit, std::string text, Nanos span) {
    visit->watch.begin_book();
    try {
        co_await visit->socket->write_text(std::move(text));
        co_await hear(visit, span, book_known);
    } catch (const std::exception&) {  // The notes say that there was no book.
    }
}

// Whether the market of a stream traded after `since`, by the venue's own list of trades.
asio::awaitable<bool> traded(const PlannedSource& source, venues::Connection::Stream stream,
                             Nanos since, Nanos timeout, DriftWatch& watch) {
    std::optional<venues::RestRequest> request =
        newest_trades(*source.venue, source.spec, {stream}, stream.native_symbol);
    if (!request) co_return false;
    const std::string method = request->method, target = request->target;
    const net::HttpResponse response = co_await fetch_once(source, std::move(*request), timeout);
    if (response.status != 200) co_return false;
    const std::string payload = rest_payload(method, target, response.status, response.body);
    NewestTrade newest(stream.native_symbol);
    const log::Record record{
        .offset = {}, .kind = log::RecordKind::rest, .ts_recv = wall_clock(), .payload = payload};
    (void)watch.decoder().decode(record, newest);
    co_return newest.ts_event > since;
}

asio::awaitable<void> judge_silence(const PlannedSource& source, Nanos since, Nanos timeout,
                                    DriftWatch& watch, std::vector<ProbeStep>& steps) {
    std::vector<std::string> mute, quiet;
    for (const venues::Connection::Stream& stream : watch.unheard()) {
        const bool lives = co_await traded(source, stream, since, timeout, watch);
        (lives ? mute : quiet).push_back(stream.channel + " of " + stream.native_symbol);
    }
    if (!mute.empty())
        steps.push_back(
            failed(data, fmt::format("acknowledged, but mute although the market trades: {}",
                                     fmt::join(mute, ", "))));
    else
        steps.push_back({std::string(data.what), true,
                         quiet.empty() ? fmt::format("of each stream, in {} frames", watch.frames())
                                       : fmt::format("none yet, the market may be quiet: {}",
                                                     fmt::join(quiet, ", ")),
                         ""});
}

void tell_drift(const DriftWatch& watch, std::vector<ProbeStep>& steps) {
    const std::string notes = watch.notes();
    if (!watch.vanished().empty())
        steps.push_back(failed(drift, watch.vanished() + (notes.empty() ? "" : "; " + notes)));
    else
        steps.push_back(
            {std::string(drift.what), true, notes.empty() ? "no sign of it" : notes, ""});
}

asio::awaitable<void> subscribe(std::shared_ptr<net::WebSocket> socket, const PlannedSource& source,
                                venues::Connection connection, Nanos timeout,
                                std::vector<ProbeStep>& steps) {
    const auto executor = co_await asio::this_coro::executor;
    const Shared visit(new Visit{.socket = std::move(socket),
                                 .watch = DriftWatch(*source.venue, connection.streams),
                                 .news = asio::steady_timer(executor),
                                 .ended = {}});
    const DriftWatch& watch = visit->watch;
    const Nanos since = wall_clock() + trade_under_way;
    const Nanos limit = std::min(timeout, listen_limit);
    asio::co_spawn(executor, read_all(visit), asio::detached);
    try {
        co_await send_all(visit, connection);
        co_await hear(visit, limit, answered);
    } catch (const std::exception& error) {
        visit->ended = error.what();
    }
    if (!watch.refused().empty()) {
        steps.push_back(
            failed(wants_authentication(watch.refused()) ? authentication : subscription,
                   watch.refused()));
        co_return;
    }
    if (!watch.acknowledged()) {
        steps.push_back(
            failed(subscription, visit->ended.empty()
                                     ? fmt::format("no answer within {}", format_duration(limit))
                                     : visit->ended));
    } else {
        steps.push_back({std::string(subscription.what), true, "acknowledged", ""});
        co_await judge_silence(source, since, timeout, visit->watch, steps);
        std::optional<std::string> book = source.venue->look_at_book(connection);
        if (book) co_await look_at_book(visit, std::move(*book), std::min(timeout, look_limit));
    }
    if (watch.frames() > 0) tell_drift(watch, steps);
}

asio::awaitable<void> try_connection(const PlannedSource& source, PlannedSlot slot, Nanos timeout,
                                     std::vector<ProbeStep>& steps) {
    net::ClientOptions options;
    options.ca_file = source.ca_file;
    options.timeout = timeout;
    options.progress = [&steps](net::ConnectStep step, std::string_view detail) {
        constexpr const Advice* names[] = {&dns, &tcp, &tls, &websocket};
        const std::string_view shown = detail.substr(0, detail.find('?'));  // No token.
        steps.push_back(
            {std::string(names[static_cast<size_t>(step)]->what), true, std::string(shown), ""});
    };
    net::Url url;
    try {
        url = co_await admitted_url(source, slot, timeout, steps);
    } catch (const std::exception& error) {
        steps.push_back(failed(token, error.what()));
        co_return;
    }
    const size_t reached = steps.size();
    std::shared_ptr<net::WebSocket> socket;
    try {
        socket = co_await net::connect_websocket(url, options);
    } catch (const std::exception& error) {
        steps.push_back(failed(step_after(steps.size() - reached, url.tls()), error.what()));
        co_return;
    }
    const Advice* step = &welcome;
    try {
        if (slot.connection.welcome) co_await await_welcome(socket, source.venue, steps);
        step = &data;
        co_await subscribe(socket, source, slot.connection, timeout, steps);
    } catch (const std::exception& error) {
        steps.push_back(failed(*step, error.what()));
    }
}

// A slot without a socket: each of its questions once.
asio::awaitable<void> try_polls(const PlannedSource& source, PlannedSlot slot, Nanos timeout,
                                std::vector<ProbeStep>& steps) {
    DriftWatch watch(*source.venue, slot.connection.streams);
    for (const venues::RestRequest& request : slot.connection.polls) {
        try {
            venues::RestRequest asked = request;
            const net::HttpResponse response =
                co_await fetch_once(source, std::move(asked), timeout);
            const std::string what =
                fmt::format("{} answers with status {}", request.target, response.status);
            steps.push_back(response.status == 200
                                ? ProbeStep{std::string(poll.what), true, what, ""}
                                : failed(poll, what));
            if (response.status == 200)
                watch.take(log::RecordKind::rest, rest_payload(request.method, request.target,
                                                               response.status, response.body));
        } catch (const std::exception& error) {
            steps.push_back(failed(poll, error.what()));
        }
    }
    if (watch.frames() > 0) tell_drift(watch, steps);
}

asio::awaitable<void> try_rest(const PlannedSource& source, Nanos timeout,
                               std::vector<ProbeStep>& steps) {
    const std::vector<venues::RestRequest> requests = source.venue->instruments(source.spec);
    if (requests.empty()) co_return;
    try {
        venues::RestRequest request = requests.front();
        const net::HttpResponse response = co_await fetch_once(source, std::move(request), timeout);
        const std::string detail =
            fmt::format("{} answers with status {}", requests.front().target, response.status);
        steps.push_back(response.status == 200 ? ProbeStep{std::string(rest.what), true, detail, ""}
                                               : failed(rest, detail));
    } catch (const std::exception& error) {
        steps.push_back(failed(rest, error.what()));
    }
}

// Runs one attempt to its end, or until `timeout`: then `advice` says which step hangs.
void run_bounded(asio::awaitable<void> attempt, asio::io_context& io, Nanos timeout,
                 const Advice& advice, std::vector<ProbeStep>& steps) {
    bool done = false;
    asio::co_spawn(io, std::move(attempt), [&](std::exception_ptr) { done = true; });
    const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(timeout.count);
    while (!done && io.run_one_until(end) > 0) {
    }
    if (!done)
        steps.push_back(
            failed(advice, fmt::format("no answer within {}", format_duration(timeout))));
}

}  // namespace

std::vector<ProbeStep> probe(const SourceOptions& options, Nanos timeout) {
    std::vector<ProbeStep> steps;
    const auto planned = plan_sources({options});
    if (!planned)
        return {{"config", false, planned.error().what, "Run `tape check` on the config."}};
    const PlannedSource& source = planned->front();
    for (const PlannedSlot& slot : source.slots) {
        asio::io_context io{1};
        if (slot.connection.polls.empty())
            run_bounded(try_connection(source, slot, timeout, steps), io, timeout + timeout,
                        slot.connection.welcome ? welcome : subscription, steps);
        else
            run_bounded(try_polls(source, slot, timeout, steps), io, timeout + timeout, poll,
                        steps);
    }
    asio::io_context io{1};
    run_bounded(try_rest(source, timeout, steps), io, timeout + timeout, rest, steps);
    return steps;
}

bool passed(const std::vector<ProbeStep>& steps) {
    return !steps.empty() && std::ranges::all_of(steps, &ProbeStep::ok);
}

}  // namespace tape::feed
