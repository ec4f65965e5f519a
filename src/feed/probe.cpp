// The doctor's visit to a venue: the same steps as capture takes, once, each with a word on what to
// do where it fails.
#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "feed/plan.h"

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

ProbeStep failed(const Advice& advice, std::string why) {
    return {std::string(advice.what), false, std::move(why), std::string(advice.text)};
}

// Which step an attempt broke off at that took `reached` steps.
const Advice& step_after(size_t reached, bool with_tls) {
    if (reached == 0) return dns;
    if (reached == 1) return tcp;
    return with_tls && reached == 2 ? tls : websocket;
}

// Hears whether the venue took the subscriptions.
class AnswerSink final : public venues::EventSink {
 public:
    bool acknowledged{};
    std::string refused;

    void on(const Tick&) override { acknowledged = true; }
    void on_subscribed(std::string_view, const Instrument*) override { acknowledged = true; }
    void on_refused(std::string_view detail) override { refused = detail; }
    void on_unknown(std::string_view) override {}
    void on_last_trade(const Instrument&, u64, Nanos) override {}
};

asio::awaitable<void> subscribe(std::shared_ptr<net::WebSocket> socket, const venues::Venue* venue,
                                venues::Connection connection, std::vector<ProbeStep>& steps) {
    for (const std::string& text : connection.subscribe) co_await socket->write_text(text);
    const auto decoder = venue->make_decoder();
    AnswerSink answer;
    for (i64 frames = 0; !answer.acknowledged && answer.refused.empty(); ++frames) {
        const net::WebSocket::Message message = co_await socket->read();
        const log::Record record{.offset = {frames},
                                 .kind = log::RecordKind::frame,
                                 .ts_recv = wall_clock(),
                                 .payload = message.payload};
        (void)decoder->decode(record, answer);  // A frame that cannot be decoded is no answer.
    }
    if (answer.refused.empty())
        steps.push_back({std::string(subscription.what), true, "acknowledged", ""});
    else
        steps.push_back(failed(subscription, answer.refused));
}

asio::awaitable<void> try_connection(const PlannedSource& source, PlannedSlot slot, Nanos timeout,
                                     std::vector<ProbeStep>& steps) {
    const size_t before = steps.size();
    net::ClientOptions options;
    options.ca_file = source.ca_file;
    options.timeout = timeout;
    options.progress = [&steps](net::ConnectStep step, std::string_view detail) {
        constexpr const Advice* names[] = {&dns, &tcp, &tls, &websocket};
        steps.push_back(
            {std::string(names[static_cast<size_t>(step)]->what), true, std::string(detail), ""});
    };
    std::shared_ptr<net::WebSocket> socket;
    try {
        socket = co_await net::connect_websocket(slot.url, options);
    } catch (const std::exception& error) {
        steps.push_back(failed(step_after(steps.size() - before, slot.url.tls()), error.what()));
        co_return;
    }
    try {
        co_await subscribe(socket, source.venue, slot.connection, steps);
    } catch (const std::exception& error) {
        steps.push_back(failed(subscription, error.what()));
    }
}

asio::awaitable<void> try_rest(const PlannedSource& source, Nanos timeout,
                               std::vector<ProbeStep>& steps) {
    const std::vector<venues::RestRequest> requests = source.venue->instruments(source.spec);
    if (requests.empty()) co_return;
    net::ClientOptions options;
    options.ca_file = source.ca_file;
    options.timeout = timeout;
    const net::Url url = rest_url(source, requests.front().target);
    const net::Headers headers;
    try {
        const net::HttpResponse response = co_await net::http_request(
            requests.front().method, url, headers, requests.front().body, options);
        const std::string detail =
            fmt::format("{} answers with status {}", url.target, response.status);
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
        run_bounded(try_connection(source, slot, timeout, steps), io, timeout + timeout,
                    subscription, steps);
    }
    asio::io_context io{1};
    run_bounded(try_rest(source, timeout, steps), io, timeout + timeout, rest, steps);
    return steps;
}

bool passed(const std::vector<ProbeStep>& steps) {
    return !steps.empty() && std::ranges::all_of(steps, &ProbeStep::ok);
}

}  // namespace tape::feed
