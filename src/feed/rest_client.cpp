#include "feed/rest_client.h"

#include <charconv>
#include <exception>
#include <random>

#include "base/log.h"
#include "feed/plan.h"

namespace tape::feed {
namespace {

std::optional<i64> parse_count(std::optional<std::string_view> text) {
    i64 value = 0;
    if (!text) return std::nullopt;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc{} || value < 0) return std::nullopt;
    return value;
}

}  // namespace

RestClient::RestClient(Options options, VenueLimits limits)
    : options_(std::move(options)),
      limits_(std::move(limits)),
      waits_(counter("tape_feed_rest_waits_total", {{"venue", options_.venue}})),
      barred_(gauge("tape_feed_rest_barred", {{"venue", options_.venue}})) {}

asio::awaitable<net::HttpResponse> RestClient::fetch(venues::RestRequest request, RestUse use) {
    co_await wait_turn(*limits_.rest, request.weight, use);
    net::ClientOptions client;
    client.ca_file = options_.ca_file;
    client.max_message_bytes = options_.max_body_bytes;
    client.timeout = options_.timeout;
    const net::Url url = rest_url(options_.endpoint, request.target);
    const Labels failed{{"venue", options_.venue}, {"status", "failed"}};
    try {
        net::HttpResponse response =
            co_await net::http_request(request.method, url, request.headers, request.body, client);
        note(response, use);
        co_return response;
    } catch (const std::exception&) {
        limits_.rest->on_failure(steady_clock(), use);
        counter("tape_feed_rest_requests_total", failed).add();
        throw;
    }
}

asio::awaitable<net::HttpResponse> fetch_once(const PlannedSource& source,
                                              venues::RestRequest request, Nanos timeout) {
    net::ClientOptions options;
    options.ca_file = source.ca_file;
    options.timeout = timeout;
    const net::Url url = rest_url(source, request.target);
    return net::http_request(request.method, url, request.headers, request.body, options);
}

// The limiter may change its mind while somebody sleeps: it is asked again each time.
asio::awaitable<void> RestClient::wait_turn(Limiter& limiter, i64 weight, RestUse use) {
    for (bool waited = false;; waited = true) {
        const Nanos now = steady_clock();
        const Nanos ready = limiter.ready_at(now, weight, use);
        if (ready <= now) {
            limiter.spend(now, weight);
            co_return;
        }
        if (!waited) waits_.add();
        co_await net::sleep_for(ready - now);
    }
}

void RestClient::note(const net::HttpResponse& response, RestUse use) {
    const Nanos now = steady_clock();
    Limiter::Answer answer{.status = response.status};
    if (const auto text = response.header("Retry-After"))
        answer.retry_after = parse_retry_after(*text);
    if (!limits_.rest->used_header().empty())
        answer.used = parse_count(response.header(limits_.rest->used_header()));
    limits_.rest->on_answer(now, use, answer);
    const bool barred = limits_.rest->barred(now);
    barred_.set(barred ? 1 : 0);
    if (barred)
        log_warn(
            "{}: status {}: nothing is asked over REST for {}", options_.venue, response.status,
            format_duration(seconds((limits_.rest->ready_at(now, 1, use) - now).millis() / 1'000)));
    counter("tape_feed_rest_requests_total",
            {{"venue", options_.venue}, {"status", std::to_string(response.status)}})
        .add();
}

VenueLimits make_limits(const FeedOptions& options, const venues::Venue& venue) {
    const Limiter::Options shares{.backfill_share = options.backfill_share,
                                  .backoff_min = options.backoff_min,
                                  .backoff_max = options.backoff_max};
    std::random_device seed;
    return {std::make_shared<Limiter>(venue.rest_budget(), shares, seed()),
            std::make_shared<Limiter>(venue.connect_budget(), shares, seed())};
}

std::shared_ptr<RestClient> make_client(const FeedOptions& options, const PlannedSource& source,
                                        VenueLimits limits) {
    return std::make_shared<RestClient>(
        RestClient::Options{.venue = std::string(source.venue->name()),
                            .endpoint = source.rest,
                            .ca_file = source.ca_file,
                            .max_body_bytes = options.answer_bytes},
        std::move(limits));
}

}  // namespace tape::feed
