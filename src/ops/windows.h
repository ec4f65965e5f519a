// Tumbling and hopping windows by stream slicing. Windows of one input share one set of panes an
// instrument; a tick goes into its pane at once and a window is a merge of panes when the watermark
// passes its end. Rows come in a fixed order: by window end, then by the window's place in the
// config, then by instrument.
//
// Which ticks are late, what is emitted again and when there is nothing to emit is decided here;
// merging is in sliding_window.h, arithmetic in statistics.h.
#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "market/instrument.h"
#include "market/rows.h"
#include "ops/options.h"
#include "ops/revised.h"
#include "ops/sliding_window.h"
#include "ops/statistics.h"
#include "stream/pane_ring.h"
#include "stream/state.h"
#include "stream/watermark.h"

namespace tape::ops {

/// Who receives the rows, and knows what was observed.
class WindowOutput {
 public:
    virtual ~WindowOutput() = default;
    /// `row` is valid during the call.
    virtual void on_row(const WindowRow& row) = 0;
    /// A value of `row` has more than 38 digits and was left out.
    virtual void on_overflow(const WindowRow& row, std::string_view column) = 0;
    /// Milliseconds of [start, end) in which `input` of `instrument` was not observed; nothing
    /// before `since` counts as observed.
    virtual i64 gap_ms(TickKind input, const Instrument& instrument, Nanos start, Nanos end,
                       Nanos since) = 0;
};

/// What the windows need of a tick.
struct WindowTick {
    const Instrument* instrument{};
    TickKind kind{};
    i128 price{}, size{};  // Units of 10^-18; size 0 where there is none.
    TickOrder order{};
};

/// Demands a tick with a price.
inline WindowTick window_tick(const Tick& tick) {
    return {.instrument = tick.instrument,
            .kind = tick.kind,
            .price = tick.price->units,
            .size = tick.size ? tick.size->units : 0,
            .order = {.ts_event = tick.ts_event,
                      .identity = tick.identity.value_or(0),
                      .source_offset = tick.source_offset,
                      .source_index = tick.source_index}};
}

/// When a tick came.
enum class Arrival : u8 {
    in_time,
    late,      // A window of it was emitted already; open ones still got it.
    too_late,  // So old that its windows have to be repaired, whatever the policy for late ones.
};

/// Error (user): a size that is no multiple of its slide, two windows of one name, an input without
/// prices, more panes than are kept, idle below lateness. Names the window.
Result<void> check(const PipelineOptions& options);

class Windows final {
 public:
    /// Demands options that check() passes.
    explicit Windows(const PipelineOptions& options);

    /// Time has come to `watermark`: emits every window that ends at or before it.
    void advance(Nanos watermark, WindowOutput& out) {
        if (watermark <= watermark_) return;
        if (watermark >= due_ || watermark_ == stream::Watermark::none) [[unlikely]]
            emit_due(watermark, out);
        watermark_ = watermark;
    }
    /// Takes a tick; advance() was called with a watermark that is at most `lateness` older than
    /// the newest tick. With LatePolicy::reemit, rows of a late tick's windows come again, and
    /// those whose change_pct depends on them.
    Arrival add(const WindowTick& tick, WindowOutput& out);
    /// The same without rows: whoever brings ticks of the past repairs what they belong to when all
    /// have come.
    Arrival add_quietly(const WindowTick& tick);
    /// Emits the windows over [lo, hi] of an instrument again, as far as they were due, and behind
    /// each the one that is compared with it, if its close is new. Gives the windows whose ticks
    /// are no longer held: those have to be computed from the log.
    std::vector<WindowSpec> emit_again(TickKind input, const Instrument& instrument, Nanos lo,
                                       Nanos hi, WindowOutput& out);
    /// The revision for a row that was computed from the log; none if the window was never due. Its
    /// close is what later rows are compared with. `emitted`: it may have been emitted in time.
    std::optional<i64> revise(const WindowRow& row, const Instrument& instrument, bool emitted);
    /// The end of time: emits all that has ticks.
    void finish(WindowOutput& out);

    /// Windows of an unchanged definition keep their state; new ones know nothing from before
    /// `now`.
    void configure(const PipelineOptions& options, Nanos now);

    void save(stream::StateWriter& out) const;
    /// Into one made with the same options; instruments are those of `instruments` by index.
    /// Error: a state of other windows, or a damaged one.
    Result<void> load(stream::StateReader& in, const InstrumentTable& instruments);

 private:
    static constexpr i64 no_pane = std::numeric_limits<i64>::min();

    // What was emitted of one window, by its end's number (end / slide).
    struct Emitted {
        i128 close;
        i64 revisions;  // 0: not emitted.
    };
    struct Window {
        WindowSpec spec;
        Nanos since;     // Observation from before this does not count.
        Nanos next_end;  // The first end that was not emitted.
        stream::PaneRing<Emitted> emitted;
        // By instrument index. Not part of the state: merging anew gives the same.
        std::vector<SlidingWindow> merges;
        std::vector<Revised> revised;  // By instrument index, where there is any.
        WindowRow row;                 // Reused, so that emitting does not allocate.
    };
    // Windows that share panes: those of one input that came with the same config.
    struct PaneSet {
        TickKind input{};
        Nanos width;
        i64 longest = 0;  // Panes of the longest window it ever had …
        i64 span = 0;     // … and how many the ring holds.
        std::vector<Window> windows;
        stream::PaneRing<Statistics> panes;
        std::vector<const Instrument*> instruments;  // By index; null: no tick yet.
        std::vector<i64> last_pane;                  // The same: the newest pane with a tick …
        i64 newest = no_pane;                        // … and the newest of all.
        stream::PaneFinder finder;
    };
    struct Place {
        std::size_t set, window;
    };

    void add_sets(const std::vector<WindowSpec>& specs, Nanos since);
    void keep_only(PaneSet& set, const std::vector<WindowSpec>& specs);
    void put_in_order();
    void find_due();
    void emit_due(Nanos watermark, WindowOutput& out);
    void put(PaneSet& set, const WindowTick& tick, i64 pane);
    Arrival put_late(PaneSet& set, const WindowTick& tick, i64 pane);
    i64 held_from(const PaneSet& set) const;
    static void emit_again(PaneSet& set, const Instrument& instrument, Nanos lo, Nanos hi,
                           WindowOutput& out);
    void emit_end(PaneSet& set, Window& window, Nanos end, WindowOutput& out);
    static bool emit(PaneSet& set, Window& window, const Instrument& instrument, Nanos end,
                     WindowOutput& out);
    static Window make_window(const PaneSet& set, const WindowSpec& spec);
    void save(const PaneSet& set, stream::StateWriter& out) const;
    bool load(PaneSet& set, stream::StateReader& in, const InstrumentTable& instruments) const;

    PipelineOptions options_;
    std::vector<PaneSet> sets_;
    std::vector<Place> order_;  // The windows in the config's order.
    Nanos watermark_ = stream::Watermark::none;
    Nanos due_;  // The first end of any window that was not emitted.
};

}  // namespace tape::ops
