// Asks one endpoint of a venue over REST, never faster than its limiter lets it, and tells when a
// socket of the venue may be opened. Whoever shares the limiters shares the venue's patience.
#pragma once

#include <memory>

#include "base/metrics.h"
#include "feed/limiter.h"
#include "net/net.h"

namespace tape::feed {

namespace asio = net::asio;

struct FeedOptions;
struct PlannedSource;

/// What all clients of one venue share.
struct VenueLimits {
    std::shared_ptr<Limiter> rest, connects;
};

class RestClient final {
 public:
    struct Options {
        std::string venue;     // For metrics.
        std::string endpoint;  // "https://host"; a request's target is added to it.
        std::string ca_file;
        i64 max_body_bytes = 16 << 20;
        Nanos timeout = seconds(20);  // Of one exchange, once it may be sent.
    };
    RestClient(Options options, VenueLimits limits);
    RestClient(const RestClient&) = delete;
    RestClient& operator=(const RestClient&) = delete;

    /// Waits until the limiter allows it (in a ban: for as long as that lasts), then asks once. An
    /// answer of any status is returned, and the limiter has heard of it; without one it throws as
    /// net::http_request does. The client outlives the call.
    asio::awaitable<net::HttpResponse> fetch(venues::RestRequest request,
                                             RestUse use = RestUse::capture);
    /// Returns when a WebSocket connection may be begun.
    asio::awaitable<void> connect_turn() {
        return wait_turn(*limits_.connects, 1, RestUse::capture);
    }
    /// When a request of `weight` could be sent, by the steady clock, which says `now`.
    Nanos ready_at(Nanos now, i64 weight, RestUse use) const {
        return limits_.rest->ready_at(now, weight, use);
    }
    /// Whether the venue demands that nothing is asked now.
    bool barred() const { return limits_.rest->barred(steady_clock()); }
    /// The caller found that an answer of status 200 was a refusal: the next one waits longer.
    void refused(RestUse use) { limits_.rest->on_failure(steady_clock(), use); }
    const std::string& endpoint() const { return options_.endpoint; }

 private:
    asio::awaitable<void> wait_turn(Limiter& limiter, i64 weight, RestUse use);
    void note(const net::HttpResponse& response, RestUse use);

    const Options options_;
    const VenueLimits limits_;
    Counter waits_;
    Gauge barred_;
};

/// Asks once and without a limiter, for a visit beside capture. Throws as net::http_request does.
asio::awaitable<net::HttpResponse> fetch_once(const PlannedSource& source,
                                              venues::RestRequest request, Nanos timeout);

/// Of a venue's budgets, in the shares that the options give.
VenueLimits make_limits(const FeedOptions& options, const venues::Venue& venue);
std::shared_ptr<RestClient> make_client(const FeedOptions& options, const PlannedSource& source,
                                        VenueLimits limits);

}  // namespace tape::feed
