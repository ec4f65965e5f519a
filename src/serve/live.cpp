#include "serve/live.h"

#include <fmt/core.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "base/log.h"
#include "base/metrics.h"
#include "serve/rows_json.h"

namespace tape::serve {

namespace asio = net::asio;

// Shared by the two coroutines of a socket, one of which reads and one writes.
struct Live::Session {
    std::shared_ptr<net::WebSocket> socket;
    bool gone = false;
    std::optional<Nanos> writing_since;  // On the steady clock.
    enum class Wants : u8 { nothing, one, all } wants{};
    std::string venue, symbol;  // Of `one`.
    std::string complaint;      // What was wrong with the last message; sent once.
    i64 seen_change = 0, seen_latest = 0, seen_gap = 0, seen_second = 0;
};

// While a frame is on its way. The frames that were due meanwhile are those that the browser does
// not get.
class Live::Writing final {
 public:
    Writing(Session& session, Nanos interval) : session_(session), interval_(interval) {
        session.writing_since = steady_clock();
    }
    ~Writing() {
        static const Counter dropped = counter("tape_serve_dropped_total");
        dropped.add((steady_clock() - *session_.writing_since).count / interval_.count);
        session_.writing_since.reset();
    }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

 private:
    Session& session_;
    Nanos interval_;
};

namespace {

// Rows that changed after `seen` lie anywhere in the list when they were revised, but mostly at its
// end.
void append_changed(std::string& out, const std::deque<WindowEntry>& rows, i64 seen) {
    for (const WindowEntry& entry : rows) {
        if (entry.change <= seen) continue;
        if (out.back() != '[') out += ',';
        append_json(out, entry.row);
    }
}

}  // namespace

Live::Live(const ServeOptions& options, const Backend& backend, const Recent& recent,
           const Hub& hub)
    : options_(options), backend_(backend), recent_(recent), hub_(hub) {
    on_second(wall_clock());
}

asio::awaitable<void> Live::serve(std::shared_ptr<net::WebSocket> socket) {
    static const Gauge open = gauge("tape_serve_clients");
    const auto session = std::make_shared<Session>();
    session->socket = std::move(socket);
    session->seen_gap = recent_.change();  // What was before comes over HTTP.
    const auto place = sessions_.emplace(sessions_.end(), session);
    open.set(static_cast<double>(clients()));
    const auto executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, listen(session), asio::detached);
    try {
        while (!session->gone) {
            std::vector<std::string> due = frames(*session);
            for (std::string& frame : due) co_await send(*session, std::move(frame));
            co_await net::sleep_for(options_.live_interval);
        }
    } catch (const std::exception& error) {
        log_debug("the browser at {} went: {}", session->socket->remote(), error.what());
    }
    session->socket->abort();  // Ends listen() too.
    sessions_.erase(place);
    open.set(static_cast<double>(clients()));
}

asio::awaitable<void> Live::listen(std::shared_ptr<Session> session) {
    try {
        while (true) {
            const net::WebSocket::Message message = co_await session->socket->read();
            subscribe(*session, message.payload);
        }
    } catch (const std::exception&) {
        session->gone = true;
    }
}

asio::awaitable<void> Live::send(Session& session, std::string frame) {
    const Writing writing(session, options_.live_interval);
    co_await session.socket->write_text(std::move(frame));
}

void Live::on_second(Nanos now) {
    ++second_;
    second_head_ = fmt::format(
        "{{\"type\":\"second\",\"now\":{},\"simulated\":{},\"lag_ms\":{},\"last_record\":{},"
        "\"status\":{}",
        json_quoted(format_rfc3339(now)), options_.simulated,
        hub_.lag() ? std::to_string(hub_.lag()->millis()) : "null",
        hub_.last_record() ? json_quoted(format_rfc3339(*hub_.last_record())) : "null",
        backend_.status_json());
    const Nanos steady = steady_clock();
    for (const auto& weak : sessions_) {
        const auto session = weak.lock();
        if (session->writing_since && steady - *session->writing_since > options_.stalled_after)
            session->socket->abort();
    }
}

// {"venue":…,"symbol":…}, {"all":true} or {"none":true}.
void Live::subscribe(Session& session, std::string_view message) const {
    const auto json = nlohmann::json::parse(message, nullptr, false);
    const auto is_true = [&json](const char* name) {
        return json.contains(name) && json[name] == true;
    };
    const auto is_text = [&json](const char* name) {
        return json.contains(name) && json[name].is_string();
    };
    if (json.is_object() && is_text("venue") && is_text("symbol")) {
        session.venue = json["venue"];
        session.symbol = json["symbol"];
        session.wants = Session::Wants::one;
    } else if (json.is_object() && is_true("all")) {
        session.wants = Session::Wants::all;
    } else if (json.is_object() && is_true("none")) {
        session.wants = Session::Wants::nothing;
    } else {
        session.complaint =
            R"({"type":"error","error":"expected {\"venue\":…,\"symbol\":…}, {\"all\":true} or {\"none\":true}"})";
        return;
    }
    session.seen_change = recent_.change();  // What was before comes over HTTP.
}

// What is due now: usually one frame or none.
std::vector<std::string> Live::frames(Session& session) const {
    std::vector<std::string> due;
    if (!session.complaint.empty()) due.push_back(std::exchange(session.complaint, {}));
    if (session.seen_second != second_) due.push_back(second(session));
    if (std::string changed = changes(session); !changed.empty()) due.push_back(std::move(changed));
    return due;
}

std::string Live::changes(Session& session) const {
    if (session.wants == Session::Wants::nothing || session.seen_change == recent_.change())
        return {};
    std::string ticks = "[", windows = "[";
    for (const Series& series : recent_.series()) {
        const Instrument& instrument = *series.instrument;
        if (session.wants == Session::Wants::one &&
            (instrument.venue != session.venue || instrument.symbol != session.symbol))
            continue;
        if (series.latest_change > session.seen_change) {
            if (ticks.back() != '[') ticks += ',';
            append_json(ticks, series.latest);
        }
        for (const auto& [name, rows] : series.windows)
            append_changed(windows, rows, session.seen_change);
    }
    session.seen_change = recent_.change();
    if (ticks == "[" && windows == "[") return {};
    return fmt::format("{{\"type\":\"live\",\"ticks\":{}],\"windows\":{}]}}", ticks, windows);
}

// The state of everything, the latest price of each instrument that has a new one, and the gaps of
// which more is known.
std::string Live::second(Session& session) const {
    session.seen_second = second_;
    std::string out = second_head_ + ",\"latest\":[";
    for (const Series& series : recent_.series()) {
        if (series.latest_change <= session.seen_latest) continue;
        if (out.back() != '[') out += ',';
        append_json(out, series.latest);
    }
    session.seen_latest = recent_.change();
    out += "],\"gaps\":[";
    for (const auto& [gap, change] : recent_.gaps()) {
        if (change <= session.seen_gap) continue;
        if (out.back() != '[') out += ',';
        append_json(out, gap);
    }
    session.seen_gap = recent_.change();
    return out + "]}";
}

}  // namespace tape::serve
