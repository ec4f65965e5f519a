// Only what a venue sends of its own accord is tampered with; answers to a client's texts pass.
#include "sim/faulty_session.h"

#include <algorithm>
#include <deque>
#include <limits>

namespace tape::sim {
namespace {

constexpr std::size_t held_limit = 100'000;  // Frames of one connection that wait for their time.
constexpr Nanos reorder_patience = seconds(1);  // A frame that nothing overtakes goes after this.
constexpr Nanos usual_notice = seconds(1);      // Between a venue's announcement and its end.

std::string with_unknown_fields(std::string_view frame) {
    constexpr std::string_view fields = R"("unexpected":{"list":[1,null,"x"]},)";
    const auto put = [&fields](std::string& text, std::size_t brace) {
        if (brace != std::string::npos && brace + 1 < text.size() && text[brace + 1] == '"')
            text.insert(brace + 1, fields);
    };
    std::string text(frame);
    const std::size_t first = text.find('{'), last = text.rfind('{');
    put(text, last);
    if (first != last) put(text, first);
    return text;
}

// Where a frame's checksum begins.
std::optional<std::size_t> find_checksum(std::string_view frame) {
    constexpr std::string_view key = R"("checksum":)";
    const std::size_t at = frame.find(key);
    if (at == std::string_view::npos) return std::nullopt;
    return at + key.size();
}

class FaultySession final : public Session {
 public:
    FaultySession(std::unique_ptr<Session> inner, VenueFaults& faults, std::string target,
                  Nanos now)
        : inner_(std::move(inner)), faults_(faults), connected_(now), states_(faults.all().size()) {
        note_symbols(target, now);
    }

    void on_text(std::string_view text, Nanos now, Outbox& out) override {
        note_symbols(text, now);
        inner_->on_text(text, now, out);
    }

    void advance(Nanos now, Outbox& out) override {
        begin_muting(now);
        Outbox due;
        inner_->advance(now, due);
        out.ping = out.ping || due.ping;
        for (std::string& frame : due.frames) {
            faults_.count_frame(now);
            tamper(std::move(frame), now, out);
        }
        release(now, out);
        if (due.close) out.close = std::move(due.close);
        out.bytes_per_second = 0;
        for (const ArmedFault& armed : faults_.all())
            if (armed.fault.kind == FaultKind::slow && armed.in_force(now))
                out.bytes_per_second = armed.fault.bytes_per_second;
        end_where_due(now, out);
    }

 private:
    struct State {                   // Of a fault, as to this connection.
        std::optional<Nanos> named;  // When the client first spoke of its symbol.
        bool muted{};
        bool spent{};
    };
    struct Held {
        std::string frame;
        Nanos until;
        std::size_t fault{};
        i64 to_overtake{};
    };

    // A client that speaks of a symbol subscribes to it: what was muted is heard again.
    void note_symbols(std::string_view text, Nanos now) {
        for (std::size_t i = 0; i < states_.size(); ++i) {
            const Fault& fault = faults_.all()[i].fault;
            if (fault.symbol.empty() || !mentions(text, fault.symbol)) continue;
            if (!states_[i].named) states_[i].named = now;
            states_[i].muted = false;
        }
    }

    // A mute fault strikes once: those connections that have the symbol when it finds the first.
    void begin_muting(Nanos now) {
        for (std::size_t i = 0; i < states_.size(); ++i) {
            ArmedFault& armed = faults_.all()[i];
            State& state = states_[i];
            const bool concerned = armed.fault.kind == FaultKind::mute && armed.in_force(now) &&
                                   state.named && !state.spent;
            if (!concerned) continue;
            if (!armed.struck_first) armed.struck_first = now;
            state.spent = true;
            state.muted = *state.named <= *armed.struck_first;
        }
    }

