// For tests: a venue's session driven by hand, without sockets, at times of the test's choice.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/sim_venue.h"

namespace tape::sim {

/// A moment long after the epoch: there is history before it.
constexpr Nanos test_start = default_epoch + seconds(50'000'000);

class Drive final {
 public:
    explicit Drive(std::string_view venue, MarketOptions options = {.rate = 1000, .venues = 2})
        : venue_(*find_sim_venue(venue)), market_(venue, venue_.listings(), options) {}

    const Market& market() const { return market_; }
    const TradeSequence& trades(std::string_view symbol) const { return *market_.find(symbol); }
    Nanos now() const { return now_; }

    void connect(std::string_view target) {
        session_ = venue_.connect(request("GET", target), market_, now_);
    }
    bool connected() const { return session_ != nullptr; }

    /// What the venue answers at once.
    std::vector<std::string> say(std::string_view text) {
        Outbox out;
        session_->on_text(text, now_, out);
        closed_ = out.close;
        return out.frames;
    }
    /// What it sends while `span` passes, in steps.
    std::vector<std::string> pass(Nanos span, Nanos step = millis(7)) {
        Outbox out;
        const Nanos end = now_ + span;
        while (now_ < end && !out.close) {
            now_ = std::min(end, now_ + step);
            session_->advance(now_, out);
            pings_ += std::exchange(out.ping, false);
        }
        closed_ = out.close;
        return out.frames;
    }
    void set_faults(std::string_view symbol, const TradeFaults& faults) {
        for (std::size_t i = 0; i < market_.all().size(); ++i)
            if (market_.sequence(i).symbol() == symbol) market_.sequence(i).set_faults(faults);
    }

    /// Lets `span` pass without a connection.
    void skip(Nanos span) { now_ = now_ + span; }
    const std::optional<Outbox::Close>& closed() const { return closed_; }
    i64 pings() const { return pings_; }

    net::Response ask(std::string_view method, std::string_view target,
                      net::Headers headers = {}) const {
        net::Request asked = request(method, target);
        asked.headers = std::move(headers);
        return venue_.answer(asked, market_, now_);
    }
    net::Response get(std::string_view target) const { return ask("GET", target); }
    nlohmann::json get_json(std::string_view target) const {
        return nlohmann::json::parse(get(target).body);
    }

 private:
    static net::Request request(std::string_view method, std::string_view target) {
        const std::size_t question = std::min(target.find('?'), target.size());
        return {.method = std::string(method),
                .path = std::string(target.substr(0, question)),
                .query = std::string(target.substr(std::min(question + 1, target.size())))};
    }

    const SimVenue& venue_;
    Market market_;
    Nanos now_ = test_start;
    std::unique_ptr<Session> session_;
    std::optional<Outbox::Close> closed_;
    i64 pings_ = 0;
};

inline std::vector<nlohmann::json> parse_all(const std::vector<std::string>& frames) {
    std::vector<nlohmann::json> parsed;
    for (const std::string& frame : frames) parsed.push_back(nlohmann::json::parse(frame));
    return parsed;
}

}  // namespace tape::sim
