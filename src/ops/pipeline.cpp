#include "ops/pipeline.h"

#include <fmt/core.h>

#include <optional>
#include <utility>
#include <vector>

#include "ops/backlog.h"
#include "ops/carried.h"
#include "ops/gaps.h"
#include "ops/observation.h"
#include "ops/outliers.h"
#include "ops/pipeline_metrics.h"
#include "ops/pipeline_state.h"
#include "ops/quality.h"
#include "ops/quality_metrics.h"
#include "ops/raw_payloads.h"
#include "ops/record_index.h"
#include "ops/rerun.h"
#include "ops/row_writer.h"
#include "ops/sieve.h"
#include "ops/stale.h"
#include "ops/windows.h"
#include "stream/watermark.h"

namespace tape::ops {
namespace {

using log::RecordKind;

// Bumped when this folder would compute something else from the same ticks.
constexpr i64 engine_version = 5;
// Of save(); a state of another layout is refused by load().
constexpr u32 state_layout = 5;
// So many ticks of poor quality are remembered, for repairs.
constexpr std::size_t quarantined_max = 1 << 16;
// A connection that said nothing for so long before it ended may have been dead meanwhile.
constexpr Nanos quiet_max = seconds(10);

class Pipeline final : public stream::Processor, venues::EventSink, WindowOutput, GapOutput {
 public:
    Pipeline(const venues::Venue& venue, PipelineSetup setup)
        : venue_(venue),
          setup_(std::move(setup)),
          options_(setup_.options),
          decoder_(venue.make_decoder()),
          watermark_(options_.lateness, options_.idle),
          rows_(venue),
          sieve_(venue.identity().consecutive),
          backlog_(venue.identity().consecutive),
          quality_(options_.quality, options_.lateness),
          ledger_(venue),
          windows_(options_),
          metrics_(setup_.partition),
          quality_metrics_(setup_.partition),
          outliers_(setup_.outliers, setup_.partition) {}

    void on_record(const log::Record& record, stream::Output& out) override {
        record_ = &record;
        out_ = &out;
        rows_.begin(record, out);
        ++metrics_.records;
        index_.note(record, watermark_.value());
        switch (record.kind) {
            case RecordKind::config:
                on_config();
                break;
            // Observation that nobody ended was cut off: the last record tells when it still was.
            case RecordKind::connected:
                if (!is_set(record.payload, "overlaps")) lost(past_.last_ts, "disconnect");
                backlog_.clear();
                past_.last_heard = record.ts_recv;
                decode(record);
                break;
            case RecordKind::gap:
                on_gap_record(parse_gap(record.payload));
                break;
            case RecordKind::disconnected:
                lost(record.ts_recv - past_.last_heard > quiet_max ? past_.last_heard
                                                                   : record.ts_recv,
                     text_member(record.payload, "reason").value_or("disconnect"));
                break;
            case RecordKind::frame:
                past_.last_heard = record.ts_recv;
                past_.on_socket = true;
                decode(record);
                break;
            case RecordKind::rest:
                if (!past_.on_socket)
                    past_.last_heard = record.ts_recv;  // It may be one that is polled.
                decode(record);
                break;
            case RecordKind::sent:  // Some acknowledgements say only what they answer.
                decode(record);
                break;
            case RecordKind::heartbeat:
                watermark_.on_heartbeat(record.ts_recv);
                advance();
                break;
            default:;
        }
        ledger_.settle(record.ts_recv, sieve_.dedup(), observation_, *this);
        if (stale_.due(record.ts_recv, ledger_.waits())) [[unlikely]]
            repair();
        past_.last_ts = record.ts_recv;
        past_.started = true;
    }

    void finish(stream::Output& out) override {
        const log::Record end{.ts_recv = past_.last_ts};
        record_ = &end;
        out_ = &out;
        rows_.begin(end, out);
        if (!stale_.empty()) repair();
        observation_.lost(past_.last_ts);
        windows_.finish(*this);
    }

