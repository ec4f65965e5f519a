#include "ops/rerun.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <tuple>

#include "ops/sieve.h"

namespace tape::ops {
namespace {

constexpr i64 memory_max = 32 << 20;  // Of the panes of a chunk, about.
constexpr i64 chunk_panes_max = 1 << 14;

// The windows of one kind of ticks over spans that lie close to each other.
class Chunks final : venues::EventSink, WindowOutput {
 public:
    Chunks(const RerunContext& context, std::vector<StaleSpan> spans,
           std::vector<WindowSpec> windows)
        : context_(context),
          spans_(std::move(spans)),
          kind_(spans_.front().kind),
          options_{.windows = std::move(windows)} {
        std::vector<Nanos> sizes;
        for (const WindowSpec& window : options_.windows) {
            longest_ = std::max(longest_, window.size);
            sizes.insert(sizes.end(), {window.size, window.slide});
        }
        width_ = stream::pane_width(sizes);
        for (const StaleSpan& span : spans_) {
            if (span.instrument >= place_.size()) place_.resize(span.instrument + 1, -1);
            if (place_[span.instrument] >= 0) continue;
            place_[span.instrument] = static_cast<i32>(instruments_.size());
            const Instrument& original = context.decoder.instruments().all()[span.instrument];
            Instrument& copy = instruments_.emplace_back(original);
            copy.index = static_cast<u32>(originals_.size());
            originals_.push_back(&original);
        }
    }

    Result<void> run() {
        Nanos lo = spans_.front().lo, hi = spans_.front().hi;
        for (const StaleSpan& span : spans_) {
            lo = std::min(lo, span.lo);
            hi = std::max(hi, span.hi);
        }
        const Nanos end = std::min(hi + longest_ + longest_, context_.watermark);
        const i64 held =
            memory_max / (std::ssize(instruments_) * static_cast<i64>(sizeof(Statistics)));
        const i64 panes_max =
            std::max(std::min(held, chunk_panes_max), 4 * (longest_.count / width_.count));
        const Nanos step = Nanos{panes_max * width_.count} - longest_ - longest_;
        for (from_ = floor_to(lo, width_); from_ < end; from_ += step) {
            to_ = std::min(from_ + step, floor_to(end, width_) + width_);
            if (auto done = run_chunk(); !done) return done;
        }
        return {};
    }

 private:
    // The windows that end in (from_, to_].
    Result<void> run_chunk() {
        start_ = from_ - longest_ - longest_;  // Of the predecessor of the first window.
        PipelineOptions options = options_;
        options.lateness = to_ - start_;  // Its ticks come in any order.
        Windows windows(options);
        windows_ = &windows;
        windows.advance(start_, *this);
        maybe_in_time_.assign(
            instruments_.size(),
            std::vector<bool>(static_cast<std::size_t>((to_ - start_).count / width_.count)));

        sieve_.emplace(context_.venue.identity().consecutive);
        const auto decoder = context_.venue.make_decoder();
        std::string state;
        context_.decoder.save(state);
        if (auto loaded = decoder->load(state); !loaded) return loaded;
        const auto visit = [&](const log::Record& record) {
            if (record.kind != log::RecordKind::frame && record.kind != log::RecordKind::rest)
                return true;
            reached_ = context_.index.watermark(record.offset);
            // What cannot be decoded was a dead letter the first time.
            (void)decoder->decode(record, *this);
            return true;
        };
        const Nanos heard = start_ - context_.options.max_skew - margin;
        if (auto read = context_.log.read_back(context_.index.before(heard), visit); !read)
            return read;
        emits_ = true;
        windows.advance(to_, *this);
        emits_ = false;
        return {};
    }

    void on(const Tick& tick) override {
        if (tick.kind != kind_) return;
        const u32 index = tick.instrument->index;
        const i32 place = index < place_.size() ? place_[index] : -1;
        if (place < 0) return;
        if (sieve_->sift(tick, context_.options.max_skew) != Sieve::Found::fresh || !tick.price)
            return;
        if (tick.ts_event < start_ || tick.ts_event >= to_) return;
        if (context_.quarantined.contains({tick.source_offset, tick.source_index})) return;
        const auto pane = static_cast<std::size_t>((tick.ts_event - start_).count / width_.count);
        if (reached_ < tick.ts_event + longest_)
            maybe_in_time_[static_cast<std::size_t>(place)][pane] = true;
        WindowTick counted = window_tick(tick);
        counted.instrument = &instruments_[static_cast<std::size_t>(place)];
        windows_->add(counted, *this);
    }
    void on_subscribed(std::string_view, const Instrument*) override {}
    void on_refused(std::string_view) override {}
    void on_unknown(std::string_view) override {}
    void on_last_trade(const Instrument&, u64, Nanos) override {}

