#include "ops/statistics.h"

#include "ops/natural.h"

namespace tape::ops {
namespace {

std::optional<Decimal> to_decimal(const Natural& magnitude, bool negative) {
    const std::optional<i128> units = magnitude.to_i128();
    if (!units || static_cast<u128>(*units) >= pow10(Decimal::max_digits)) return std::nullopt;
    return Decimal{negative ? -*units : *units};
}

// Σ(p − mean)² / (n − 1) = (n·Σp² − (Σp)²) / (n·(n − 1)): whole numbers up to the division.
Natural standard_deviation(const Statistics& of) {
    const Natural n(static_cast<u128>(of.count));
    const Natural sum = Natural::of(of.prices);
    return rounded_root(n * Natural::of(of.squares) - sum * sum,
                        n * Natural(static_cast<u128>(of.count - 1)));
}

}  // namespace

void Statistics::add_sums(const Statistics& other) {
    count += other.count;
    prices.add(other.prices);
    sizes.add(other.sizes);
    squares.add(other.squares);
    values.add(other.values);
}

void Statistics::subtract_sums(const Statistics& other) {
    count -= other.count;
    prices.subtract(other.prices);
    sizes.subtract(other.sizes);
    squares.subtract(other.squares);
    values.subtract(other.values);
}

void Statistics::save(stream::StateWriter& out) const {
    for (const i128 value : {high, low, open, close}) out.put(value);
    out.put(open_order);
    out.put(close_order);
    out.put(count);
    out.put(prices.words);
    out.put(sizes.words);
    out.put(squares.words);
    out.put(values.words);
}

void Statistics::load(stream::StateReader& in) {
    for (i128* value : {&high, &low, &open, &close}) *value = in.get<i128>();
    open_order = in.get<TickOrder>();
    close_order = in.get<TickOrder>();
    count = in.get<i64>();
    prices.words = in.get<std::array<u64, 3>>();
    sizes.words = in.get<std::array<u64, 3>>();
    squares.words = in.get<std::array<u64, 5>>();
    values.words = in.get<std::array<u64, 5>>();
}

std::string_view fill_row(const Statistics& statistics, TickKind input, WindowRow& row) {
    std::string_view overflow;
    const auto checked = [&](std::optional<Decimal> value, std::string_view column) {
        if (!value && overflow.empty()) overflow = column;
        return value;
    };
    row.tick_count = statistics.count;
    row.open = Decimal{statistics.open};
    row.high = Decimal{statistics.high};
    row.low = Decimal{statistics.low};
    row.close = Decimal{statistics.close};
    // Between low and high, so it fits.
    row.mean = *to_decimal(Natural::of(statistics.prices)
                               .divide_rounded(Natural(static_cast<u128>(statistics.count))),
                           statistics.prices.negative());
    row.stddev.reset();
    row.volume.reset();
    row.vwap.reset();
    if (statistics.count >= 2)
        row.stddev = checked(to_decimal(standard_deviation(statistics), false), "stddev");
    if (input == TickKind::trade) {
        const Natural volume = Natural::of(statistics.sizes);
        row.volume = checked(to_decimal(volume, statistics.sizes.negative()), "volume");
        if (!volume.zero())
            row.vwap = checked(to_decimal(Natural::of(statistics.values).divide_rounded(volume),
                                          statistics.values.negative() != statistics.sizes.negative()),
                               "vwap");
    }
    return overflow;
}

std::optional<Decimal> change_percent(Decimal close, Decimal previous, bool& fits) {
    fits = true;
    if (previous.units == 0) return std::nullopt;
    Wide<3> difference{};  // Of opposite signs it may need 129 bits.
    difference.add(close.units);
    difference.add(-previous.units);
    const Natural numerator = Natural::of(difference) * Natural(pow10(Decimal::scale + 2));
    const std::optional<Decimal> change =
        to_decimal(numerator.divide_rounded(Natural(magnitude(previous.units))),
                   difference.negative() != previous.negative());
    fits = change.has_value();
    return change;
}

}  // namespace tape::ops