    void save(std::string& bytes) const override {
        stream::StateWriter out(bytes);
        out.put(state_layout);
        save_options(options_, out);
        std::string decoder;
        decoder_->save(decoder);
        out.text(decoder);
        watermark_.save(out);
        sieve_.save(out);
        quality_.save(out);
        observation_.save(out);
        ledger_.save(out);
        stale_.save(out);
        index_.save(out);
        save_quarantined(quarantined_, out);
        windows_.save(out);
        past_.save(out);
        backlog_.save(out);
        carried_.save(out);
    }

    Result<void> load(std::string_view bytes) override {
        stream::StateReader in(bytes);
        const Error damaged = internal_error("the state of " + setup_.partition + " is damaged");
        if (in.get<u32>() != state_layout)
            return internal_error("the state of " + setup_.partition + " has another layout");
        options_ = load_options(in);
        if (auto loaded = decoder_->load(in.text()); !loaded) return loaded;
        watermark_ = stream::Watermark(options_.lateness, options_.idle);
        watermark_.load(in);
        sieve_.load(in);
        quality_.configure(options_.quality, options_.lateness);
        quality_.load(in);
        observation_.load(in);
        ledger_.load(in, decoder_->instruments());
        stale_.load(in);
        index_.load(in);
        quarantined_ = load_quarantined(in);
        if (in.failed() || !check(options_)) return damaged;
        windows_ = Windows(options_);
        if (auto loaded = windows_.load(in, decoder_->instruments()); !loaded) return loaded;
        past_.load(in);
        backlog_.load(in);
        carried_.load(in);
        if (in.failed() || !in.at_end()) return damaged;
        return {};
    }

    i64 version() const override { return i64{venue_.decoder_version()} * 1000 + engine_version; }
    Nanos watermark() const override { return watermark_.value(); }
    void report() override {
        metrics_.report();
        quality_metrics_.report(quality_);
        outliers_.advance(past_.last_ts);
        // Not sooner: what a log already answers within a batch is not asked for again.
        for (const venues::Missing& missing : ledger_.take_asks())
            if (setup_.ask) setup_.ask(missing);
    }

 private:
    // ---- What the decoder finds ----

    void decode(const log::Record& record) {
        if (auto error = decoder_->decode(record, *this)) dead_letter(error->reason, error->detail);
    }

    void on(const Tick& tick) override {
        const Sieve::Found found = sieve_.sift(tick, options_.max_skew);
        if (found == Sieve::Found::future) return dead_letter("future", too_early(tick));
        if (found == Sieve::Found::negative) return dead_letter("negative", negative(tick));
        const bool fresh = found == Sieve::Found::fresh;
        // An answer to a request is no sign that the stream is up.
        const bool on_socket = record_->kind == RecordKind::frame;
        if ((on_socket || tick.kind == TickKind::poll) && !carried_.is_leaving(tick) &&
            observation_.observed(tick.kind, tick.instrument, tick.ts_recv)) [[unlikely]]
            ledger_.heard(tick.kind, *tick.instrument, tick.ts_recv);
        if (on_socket && tick.kind == TickKind::trade) backlog_.note(tick);
        if (tick.kind == TickKind::trade)
            ledger_.on_trade(tick, fresh,
                             on_socket ? GapLedger::Source::socket : GapLedger::Source::rest);
        if (!fresh) {
            ++metrics_.duplicates;
            return quality_.count_duplicate();
        }
        if (is_quarantined(tick)) [[unlikely]]
            return;
        metrics_.count_tick(*tick.instrument);
        rows_.write(tick);

        watermark_.on_event(tick.ts_event, tick.ts_recv);
        past_.seen_tick = true;
        advance();
        if (tick.price) add_to_windows(tick);
    }

