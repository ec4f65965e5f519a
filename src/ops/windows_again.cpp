// Windows that were emitted and are emitted again: late ticks, and repairs.
#include <algorithm>
#include <set>
#include <utility>

#include "ops/window_spans.h"
#include "ops/windows.h"

namespace tape::ops {
namespace {

Revised& revised_of(std::vector<Revised>& revised, u32 instrument) {
    if (instrument >= revised.size()) revised.resize(instrument + 1);
    return revised[instrument];
}

}  // namespace

// The oldest pane that is certainly in its ring, and so are the rows that were emitted since.
i64 Windows::held_from(const PaneSet& set) const {
    return std::max(set.newest, stream::pane_of(watermark_, set.width)) - set.span + 1;
}

// A tick behind the watermark: some, all or none of its windows were emitted.
Arrival Windows::put_late(PaneSet& set, const WindowTick& tick, i64 pane) {
    if (pane < held_from(set)) return Arrival::too_late;
    put(set, tick, pane);
    const bool emitted = std::ranges::any_of(set.windows, [&](const Window& window) {
        return next_multiple(tick.order.ts_event, window.spec.slide) < window.next_end;
    });
    if (!emitted) return Arrival::in_time;
    for (Window& window : set.windows) window.merges[tick.instrument->index].forget();
    const i64 reach = reach_of(set.longest, options_.lateness, set.width);
    return pane < stream::pane_of(watermark_, set.width) - reach ? Arrival::too_late
                                                                 : Arrival::late;
}

Arrival Windows::add_quietly(const WindowTick& tick) {
    ensure(watermark_ != stream::Watermark::none, "a tick before any watermark");
    Arrival arrival = Arrival::in_time;
    for (PaneSet& set : sets_) {
        if (set.input != tick.kind) continue;
        const i64 pane = set.finder.find(tick.order.ts_event);
        if (tick.order.ts_event < watermark_)
            arrival = std::max(arrival, put_late(set, tick, pane));
        else
            put(set, tick, pane);
    }
    return arrival;
}

std::vector<WindowSpec> Windows::emit_again(TickKind input, const Instrument& instrument, Nanos lo,
                                            Nanos hi, WindowOutput& out) {
    std::vector<WindowSpec> not_held;
    for (PaneSet& set : sets_) {
        if (set.input != input) continue;
        const i64 first = stream::pane_of(lo, set.width) - set.longest;
        const Nanos since = set.windows.front().since;
        if (first < held_from(set) ||
            (since != stream::Watermark::none && Nanos{first * set.width.count} < since)) {
            for (const Window& window : set.windows) not_held.push_back(window.spec);
        } else if (instrument.index < set.instruments.size() &&
                   set.instruments[instrument.index] != nullptr) {
            emit_again(set, instrument, lo, hi, out);
        }
    }
    return not_held;
}

void Windows::emit_again(PaneSet& set, const Instrument& instrument, Nanos lo, Nanos hi,
                         WindowOutput& out) {
    std::set<std::pair<Nanos, std::size_t>>
        again;  // By end, then by place in the config: a set's windows are in order.
    for (std::size_t i = 0; i < set.windows.size(); ++i) {
        Window& window = set.windows[i];
        Nanos end = next_multiple(lo, window.spec.slide);
        for (; end < window.next_end && end - window.spec.size <= hi; end += window.spec.slide)
            again.emplace(end, i);
        window.merges[instrument.index].forget();
    }
    for (const auto& [end, i] : again) {
        Window& window = set.windows[i];
        const bool close_changed = emit(set, window, instrument, end, out);
        const i64 slide = window.spec.slide.count;
        const Emitted* row = window.emitted.find(end.count / slide, instrument.index);
        if (row != nullptr && row->revisions > 0)
            revised_of(window.revised, instrument.index)
                .note(end, window.spec.slide, row->revisions - 1);
        if (!close_changed) continue;
        const Nanos successor = end + window.spec.size;
        row = window.emitted.find(successor.count / slide, instrument.index);
        if (row != nullptr && row->revisions > 0) again.emplace(successor, i);
    }
    for (Window& window : set.windows) window.merges[instrument.index].forget();
}

std::optional<i64> Windows::revise(const WindowRow& row, const Instrument& instrument,
                                   bool emitted) {
    for (PaneSet& set : sets_)
        for (Window& window : set.windows) {
            if (window.spec.name != row.window_name) continue;
            if (row.window_end >= window.next_end) return std::nullopt;
            Revised& revised = revised_of(window.revised, instrument.index);
            i64 revision = 0;
            if (row.window_end.count / set.width.count > held_from(set)) {
                Emitted& known = window.emitted.at(row.window_end.count / window.spec.slide.count,
                                                   instrument.index);
                revision = known.revisions++;
                known.close = row.close.units;
            } else if (const auto before = revised.highest(row.window_end)) {
                revision = *before + 1;
            } else {
                revision = emitted ? 1 : 0;
            }
            revised.note(row.window_end, window.spec.slide, revision);
            return revision;
        }
    return std::nullopt;
}

}  // namespace tape::ops
