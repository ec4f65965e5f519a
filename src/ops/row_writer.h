// What a pipeline writes: rows as derived records of the raw record at hand.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "log/record.h"
#include "market/codec.h"
#include "ops/sieve.h"
#include "stream/processor.h"
#include "venues/venue.h"

namespace tape::ops {

class RowWriter final {
 public:
    explicit RowWriter(const venues::Venue& venue) : venue_(venue) {}

    /// What is written from now on was caused by `record`; both must live until the next call.
    void begin(const log::Record& record, stream::Output& out) {
        record_ = &record;
        out_ = &out;
    }
    void write(const Tick& row) { write(log::RecordKind::tick, row); }
    void write(const WindowRow& row) { write(log::RecordKind::window, row); }
    void write(const Gap& row) { write(log::RecordKind::gap_row, row); }
    void write(const Candle& row) { write(log::RecordKind::candle, row); }
    void write(const QualityFlag& row) { write(log::RecordKind::quality, row); }
    void dead_letter(std::string_view reason, std::string_view detail) {
        DeadLetter letter;
        letter.venue = venue_.name();
        letter.source_offset = record_->offset;
        letter.ts_recv = record_->ts_recv;
        letter.reason = reason;
        letter.detail = detail;
        letter.schema_version = venue_.decoder_version();
        write(log::RecordKind::dead_letter, letter);
    }

 private:
    template <class Row>
    void write(log::RecordKind kind, const Row& row) {
        encoded_.clear();
        encode(row, encoded_);
        out_->emit(kind, record_->ts_recv, encoded_);
    }

    const venues::Venue& venue_;
    const log::Record* record_{};
    stream::Output* out_{};
    std::string encoded_;  // Reused, so that writing does not allocate.
};

// ---- What dead letters say ----

inline std::string name(const Tick& tick) {
    return fmt::format("{} {} {}", tick.instrument->venue, tick.instrument->symbol,
                       to_string(tick.kind));
}
inline std::string too_early(const Tick& tick) {
    return fmt::format("{}: ts_event {} is {} ahead of ts_recv", name(tick),
                       format_rfc3339(tick.ts_event),
                       format_duration(tick.ts_event - tick.ts_recv));
}
inline std::string negative(const Tick& tick) {
    const Decimal value = tick.price && tick.price->negative() ? *tick.price : *tick.size;
    return fmt::format("{}: {}", name(tick), value.to_string());
}
inline std::string too_late(const Tick& tick, Nanos watermark) {
    return fmt::format("{}: ts_event {} is {} behind the watermark", name(tick),
                       format_rfc3339(tick.ts_event), format_duration(watermark - tick.ts_event));
}
inline std::string too_long(const WindowRow& row, std::string_view column) {
    return fmt::format("window {} of {} {} from {}: {} has more than 38 digits", row.window_name,
                       row.instrument->venue, row.instrument->symbol,
                       format_rfc3339(row.window_start), column);
}

}  // namespace tape::ops