    void on_subscribed(std::string_view channel, const Instrument* instrument) override {
        if (channel.starts_with("heartbeat")) return;  // Nothing is observed by it.
        observation_.observed(venue_.kind_of(channel), instrument, record_->ts_recv);
        ledger_.acknowledged(channel, instrument, record_->ts_recv);
    }
    void on_refused(std::string_view detail) override { dead_letter("refused", detail); }
    void on_unknown(std::string_view) override { ++metrics_.unknown; }
    void on_last_trade(const Instrument& instrument, u64 id, Nanos ts_event) override {
        ledger_.on_last_trade(instrument, id, ts_event, record_->ts_recv);
    }
    void on_candle(const Candle& candle) override { rows_.write(candle); }
    void on_lost_messages(i64, i64) override {
        observation_.interrupted(past_.last_ts, record_->ts_recv);
        ledger_.interrupted(past_.last_ts, record_->ts_recv, "id_gap");
    }

    // ---- What the ledger and the windows say ----

    void on_gap(const Gap& row) override {
        metrics_.count_gap(row.status);
        rows_.write(row);
    }
    void on_closed(const Instrument& instrument, Nanos from, Nanos to) override {
        stale_.add({TickKind::trade, instrument.index, from, to}, StaleSpans::Why::closed,
                   record_->ts_recv);
    }
    void on_given_up() override { ++metrics_.gaps_given_up; }

    void on_row(const WindowRow& row) override {
        ++metrics_.windows;
        rows_.write(row);
        outliers_.on_row(row, record_->ts_recv);
    }
    void on_overflow(const WindowRow& row, std::string_view column) override {
        dead_letter("overflow", too_long(row, column));
    }
    i64 gap_ms(TickKind input, const Instrument& instrument, Nanos start, Nanos end,
               Nanos since) override {
        const auto missing = input == TickKind::trade
                                 ? ledger_.missing(instrument.index, start, end)
                                 : std::span<const Span>{};
        return observation_.gap_ms(input, instrument, start, end, since, missing);
    }

    void on_config() {
        if (!is_set(record_->payload, "reload")) lost(past_.last_ts, "restart");
        for (const auto& [kind, instrument] :
             carried_.follow(*record_, venue_, decoder_->instruments())) {
            observation_.lost(kind, *instrument, record_->ts_recv);
            ledger_.dropped(kind, *instrument, record_->ts_recv);
        }
        if (!setup_.parse) return;
        Result<PipelineOptions> asked = asked_options(record_->payload, setup_.parse);
        if (!asked) return dead_letter("config", asked.error().what);
        if (*asked == options_) return;
        options_ = *std::move(asked);
        // Before the first tick there is nothing that a new window could have missed.
        windows_.configure(options_, past_.seen_tick ? record_->ts_recv : stream::Watermark::none);
        watermark_.configure(options_.lateness, options_.idle);
        quality_.configure(options_.quality, options_.lateness);
        if (past_.started) out_->begin_epoch();
    }

    void advance() {
        if (watermark_.value() != stream::Watermark::none)
            windows_.advance(watermark_.value(), *this);
    }

    void add_to_windows(const Tick& tick) {
        const WindowTick input = window_tick(tick);
        const StaleSpan stale{tick.kind, tick.instrument->index, tick.ts_event, tick.ts_event};
        // Trades that were asked for come in numbers: their windows are repaired together.
        if (tick.kind == TickKind::trade && record_->kind == RecordKind::rest) {
            if (windows_.add_quietly(input) != Arrival::in_time)
                stale_.add(stale, StaleSpans::Why::tick, record_->ts_recv);
            return;
        }
        const Arrival arrival = windows_.add(input, *this);
        if (arrival == Arrival::in_time) return;
        ++metrics_.late;
        if (arrival == Arrival::too_late)
            stale_.add(stale, StaleSpans::Why::tick, record_->ts_recv);
        else if (options_.late == LatePolicy::side)
            dead_letter("late", too_late(tick, watermark_.value()));
    }

