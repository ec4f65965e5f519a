// The simulated market, as a function: trade k of an instrument is computed from (seed, instrument,
// k) and lies at epoch + k/rate, in O(1) and without history. Nothing is stored, so a simulator
// that is killed and started again goes on as if it had never stopped, and its REST side knows what
// "was sent" meanwhile.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/types.h"
#include "market/rows.h"

namespace tape::sim {

/// What a venue lists, with the numbers around which it trades.
struct Listing {
    enum class Type : u8 { spot, swap };
    std::string_view native_symbol, base, quote;
    Type type{};
    i64 price{};  // In ticks of 10^-price_decimals; it stays within 13 % of this.
    int price_decimals{};
    i64 size{};  // Of a typical trade, in lots of 10^-size_decimals.
    int size_decimals{};
    i64 weight{};  // Of the messages: weight / default_weight of the venue's rate.
    std::string_view formerly = {};  // The symbol it was renamed from; its trades go on.
};

/// The weights of BTC, ETH and SOL together, which the default pipeline subscribes to: they make up
/// the whole rate.
constexpr i64 default_weight = 48;
/// After each third trade there is a ticker, so one message in four is one.
constexpr i64 trades_per_ticker = 3;

/// 2024-01-01T00:00:00Z
constexpr Nanos default_epoch = seconds(1'704'067'200);

struct MarketOptions {
    u64 seed = 1;
    double rate = 50;  // Messages a second over all venues together.
    i64 venues = 1;    // That share the rate, in equal parts.
    Nanos epoch = default_epoch;
};
constexpr double rate_min = 0.001, rate_max = 1e6;

struct SimTrade {
    i64 id{};  // k: consecutive from 1.
    Nanos time;
    i64 price{};  // In ticks.
    i64 size{};   // In lots.
    Side side{};  // The taker's.
};

/// The 24 hours before a trade. High and low are those of samples, the volume is the one to be
/// expected.
struct Day {
    i64 open{}, high{}, low{};  // In ticks.
    i128 volume{};              // In lots.
};

/// What a fault script does to the trades of one instrument: functions of a trade's id or of time
/// alone, so that a simulator which is started again does the same.
struct TradeFaults {
    struct Drop {
        i64 first{}, last{};  // Ids.
        bool from_rest{};     // Not from the sockets alone.
        double probability = 1;
        u64 key{};  // Of its chance.
    };
    struct ClockStep {
        Nanos from, to, by;
    };
    std::vector<Drop> drops;
    std::vector<ClockStep> clock_steps;
    std::optional<Nanos> ends;  // Nothing is traded from then on.
};

/// FNV-1a.
u64 hash_text(std::string_view text, u64 hash = 0xcbf29ce484222325);
/// A chance that is a function of its arguments.
bool by_chance(double probability, u64 key, u64 index);

/// All trades of one instrument, from the epoch to the end of time.
class TradeSequence final {
 public:
    /// Demands rate_min ≤ options.rate ≤ rate_max and at least one venue.
    TradeSequence(std::string_view venue, const Listing& listing, const MarketOptions& options);

    const Listing& listing() const { return listing_; }
    std::string_view symbol() const { return listing_.native_symbol; }
    Nanos time(i64 id) const;
    /// The last trade that is not after `moment`; 0: none yet.
    i64 last_at(Nanos moment) const;
    SimTrade trade(i64 id) const;

    /// Trades are fills of a taker's order: those of one order are consecutive and of one price and
    /// side, at most three.
    i64 order_first(i64 id) const;
    i64 order_last(i64 id) const;
    /// Orders are numbered from 1 on without gaps: that of a trade, and an order's first trade.
    i64 order_number(i64 id) const;
    i64 order_start(i64 number) const;

    /// The price without the trades' own noise, in ticks.
    i64 price_at(Nanos moment) const;
    Day day_before(const SimTrade& last) const;
    /// The venue's message number at trade `id`: it grows by 3 to 11 a trade, since it counts
    /// orders too.
    i64 sequence(i64 id) const;
    /// Whether the sockets send trade `id`, and whether REST answers list it: always, but for what
    /// a fault script takes away.
    bool on_socket(i64 id) const;
    bool on_rest(i64 id) const;
    /// What the venue's own clock shows at `moment`: every time that it writes goes through this.
    Nanos stamp(Nanos moment) const;
    /// Noise that belongs to trade `id`, for what venues add to it; another `use`, other noise.
    u64 noise(i64 id, u64 use) const;

    void set_faults(TradeFaults faults) { faults_ = std::move(faults); }

 private:
    struct Continuing {
        i64 first, second;
    };
    Continuing continuing_in(i64 block) const;
    bool continues_order(i64 id) const;
    i64 size_from(u64 random) const;

    Listing listing_;
    Nanos epoch_;
    i64 period_ps_;  // Between trades, in picoseconds.
    u64 walk_key_;   // Of the base asset: its price is nearly the same on all venues.
    u64 trade_key_;
    TradeFaults faults_;
};

/// The instruments of one venue.
class Market final {
 public:
    Market(std::string_view venue, std::span<const Listing> listings, const MarketOptions& options);
    /// Null if it is not listed.
    const TradeSequence* find(std::string_view native_symbol) const;
    const std::deque<TradeSequence>& all() const { return all_; }
    /// Those that somebody has found so far: what a ledger has to tell of.
    const std::vector<const TradeSequence*>& found() const { return found_; }
    Nanos epoch() const { return epoch_; }
    /// As TradeSequence::stamp(), for what belongs to no instrument.
    Nanos stamp(Nanos moment) const { return all_.empty() ? moment : all_.front().stamp(moment); }
    /// Whether a token of the venue that was issued then is good at `now`.
    bool token_is_good(Nanos issued, Nanos now) const;

    /// Before the market is used.
    TradeSequence& sequence(std::size_t place) { return all_[place]; }
    void end_tokens_at(Nanos moment) { token_ends_.push_back(moment); }

 private:
    std::deque<TradeSequence> all_;
    mutable std::vector<const TradeSequence*> found_;
    std::vector<Nanos> token_ends_;
    Nanos epoch_;
};

}  // namespace tape::sim
