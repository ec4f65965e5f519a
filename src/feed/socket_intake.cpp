#include "feed/socket_intake.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/log.h"

namespace tape::feed {
namespace {

using log::RecordKind;

// What went wrong before there was a socket, and what it is put down to.
struct Failed : std::runtime_error {
    Failed(std::string what, Reason why) : std::runtime_error(std::move(what)), reason(why) {}
    Reason reason;
};

bool is_ban(int status) {
    return status == 418 || status == 429;
}

// Any text that was not used before.
std::string connection_id(std::mt19937_64& random) {
    return fmt::format("{:016x}", random());
}

Down words_of(const std::exception& error) {
    if (const auto* refused = dynamic_cast<const net::UpgradeRefused*>(&error))
        return {error.what(), is_ban(refused->status) ? Reason::ban : Reason::disconnect};
    if (const auto* failed = dynamic_cast<const Failed*>(&error))
        return {error.what(), failed->reason};
    return {error.what()};
}

}  // namespace

SocketIntake::SocketIntake(Slot& slot)
    : slot_(slot),
      hearing_(slot),
      replace_backoff_(slot.make_backoff()),
      random_(std::random_device{}()) {
    const Labels labels{{"slot", slot.name()}};
    frames_total_ = counter("tape_feed_frames_total", labels);
    bytes_total_ = counter("tape_feed_bytes_total", labels);
    resubscribes_total_ = counter("tape_feed_resubscribes_total", labels);
    replacements_total_ = counter("tape_feed_replacements_total", labels);
    stale_gauge_ = gauge("tape_feed_stale", labels);
    mute_gauge_ = gauge("tape_feed_mute", labels);
}

asio::awaitable<Down> SocketIntake::hold() {
    std::optional<Down> failed;
    try {
        (void)co_await open();
    } catch (const std::exception& error) {
        failed = words_of(error);
    }
    if (failed && !slot_.stopped()) {
        slot_.on_disconnected(failed->cause, failed->reason);
        co_return *failed;
    }
    plan_replacement(steady_clock());
    while (!live_.empty() && !slot_.stopped()) {
        const Nanos now = steady_clock();
        if (replace_at_ && *replace_at_ <= now)
            co_await replace();
        else
            co_await slot_.nap(replace_at_ ? *replace_at_ - now : seconds(3'600));
    }
    co_return down_;
}

asio::awaitable<SocketIntake::Shared> SocketIntake::open() {
    const Slot::Plan plan = slot_.plan();
    const i64 plan_version = slot_.plan_version();
    net::Url url = plan.url;
    std::optional<Nanos> ping_interval;
    if (plan.connection.token) {
        const venues::Venue::Admission admitted = co_await admission();
        ping_interval = admitted.ping_interval;
        auto parsed = net::parse_url(admitted.websocket);
        if (!parsed) throw Failed("token: " + parsed.error().what, Reason::token);
        url = std::move(*parsed);
    }
    net::ClientOptions options;
    options.ca_file = plan.ca_file;
    options.max_message_bytes = slot_.context().options.writer.max_record_bytes;
    options.idle_timeout = plan.connection.silence_limit + plan.connection.silence_limit;
    co_await plan.rest->connect_turn();
    if (slot_.stopped()) co_return nullptr;
    std::shared_ptr<net::WebSocket> socket = co_await net::connect_websocket(url, options);
    const bool outdated = slot_.plan_version() != plan_version;
    if (slot_.stopped() || outdated) socket->abort();
    if (slot_.stopped()) co_return nullptr;
    if (outdated) throw Failed("the configuration changed meanwhile", Reason::planned);
    const std::string address = socket->remote();
    const auto session =
        std::make_shared<Session>(slot_, std::move(socket), hearing_.streams(), ping_interval);
    slot_.on_connected(address, live_.empty() ? Slot::Overlap::no : Slot::Overlap::yes);
    if (live_.empty()) hearing_.on_connected(steady_clock());
    live_.push_back(session);
    session->begin();
    slot_.spawn(read(session));
    co_return session;
}

// Fetched anew for each connection; nothing of it is recorded, as it is a key of a kind.
asio::awaitable<venues::Venue::Admission> SocketIntake::admission() {
    const Slot::Plan plan = slot_.plan();
    venues::RestRequest request = *plan.connection.token;
    std::optional<Failed> failed;
    net::HttpResponse response;
    try {
        response = co_await plan.rest->fetch(std::move(request));
    } catch (const std::exception& error) {
        failed.emplace(fmt::format("token: {}", error.what()), Reason::token);
    }
    if (failed) throw *failed;
    if (response.status != 200)
        throw Failed(fmt::format("token: {} answers with status {}", plan.connection.token->target,
                                 response.status),
                     is_ban(response.status) ? Reason::ban : Reason::token);
    const std::string id = connection_id(random_);
    auto admitted = plan.venue->admit(response.body, id);
    if (!admitted) throw Failed("token: " + admitted.error().what, Reason::token);
    co_return std::move(*admitted);
}

asio::awaitable<void> SocketIntake::read(Shared session) {
    std::string what;
    try {
        while (!slot_.stopped()) {
            const net::WebSocket::Message message = co_await session->socket().read();
            if (slot_.stopped() || !is_live(session)) break;
            on_frame(*session, message.payload);
        }
    } catch (const std::exception& error) {
        what = error.what();
    }
    if (!slot_.stopped()) drop(session, what);
}

void SocketIntake::on_frame(Session& session, std::string_view payload) {
    const bool ready = session.ready();
    session.on_frame(payload, hearing_);
    frames_total_.add();
    bytes_total_.add(std::ssize(payload));
    if (!ready && session.ready()) slot_.wake();
    if (slot_.plan().venue->announces_end(payload)) {
        end_ = End::foreseen;
        want_replacement("the venue announced its end", End::foreseen);
    }
}

// A session that was taken out before ends without anybody's notice. A socket that breaks while
// another one carries everything is no outage; while the other is not that far it is one, and then
// both begin anew.
void SocketIntake::drop(const Shared& session, const std::string& what) {
    if (!is_live(session)) return;
    const bool was_oldest = live_.front() == session;
    take_out(session);
    session->end();
    session->socket().abort();
    if (was_oldest && !live_.empty() && !live_.front()->ready()) {
        const Shared unready = live_.front();
        take_out(unready);
        unready->end();
        unready->cut("the connection it was to replace ended before it was ready");
    }
    const std::string cause = session->cut_cause().empty() ? what : session->cut_cause();
    slot_.wake();
    if (!live_.empty()) {
        log_info("{}: {}; another connection goes on", slot_.name(), cause);
        return;
    }
    down_ = {cause, end_ == End::foreseen ? Reason::planned : Reason::disconnect};
    stale_ = 0;
    stale_gauge_.set(0);
    slot_.on_disconnected(down_.cause, down_.reason);
}

void SocketIntake::take_out(const Shared& session) {
    std::erase(live_, session);
}

bool SocketIntake::is_live(const Shared& session) const {
    return std::ranges::find(live_, session) != live_.end();
}

// Some per cent before the venue's limit, not all at the same time, so that there is time to try
// again.
void SocketIntake::plan_replacement(Nanos now) {
    replace_at_.reset();
    end_ = End::unforeseen;
    replace_backoff_ = slot_.make_backoff();
    const std::optional<Nanos>& age = slot_.plan().connection.replace_after;
    if (!age) return;
    std::uniform_int_distribution<i64> margin(age->count / 50, age->count / 16);
    replace_at_ = now + *age - Nanos{margin(random_)};
    replace_why_ = "the venue ends connections of " + format_duration(*age);
    replace_end_ = End::foreseen;
}

void SocketIntake::want_replacement(std::string why, End end) {
    const Nanos now = steady_clock();
    if (live_.empty() || replacing_ || (replace_at_ && *replace_at_ <= now)) return;
    replace_at_ = now;
    replace_why_ = std::move(why);
    replace_end_ = end;
    slot_.wake();
}

asio::awaitable<void> SocketIntake::replace() {
    const Shared old = live_.front();
    log_info("{}: the connection is replaced: {}", slot_.name(), replace_why_);
    replacing_ = true;
    replace_at_.reset();
    end_ = replace_end_;
    Shared fresh;
    std::string failure;
    try {
        fresh = co_await open();
    } catch (const std::exception& error) {
        failure = error.what();
    }
    if (fresh && is_live(old)) co_await overlap(fresh, old);
    replacing_ = false;
    if (live_.empty() || slot_.stopped()) co_return;
    if (live_.back() == old) {
        if (failure.empty()) failure = fresh->cut_cause();
        const Nanos wait = replace_backoff_.next({});
        log_warn("{}: no replacement yet: {}; next attempt in {}", slot_.name(), failure,
                 format_duration(millis(wait.millis())));
        replace_at_ = steady_clock() + wait;
        co_return;
    }
    replacements_total_.add();
    plan_replacement(live_.back()->opened());
    if (live_.back()->plan_version() != slot_.plan_version()) on_change();
}

// The old one is heard until the new one was heard of each stream, and a moment longer, for what is
// still under way; or until the new one had time enough.
asio::awaitable<void> SocketIntake::overlap(Shared fresh, Shared old) {
    const FeedOptions& options = slot_.context().options;
    const auto both = [&] { return is_live(fresh) && is_live(old) && !slot_.stopped(); };
    const Nanos deadline = steady_clock() + options.overlap_wait;
    while (both() && !fresh->ready() && steady_clock() < deadline)
        co_await slot_.nap(deadline - steady_clock());
    if (both() && fresh->frames() == 0) {
        fresh->cut("nothing was heard within " + format_duration(options.overlap_wait));
        while (is_live(fresh) && !slot_.stopped()) co_await slot_.nap(millis(100));
    }
    const Nanos end = steady_clock() + options.overlap_rest;
    while (both() && steady_clock() < end) co_await slot_.nap(end - steady_clock());
    if (!both()) co_return;
    take_out(old);
    old->end();
    slot_.spawn(close_session(old));
}

asio::awaitable<void> SocketIntake::close_session(Shared session) {
    const std::shared_ptr<net::WebSocket> socket = session->share_socket();
    co_await socket->close(1000, "");
}

void SocketIntake::tick(Nanos now) {
    const std::vector<Shared> sessions = live_;
    for (const Shared& session : sessions) session->tick(now);
    if (live_.empty()) return;
    check_streams(now);
    show_stale(now);
}

void SocketIntake::check_streams(Nanos now) {
    for (const Hearing::Finding& finding : hearing_.on_tick(now)) {
        const std::string words =
            fmt::format("{} of {}", finding.stream.channel, finding.stream.native_symbol);
        slot_.append(RecordKind::gap,
                     muted_payload(finding.stream.channel, finding.stream.native_symbol,
                                   finding.from, wall_clock()));
        // A socket that is silent altogether will not hear what it is asked for.
        const bool dead = now - live_.back()->last_heard() > slot_.context().options.silence_min;
        std::vector<std::string> texts;
        if (finding.step == Liveness::Step::resubscribe && !dead)
            texts = slot_.plan().venue->resubscribe(finding.stream);
        if (texts.empty()) {
            want_replacement(words + " stays mute although the market trades", End::unforeseen);
            continue;
        }
        log_warn("{}: {} is mute although the market trades: subscribed anew", slot_.name(), words);
        resubscribes_total_.add();
        for (const std::string& text : texts) live_.back()->send(text);
    }
}

void SocketIntake::show_stale(Nanos now) {
    std::vector<std::string> mute = hearing_.mute();
    mute_gauge_.set(static_cast<double>(mute.size()));
    {
        const std::lock_guard lock(mute_mutex_);
        mute_ = std::move(mute);
    }
    const std::vector<std::string> names = hearing_.stale(now);
    const i64 count = std::ssize(names);
    if (count == stale_) return;
    if (count > stale_)
        log_warn("{}: not heard for {}: {}", slot_.name(),
                 format_duration(slot_.context().options.stale_after), fmt::join(names, ", "));
    stale_ = count;
    stale_gauge_.set(static_cast<double>(count));
}

void SocketIntake::cut(const std::string& cause) {
    for (const Shared& session : live_) session->cut(cause);
}

void SocketIntake::on_change() {
    hearing_.take_plan();
    want_replacement("the configuration changed", End::foreseen);
}

asio::awaitable<void> SocketIntake::close() {
    const std::vector<Shared> sessions = live_;
    for (const Shared& session : sessions) session->end();
    for (size_t k = 1; k < sessions.size(); ++k) sessions[k]->socket().abort();
    if (!sessions.empty()) co_await close_session(sessions.front());
}

void SocketIntake::describe(SlotStatus& status) const {
    status.replacing = replacing_;
    status.stale = stale_;
    const std::lock_guard lock(mute_mutex_);
    status.mute = mute_;
}

}  // namespace tape::feed
