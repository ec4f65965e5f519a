#include "feed/session.h"

#include <algorithm>

namespace tape::feed {
namespace {

constexpr size_t outbox_limit =
    1'000;  // Texts that wait to be sent; a venue that reads so slowly is cut.

venues::Connection with_ping(venues::Connection connection, const std::optional<Nanos>& interval) {
    if (interval && connection.keepalive) connection.keepalive->after = *interval;
    return connection;
}

}  // namespace

Session::Session(Slot& slot, std::shared_ptr<net::WebSocket> socket, size_t streams,
                 const std::optional<Nanos>& ping_interval)
    : slot_(slot),
      socket_(std::move(socket)),
      venue_(*slot.plan().venue),
      connection_(with_ping(slot.plan().connection, ping_interval)),
      plan_version_(slot.plan_version()),
      opened_(steady_clock()),
      last_heard_(opened_),
      last_sent_(opened_),
      seen_(streams),
      decoder_(venue_.make_decoder()),
      welcome_(!connection_.welcome) {}

void Session::begin() {
    if (!welcome_) return;
    for (const std::string& text : connection_.subscribe) send(text);
}

void Session::on_frame(std::string_view frame, Hearing& hearing) {
    const Nanos now = slot_.append(log::RecordKind::frame, frame);
    slot_.on_received(now);
    ++frames_;
    if (!welcome_ && venue_.is_welcome(frame)) {
        welcome_ = true;
        begin();
    }
    if (auto answer = venue_.reply(frame)) send(std::move(*answer));
    if (!hearing.wants(seen_)) return;
    const log::Record record{
        .offset = {}, .kind = log::RecordKind::frame, .ts_recv = now, .payload = frame};
    hearing.listen(*decoder_, record, seen_);
}

// Some acknowledgements are understood only by who knows what was asked.
void Session::show_decoder(log::RecordKind kind, Nanos now, std::string_view payload) {
    DeafSink nobody;
    const log::Record record{.offset = {}, .kind = kind, .ts_recv = now, .payload = payload};
    (void)decoder_->decode(record, nobody);
}

void Session::send(std::string text) {
    if (outbox_.size() >= outbox_limit) return cut("the venue does not read what it is sent");
    outbox_.push_back(std::move(text));
    if (writing_) return;
    writing_ = true;
    slot_.spawn(drain());
}

// `sent` is recorded before the text leaves, so that no answer to it stands before it.
asio::awaitable<void> Session::drain() {
    const std::shared_ptr<Session> alive = shared_from_this();
    bool first = last_sent_ == opened_;
    try {
        while (!outbox_.empty() && !over_ && !slot_.stopped()) {
            const Nanos wait = last_sent_ + connection_.subscribe_interval - steady_clock();
            if (!first && wait > Nanos{}) {
                co_await net::sleep_for(wait);
                continue;
            }
            first = false;
            std::string text = std::move(outbox_.front());
            outbox_.pop_front();
            const Nanos now = slot_.append(log::RecordKind::sent, text);
            show_decoder(log::RecordKind::sent, now, text);
            last_sent_ = steady_clock();
            co_await socket_->write_text(std::move(text));
        }
    } catch (const std::exception& error) {
        cut(error.what());
    }
    writing_ = false;
}

void Session::tick(Nanos now) {
    if (frames_ != frames_before_tick_) last_heard_ = now;
    frames_before_tick_ = frames_;
    if (now - last_heard_ > connection_.silence_limit)
        return cut("silent for " + format_duration(connection_.silence_limit));
    const Nanos patience = slot_.context().options.welcome_wait;
    if (!welcome_ && now - opened_ > patience)
        return cut("no welcome within " + format_duration(patience));
    const auto& keepalive = connection_.keepalive;
    if (!keepalive || !welcome_ || writing_) return;
    const Nanos quiet_since = keepalive->always ? last_sent_ : std::max(last_heard_, last_sent_);
    if (now - quiet_since >= keepalive->after) send(keepalive->text);
}

void Session::cut(std::string cause) {
    if (cut_cause_.empty()) cut_cause_ = std::move(cause);
    socket_->abort();
}

}  // namespace tape::feed
