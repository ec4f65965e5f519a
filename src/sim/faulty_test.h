// For tests: a venue with a fault script, driven by hand.
#pragma once

#include <gtest/gtest.h>

#include "sim/drive_test.h"
#include "sim/faulty_session.h"
#include "sim/simulator.h"

namespace tape::sim {

inline FaultScript script_of(const std::string& text) {
    auto script = parse_fault_script(text, simulated_venues());
    EXPECT_TRUE(script) << (script ? "" : script.error().front());
    return script ? *script : FaultScript();
}

/// A venue with a script, one connection to it, and time by hand. The script's spans count from 10
/// s before the test's start.
class Faulty {
 public:
    explicit Faulty(const std::string& text, std::string_view name = "okx",
                    std::string_view path = "/ws/v5/business")
        : script(script_of(text)),
          venue(*find_sim_venue(name)),
          faults(script, venue, test_start - seconds(10)),
          markets(venue, {.rate = 1000, .venues = 2}, faults),
          path_(path) {
        connect();
    }

    void connect() {
        net::Request request{.method = "GET", .path = path_};
        session = make_faulty(venue.connect(request, market(), now), faults, path_, now);
        closed.reset();
    }
    const Market& market() const { return markets.at(now); }
    std::vector<std::string> say(const std::string& text) {
        Outbox out;
        session->on_text(text, now, out);
        return out.frames;
    }
    std::vector<std::string> subscribe(const std::string& symbol,
                                       const std::string& channel = "trades-all") {
        return say(R"({"op":"subscribe","args":[{"channel":")" + channel + R"(","instId":")" +
                   symbol + R"("}]})");
    }
    std::vector<std::string> pass(Nanos span) {
        Outbox out;
        const Nanos end = now + span;
        while (now < end && !out.close) {
            now = std::min(end, now + millis(7));
            session->advance(now, out);
            bytes_per_second = out.bytes_per_second;
        }
        closed = out.close;
        return out.frames;
    }
    net::Response get(const std::string& path, const std::string& query = "") {
        net::Request request{.method = "GET", .path = path, .query = query};
        if (auto refused = faults.refuse(request, now)) return *refused;
        return venue.answer(request, market(), now);
    }

    FaultScript script;
    const SimVenue& venue;
    VenueFaults faults;
    Markets markets;
    Nanos now = test_start;
    std::unique_ptr<Session> session;
    std::optional<Outbox::Close> closed;
    i64 bytes_per_second = 0;

 private:
    std::string path_;
};

}  // namespace tape::sim
