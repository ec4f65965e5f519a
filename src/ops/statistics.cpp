#include "ops/statistics.h"

#include "base/result.h"
#include "ops/natural.h"

namespace tape::ops {
namespace {

std::optional<Decimal> to_decimal(const Natural& magnitude, bool negative) {
    const std::optional<i128> units = magnitude.to_i128();
    if (!units || static_cast<u128>(*units) >= pow10(Decimal::max_digits)) return std::nullopt;
    return Decimal{negative ? -*units : *units};
}

// The sums in the largest unit that they share, which keeps the numbers short: `unit` of 10^-18.
struct Sums {
    Natural p, q, pp, pq;
    u64 unit;
    bool p_negative, q_negative, pq_negative;
};

Sums sums_of(const Statistics& of) {
    if (of.wide_count == 0)
        return {of.narrow.p, of.narrow.q, of.narrow.pp, of.narrow.pq, Statistics::short_unit,
                false,       false,       false};
    const WideSums wide = of.wide_sums();
    return {Natural::of(wide.p), Natural::of(wide.q), Natural::of(wide.pp), Natural::of(wide.pq), 1,
            wide.p.negative(),   wide.q.negative(),   wide.pq.negative()};
}

// Σ(p − mean)² / (n − 1) = (n·Σp² − (Σp)²) / (n·(n − 1)): whole numbers up to the root.
Natural standard_deviation(const Sums& sums, i64 count) {
    const Natural n(static_cast<u128>(count));
    const Natural squares = n * sums.pp - sums.p * sums.p;
    return rounded_root(squares * Natural(u128{sums.unit} * sums.unit),
                        Natural(static_cast<u128>(count) * static_cast<u128>(count - 1)));
}

}  // namespace

void Statistics::add_wide(i128 price, i128 size) {
    ++wide_count;
    wide.p.add(price);
    wide.q.add(size);
    wide.pp.add_product(price, price);
    wide.pq.add_product(price, size);
}

void Statistics::add_sums(const Statistics& other) {
    count += other.count;
    ensure(count < ticks_max, "a window of 2^35 ticks");
    narrow.p += other.narrow.p;
    narrow.q += other.narrow.q;
    narrow.pp += other.narrow.pp;
    narrow.pq += other.narrow.pq;
    if (other.wide_count == 0) return;
    wide_count += other.wide_count;
    wide.p.add(other.wide.p);
    wide.q.add(other.wide.q);
    wide.pp.add(other.wide.pp);
    wide.pq.add(other.wide.pq);
}

void Statistics::subtract_sums(const Statistics& other) {
    count -= other.count;
    narrow.p -= other.narrow.p;
    narrow.q -= other.narrow.q;
    narrow.pp -= other.narrow.pp;
    narrow.pq -= other.narrow.pq;
    if (other.wide_count == 0) return;
    wide_count -= other.wide_count;
    wide.p.subtract(other.wide.p);
    wide.q.subtract(other.wide.q);
    wide.pp.subtract(other.wide.pp);
    wide.pq.subtract(other.wide.pq);
}

WideSums Statistics::wide_sums() const {
    WideSums all = wide;
    all.p.add_product(static_cast<i128>(narrow.p), short_unit);
    all.q.add_product(static_cast<i128>(narrow.q), short_unit);
    all.pp.add_product(static_cast<i128>(narrow.pp), i128{short_unit} * short_unit);
    all.pq.add_product(static_cast<i128>(narrow.pq), i128{short_unit} * short_unit);
    return all;
}

void Statistics::save(stream::StateWriter& out) const {
    for (const i128 value : {high, low, open, close}) out.put(value);
    out.put(open_order);
    out.put(close_order);
    out.put(count);
    out.put(wide_count);
    out.put(narrow);
    if (wide_count > 0) out.put(wide);
}

void Statistics::load(stream::StateReader& in) {
    for (i128* value : {&high, &low, &open, &close}) *value = in.get<i128>();
    open_order = in.get<TickOrder>();
    close_order = in.get<TickOrder>();
    count = in.get<i64>();
    wide_count = in.get<i64>();
    narrow = in.get<NarrowSums>();
    wide = wide_count > 0 ? in.get<WideSums>() : WideSums{};
}

std::string_view fill_row(const Statistics& statistics, TickKind input, WindowRow& row) {
    std::string_view overflow;
    const auto checked = [&](std::optional<Decimal> value, std::string_view column) {
        if (!value && overflow.empty()) overflow = column;
        return value;
    };
    const Sums sums = sums_of(statistics);
    const Natural unit(sums.unit);
    row.tick_count = statistics.count;
    row.open = Decimal{statistics.open};
    row.high = Decimal{statistics.high};
    row.low = Decimal{statistics.low};
    row.close = Decimal{statistics.close};
    const Natural mean =
        (sums.p * unit).divide_rounded(Natural(static_cast<u128>(statistics.count)));
    row.mean = *to_decimal(mean, sums.p_negative);  // Between low and high, so it fits.
    row.stddev.reset();
    row.volume.reset();
    row.vwap.reset();
    if (statistics.count >= 2)
        row.stddev =
            checked(to_decimal(standard_deviation(sums, statistics.count), false), "stddev");
    if (input == TickKind::trade) {
        row.volume = checked(to_decimal(sums.q * unit, sums.q_negative), "volume");
        if (!sums.q.zero())
            row.vwap = checked(to_decimal((sums.pq * unit).divide_rounded(sums.q),
                                          sums.pq_negative != sums.q_negative),
                               "vwap");
    }
    return overflow;
}

std::optional<Decimal> change_percent(Decimal close, Decimal previous, bool& fits) {
    fits = true;
    if (previous.units == 0) return std::nullopt;
    static const Natural hundred(pow10(Decimal::scale + 2));  // In units of 10^-18.
    u64 after, before;
    std::optional<Decimal> change;
    if (Statistics::to_short(close.units, after) && Statistics::to_short(previous.units, before)) {
        const Natural difference(after < before ? before - after : after - before);
        change = to_decimal((difference * hundred).divide_rounded(Natural(before)), after < before);
    } else {
        Wide<3> difference{};  // Of opposite signs it may need 129 bits.
        difference.add(close.units);
        difference.add(-previous.units);
        change = to_decimal(
            (Natural::of(difference) * hundred).divide_rounded(Natural(magnitude(previous.units))),
            difference.negative() != previous.negative());
    }
    fits = change.has_value();
    return change;
}

}  // namespace tape::ops
