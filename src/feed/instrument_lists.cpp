#include "feed/instrument_lists.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>

#include "base/log.h"
#include "feed/doze.h"
#include "feed/payloads.h"

namespace tape::feed {

asio::awaitable<void> InstrumentLists::run() {
    wait_.expires_after(std::chrono::nanoseconds(context_.options.lists_wait.count));
    while (!stopped_) {
        co_await fetch_all();
        done_ = true;
        wait_.cancel();
        co_await pause(context_.options.lists_every);
    }
}

asio::awaitable<void> InstrumentLists::fetch_all() {
    const std::vector<venues::RestRequest> requests = venue_.instruments(spec_);
    for (const venues::RestRequest& request : requests) {
        const std::string payload = co_await fetch(request);
        const std::vector<std::shared_ptr<Slot>> slots = slots_;
        for (const std::shared_ptr<Slot>& slot : slots) {
            if (stopped_) co_return;
            if (slot->recorder().fits(payload))
                co_await slot->record_answer(payload);
            else
                log_error("{}: the instrument list of {} bytes is too long for a record",
                          slot->name(), payload.size());
        }
    }
}

// Each request has a back-off of its own: a list that the venue refuses must not hold up the next
// attempt of another.
asio::awaitable<std::string> InstrumentLists::fetch(venues::RestRequest request) {
    const FeedOptions& options = context_.options;
    Backoff backoff({options.backoff_min, options.backoff_max, options.healthy_after},
                    std::random_device{}());
    while (!stopped_) {
        std::string why;
        try {
            const net::HttpResponse response = co_await rest_->fetch(request);
            if (response.status == 200)
                co_return rest_payload(request.method, request.target, response.status,
                                       response.body);
            why = fmt::format("status {}", response.status);
        } catch (const std::exception& error) {
            why = error.what();
        }
        log_warn("{}: no instrument list from {}: {}", venue_.name(), request.target, why);
        co_await pause(backoff.next({}));
    }
    co_return std::string();
}

asio::awaitable<void> InstrumentLists::pause(Nanos span) {
    if (!stopped_) co_await doze(pause_, span);
}

void InstrumentLists::stop() {
    stopped_ = true;
    slots_.clear();
    wait_.cancel();
    pause_.cancel();
}

asio::awaitable<void> InstrumentLists::wait() {
    if (done_) co_return;
    boost::system::error_code ended;  // By time or by run(), it does not matter.
    co_await wait_.async_wait(asio::redirect_error(asio::use_awaitable, ended));
}

}  // namespace tape::feed
