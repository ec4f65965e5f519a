#include "feed/slot.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <random>

#include "base/log.h"
#include "feed/doze.h"
#include "feed/payloads.h"
#include "feed/poll_intake.h"
#include "feed/socket_intake.h"

namespace tape::feed {

using log::RecordKind;

void expect_no_exception(std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
}

Slot::Slot(FeedContext& context, Plan plan, std::unique_ptr<Recorder> recorder,
           std::string_view config)
    : context_(context),
      plan_(std::move(plan)),
      recorder_(std::move(recorder)),
      config_payload_(config_payload(config, plan_.connection.streams)),
      alarm_(context.io) {
    const Labels labels{{"slot", plan_.name}};
    connects_total_ = counter("tape_feed_connects_total", labels);
    disconnects_total_ = counter("tape_feed_disconnects_total", labels);
    connected_gauge_ = gauge("tape_feed_connected", labels);
    if (plan_.connection.polls.empty())
        intake_ = std::make_unique<SocketIntake>(*this);
    else
        intake_ = std::make_unique<PollIntake>(*this);
    try_record_config();
}

Slot::~Slot() = default;

void Slot::record_config(std::string_view config, const venues::Connection& carried) {
    config_payload_ = config_payload(config, carried.streams);
    if (!paused_ && !stopped_) try_record_config();
}

void Slot::try_record_config() {
    try {
        append(RecordKind::config, config_payload_);
        config_payload_.clear();
    } catch (const CannotRecord&) {  // The slot is paused or pauses next, and records it then.
    }
}

Nanos Slot::append(RecordKind kind, std::string_view payload) {
    const Nanos now = wall_clock();
    recorder_->append(kind, now, payload);
    return now;
}

// A poll that fails is tried again sooner than the next one is due, but not as often as a socket:
// each attempt counts for the venue's budget.
Backoff Slot::make_backoff() const {
    const FeedOptions& options = context_.options;
    Backoff::Options spans{options.backoff_min, options.backoff_max, options.healthy_after};
    if (!plan_.connection.polls.empty()) {
        const Nanos interval = plan_.connection.poll_interval;
        spans.min = std::max(spans.min, Nanos{interval.count / 16});
        spans.max = std::max(spans.max, interval);
    }
    return {spans, std::random_device{}()};
}

asio::awaitable<void> Slot::run() {
    return counted(capture());
}

asio::awaitable<void> Slot::capture() {
    Backoff backoff = make_backoff();
    while (!stopped_) {
        if (recorder_->trouble()) co_await wait_for_disk();
        const Nanos start = steady_clock();
        const Down down = co_await intake_->hold();
        if (stopped_) co_return;
        if (recorder_->trouble()) continue;
        Nanos wait = backoff.next(steady_clock() - start);
        // What is asked over REST first waits for the limiter, which knows how long a ban lasts.
        const bool limited = plan_.connection.token || !plan_.connection.polls.empty();
        if (down.reason == Reason::ban && !limited)
            wait = std::max(wait, context_.options.backoff_max);
        log_warn("{}: {}; next attempt in {}", name(), down.cause,
                 format_duration(millis(wait.millis())));
        co_await nap(wait);
    }
}

asio::awaitable<void> Slot::nap(Nanos span) {
    return doze(alarm_, span);
}

void Slot::spawn(asio::awaitable<void> coroutine) {
    asio::co_spawn(context_.io, counted(std::move(coroutine)), expect_no_exception);
}

asio::awaitable<void> Slot::counted(asio::awaitable<void> coroutine) {
    ++coroutines_;
    co_await std::move(coroutine);
    --coroutines_;
}

void Slot::on_connected(const std::string& address, Overlap overlap) {
    const i64 number = sessions_ + 1;
    append(RecordKind::connected, overlap == Overlap::yes ? overlapping_payload(address, number)
                                                          : connected_payload(address, number));
    sessions_ = number;
    log_info("{}: connected to {}", name(), address);
    set_cause("", address);
    connected_ = true;
    connects_total_.add();
    connected_gauge_.set(1);
}

// Also of an attempt that did not come so far: the cause belongs to the time in which nothing was
// captured.
void Slot::on_disconnected(const std::string& cause, Reason reason) {
    const std::string& why = recorder_->trouble() ? *recorder_->trouble() : cause;
    set_cause(why, "");
    if (connected_.exchange(false)) disconnects_total_.add();
    connected_gauge_.set(0);
    if (recorder_->trouble()) return;  // The gap will tell it.
    try {
        append(RecordKind::disconnected, disconnected_payload(why, reason));
    } catch (const CannotRecord&) {  // As above: run() pauses next.
    }
}

void Slot::on_received(Nanos now) {
    last_recv_.store(now.count, std::memory_order_relaxed);
    frames_.store(frames_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void Slot::tick() {
    if (stopped_ || paused_) return;
    try {
        append(RecordKind::heartbeat, "");
        intake_->tick(steady_clock());
    } catch (const CannotRecord& error) {
        intake_->cut(error.what());
    }
}

void Slot::change(Plan plan) {
    ensure(plan.name == plan_.name && plan.venue == plan_.venue, "a slot keeps its venue");
    ensure(plan.connection.polls.empty() == plan_.connection.polls.empty(),
           "a slot keeps to sockets or to polls");
    plan_.connection = std::move(plan.connection);  // The name stays: status() may be reading it.
    plan_.url = std::move(plan.url);
    plan_.ca_file = std::move(plan.ca_file);
    plan_.rest = std::move(plan.rest);
    plan_.spec = std::move(plan.spec);
    ++plan_version_;
    if (!stopped_) intake_->on_change();
}

asio::awaitable<void> Slot::wait_for_disk() {
    const Nanos from = recorder_->last_ts() > Nanos{} ? recorder_->last_ts() : wall_clock();
    log_error("{}: capture pauses: {}", name(), *recorder_->trouble());
    set_paused(true);
    bool resumed = false;
    while (!stopped_ && !resumed) {
        co_await nap(context_.options.disk_check);
        const Nanos now = wall_clock();
        resumed =
            !stopped_ && recorder_->resume(now, gap_payload(*recorder_->trouble(), from, now));
    }
    set_paused(false);
    if (!resumed) co_return;
    log_info("{}: capture goes on", name());
    if (!config_payload_.empty()) try_record_config();
}

void Slot::set_paused(bool paused) {
    if (paused_ == paused) return;
    paused_ = paused;
    context_.paused_slots += paused ? 1 : -1;
    context_.paused.set(context_.paused_slots > 0 ? 1 : 0);
}

asio::awaitable<void> Slot::record_answer(std::string payload) {
    return record_late(RecordKind::rest, std::move(payload));
}

asio::awaitable<void> Slot::record_verdict(std::string payload) {
    return record_late(RecordKind::gap, std::move(payload));
}

asio::awaitable<void> Slot::record_late(RecordKind kind, std::string payload) {
    while (!stopped_) {
        if (!paused_) {
            try {
                append(kind, payload);
                co_return;
            } catch (const CannotRecord&) {  // The slot notices it too, and pauses.
            }
        }
        co_await net::sleep_for(context_.options.disk_check);
    }
}

void Slot::stop(std::string_view cause, Reason reason) {
    if (stopped_) return;
    if (connected_) on_disconnected(std::string(cause), reason);
    stopped_ = true;
    wake();
}

asio::awaitable<void> Slot::close_socket() {
    return intake_->close();
}

SlotStatus Slot::status() const {
    SlotStatus status;
    status.slot = name();
    status.venue = plan_.venue->name();
    status.connected = connected_;
    status.paused = paused_;
    status.session = sessions_;
    status.last_recv = {last_recv_};
    status.frames = frames_;
    intake_->describe(status);
    const auto [readable, durable] = recorder_->positions();
    status.readable = readable;
    status.durable = durable;
    const std::lock_guard lock(words_mutex_);
    status.cause = cause_;
    status.address = address_;
    return status;
}

void Slot::set_cause(std::string cause, std::string address) {
    const std::lock_guard lock(words_mutex_);
    cause_ = std::move(cause);
    address_ = std::move(address);
}

}  // namespace tape::feed