    void tamper(std::string frame, Nanos now, Outbox& out) {
        const u64 what = hash_text(frame);
        int copies = 1;
        std::optional<Held> held;
        bool reordered = false;
        for (std::size_t i = 0; i < states_.size(); ++i) {
            ArmedFault& armed = faults_.all()[i];
            const Fault& fault = armed.fault;
            if (!fault.symbol.empty() && !mentions(frame, fault.symbol)) continue;
            switch (fault.kind) {
                case FaultKind::mute:
                    if (states_[i].muted) return;
                    break;
                case FaultKind::truncate:
                    if (frame.size() > 2 && armed.strikes(what, now))
                        frame.resize(1 + what % (frame.size() - 1));
                    break;
                case FaultKind::unknown_field:
                    if (armed.strikes(what, now)) frame = with_unknown_fields(frame);
                    break;
                case FaultKind::checksum_zero:
                    if (const auto begin = find_checksum(frame); begin && armed.strikes(what, now))
                        frame.replace(*begin, frame.find_first_of(",}", *begin) - *begin, "0");
                    break;
                case FaultKind::duplicate:
                    if (armed.strikes(what, now)) copies = 2;
                    break;
                case FaultKind::reorder:
                    if (armed.strikes(what, now)) {
                        held = {"", now + reorder_patience, i, fault.distance};
                        reordered = true;
                    }
                    break;
                case FaultKind::delay:
                    // What comes after a delayed frame does not overtake it.
                    if (const auto last = last_delayed(i); armed.strikes(what, now) || last)
                        held = {"",
                                std::max(armed.in_force(now) ? now + *fault.by : now,
                                         last.value_or(now)),
                                i};
                    break;
                default:
                    break;
            }
        }
        if (held && held_.size() < held_limit) {
            held->frame = std::move(frame);
            if (copies == 2) held_.push_back(*held);
            held_.push_back(std::move(*held));
            return;
        }
        if (copies == 2) out.frames.push_back(frame);
        out.frames.push_back(std::move(frame));
        if (!reordered) overtake(out);
    }

    std::optional<Nanos> last_delayed(std::size_t fault) const {
        for (auto held = held_.rbegin(); held != held_.rend(); ++held)
            if (held->fault == fault && held->to_overtake == 0) return held->until;
        return std::nullopt;
    }

    // A frame went out: those that it was to overtake come nearer.
    void overtake(Outbox& out) {
        for (Held& held : held_)
            if (held.to_overtake > 0 && --held.to_overtake == 0) {
                out.frames.push_back(std::move(held.frame));
                held.frame.clear();
                held.until = Nanos{std::numeric_limits<i64>::min()};
            }
        std::erase_if(held_, [](const Held& held) { return held.frame.empty(); });
    }

    void release(Nanos now, Outbox& out) {
        for (Held& held : held_)
            if (held.until <= now) out.frames.push_back(std::exchange(held.frame, {}));
        std::erase_if(held_, [](const Held& held) { return held.frame.empty(); });
    }

    void end_where_due(Nanos now, Outbox& out) {
        using How = Outbox::Close::How;
        for (std::size_t i = 0; i < states_.size() && !out.close; ++i) {
            const ArmedFault& armed = faults_.all()[i];
            const Fault& fault = armed.fault;
            const bool concerned = armed.began && *armed.began <= now &&
                                   connected_ < *armed.began &&
                                   (fault.symbol.empty() || states_[i].named);
            if (!concerned) continue;
            if (fault.kind == FaultKind::close && fault.code == 1006)
                out.close = {1006, "", How::cut};
            if (fault.kind == FaultKind::close && fault.code != 1006)
                out.close = {static_cast<u16>(fault.code), "closed by a fault script"};
            if (fault.kind == FaultKind::reset) out.close = {1006, "", How::reset};
            if (fault.kind == FaultKind::half_open) out.close = {1006, "", How::silent};
            if (fault.kind == FaultKind::token_expiry) out.close = {1000, "token is expired"};
            if (fault.kind != FaultKind::day_end) continue;
            if (!std::exchange(states_[i].spent, true)) inner_->announce_end(now, out);
            if (now >= *armed.began + fault.lasts.value_or(usual_notice))
                out.close = {1001, "disconnected after 24 hours"};
        }
    }

    const std::unique_ptr<Session> inner_;
    VenueFaults& faults_;
    const Nanos connected_;
    std::vector<State> states_;  // One for each of the faults.
    std::deque<Held> held_;
};

}  // namespace

std::unique_ptr<Session> make_faulty(std::unique_ptr<Session> inner, VenueFaults& faults,
                                     std::string target, Nanos now) {
    return std::make_unique<FaultySession>(std::move(inner), faults, std::move(target), now);
}

}  // namespace tape::sim
