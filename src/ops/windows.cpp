#include "ops/windows.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <utility>

#include "ops/window_merge.h"

namespace tape::ops {
namespace {

constexpr i64 max_panes = 65'536;  // A ring's; 17 MB an instrument if all were touched.
constexpr Nanos never{std::numeric_limits<i64>::max()};

std::vector<Nanos> spans_of(const std::vector<WindowSpec>& specs, TickKind input) {
    std::vector<Nanos> spans;
    for (const WindowSpec& spec : specs)
        if (spec.input == input) spans.insert(spans.end(), {spec.size, spec.slide});
    return spans;
}

i64 panes_in(Nanos span, Nanos width) { return (span.count + width.count - 1) / width.count; }

// How far behind the watermark a late tick is still taken: a little more than the longest window.
i64 reach_of(i64 longest, Nanos lateness, Nanos width) { return longest + panes_in(lateness, width); }

// The windows of such a tick reach back once more; ahead of the watermark there is the lateness.
i64 span_of(i64 longest, Nanos lateness, Nanos width) {
    return reach_of(longest, lateness, width) + longest + panes_in(lateness, width) + 3;
}

Nanos next_multiple(Nanos after, Nanos step) { return floor_to(after, step) + step; }

}  // namespace

Result<void> check(const PipelineOptions& options) {
    if (options.lateness.count < 0 || options.max_skew.count < 0)
        return user_error("lateness and max_skew cannot be negative");
    if (options.idle < options.lateness)
        return user_error(fmt::format("idle ({}) must be at least lateness ({})",
                                      format_duration(options.idle),
                                      format_duration(options.lateness)));
    for (std::size_t i = 0; i < options.windows.size(); ++i) {
        const WindowSpec& spec = options.windows[i];
        if (spec.input == TickKind::quote)
            return user_error(fmt::format("window '{}': quotes have no price", spec.name));
        if (spec.slide.count <= 0 || spec.size.count <= 0 || spec.size.count % spec.slide.count != 0)
            return user_error(fmt::format("window '{}': size must be a multiple of slide",
                                          spec.name));
        for (std::size_t j = 0; j < i; ++j)
            if (options.windows[j].name == spec.name)
                return user_error(fmt::format("two windows are named '{}'", spec.name));
        const Nanos width = stream::pane_width(spans_of(options.windows, spec.input));
        if (spec.size.count / width.count > max_panes ||
            span_of(spec.size.count / width.count, options.lateness, width) > max_panes)
            return user_error(fmt::format("window '{}': its size is more than {} times {}, the span "
                                          "that divides all sizes and slides",
                                          spec.name, max_panes / 2, format_duration(width)));
    }
    return {};
}

Windows::Windows(const PipelineOptions& options) : options_(options) {
    add_sets(options.windows, stream::Watermark::none);
    put_in_order();
}

void Windows::configure(const PipelineOptions& options, Nanos now) {
    const PipelineOptions before = std::exchange(options_, options);
    for (PaneSet& set : sets_) keep_only(set, options.windows);
    std::erase_if(sets_, [](const PaneSet& set) { return set.windows.empty(); });
    std::vector<WindowSpec> added;
    for (const WindowSpec& spec : options.windows)
        if (std::ranges::find(before.windows, spec) == before.windows.end()) added.push_back(spec);
    add_sets(added, now);
    put_in_order();
}

// Drops the windows that `specs` does not have, and gives the rings the span that a longer lateness asks for.
void Windows::keep_only(PaneSet& set, const std::vector<WindowSpec>& specs) {
    std::vector<Window> kept;
    std::vector<std::size_t> tracks;
    for (std::size_t i = 0; i < set.windows.size(); ++i) {
        if (std::ranges::find(specs, set.windows[i].spec) == specs.end()) continue;
        kept.push_back(std::move(set.windows[i]));
        tracks.push_back(i);
    }
    set.windows = std::move(kept);
    set.span = std::max(set.span, span_of(set.longest, options_.lateness, set.width));
    for (std::size_t index = 0; index < set.series.size(); ++index) {
        std::unique_ptr<Series>& series = set.series[index];
        if (!series) continue;
        std::unique_ptr<Series> laid_out = make_series(set, *series->instrument);
        series->panes.each([&](i64 pane, const Statistics& ticks) { laid_out->panes.at(pane) = ticks; });
        for (std::size_t i = 0; i < tracks.size(); ++i)
            series->tracks[tracks[i]].emitted.each(
                [&](i64 end, const Emitted& row) { laid_out->tracks[i].emitted.at(end) = row; });
        series = std::move(laid_out);
        set.fronts[index].ticks = series->panes.find(set.fronts[index].pane);
    }
}

// One set of panes for each input among `specs`.
void Windows::add_sets(const std::vector<WindowSpec>& specs, Nanos since) {
    for (const TickKind input : {TickKind::trade, TickKind::ticker, TickKind::poll}) {
        const std::vector<Nanos> spans = spans_of(specs, input);
        if (spans.empty()) continue;
        const Nanos width = stream::pane_width(spans);
        const i64 longest = std::ranges::max(spans).count / width.count;
        PaneSet& set = sets_.emplace_back(PaneSet{.input = input,
                                                  .width = width,
                                                  .longest = longest,
                                                  .span = span_of(longest, options_.lateness, width),
                                                  .finder = stream::PaneFinder(width)});
        for (const WindowSpec& spec : specs) {
            if (spec.input != input) continue;
            const bool started = watermark_ != stream::Watermark::none;
            Window& window = set.windows.emplace_back(Window{
                .spec = spec,
                .since = since,
                .next_end = started ? next_multiple(watermark_, spec.slide) : never});
            window.row.window_name = spec.name;
        }
    }
}

void Windows::put_in_order() {
    order_.clear();
    for (const WindowSpec& spec : options_.windows)
        for (std::size_t set = 0; set < sets_.size(); ++set)
            for (std::size_t i = 0; i < sets_[set].windows.size(); ++i)
                if (sets_[set].windows[i].spec == spec) order_.push_back({set, i});
    find_due();
}

void Windows::find_due() {
    due_ = never;
    for (const PaneSet& set : sets_)
        for (const Window& window : set.windows) due_ = std::min(due_, window.next_end);
}

std::unique_ptr<Windows::Series> Windows::make_series(const PaneSet& set,
                                                      const Instrument& instrument) const {
    std::unique_ptr<Series> made(new Series{&instrument, stream::PaneRing<Statistics>(set.span), {}});
    for (const Window& window : set.windows) {
        const i64 ends = set.span / (window.spec.slide.count / set.width.count) + 1;
        made->tracks.push_back(Track{.emitted = stream::PaneRing<Emitted>(ends)});
    }
    return made;
}

Windows::Series& Windows::series_of(PaneSet& set, const Instrument& instrument) {
    const std::size_t index = instrument.index;
    if (index >= set.series.size()) {
        set.series.resize(index + 1);
        set.fronts.resize(index + 1);
    }
    if (!set.series[index]) set.series[index] = make_series(set, instrument);
    return *set.series[index];
}

void Windows::advance(Nanos watermark, WindowOutput& out) {
    if (watermark <= watermark_) return;
    const bool first = watermark_ == stream::Watermark::none;
    watermark_ = watermark;
    if (first) {
        for (PaneSet& set : sets_)
            for (Window& window : set.windows)
                window.next_end = next_multiple(watermark, window.spec.slide);
        find_due();
    }
    while (due_ <= watermark_) {
        const Nanos end = due_;
        for (const Place& place : order_)
            if (sets_[place.set].windows[place.window].next_end == end)
                emit_end(sets_[place.set], place.window, end, out);
        find_due();
    }
}

void Windows::finish(WindowOutput& out) {
    Nanos end = watermark_;
    for (const PaneSet& set : sets_)
        if (set.newest != no_pane)
            end = std::max(end, Nanos{(set.newest + 1 + set.longest) * set.width.count});
    advance(end, out);
}

Arrival Windows::add(const WindowTick& tick, WindowOutput& out) {
    ensure(watermark_ != stream::Watermark::none, "a tick before any watermark");
    Arrival arrival = Arrival::in_time;
    for (PaneSet& set : sets_) {
        if (set.input != tick.kind) continue;
        const i64 pane = set.finder.find(tick.order.ts_event);
        if (tick.order.ts_event < watermark_) [[unlikely]] {
            arrival = std::max(arrival, add_late(set, tick, pane, out));
            continue;
        }
        const std::size_t index = tick.instrument->index;
        if (index < set.fronts.size() && set.fronts[index].pane == pane) [[likely]]
            set.fronts[index].ticks->add(tick.price, tick.size, tick.order);
        else
            put(set, tick, pane);
    }
    return arrival;
}

void Windows::put(PaneSet& set, const WindowTick& tick, i64 pane) {
    Statistics& ticks = series_of(set, *tick.instrument).panes.at(pane);
    ticks.add(tick.price, tick.size, tick.order);
    Front& front = set.fronts[tick.instrument->index];
    if (pane > front.pane) front = {pane, &ticks};
    set.newest = std::max(set.newest, pane);
}

// A tick behind the watermark: some, all or none of its windows were emitted.
Arrival Windows::add_late(PaneSet& set, const WindowTick& tick, i64 pane, WindowOutput& out) {
    const Nanos ts = tick.order.ts_event;
    if (pane < stream::pane_of(watermark_, set.width) -
                   reach_of(set.longest, options_.lateness, set.width))
        return Arrival::too_late;
    put(set, tick, pane);
    const bool emitted = std::ranges::any_of(set.windows, [&](const Window& window) {
        return next_multiple(ts, window.spec.slide) < window.next_end;
    });
    if (!emitted) return Arrival::in_time;
    Series& series = *set.series[tick.instrument->index];
    for (Track& track : series.tracks) track.run_end = no_pane;
    if (options_.late == LatePolicy::reemit) emit_again(set, series, ts, out);
    return Arrival::late;
}

// Emits the windows that hold `ts_event` again, and behind each the one that is compared with it, if its close is new.
void Windows::emit_again(PaneSet& set, Series& series, Nanos ts_event, WindowOutput& out) {
    std::set<std::pair<Nanos, std::size_t>> again;  // By end, then by place in the config: a set's windows are in order.
    for (std::size_t i = 0; i < set.windows.size(); ++i) {
        const Window& window = set.windows[i];
        Nanos end = next_multiple(ts_event, window.spec.slide);
        for (; end < window.next_end && end - window.spec.size <= ts_event; end += window.spec.slide)
            again.emplace(end, i);
    }
    for (const auto& [end, i] : again) {
        if (!emit(set, i, series, end, out)) continue;
        const WindowSpec& spec = set.windows[i].spec;
        const Nanos successor = end + spec.size;
        const Emitted* row = series.tracks[i].emitted.find(successor.count / spec.slide.count);
        if (row != nullptr && row->revisions > 0) again.emplace(successor, i);
    }
}

// Emits one window of all instruments. Where no tick can be in it nor in its successors up to the watermark, those are
// passed over.
void Windows::emit_end(PaneSet& set, std::size_t i, Nanos end, WindowOutput& out) {
    Window& window = set.windows[i];
    const i64 start_pane = (end - window.spec.size).count / set.width.count;
    if (set.newest < start_pane) {
        window.next_end = next_multiple(watermark_, window.spec.slide);
        return;
    }
    for (std::size_t index = 0; index < set.series.size(); ++index)
        if (set.fronts[index].pane >= start_pane) emit(set, i, *set.series[index], end, out);
    window.next_end = end + window.spec.slide;
}

// Emits one row, if the window has ticks. True if its close is not what was emitted of it before.
bool Windows::emit(PaneSet& set, std::size_t i, Series& series, Nanos end, WindowOutput& out) {
    Window& window = set.windows[i];
    Track& track = series.tracks[i];
    const WindowSpec& spec = window.spec;
    const i64 end_pane = end.count / set.width.count;
    merge_window(series.panes, spec.size.count / set.width.count, end_pane, track.run_end, track.run);
    track.run_end = end_pane;
    if (track.run.count == 0) return false;

    WindowRow& row = window.row;
    row.instrument = series.instrument;
    row.window_start = end - spec.size;
    row.window_end = end;
    std::string_view overflow = fill_row(track.run, spec.input, row);

    row.change_pct.reset();
    const Emitted* previous = track.emitted.find(row.window_start.count / spec.slide.count);
    if (previous != nullptr && previous->revisions > 0) {
        bool fits = true;
        row.change_pct = change_percent(row.close, Decimal{previous->close}, fits);
        if (!fits) overflow = "change_pct";
    }
    row.gap_ms = out.gap_ms(spec.input, *series.instrument, row.window_start, end, window.since);
    row.complete = row.gap_ms == 0;

    Emitted& emitted = track.emitted.at(end.count / spec.slide.count);
    const bool close_changed = emitted.revisions == 0 || emitted.close != row.close.units;
    row.revision = emitted.revisions++;
    emitted.close = row.close.units;
    out.on_row(row);
    if (!overflow.empty()) out.on_overflow(row, overflow);
    return close_changed;
}

void Windows::save(stream::StateWriter& out) const {
    out.put(watermark_);
    out.put(static_cast<i64>(sets_.size()));
    for (const PaneSet& set : sets_) {
        out.put(set.input);
        out.put(set.width);
        out.put(set.longest);
        out.put(set.span);
        out.put(set.newest);
        out.put(static_cast<i64>(set.windows.size()));
        for (const Window& window : set.windows) {
            out.text(window.spec.name);
            out.put(window.since);
            out.put(window.next_end);
        }
        out.put(static_cast<i64>(set.series.size()));
        for (std::size_t index = 0; index < set.series.size(); ++index) {
            out.put(set.fronts[index].pane);
            if (set.series[index]) save_series(*set.series[index], out);
        }
    }
}

Result<void> Windows::load(stream::StateReader& in, const InstrumentTable& instruments) {
    const auto broken = [] { return internal_error("the state of the windows does not fit the config"); };
    sets_.clear();
    watermark_ = in.get<Nanos>();
    for (i64 sets = in.count(); sets > 0 && !in.failed(); --sets) {
        const auto input = in.get<TickKind>();
        const auto width = in.get<Nanos>();
        if (width.count <= 0) return broken();
        PaneSet& set = sets_.emplace_back(PaneSet{
            .input = input, .width = width, .finder = stream::PaneFinder(width)});
        set.longest = in.get<i64>();
        set.span = in.get<i64>();
        if (set.span <= 0 || set.span > max_panes) return broken();
        set.newest = in.get<i64>();
        for (i64 windows = in.count(); windows > 0; --windows) {
            const std::string_view name = in.text();
            const auto spec = std::ranges::find(options_.windows, name, &WindowSpec::name);
            if (spec == options_.windows.end()) return broken();
            Window& window = set.windows.emplace_back(Window{.spec = *spec});
            window.row.window_name = name;
            window.since = in.get<Nanos>();
            window.next_end = in.get<Nanos>();
        }
        const i64 series = in.count();
        if (series > static_cast<i64>(instruments.all().size())) return broken();
        for (i64 index = 0; index < series; ++index) {
            const i64 front = in.get<i64>();
            set.fronts.emplace_back();
            set.series.emplace_back();
            if (front == no_pane) continue;
            set.series.back() = make_series(set, instruments.all()[static_cast<std::size_t>(index)]);
            load_series(*set.series.back(), in);
            set.fronts.back() = {front, set.series.back()->panes.find(front)};
            if (set.fronts.back().ticks == nullptr) return broken();
        }
    }
    put_in_order();
    if (in.failed() || order_.size() != options_.windows.size()) return broken();
    return {};
}

void Windows::save_series(const Series& series, stream::StateWriter& out) {
    i64 count = 0;
    series.panes.each([&](i64, const Statistics&) { ++count; });
    out.put(count);
    series.panes.each([&](i64 pane, const Statistics& ticks) {
        out.put(pane);
        ticks.save(out);
    });
    for (const Track& track : series.tracks) {
        count = 0;
        track.emitted.each([&](i64, const Emitted&) { ++count; });
        out.put(count);
        track.emitted.each([&](i64 end, const Emitted& row) {
            out.put(end);
            out.put(row.close);
            out.put(row.revisions);
        });
    }
}

void Windows::load_series(Series& series, stream::StateReader& in) {
    for (i64 panes = in.count(); panes > 0 && !in.failed(); --panes) {
        const i64 pane = in.get<i64>();
        series.panes.at(pane).load(in);
    }
    for (Track& track : series.tracks) {
        for (i64 rows = in.count(); rows > 0 && !in.failed(); --rows) {
            Emitted& row = track.emitted.at(in.get<i64>());
            row.close = in.get<i128>();
            row.revisions = in.get<i64>();
        }
    }
}

}  // namespace tape::ops
