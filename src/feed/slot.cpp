#include "feed/slot.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <random>

#include "base/log.h"
#include "feed/payloads.h"

namespace tape::feed {

using log::RecordKind;

namespace {

constexpr size_t outbox_limit =
    1'000;  // Texts that wait to be sent; a venue that reads so slowly is cut.

}  // namespace

Slot::Slot(FeedContext& context, Plan plan, std::unique_ptr<Recorder> recorder)
    : context_(context),
      plan_(std::move(plan)),
      recorder_(std::move(recorder)),
      backoff_(
          {context.options.backoff_min, context.options.backoff_max, context.options.healthy_after},
          std::random_device{}()) {
    const Labels labels{{"slot", plan_.name}};
    frames_total_ = counter("tape_feed_frames_total", labels);
    bytes_total_ = counter("tape_feed_bytes_total", labels);
    connects_total_ = counter("tape_feed_connects_total", labels);
    disconnects_total_ = counter("tape_feed_disconnects_total", labels);
    connected_gauge_ = gauge("tape_feed_connected", labels);
    stale_gauge_ = gauge("tape_feed_stale", labels);
    for (const auto& stream : plan_.connection.streams) {
        if (stream.native_symbol.empty())
            continue;  // The connection's own, such as its heartbeats.
        const auto known = std::ranges::find(symbols_, stream.native_symbol, &Symbol::name);
        if (known == symbols_.end())
            symbols_.push_back({.name = stream.native_symbol, .streams = 1});
        else
            ++known->streams;
    }
    record_config();
}

void Slot::record_config() {
    try {
        recorder_->append(RecordKind::config, wall_clock(), context_.options.config_payload);
        config_recorded_ = true;
    } catch (const CannotRecord&) {  // The slot starts paused, and records it then.
    }
}

asio::awaitable<void> Slot::run() {
    while (!stopped_) {
        if (recorder_->trouble()) co_await wait_for_disk();
        const Nanos start = steady_clock();
        std::string cause;
        try {
            co_await hold_connection();
        } catch (const std::exception& error) {
            cause = error.what();
        }
        if (stopped_) co_return;
        end_session(cause);
        if (recorder_->trouble()) continue;
        const Nanos wait = backoff_.next(steady_clock() - start);
        log_warn("{}: {}; next attempt in {}", name(), cause_,
                 format_duration(millis(wait.millis())));
        co_await net::sleep_for(wait);
    }
}

// Returns when the slot is stopped; every other end is an exception.
asio::awaitable<void> Slot::hold_connection() {
    net::ClientOptions options;
    options.ca_file = plan_.ca_file;
    options.max_message_bytes = context_.options.writer.max_record_bytes;
    options.idle_timeout = plan_.connection.silence_limit + plan_.connection.silence_limit;
    const std::shared_ptr<net::WebSocket> socket =
        co_await net::connect_websocket(plan_.url, options);
    if (stopped_) co_return;
    begin_session(socket);
    while (!stopped_) {
        const net::WebSocket::Message message = co_await socket->read();
        if (stopped_) co_return;
        on_frame(message.payload);
    }
}

void Slot::begin_session(std::shared_ptr<net::WebSocket> socket) {
    const Nanos now = steady_clock();
    const i64 number = sessions_.fetch_add(1) + 1;
    recorder_->append(RecordKind::connected, wall_clock(),
                      connected_payload(socket->remote(), number));
    log_info("{}: connected to {}", name(), socket->remote());
    set_cause("", socket->remote());
    session_ = std::make_shared<Session>();
    session_->socket = std::move(socket);
    session_->last_heard = session_->last_sent = now;
    for (Symbol& symbol : symbols_) symbol.last_heard = now;
    connected_ = true;
    connects_total_.add();
    connected_gauge_.set(1);
    for (const std::string& text : plan_.connection.subscribe) send(session_, text);
}

void Slot::end_session(const std::string& what) {
    std::string cause = what;
    if (recorder_->trouble())
        cause = *recorder_->trouble();
    else if (session_ && !session_->cut_cause.empty())
        cause = session_->cut_cause;
    if (session_) {
        session_->over = true;
        session_->socket->abort();
        session_.reset();
    }
    note_disconnected(cause);
}

// Also of an attempt that did not come so far: the cause belongs to the time in which nothing was
// captured.
void Slot::note_disconnected(const std::string& cause) {
    set_cause(cause, "");
    if (connected_.exchange(false)) disconnects_total_.add();
    connected_gauge_.set(0);
    stale_ = 0;
    stale_gauge_.set(0);
    if (recorder_->trouble()) return;  // The gap will tell it.
    try {
        recorder_->append(RecordKind::disconnected, wall_clock(), disconnected_payload(cause));
    } catch (const CannotRecord&) {  // As above: run() pauses next.
    }
}

void Slot::cut(Session& session, std::string cause) {
    if (session.cut_cause.empty()) session.cut_cause = std::move(cause);
    session.socket->abort();
}

void Slot::on_frame(std::string_view payload) {
    const Nanos now = wall_clock();
    recorder_->append(RecordKind::frame, now, payload);
    last_recv_.store(now.count, std::memory_order_relaxed);
    frames_.store(frames_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    frames_total_.add();
    bytes_total_.add(std::ssize(payload));
    if (unheard_symbols_ > 0) note_symbols(payload);
    if (auto answer = plan_.venue->reply(payload)) send(session_, std::move(*answer));
}

void Slot::note_symbols(std::string_view payload) {
    for (Symbol& symbol : symbols_) {
        if (symbol.heard || payload.find(symbol.name) == std::string_view::npos) continue;
        symbol.heard = true;
        --unheard_symbols_;
    }
}

void Slot::send(const std::shared_ptr<Session>& session, std::string text) {
    if (session->outbox.size() >= outbox_limit)
        return cut(*session, "the venue does not read what it is sent");
    session->outbox.push_back(std::move(text));
    if (session->writing) return;
    session->writing = true;
    asio::co_spawn(context_.io, drain(session), asio::detached);
}

// `sent` is recorded before the text leaves, so that no answer to it stands before it.
asio::awaitable<void> Slot::drain(std::shared_ptr<Session> session) {
    try {
        while (!session->outbox.empty() && !session->over && !stopped_) {
            std::string text = std::move(session->outbox.front());
            session->outbox.pop_front();
            recorder_->append(RecordKind::sent, wall_clock(), text);
            session->last_sent = steady_clock();
            co_await session->socket->write_text(std::move(text));
        }
    } catch (const std::exception& error) {
        cut(*session, error.what());
    }
    session->writing = false;
}

void Slot::tick() {
    if (stopped_ || paused_) return;
    try {
        recorder_->append(RecordKind::heartbeat, wall_clock(), "");
    } catch (const CannotRecord& error) {
        if (session_) cut(*session_, error.what());
        return;
    }
    if (!session_) return;
    const Nanos now = steady_clock();
    check_silence(*session_, now);
    check_stale(now);
}

void Slot::check_silence(Session& session, Nanos now) {
    if (frames_ != session.frames_before_tick) session.last_heard = now;
    session.frames_before_tick = frames_;
    if (now - session.last_heard > plan_.connection.silence_limit)
        return cut(session, "silent for " + format_duration(plan_.connection.silence_limit));
    const auto& keepalive = plan_.connection.keepalive;
    if (keepalive && now - std::max(session.last_heard, session.last_sent) >= keepalive->after)
        send(session_, keepalive->text);
}

void Slot::check_stale(Nanos now) {
    std::vector<std::string_view> names;
    i64 streams = 0;
    for (Symbol& symbol : symbols_) {
        if (symbol.heard) symbol.last_heard = now;
        symbol.heard = false;
        if (now - symbol.last_heard <= context_.options.stale_after) continue;
        names.push_back(symbol.name);
        streams += symbol.streams;
    }
    unheard_symbols_ = std::ssize(symbols_);
    if (streams == stale_) return;
    if (streams > stale_)
        log_warn("{}: {} not heard of for {}", name(), fmt::join(names, ", "),
                 format_duration(context_.options.stale_after));
    stale_ = streams;
    stale_gauge_.set(static_cast<double>(streams));
}

asio::awaitable<void> Slot::wait_for_disk() {
    const Nanos from = recorder_->last_ts() > Nanos{} ? recorder_->last_ts() : wall_clock();
    log_error("{}: capture pauses: {}", name(), *recorder_->trouble());
    set_paused(true);
    bool resumed = false;
    while (!stopped_ && !resumed) {
        co_await net::sleep_for(context_.options.disk_check);
        const Nanos now = wall_clock();
        resumed =
            !stopped_ && recorder_->resume(now, gap_payload(*recorder_->trouble(), from, now));
    }
    set_paused(false);
    if (!resumed) co_return;
    log_info("{}: capture goes on", name());
    if (!config_recorded_) record_config();
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
                recorder_->append(kind, wall_clock(), payload);
                co_return;
            } catch (const CannotRecord&) {  // The slot notices it too, and pauses.
            }
        }
        co_await net::sleep_for(context_.options.disk_check);
    }
}

void Slot::stop() {
    if (stopped_) return;
    if (session_) note_disconnected("stopped");
    stopped_ = true;
}

asio::awaitable<void> Slot::close_socket() {
    if (!session_) co_return;
    const std::shared_ptr<net::WebSocket> socket = session_->socket;
    co_await socket->close(1000, "");
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
    status.stale = stale_;
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
