// All arithmetic is in integers, so that every compiler and machine makes the same market of a
// seed.
#include "sim/market.h"

#include <algorithm>
#include <cmath>

#include "base/result.h"

namespace tape::sim {
namespace {

// SplitMix64's finaliser: https://prng.di.unimi.it/splitmix64.c
u64 mix(u64 x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

u64 hash_of(u64 key, i64 index) {
    return mix(key + static_cast<u64>(index) * 0xd1b54a32d192ed03);
}

// The price's path is value noise over time: octave j has lattice points each 256 ms · 4^j and
// twice the amplitude of the one before it, as a random walk has over four times the span. The
// eleven reach 3 days and sum to at most 12.3 %.
constexpr int octaves = 11;
constexpr int first_shift = 8;           // 256 ms.
constexpr i64 first_amplitude = 60'000;  // Of 10^-9 of the price.

i64 lattice(u64 key, i64 index) {
    constexpr u64 values = 2 * first_amplitude + 1;
    return static_cast<i64>((u128{hash_of(key, index)} * values) >> 64) - first_amplitude;
}

// In 10^-9 of the price.
i64 walk(u64 key, Nanos elapsed) {
    const i64 ms = std::max<i64>(0, elapsed.millis());
    i64 sum = 0;
    for (int octave = 0; octave < octaves; ++octave) {
        const int shift = first_shift + 2 * octave;
        const i64 index = ms >> shift, rest = ms & ((i64{1} << shift) - 1);
        const u64 octave_key = key + static_cast<u64>(octave);
        const i64 from = lattice(octave_key, index), to = lattice(octave_key, index + 1);
        sum += (from + (to - from) * rest / (i64{1} << shift)) << octave;
    }
    return sum;
}

// Uses of a trade's noise within this file; venues count theirs from 16.
enum Use : u64 { order_use, side_use, price_use, size_use, sequence_use };

// Two of each 16 trades continue the order before them, so that orders can be counted without
// looking at all of them. They are never the block's first two: trade 0 does not exist.
constexpr i64 block_trades = 16, block_orders = 14;
constexpr i64 ps_per_ns = 1000;
constexpr Nanos day = seconds(86'400);

}  // namespace

u64 hash_text(std::string_view text, u64 hash) {
    for (const char c : text) hash = (hash ^ static_cast<u8>(c)) * 0x100000001b3;
    return hash;
}

bool by_chance(double probability, u64 key, u64 index) {
    return probability >= 1 ||
           static_cast<double>(hash_of(key, static_cast<i64>(index)) >> 11) * 0x1p-53 < probability;
}

TradeSequence::TradeSequence(std::string_view venue, const Listing& listing,
                             const MarketOptions& options)
    : listing_(listing),
      epoch_(options.epoch),
      walk_key_(mix(options.seed ^ hash_text(listing.base))),
      trade_key_(mix(options.seed ^
                     hash_text(listing.formerly.empty() ? listing.native_symbol : listing.formerly,
                               hash_text(venue)))) {
    ensure(options.rate >= rate_min && options.rate <= rate_max && options.venues > 0 &&
               listing.weight > 0,
           "the simulator's rate is out of bounds");
    const double messages = options.rate / static_cast<double>(options.venues) *
                            static_cast<double>(listing.weight) /
                            static_cast<double>(default_weight);
    const double trades = messages * trades_per_ticker / (trades_per_ticker + 1);
    period_ps_ = std::llround(1e12 / trades);
}

Nanos TradeSequence::time(i64 id) const {
    return epoch_ + Nanos{static_cast<i64>(i128{id} * period_ps_ / ps_per_ns)};
}

i64 TradeSequence::last_at(Nanos moment) const {
    const Nanos elapsed =
        (faults_.ends && moment >= *faults_.ends ? *faults_.ends - Nanos{1} : moment) - epoch_;
    if (elapsed.count < 0) return 0;
    return static_cast<i64>((i128{elapsed.count + 1} * ps_per_ns - 1) / period_ps_);
}

bool TradeSequence::on_socket(i64 id) const {
    return std::ranges::none_of(faults_.drops, [id](const TradeFaults::Drop& drop) {
        return drop.first <= id && id <= drop.last &&
               by_chance(drop.probability, drop.key, static_cast<u64>(id));
    });
}
bool TradeSequence::on_rest(i64 id) const {
    return std::ranges::none_of(faults_.drops, [id](const TradeFaults::Drop& drop) {
        return drop.from_rest && drop.first <= id && id <= drop.last &&
               by_chance(drop.probability, drop.key, static_cast<u64>(id));
    });
}
Nanos TradeSequence::stamp(Nanos moment) const {
    Nanos shown = moment;
    for (const TradeFaults::ClockStep& step : faults_.clock_steps)
        if (step.from <= moment && moment < step.to) shown += step.by;
    return shown;
}

u64 TradeSequence::noise(i64 id, u64 use) const {
    return hash_of(trade_key_ + use, id);
}

TradeSequence::Continuing TradeSequence::continuing_in(i64 block) const {
    const u64 random = noise(block, order_use);
    const i64 one = 2 + static_cast<i64>((random & 0xffffffff) % 14);
    i64 other = 2 + static_cast<i64>((random >> 32) % 13);
    other += other >= one;
    return {std::min(one, other), std::max(one, other)};
}

bool TradeSequence::continues_order(i64 id) const {
    const Continuing continuing = continuing_in(id / block_trades);
    return id % block_trades == continuing.first || id % block_trades == continuing.second;
}
i64 TradeSequence::order_first(i64 id) const {
    while (continues_order(id)) --id;
    return id;
}
i64 TradeSequence::order_last(i64 id) const {
    while (continues_order(id + 1)) ++id;
    return id;
}

i64 TradeSequence::order_number(i64 id) const {
    const i64 block = id / block_trades, place = id % block_trades;
    const Continuing continuing = continuing_in(block);
    return block * block_orders + place - (continuing.first <= place) -
           (continuing.second <= place);
}
i64 TradeSequence::order_start(i64 number) const {
    const i64 block = number / block_orders;
    const Continuing continuing = continuing_in(block);
    i64 place = number % block_orders;
    place += place >= continuing.first;
    place += place >= continuing.second;
    return block * block_trades + place;
}

i64 TradeSequence::price_at(Nanos moment) const {
    const i64 change =
        static_cast<i64>(i128{listing_.price} * walk(walk_key_, moment - epoch_) / 1'000'000'000);
    return listing_.price + change;
}

SimTrade TradeSequence::trade(i64 id) const {
    const i64 first = order_first(id);
    const Side side = noise(first, side_use) % 2 == 0 ? Side::buy : Side::sell;
    const i64 jitter = static_cast<i64>(noise(first, price_use) % 3) - 1;
    const i64 price = price_at(time(first)) + jitter + (side == Side::buy ? 1 : 0);
    return {.id = id,
            .time = time(id),
            .price = price,
            .size = size_from(noise(id, size_use)),
            .side = side};
}

// Many small, few large: evenly up to eight typical sizes, then halved up to nine times; people
// prefer round numbers.
i64 TradeSequence::size_from(u64 random) const {
    const i64 limit = listing_.size * 8;
    const i64 size =
        static_cast<i64>((u128{random & 0xffffffff} * static_cast<u64>(limit)) >> 32) >>
        ((random >> 32) % 10);
    const i64 round = std::max<i64>(1, listing_.size / 10);
    return (random >> 40) % 5 == 0 ? (size / round + 1) * round : size + 1;
}

Day TradeSequence::day_before(const SimTrade& last) const {
    constexpr i64 samples = 8;
    Day result{.open = price_at(last.time - day)};
    result.high = std::max(result.open, last.price);
    result.low = std::min(result.open, last.price);
    for (i64 i = 1; i < samples; ++i) {
        const i64 price = price_at(last.time - Nanos{day.count / samples * i});
        result.high = std::max(result.high, price);
        result.low = std::min(result.low, price);
    }
    result.volume = i128{day.count} * ps_per_ns / period_ps_ * listing_.size * 4 / 5;
    return result;
}

i64 TradeSequence::sequence(i64 id) const {
    return id * 7 + static_cast<i64>(noise(id, sequence_use) % 5);
}

Market::Market(std::string_view venue, std::span<const Listing> listings,
               const MarketOptions& options)
    : epoch_(options.epoch) {
    for (const Listing& listing : listings) all_.emplace_back(venue, listing, options);
}

const TradeSequence* Market::find(std::string_view native_symbol) const {
    const auto found = std::ranges::find(all_, native_symbol, &TradeSequence::symbol);
    if (found == all_.end()) return nullptr;
    if (std::ranges::find(found_, &*found) == found_.end()) found_.push_back(&*found);
    return &*found;
}

bool Market::token_is_good(Nanos issued, Nanos now) const {
    return std::ranges::none_of(token_ends_, [&](Nanos end) { return issued < end && end <= now; });
}

}  // namespace tape::sim
