#include "ops/pipeline.h"

#include <fmt/core.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "market/codec.h"
#include "ops/dedup.h"
#include "ops/observation.h"
#include "ops/pipeline_metrics.h"
#include "ops/pipeline_state.h"
#include "ops/windows.h"
#include "stream/watermark.h"

namespace tape::ops {
namespace {

using log::RecordKind;

// Bumped when this folder would compute something else from the same ticks.
constexpr i64 engine_version = 1;

// The string `name` of a JSON object, if `json` is one and has it.
std::optional<std::string> member(std::string_view json, std::string_view name) {
    const auto object = nlohmann::json::parse(json, nullptr, false);
    if (!object.is_object()) return std::nullopt;
    const auto place = object.find(name);
    if (place == object.end() || !place->is_string()) return std::nullopt;
    return place->get<std::string>();
}

class Pipeline final : public stream::Processor, venues::EventSink, WindowOutput {
 public:
    Pipeline(const venues::Venue& venue, PipelineSetup setup)
        : venue_(venue),
          setup_(std::move(setup)),
          options_(setup_.options),
          decoder_(venue.make_decoder()),
          watermark_(options_.lateness, options_.idle),
          dedup_(venue.identity().consecutive),
          windows_(options_),
          metrics_(setup_.partition) {}

    void on_record(const log::Record& record, stream::Output& out) override {
        record_ = &record;
        out_ = &out;
        ++metrics_.records;
        switch (record.kind) {
            case RecordKind::config:
                on_config();
                break;
            // Observation that nobody ended was cut off: the last record tells when it still was.
            case RecordKind::connected:
                observation_.lost(last_ts_, "reconnected");
                break;
            case RecordKind::gap:
                observation_.lost(last_ts_, "log");
                break;
            case RecordKind::disconnected:
                observation_.lost(
                    record.ts_recv,
                    member(record.payload, "cause").value_or(std::string(record.payload)));
                break;
            case RecordKind::frame:
            case RecordKind::rest:
                if (auto error = decoder_->decode(record, *this))
                    dead_letter(error->reason, error->detail);
                break;
            case RecordKind::heartbeat:
                watermark_.on_heartbeat(record.ts_recv);
                advance();
                break;
            default:
                break;
        }
        last_ts_ = record.ts_recv;
        started_ = true;
    }

    void finish(stream::Output& out) override {
        const log::Record end{.ts_recv = last_ts_};
        record_ = &end;
        out_ = &out;
        observation_.lost(last_ts_, "end");
        windows_.finish(*this);
    }

    void save(std::string& bytes) const override {
        stream::StateWriter out(bytes);
        save_options(options_, out);
        std::string decoder;
        decoder_->save(decoder);
        out.text(decoder);
        watermark_.save(out);
        dedup_.save(out);
        observation_.save(out);
        windows_.save(out);
        out.put(last_ts_);
        out.put(static_cast<u8>(started_));
        out.put(static_cast<u8>(seen_tick_));
    }

    Result<void> load(std::string_view bytes) override {
        stream::StateReader in(bytes);
        options_ = load_options(in);
        if (auto loaded = decoder_->load(in.text()); !loaded) return loaded;
        watermark_ = stream::Watermark(options_.lateness, options_.idle);
        watermark_.load(in);
        dedup_.load(in);
        observation_.load(in);
        if (in.failed() || !check(options_))
            return internal_error("the state of " + setup_.partition + " is damaged");
        windows_ = Windows(options_);
        if (auto loaded = windows_.load(in, decoder_->instruments()); !loaded) return loaded;
        last_ts_ = in.get<Nanos>();
        started_ = in.get<u8>() != 0;
        seen_tick_ = in.get<u8>() != 0;
        if (in.failed() || !in.at_end())
            return internal_error("the state of " + setup_.partition + " is damaged");
        return {};
    }

    i64 version() const override { return i64{venue_.decoder_version()} * 1000 + engine_version; }
    Nanos watermark() const override { return watermark_.value(); }
    void report_metrics() override { metrics_.report(); }

 private:
    // ---- What the decoder finds ----

    void on(const Tick& tick) override {
        if (tick.ts_event > tick.ts_recv + options_.max_skew)
            return dead_letter("future",
                               fmt::format("{}: ts_event {} is {} ahead of ts_recv", name(tick),
                                           format_rfc3339(tick.ts_event),
                                           format_duration(tick.ts_event - tick.ts_recv)));
        for (const auto& value : {tick.price, tick.size})
            if (value && value->negative())
                return dead_letter("negative",
                                   fmt::format("{}: {}", name(tick), value->to_string()));
        if (tick.kind == TickKind::trade && tick.identity &&
            !dedup_.add(tick.instrument->index, *tick.identity, tick.covers)) {
            ++metrics_.duplicates;
            return;
        }
        // An answer to a request is no sign that the stream is up.
        if (record_->kind == RecordKind::frame || tick.kind == TickKind::poll)
            end_outage(observation_.observed(tick.kind, tick.instrument, tick.ts_recv));
        metrics_.count_tick(*tick.instrument);
        encoded_.clear();
        encode(tick, encoded_);
        out_->emit(RecordKind::tick, record_->ts_recv, encoded_);

        watermark_.on_event(tick.ts_event, tick.ts_recv);
        seen_tick_ = true;
        advance();
        if (tick.price) add_to_windows(tick);
    }

