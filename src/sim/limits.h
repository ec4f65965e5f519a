// The limits that the venues document, as to how often a client may ask, connect and speak: so that
// a test sees that a client stays within them. Bans are a fault script's; here it is 429.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "net/net.h"

namespace tape::sim {

struct LimitRule {
    enum class What : u8 { requests, connects, messages };  // Messages of one connection.
    std::string_view venue;
    What what{};
    std::string_view path;  // Requests that begin so; the longest of a venue that fits counts.
    i64 weight_max{};
    Nanos per;
};

/// Weights that were spent within a span of time.
class SpentWeight final {
 public:
    /// Spends `weight` unless that breaks `rule`; false then.
    bool spend(const LimitRule& rule, i64 weight, Nanos now);
    i64 used() const { return used_; }
    /// When the oldest is over.
    Nanos eases_at(const LimitRule& rule) const;

 private:
    struct Spent {
        Nanos when;
        i64 weight;
    };
    std::deque<Spent> spent_;
    i64 used_ = 0;
};

/// All of one venue's, as to one address.
class Limits final {
 public:
    explicit Limits(std::string_view venue);

    struct Violation {
        std::string limit;  // "20 in 2s"
        i64 retry_after_s{};
    };
    std::optional<Violation> on_request(const net::Request& request, Nanos now);
    std::optional<Violation> on_connect(Nanos now);
    /// `spent` belongs to the connection.
    std::optional<Violation> on_message(SpentWeight& spent, Nanos now) const;
    /// What a venue says of itself in each answer: how much of its budget is used.
    void describe(net::Response& response) const;

 private:
    struct Watched {
        const LimitRule* rule;
        SpentWeight spent;
    };
    std::string_view venue_;
    std::vector<Watched> watched_;
};

}  // namespace tape::sim
