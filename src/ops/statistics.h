// What a pane knows of its ticks, and what a window row says of its panes. All sums are exact
// integers: neither the order of the ticks nor the way of merging changes a bit of them. Division
// and root happen once, at output.
#pragma once

#include <compare>
#include <optional>
#include <string_view>

#include "base/decimal.h"
#include "base/time.h"
#include "market/rows.h"
#include "ops/wide.h"
#include "stream/state.h"

namespace tape::ops {

/// What decides which tick opens and which closes a window: never the arrival alone, because venues
/// list the trades of one frame newest first.
struct TickOrder {
    Nanos ts_event;
    u64 identity;  // 0 where there is none.
    Offset source_offset;
    i64 source_index;
    constexpr auto operator<=>(const TickOrder&) const = default;
};

// Division without dividing: 10^10 is 2^10 · 5^10, and 5^10 has an inverse modulo 2^64. Multiplying
// back tells whether the quotient is exact.
consteval u64 inverse_of_odd(u64 odd) {
    u64 inverse = odd;  // Right in three bits; each step doubles them.
    for (int i = 0; i < 5; ++i) inverse *= 2 - odd * inverse;
    return inverse;
}

/// Sums of prices p and sizes q.
struct NarrowSums {
    u128 p, q, pp, pq;
};
struct WideSums {
    Wide<3> p, q;
    Wide<5> pp, pq;
};

/// A value-initialised one stands for no ticks at all. What every tick and every merge touches
/// comes first, within few cache lines.
struct alignas(64) Statistics {
    i64 count;
    i64 wide_count;  // Ticks that are in `wide`; the others are in `narrow`.
    i128 high, low, open;
    NarrowSums narrow;  // In units of 10^-8 (pp and pq of 10^-16).
    i128 close;
    TickOrder close_order, open_order;
    WideSums wide;  // In units of 10^-18 (pp and pq of 10^-36).

    [[gnu::always_inline]] void add(i128 price, i128 size, const TickOrder& order) {
        if (count == 0) [[unlikely]] {
            high = low = open = close = price;
            open_order = close_order = order;
        } else {
            if (price > high) high = price;
            if (price < low) low = price;
            if (close_order < order) {
                close = price;
                close_order = order;
            } else if (order < open_order) {
                open = price;
                open_order = order;
            }
        }
        ++count;
        u64 p, q;
        if (to_short(price, p) && to_short(size, q)) [[likely]] {
            narrow.p += p;
            narrow.q += q;
            narrow.pp += u128{p} * p;
            narrow.pq += u128{p} * q;
        } else {
            add_wide(price, size);
        }
    }

    /// Counts and sums only: high, low, open and close stay.
    void add_sums(const Statistics& other);
    void subtract_sums(const Statistics& other);
    /// All sums, in the units of `wide`.
    WideSums wide_sums() const;

    void save(stream::StateWriter& out) const;
    void load(stream::StateReader& in);

    // Most values are whole numbers of 10^-8 with at most 46 bits: their products take 92, so 2^35
    // of them fit a sum.
    /// False unless `units` of 10^-18 are such a number of 10^-8.
    static bool to_short(i128 units, u64& value) {
        value = static_cast<u64>(units >> 10) * inverse_of_odd(short_unit >> 10);
        return value >> short_bits == 0 && u128{value} * short_unit == static_cast<u128>(units);
    }
    static constexpr int short_bits = 46;
    static constexpr u64 short_unit = 10'000'000'000;
    static constexpr i64 ticks_max = i64{1} << (127 - 2 * short_bits);

 private:
    void add_wide(i128 price, i128 size);
};

/// Fills tick_count to volume from `statistics`, which has ticks; vwap and volume for trades alone.
/// A value that does not fit a Decimal is left out: the name of the first such column comes back,
/// "" if there is none.
std::string_view fill_row(const Statistics& statistics, TickKind input, WindowRow& row);

/// 100 · (close − previous) / previous, half-even at 18 decimals. None where previous is zero or
/// the result does not fit; `fits` tells the two apart.
std::optional<Decimal> change_percent(Decimal close, Decimal previous, bool& fits);

}  // namespace tape::ops