    void on_subscribed(std::string_view channel, const Instrument* instrument) override {
        end_outage(observation_.observed(venue_.kind_of(channel), instrument, record_->ts_recv));
    }
    void on_refused(std::string_view detail) override { dead_letter("refused", detail); }
    void on_unknown(std::string_view) override { ++metrics_.unknown; }
    // Holes in the trade ids are not looked for: what was missed while connected does not show.
    void on_last_trade(const Instrument&, u64, Nanos) override {}

    // ---- What the windows say ----

    void on_row(const WindowRow& row) override {
        ++metrics_.windows;
        encoded_.clear();
        encode(row, encoded_);
        out_->emit(RecordKind::window, record_->ts_recv, encoded_);
    }
    void on_overflow(const WindowRow& row, std::string_view column) override {
        dead_letter("overflow",
                    fmt::format("window {} of {} {} from {}: {} has more than 38 digits",
                                row.window_name, row.instrument->venue, row.instrument->symbol,
                                format_rfc3339(row.window_start), column));
    }
    i64 gap_ms(TickKind input, const Instrument& instrument, Nanos start, Nanos end,
               Nanos since) override {
        return observation_.gap_ms(input, instrument, start, end, since);
    }

    // ---- ----

    void on_config() {
        observation_.lost(last_ts_, "restart");
        if (!setup_.parse) return;
        const auto text = member(record_->payload, "text");
        if (!text) return dead_letter("config", "the config record has no text");
        Result<PipelineOptions> asked = setup_.parse(*text);
        if (asked)
            if (auto checked = check(*asked); !checked) asked = checked.error();
        if (!asked) return dead_letter("config", asked.error().what);
        if (*asked == options_) return;
        options_ = *std::move(asked);
        // Before the first tick there is nothing that a new window could have missed.
        windows_.configure(options_, seen_tick_ ? record_->ts_recv : stream::Watermark::none);
        watermark_.configure(options_.lateness, options_.idle);
        if (started_) out_->begin_epoch();
    }

    void advance() {
        if (watermark_.value() != stream::Watermark::none)
            windows_.advance(watermark_.value(), *this);
    }

    void add_to_windows(const Tick& tick) {
        const WindowTick input{.instrument = tick.instrument,
                               .kind = tick.kind,
                               .price = tick.price->units,
                               .size = tick.size ? tick.size->units : 0,
                               .order = {.ts_event = tick.ts_event,
                                         .identity = tick.identity.value_or(0),
                                         .source_offset = tick.source_offset,
                                         .source_index = tick.source_index}};
        const Arrival arrival = windows_.add(input, *this);
        if (arrival == Arrival::in_time) return;
        ++metrics_.late;
        if (arrival == Arrival::too_late || options_.late == LatePolicy::side)
            dead_letter("late", fmt::format("{}: ts_event {} is {} behind the watermark",
                                            name(tick), format_rfc3339(tick.ts_event),
                                            format_duration(watermark_.value() - tick.ts_event)));
    }

    void end_outage(const std::optional<Outage>& outage) {
        if (!outage) return;
        Gap gap;
        gap.venue = venue_.name();
        gap.cause = outage->cause;
        gap.from_ts = outage->from;
        gap.to_ts = outage->to;
        encoded_.clear();
        encode(gap, encoded_);
        out_->emit(RecordKind::gap_row, record_->ts_recv, encoded_);
    }

    void dead_letter(std::string_view reason, std::string_view detail) {
        ++metrics_.dead_letters;
        DeadLetter letter;
        letter.venue = venue_.name();
        letter.source_offset = record_->offset;
        letter.ts_recv = record_->ts_recv;
        letter.reason = reason;
        letter.detail = detail;
        letter.schema_version = venue_.decoder_version();
        std::string payload;
        encode(letter, payload);
        out_->emit(RecordKind::dead_letter, record_->ts_recv, payload);
    }

    static std::string name(const Tick& tick) {
        return fmt::format("{} {} {}", tick.instrument->venue, tick.instrument->symbol,
                           to_string(tick.kind));
    }

    const venues::Venue& venue_;
    const PipelineSetup setup_;
    PipelineOptions options_;
    std::unique_ptr<venues::Decoder> decoder_;
    stream::Watermark watermark_;
    Dedup dedup_;
    Observation observation_;
    Windows windows_;
    PipelineMetrics metrics_;
    Nanos last_ts_;   // Of the record before.
    bool started_{};  // There was a record.
    bool seen_tick_{};

    // Of the record at hand.
    const log::Record* record_{};
    stream::Output* out_{};
    std::string encoded_;
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
