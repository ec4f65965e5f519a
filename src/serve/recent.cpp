#include "serve/recent.h"

#include <algorithm>
#include <tuple>

#include "base/log.h"
#include "base/metrics.h"

namespace tape::serve {
namespace {

constexpr i64 least_kept = 16;  // Of each list, however many instruments share the budget.

i64 share(i64 budget, i64 takers, i64 most) {
    return std::clamp(budget / std::max<i64>(takers, 1), least_kept, std::max(most, least_kept));
}

template <class List>
void keep_newest(List& list, i64 limit) {
    while (static_cast<i64>(list.size()) > limit) list.pop_front();
}

// A higher revision replaces its row; a row that came late finds its place.
void place(std::deque<WindowEntry>& rows, WindowEntry entry) {
    auto at = rows.end();
    while (at != rows.begin() && std::prev(at)->row.window_start > entry.row.window_start) --at;
    if (at != rows.begin() && std::prev(at)->row.window_start == entry.row.window_start) {
        WindowEntry& known = *std::prev(at);
        if (known.row.revision <= entry.row.revision) known = std::move(entry);
        return;
    }
    rows.insert(at, std::move(entry));
}

// A price that came late, by a back-fill, fills the second that had none or an earlier one.
void place_price(std::deque<PricePoint>& prices, const PricePoint& point) {
    const auto after = std::ranges::upper_bound(prices, point.ts_event, {}, &PricePoint::ts_event);
    const auto second = [](Nanos time) { return floor_to(time, seconds(1)); };
    if (after != prices.end() && second(after->ts_event) == second(point.ts_event)) return;
    if (after == prices.begin()) return;  // Older than all that is shown.
    if (second(std::prev(after)->ts_event) == second(point.ts_event))
        *std::prev(after) = point;
    else
        prices.insert(after, point);
}

}  // namespace

Recent::Recent(RecentOptions options) : options_(options) {}

void Recent::add(const Tick& tick) {
    Series* series = series_of(*tick.instrument);
    if (series == nullptr) return;
    const auto takers = static_cast<i64>(series_.size());
    if (tick.kind == TickKind::ticker || tick.kind == TickKind::quote) {
        add_ticker(*series, tick);
        keep_newest(series->tickers, share(options_.tickers, takers, 1'000));
    } else {
        series->ticks.push_back(tick);
        keep_newest(series->ticks, share(options_.ticks, takers, 1'000));
    }
    if (tick.price) add_price(*series, tick);
}

// There are at most two kinds, so the last of the same second is one of the newest two.
void Recent::add_ticker(Series& series, const Tick& tick) {
    const Nanos second = floor_to(tick.ts_event, seconds(1));
    auto& known = series.tickers;
    for (auto at = known.rbegin(); at != known.rend() && at != known.rbegin() + 2; ++at) {
        if (at->kind != tick.kind || floor_to(at->ts_event, seconds(1)) != second) continue;
        *at = tick;
        return;
    }
    known.push_back(tick);
}

void Recent::add_price(Series& series, const Tick& tick) {
    if (series.latest_change != 0 && tick.ts_event < series.latest.ts_event)
        return place_price(series.prices, {tick.ts_event, *tick.price});
    series.latest = tick;
    series.latest_change = ++change_;
    const PricePoint point{tick.ts_event, *tick.price};
    auto& prices = series.prices;
    const bool same_second = !prices.empty() && floor_to(prices.back().ts_event, seconds(1)) ==
                                                    floor_to(point.ts_event, seconds(1));
    if (same_second)
        prices.back() = point;
    else
        prices.push_back(point);
    const Nanos oldest = point.ts_event - options_.history;
    while (prices.front().ts_event < oldest) prices.pop_front();
    const i64 most = options_.history.count / seconds(1).count + 1;
    keep_newest(prices, share(options_.prices, static_cast<i64>(series_.size()), most));
}

void Recent::add(WindowRow row) {
    Series* series = series_of(*row.instrument);
    if (series == nullptr) return;
    auto [place_of_name, added] = series->windows.try_emplace(row.window_name);
    window_series_ += added ? 1 : 0;
    auto& rows = place_of_name->second;
    place(rows, {std::move(row), ++change_});
    const Nanos oldest = rows.back().row.window_start - options_.history;
    while (rows.front().row.window_start < oldest) rows.pop_front();
    const i64 most = options_.history.count / seconds(1).count + 1;
    keep_newest(rows, share(options_.window_rows, window_series_, most));
}

void Recent::add(Gap gap) {
    const auto identity = [](const Gap& of) {
        return std::tie(of.venue, of.symbol, of.channel, of.from_ts, of.from_id);
    };
    const auto known = std::ranges::find_if(
        gaps_, [&](const GapEntry& entry) { return identity(entry.gap) == identity(gap); });
    if (known != gaps_.end()) {
        *known = {std::move(gap), ++change_};
        return;
    }
    gaps_.push_back({std::move(gap), ++change_});
    if (static_cast<i64>(gaps_.size()) <= options_.gaps) return;
    const auto closed = std::ranges::find_if(
        gaps_, [](const GapEntry& entry) { return entry.gap.status != Gap::Status::open; });
    gaps_.erase(closed == gaps_.end() ? gaps_.begin() : closed);
}

const Series* Recent::find(std::string_view venue, std::string_view symbol) const {
    for (const Series& series : series_)
        if (series.instrument->venue == venue && series.instrument->symbol == symbol)
            return &series;
    return nullptr;
}

Series* Recent::series_of(const Instrument& instrument) {
    if (instrument.index >= by_index_.size()) by_index_.resize(instrument.index + 1);
    Series*& known = by_index_[instrument.index];
    if (known != nullptr) return known;
    if (static_cast<i64>(series_.size()) >= options_.instruments) {
        static const Counter unshown = counter("tape_serve_unshown_total");
        if (unshown.value() == 0)
            log_warn(
                "the page shows {} instruments; {} {} and further ones are stored but not shown",
                options_.instruments, instrument.venue, instrument.symbol);
        unshown.add();
        return nullptr;
    }
    known = &series_.emplace_back();
    known->instrument = &instrument;
    return known;
}

}  // namespace tape::serve