    void on_row(const WindowRow& computed) override {
        if (!wanted(*computed.instrument, computed.window_start, computed.window_end)) return;
        const auto place = computed.instrument->index;
        const auto pane = [&](Nanos time) { return (time - start_).count / width_.count; };
        const std::vector<bool>& panes = maybe_in_time_[place];
        const bool emitted = std::any_of(panes.begin() + pane(computed.window_start),
                                         panes.begin() + pane(computed.window_end),
                                         [](bool in_time) { return in_time; });
        row_ = computed;
        row_.instrument = originals_[place];
        const auto revision = context_.windows.revise(row_, *row_.instrument, emitted);
        if (!revision) return;
        row_.revision = *revision;
        context_.rows.on_row(row_);
    }
    void on_overflow(const WindowRow& computed, std::string_view column) override {
        if (!wanted(*computed.instrument, computed.window_start, computed.window_end)) return;
        context_.rows.on_overflow(row_, column);
    }
    i64 gap_ms(TickKind kind, const Instrument& instrument, Nanos start, Nanos end,
               Nanos) override {
        if (!wanted(instrument, start, end)) return 0;
        return context_.rows.gap_ms(kind, *originals_[instrument.index], start, end,
                                    stream::Watermark::none);
    }

    // Whether the window is over one of the spans, or is compared with one that is.
    bool wanted(const Instrument& copy, Nanos start, Nanos end) const {
        if (!emits_ || end <= from_ || end > to_) return false;
        const u32 index = originals_[copy.index]->index;
        return std::ranges::any_of(spans_, [&](const StaleSpan& span) {
            return span.instrument == index && end > span.lo && start - (end - start) <= span.hi;
        });
    }

    // Copies of one trade may differ a little in their times; so much more of the log is read.
    static constexpr Nanos margin = seconds(5);

    const RerunContext& context_;
    const std::vector<StaleSpan> spans_;
    const TickKind kind_;
    PipelineOptions options_;
    Nanos longest_, width_;
    std::vector<i32> place_;              // By the pipeline's instrument index; -1: not concerned.
    std::deque<Instrument> instruments_;  // Copies with an index of their own, so panes are few …
    std::vector<const Instrument*> originals_;  // … and what they are copies of.

    // Of the chunk at hand.
    Nanos start_, from_, to_;
    std::optional<Sieve> sieve_;
    Windows* windows_{};
    bool emits_{};
    Nanos reached_;  // A watermark from before the record at hand.
    // By place and pane: a tick may have come before its windows were emitted.
    std::vector<std::vector<bool>> maybe_in_time_;
    WindowRow row_;
};

}  // namespace

Result<void> run_again(const RerunContext& context, const std::vector<Rerun>& reruns) {
    // One after the other in time; those whose chunks would overlap together.
    std::vector<const Rerun*> ordered;
    for (const Rerun& rerun : reruns) ordered.push_back(&rerun);
    std::ranges::sort(ordered, [](const Rerun* a, const Rerun* b) {
        return std::tuple(a->span.kind, a->span.lo, a) < std::tuple(b->span.kind, b->span.lo, b);
    });
    for (std::size_t i = 0; i < ordered.size();) {
        std::vector<StaleSpan> spans;
        std::vector<WindowSpec> windows;
        Nanos longest, hi = ordered[i]->span.hi;
        const TickKind kind = ordered[i]->span.kind;
        for (; i < ordered.size() && ordered[i]->span.kind == kind; ++i) {
            const Rerun& next = *ordered[i];
            if (!spans.empty() && next.span.lo > hi + longest + longest + longest) break;
            hi = std::max(hi, next.span.hi);
            spans.push_back(next.span);
            for (const WindowSpec& window : next.windows) {
                longest = std::max(longest, window.size);
                if (std::ranges::find(windows, window) == windows.end()) windows.push_back(window);
            }
        }
        if (windows.empty()) continue;
        if (auto done = Chunks(context, std::move(spans), std::move(windows)).run(); !done)
            return done;
    }
    return {};
}

}  // namespace tape::ops
