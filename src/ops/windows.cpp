#include "ops/windows.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "ops/window_spans.h"

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

// The windows of such a tick reach back once more; ahead of the watermark there is the lateness.
i64 span_of(i64 longest, Nanos lateness, Nanos width) {
    return reach_of(longest, lateness, width) + longest + panes_in(lateness, width) + 3;
}

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
        if (spec.slide.count <= 0 || spec.size.count <= 0 ||
            spec.size.count % spec.slide.count != 0)
            return user_error(
                fmt::format("window '{}': size must be a multiple of slide", spec.name));
        for (std::size_t j = 0; j < i; ++j)
            if (options.windows[j].name == spec.name)
                return user_error(fmt::format("two windows are named '{}'", spec.name));
        const Nanos width = stream::pane_width(spans_of(options.windows, spec.input));
        if (spec.size.count / width.count > max_panes ||
            span_of(spec.size.count / width.count, options.lateness, width) > max_panes)
            return user_error(
                fmt::format("window '{}': its size is more than {} times {}, the span "
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

// Drops the windows that `specs` does not have, and gives the ring the span that a longer lateness
// asks for.
void Windows::keep_only(PaneSet& set, const std::vector<WindowSpec>& specs) {
    std::erase_if(set.windows, [&](const Window& window) {
        return std::ranges::find(specs, window.spec) == specs.end();
    });
    const i64 span = span_of(set.longest, options_.lateness, set.width);
    if (span <= set.span) return;
    set.span = span;
    stream::PaneRing<Statistics> panes(span);
    set.panes.each(
        [&](i64 number, u32 index, const Statistics& ticks) { panes.at(number, index) = ticks; });
    set.panes = std::move(panes);
    for (Window& window : set.windows) {
        Window wider = make_window(set, window.spec);
        window.emitted.each([&](i64 number, u32 index, const Emitted& row) {
            wider.emitted.at(number, index) = row;
        });
        window.emitted = std::move(wider.emitted);
    }
}

// One set of panes for each input among `specs`.
void Windows::add_sets(const std::vector<WindowSpec>& specs, Nanos since) {
    for (const TickKind input : {TickKind::trade, TickKind::ticker, TickKind::poll}) {
        const std::vector<Nanos> spans = spans_of(specs, input);
        if (spans.empty()) continue;
        const Nanos width = stream::pane_width(spans);
        const i64 longest = std::ranges::max(spans).count / width.count;
        const i64 span = span_of(longest, options_.lateness, width);
        PaneSet& set = sets_.emplace_back(PaneSet{.input = input,
                                                  .width = width,
                                                  .longest = longest,
                                                  .span = span,
                                                  .panes = stream::PaneRing<Statistics>(span),
                                                  .finder = stream::PaneFinder(width)});
        for (const WindowSpec& spec : specs) {
            if (spec.input != input) continue;
            const bool started = watermark_ != stream::Watermark::none;
            Window& window = set.windows.emplace_back(make_window(set, spec));
            window.since = since;
            window.next_end = started ? next_multiple(watermark_, spec.slide) : never;
        }
    }
}

Windows::Window Windows::make_window(const PaneSet& set, const WindowSpec& spec) {
    const i64 ends = set.span / (spec.slide.count / set.width.count) + 1;
    Window window{.spec = spec, .emitted = stream::PaneRing<Emitted>(ends)};
    window.row.window_name = spec.name;
    return window;
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

void Windows::emit_due(Nanos watermark, WindowOutput& out) {
    if (std::exchange(watermark_, watermark) == stream::Watermark::none) {
        for (PaneSet& set : sets_)
            for (Window& window : set.windows)
                window.next_end = next_multiple(watermark, window.spec.slide);
        find_due();
    }
    while (due_ <= watermark_) {
        const Nanos end = due_;
        for (const Place& place : order_)
            if (sets_[place.set].windows[place.window].next_end == end)
                emit_end(sets_[place.set], sets_[place.set].windows[place.window], end, out);
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
            const Arrival here = put_late(set, tick, pane);
            if (here == Arrival::late && options_.late == LatePolicy::reemit)
                emit_again(set, *tick.instrument, tick.order.ts_event, tick.order.ts_event, out);
            arrival = std::max(arrival, here);
            continue;
        }
        if (Statistics* ticks = set.panes.find(pane, tick.instrument->index)) [[likely]]
            ticks->add(tick.price, tick.size, tick.order);
        else
            put(set, tick, pane);
    }
    return arrival;
}

// The first tick of a pane.
void Windows::put(PaneSet& set, const WindowTick& tick, i64 pane) {
    const u32 index = tick.instrument->index;
    if (index >= set.instruments.size()) {
        set.instruments.resize(index + 1);
        set.last_pane.resize(index + 1, no_pane);
        for (Window& window : set.windows) window.merges.resize(index + 1);
    }
    set.instruments[index] = tick.instrument;
    set.panes.at(pane, index).add(tick.price, tick.size, tick.order);
    set.last_pane[index] = std::max(set.last_pane[index], pane);
    set.newest = std::max(set.newest, pane);
}

// Emits one window of all instruments. Where no tick can be in it nor in its successors up to the
// watermark, those are passed over.
void Windows::emit_end(PaneSet& set, Window& window, Nanos end, WindowOutput& out) {
    const i64 start_pane = (end - window.spec.size).count / set.width.count;
    if (set.newest < start_pane) {
        window.next_end = next_multiple(watermark_, window.spec.slide);
        return;
    }
    for (std::size_t index = 0; index < set.instruments.size(); ++index)
        if (set.last_pane[index] >= start_pane)
            emit(set, window, *set.instruments[index], end, out);
    window.next_end = end + window.spec.slide;
}

// Emits one row, if the window has ticks. True if its close is not what was emitted of it before.
bool Windows::emit(PaneSet& set, Window& window, const Instrument& instrument, Nanos end,
                   WindowOutput& out) {
    const WindowSpec& spec = window.spec;
    const Statistics& ticks = window.merges[instrument.index].move_to(
        set.panes, instrument.index, spec.size.count / set.width.count,
        end.count / set.width.count);
    if (ticks.count == 0) return false;

    WindowRow& row = window.row;
    row.instrument = &instrument;
    row.window_start = end - spec.size;
    row.window_end = end;
    std::string_view overflow = fill_row(ticks, spec.input, row);

    row.change_pct.reset();
    const Emitted* previous =
        window.emitted.find(row.window_start.count / spec.slide.count, instrument.index);
    if (previous != nullptr && previous->revisions > 0) {
        bool fits = true;
        row.change_pct = change_percent(row.close, Decimal{previous->close}, fits);
        if (!fits) overflow = "change_pct";
    }
    row.gap_ms = out.gap_ms(spec.input, instrument, row.window_start, end, window.since);
    row.complete = row.gap_ms == 0;

    Emitted& emitted = window.emitted.at(end.count / spec.slide.count, instrument.index);
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
    for (const PaneSet& set : sets_) save(set, out);
}

void Windows::save(const PaneSet& set, stream::StateWriter& out) const {
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
        out.put(static_cast<i64>(window.revised.size()));
        for (const Revised& revised : window.revised) revised.save(out);
        i64 rows = 0;
        window.emitted.each([&](i64, u32, const Emitted&) { ++rows; });
        out.put(rows);
        window.emitted.each([&](i64 number, u32 index, const Emitted& row) {
            out.put(number);
            out.put(index);
            out.put(row.close);
            out.put(row.revisions);
        });
    }
    out.put(static_cast<i64>(set.last_pane.size()));
    for (const i64 pane : set.last_pane) out.put(pane);
    i64 panes = 0;
    set.panes.each([&](i64, u32, const Statistics&) { ++panes; });
    out.put(panes);
    set.panes.each([&](i64 number, u32 index, const Statistics& ticks) {
        out.put(number);
        out.put(index);
        ticks.save(out);
    });
}

Result<void> Windows::load(stream::StateReader& in, const InstrumentTable& instruments) {
    sets_.clear();
    watermark_ = in.get<Nanos>();
    bool fits = true;
    for (i64 sets = in.count(); sets > 0 && fits; --sets) {
        PaneSet set{.panes = stream::PaneRing<Statistics>(1),
                    .finder = stream::PaneFinder(seconds(1))};
        fits = load(set, in, instruments) && !in.failed();
        sets_.push_back(std::move(set));
    }
    put_in_order();
    if (!fits || in.failed() || order_.size() != options_.windows.size())
        return internal_error("the state of the windows is damaged or another config's");
    return {};
}

bool Windows::load(PaneSet& set, stream::StateReader& in,
                   const InstrumentTable& instruments) const {
    set.input = in.get<TickKind>();
    set.width = in.get<Nanos>();
    set.longest = in.get<i64>();
    set.span = in.get<i64>();
    set.newest = in.get<i64>();
    if (set.width.count <= 0 || set.span <= 0 || set.span > max_panes) return false;
    set.panes = stream::PaneRing<Statistics>(set.span);
    set.finder = stream::PaneFinder(set.width);
    for (i64 windows = in.count(); windows > 0; --windows) {
        const auto spec = std::ranges::find(options_.windows, in.text(), &WindowSpec::name);
        if (spec == options_.windows.end()) return false;
        Window& window = set.windows.emplace_back(make_window(set, *spec));
        window.since = in.get<Nanos>();
        window.next_end = in.get<Nanos>();
        window.revised.resize(static_cast<std::size_t>(in.count()));
        for (Revised& revised : window.revised) revised.load(in);
        for (i64 rows = in.count(); rows > 0; --rows) {
            const i64 number = in.get<i64>();
            const u32 index = in.get<u32>();
            if (index >= instruments.all().size()) return false;
            Emitted& row = window.emitted.at(number, index);
            row.close = in.get<i128>();
            row.revisions = in.get<i64>();
        }
    }
    const i64 count = in.count();
    if (count > std::ssize(instruments.all())) return false;
    for (i64 index = 0; index < count; ++index) {
        set.last_pane.push_back(in.get<i64>());
        set.instruments.push_back(set.last_pane.back() == no_pane
                                      ? nullptr
                                      : &instruments.all()[static_cast<std::size_t>(index)]);
    }
    for (Window& window : set.windows) window.merges.resize(set.instruments.size());
    for (i64 panes = in.count(); panes > 0; --panes) {
        const i64 number = in.get<i64>();
        const u32 index = in.get<u32>();
        if (index >= set.instruments.size()) return false;
        set.panes.at(number, index).load(in);
    }
    return true;
}

}  // namespace tape::ops