    bool is_quarantined(const Tick& tick) {
        const Verdict verdict = quality_.check(tick, record_->kind);
        for (const QualityFlag& flag : verdict.flags) rows_.write(flag);
        if (!verdict.quarantined) return false;
        quarantined_.emplace(tick.source_offset, tick.source_index);
        if (quarantined_.size() > quarantined_max) quarantined_.erase(quarantined_.begin());
        return true;
    }

    void lost(Nanos at, std::string_view cause) {
        at = backlog_.sent(at);
        if (observation_.lost(at)) ledger_.lost(at, cause);
    }

    void on_gap_record(const GapRecord& gap) {
        if (!gap.from_ts) return lost(past_.last_ts, "log");
        if (gap.symbol.empty()) {
            const Nanos to = gap.to_ts.value_or(record_->ts_recv);
            observation_.interrupted(*gap.from_ts, to);
            return ledger_.interrupted(*gap.from_ts, to, "disk");
        }
        const Instrument* instrument = decoder_->instruments().find(venue_.name(), gap.symbol);
        if (instrument == nullptr) return;
        if (gap.cause == "fetched") {
            stale_.hurry();
            return ledger_.on_fetched(gap.channel, *instrument, *gap.from_ts, gap.from_id);
        }
        observation_.lost(venue_.kind_of(gap.channel), *instrument, backlog_.sent(*gap.from_ts));
        ledger_.muted(gap.channel, *instrument, backlog_.sent(*gap.from_ts));
    }

    // Emits again what is out of date: from the panes as far as they are held, else from the log.
    void repair() {
        std::vector<Rerun> reruns;
        for (const StaleSpan& span : stale_.take()) {
            if (watermark_.value() == stream::Watermark::none) return;  // Nothing was emitted.
            auto windows = windows_.emit_again(
                span.kind, decoder_->instruments().all()[span.instrument], span.lo, span.hi, *this);
            if (!windows.empty()) reruns.push_back({span, std::move(windows)});
        }
        if (reruns.empty()) return;
        const auto repaired = run_again({.venue = venue_,
                                         .decoder = *decoder_,
                                         .options = options_,
                                         .index = index_,
                                         .quarantined = quarantined_,
                                         .watermark = watermark_.value(),
                                         .windows = windows_,
                                         .rows = *this,
                                         .log = *out_},
                                        reruns);
        if (!repaired) dead_letter("repair", "windows stay as they were: " + repaired.error().what);
    }

    void dead_letter(std::string_view reason, std::string_view detail) {
        ++metrics_.dead_letters;
        rows_.dead_letter(reason, detail);
    }

    const venues::Venue& venue_;
    const PipelineSetup setup_;
    PipelineOptions options_;
    std::unique_ptr<venues::Decoder> decoder_;
    stream::Watermark watermark_;
    RowWriter rows_;
    Sieve sieve_;
    Backlog backlog_;
    Quality quality_;
    Observation observation_;
    GapLedger ledger_;
    StaleSpans stale_;
    RecordIndex index_;
    Quarantined quarantined_;
    Windows windows_;
    PipelineMetrics metrics_;
    QualityMetrics quality_metrics_;
    OutlierWatch outliers_;
    Carried carried_;
    Past past_;

    // Of the record at hand.
    const log::Record* record_{};
    stream::Output* out_{};
};

}  // namespace

stream::ProcessorFactory pipeline_factory(PipelineSetup setup) {
    return [setup = std::move(setup)]() -> Result<std::unique_ptr<stream::Processor>> {
        const std::string_view name = venues::venue_of_slot(setup.partition);
        const venues::Venue* venue = setup.venue ? setup.venue : venues::find_venue(name);
        if (!venue)
            return user_error(
                fmt::format("partition {}: this build has no venue '{}'", setup.partition, name));
        if (auto checked = check(setup.options); !checked) return checked.error();
        return std::make_unique<Pipeline>(*venue, setup);
    };
}

}  // namespace tape::ops
