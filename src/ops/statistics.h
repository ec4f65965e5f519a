// What a pane knows of its ticks, and what a window row says of its panes. All sums are exact integers: neither the order
// of the ticks nor the way of merging changes a bit of them. Division and root happen once, at output.
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

/// What decides which tick opens and which closes a window: never the arrival alone, because venues list the trades of
/// one frame newest first.
struct TickOrder {
    Nanos ts_event;
    u64 identity;  // 0 where there is none.
    Offset source_offset;
    i64 source_index;
    constexpr auto operator<=>(const TickOrder&) const = default;
};

/// A value-initialised one stands for no ticks at all.
struct Statistics {
    i128 high, low;
    i128 open, close;
    TickOrder open_order, close_order;
    i64 count;
    Wide<3> prices, sizes;
    Wide<5> squares, values;  // Of price², price · size.

    void add(i128 price, i128 size, const TickOrder& order) {
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
        prices.add(price);
        squares.add_product(price, price);
        sizes.add(size);
        values.add_product(price, size);
    }

    /// Counts and sums only: high, low, open and close stay.
    void add_sums(const Statistics& other);
    void subtract_sums(const Statistics& other);

    void save(stream::StateWriter& out) const;
    void load(stream::StateReader& in);
};

/// Fills tick_count to volume from `statistics`, which has ticks; vwap and volume for trades alone. A value that does not
/// fit a Decimal is left out: the name of the first such column comes back, "" if there is none.
std::string_view fill_row(const Statistics& statistics, TickKind input, WindowRow& row);

/// 100 · (close − previous) / previous, half-even at 18 decimals. None where previous is zero or the result does not fit;
/// `fits` tells the two apart.
std::optional<Decimal> change_percent(Decimal close, Decimal previous, bool& fits);

}  // namespace tape::ops
