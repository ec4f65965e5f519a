#include "feed/poll_intake.h"

#include <algorithm>
#include <optional>

#include "base/log.h"

namespace tape::feed {
namespace {

// An answer that is none.
struct Refused : std::runtime_error {
    Refused(std::string what, int s) : std::runtime_error(std::move(what)), status(s) {}
    int status;
};

std::string host_of(const RestClient& rest) {
    const auto url = net::parse_url(rest.endpoint());
    return url ? fmt::format("{}:{}", url->host, url->port) : rest.endpoint();
}

}  // namespace

PollIntake::PollIntake(Slot& slot) : slot_(slot), start_(steady_clock()) {
    const Labels labels{{"slot", slot.name()}};
    polls_total_ = counter("tape_feed_polls_total", labels);
    unchanged_total_ = counter("tape_feed_polls_unchanged_total", labels);
    bytes_total_ = counter("tape_feed_bytes_total", labels);
    take_plan();
}

void PollIntake::take_plan() {
    const Slot::Plan& plan = slot_.plan();
    etags_.assign(plan.connection.polls.size(), "");
    if (plan.connection.poll_interval > plan.spec.interval)
        log_warn("{}: polls every {} instead of {}: more often would exceed what the venue allows",
                 slot_.name(),
                 format_duration(seconds(plan.connection.poll_interval.millis() / 1'000)),
                 format_duration(plan.spec.interval));
}

asio::awaitable<Down> PollIntake::hold() {
    while (!slot_.stopped()) {
        const i64 plan_version = slot_.plan_version();
        Down down;
        try {
            co_await ask_all();
        } catch (const Refused& error) {
            const bool ban = error.status == 418 || error.status == 429;
            down = {error.what(), ban ? Reason::ban : Reason::disconnect};
        } catch (const std::exception& error) {
            down.cause = error.what();
        }
        if (slot_.stopped()) break;
        if (!down.cause.empty()) {
            connected_ = false;
            slot_.on_disconnected(down.cause, down.reason);
            co_return down;
        }
        const Nanos next = next_round(steady_clock());
        next_poll_ = (wall_clock() + next - steady_clock()).count;
        const auto same_plan = [&] { return slot_.plan_version() == plan_version; };
        while (!slot_.stopped() && !slot_.recorder().trouble() && same_plan() &&
               steady_clock() < next)
            co_await slot_.nap(next - steady_clock());
    }
    co_return Down{};
}

Nanos PollIntake::next_round(Nanos now) const {
    const Nanos interval = slot_.plan().connection.poll_interval;
    return start_ + floor_to(now - start_, interval) + interval;
}

asio::awaitable<void> PollIntake::ask_all() {
    std::exception_ptr first;
    for (size_t poll = 0; poll < etags_.size() && !slot_.stopped(); ++poll) {
        try {
            co_await ask(poll);
        } catch (const CannotRecord&) {
            throw;
        } catch (const std::exception&) {
            if (!first) first = std::current_exception();
        }
    }
    if (first) std::rethrow_exception(first);
}

// Waits of 429 and Retry-After are the limiter's: the next request of the venue comes after them.
asio::awaitable<void> PollIntake::ask(size_t poll) {
    const Slot::Plan plan = slot_.plan();
    if (poll >= plan.connection.polls.size()) co_return;
    const venues::RestRequest& request = plan.connection.polls[poll];
    venues::RestRequest asked = request;
    if (!etags_[poll].empty()) asked.headers.emplace_back("If-None-Match", etags_[poll]);
    const net::HttpResponse response = co_await plan.rest->fetch(std::move(asked));
    if (slot_.stopped() || poll >= etags_.size()) co_return;
    if (response.status != 200 && response.status != 304)
        throw Refused(fmt::format("{} answers with status {}", request.target, response.status),
                      response.status);
    if (!connected_) slot_.on_connected(host_of(*plan.rest), Slot::Overlap::no);
    connected_ = true;
    polls_total_.add();
    ++polls_;
    if (response.status == 304) {
        ++unchanged_;
        unchanged_total_.add();
        co_return;
    }
    const std::string payload =
        rest_payload(request.method, request.target, response.status, response.body);
    if (!slot_.recorder().fits(payload))
        throw Refused(fmt::format("{}: the answer of {} bytes is too long for a record",
                                  request.target, payload.size()),
                      response.status);
    slot_.on_received(slot_.append(log::RecordKind::rest, payload));
    bytes_total_.add(std::ssize(response.body));
    etags_[poll] = response.header("ETag").value_or("");
}

void PollIntake::cut(const std::string& /*cause*/) {
    slot_.wake();
}

void PollIntake::on_change() {
    take_plan();
    slot_.wake();
}

asio::awaitable<void> PollIntake::close() {
    co_return;
}

void PollIntake::describe(SlotStatus& status) const {
    status.polls = polls_;
    status.polls_unchanged = unchanged_;
    status.next_poll = {next_poll_};
}

}  // namespace tape::feed
