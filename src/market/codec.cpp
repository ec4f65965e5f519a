#include "market/codec.h"

#include <fmt/core.h>

#include <cstring>
#include <stdexcept>
#include <type_traits>

namespace tape {
namespace {

constexpr u8 format_version = 1;

// Fixed-width little-endian values and length-prefixed texts, one after the other.
class Writer final {
 public:
    explicit Writer(std::string& out) : out_(out) { put(format_version); }

    template <class T>
        requires std::is_trivially_copyable_v<T>
    void put(const T& value) {
        const std::size_t at = out_.size();
        out_.resize(at + sizeof value);
        std::memcpy(out_.data() + at, &value, sizeof value);
    }
    void text(std::string_view value) {
        put(static_cast<u32>(value.size()));
        out_.append(value);
    }
    template <class T>
    void optional(const std::optional<T>& value) {
        put(static_cast<u8>(value.has_value()));
        if (value) put(*value);
    }
    void instrument(const Instrument& value) {
        text(value.venue);
        text(value.native_symbol);
        text(value.symbol);
        put(static_cast<u8>(value.listed));
    }

 private:
    std::string& out_;
};

// Throws on a short payload; the decode functions below turn that into an Error, once.
class Reader final {
 public:
    explicit Reader(std::string_view in) : in_(in) {
        const auto version = get<u8>();
        if (version != format_version)
            throw std::runtime_error(fmt::format("row format version {} (this build knows {})",
                                                 version, format_version));
    }

    template <class T>
        requires std::is_trivially_copyable_v<T>
    T get() {
        T value;
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
        return value;
    }
    std::string_view text() { return take(get<u32>()); }
    template <class T>
    std::optional<T> optional() {
        if (get<u8>() == 0) return std::nullopt;
        return get<T>();
    }
    const Instrument& instrument(InstrumentTable& table) {
        const std::string_view venue = text(), native = text(), symbol = text();
        const bool listed = get<u8>() != 0;
        const Instrument& known = table.intern(venue, native);
        return listed && !known.listed ? table.list(venue, native, symbol) : known;
    }
    void finish() const {
        if (!in_.empty()) throw std::runtime_error(fmt::format("{} bytes too many", in_.size()));
    }

 private:
    std::string_view take(std::size_t size) {
        if (size > in_.size()) throw std::runtime_error("cut short");
        const std::string_view taken = in_.substr(0, size);
        in_.remove_prefix(size);
        return taken;
    }

    std::string_view in_;
};

template <class Row, class Body>
Result<Row> guarded(std::string_view what, std::string_view payload, Body body) {
    try {
        Reader in(payload);
        Row row = body(in);
        in.finish();
        return row;
    } catch (const std::runtime_error& error) {
        return internal_error(fmt::format("derived {} record: {}", what, error.what()));
    }
}

}  // namespace

std::string_view to_string(TickKind kind) {
    switch (kind) {
        case TickKind::trade:
            return "trade";
        case TickKind::ticker:
            return "ticker";
        case TickKind::quote:
            return "quote";
        case TickKind::poll:
            return "poll";
    }
    return "";
}

std::string_view to_string(Side side) {
    switch (side) {
        case Side::none:
            return "";
        case Side::buy:
            return "buy";
        case Side::sell:
            return "sell";
    }
    return "";
}

std::string_view to_string(Gap::Status status) {
    switch (status) {
        case Gap::Status::open:
            return "open";
        case Gap::Status::backfilled:
            return "backfilled";
        case Gap::Status::unrecoverable:
            return "unrecoverable";
    }
    return "";
}

void encode(const Tick& tick, std::string& out) {
    Writer to(out);
    to.instrument(*tick.instrument);
    to.put(tick.kind);
    to.put(tick.side);
    to.put(static_cast<u8>(tick.ts_estimated));
    to.optional(tick.price);
    to.optional(tick.size);
    to.optional(tick.bid);
    to.optional(tick.ask);
    to.text(tick.trade_id.view());
    to.optional(tick.sequence);
    to.put(tick.ts_event);
    to.put(tick.ts_recv);
    to.optional(tick.identity);
    to.put(tick.covers);
    to.put(tick.source_offset);
    to.put(tick.source_index);
}

Result<Tick> decode_tick(std::string_view payload, InstrumentTable& instruments) {
    return guarded<Tick>("tick", payload, [&](Reader& in) {
        Tick tick;
        tick.instrument = &in.instrument(instruments);
        tick.kind = in.get<TickKind>();
        tick.side = in.get<Side>();
        tick.ts_estimated = in.get<u8>() != 0;
        tick.price = in.optional<Decimal>();
        tick.size = in.optional<Decimal>();
        tick.bid = in.optional<Decimal>();
        tick.ask = in.optional<Decimal>();
        if (!tick.trade_id.assign(in.text()))
            throw std::runtime_error("a trade_id of more than 39 bytes");
        tick.sequence = in.optional<i64>();
        tick.ts_event = in.get<Nanos>();
        tick.ts_recv = in.get<Nanos>();
        tick.identity = in.optional<u64>();
        tick.covers = in.get<u32>();
        tick.source_offset = in.get<Offset>();
        tick.source_index = in.get<i32>();
        return tick;
    });
}

void encode(const WindowRow& row, std::string& out) {
    Writer to(out);
    to.text(row.window_name);
    to.instrument(*row.instrument);
    to.put(row.window_start);
    to.put(row.window_end);
    to.put(row.tick_count);
    for (const Decimal& value : {row.open, row.high, row.low, row.close, row.mean}) to.put(value);
    for (const auto& value : {row.vwap, row.stddev, row.volume, row.change_pct}) to.optional(value);
    to.put(static_cast<u8>(row.complete));
    to.put(row.gap_ms);
    to.put(row.revision);
}

Result<WindowRow> decode_window(std::string_view payload, InstrumentTable& instruments) {
    return guarded<WindowRow>("window", payload, [&](Reader& in) {
        WindowRow row;
        row.window_name = in.text();
        row.instrument = &in.instrument(instruments);
        row.window_start = in.get<Nanos>();
        row.window_end = in.get<Nanos>();
        row.tick_count = in.get<i64>();
        for (Decimal* value : {&row.open, &row.high, &row.low, &row.close, &row.mean})
            *value = in.get<Decimal>();
        for (auto* value : {&row.vwap, &row.stddev, &row.volume, &row.change_pct})
            *value = in.optional<Decimal>();
        row.complete = in.get<u8>() != 0;
        row.gap_ms = in.get<i64>();
        row.revision = in.get<i64>();
        return row;
    });
}

void encode(const Gap& gap, std::string& out) {
    Writer to(out);
    for (const std::string* value : {&gap.venue, &gap.symbol, &gap.channel, &gap.cause})
        to.text(*value);
    to.put(gap.from_ts);
    to.put(gap.to_ts);
    for (const auto& value : {gap.from_id, gap.to_id, gap.missing}) to.optional(value);
    to.put(gap.status);
    to.optional(gap.repaired_ts);
}

Result<Gap> decode_gap(std::string_view payload) {
    return guarded<Gap>("gap", payload, [](Reader& in) {
        Gap gap;
        for (std::string* value : {&gap.venue, &gap.symbol, &gap.channel, &gap.cause})
            *value = in.text();
        gap.from_ts = in.get<Nanos>();
        gap.to_ts = in.get<Nanos>();
        for (auto* value : {&gap.from_id, &gap.to_id, &gap.missing}) *value = in.optional<i64>();
        gap.status = in.get<Gap::Status>();
        gap.repaired_ts = in.optional<Nanos>();
        return gap;
    });
}

void encode(const DeadLetter& letter, std::string& out) {
    Writer to(out);
    to.text(letter.venue);
    to.put(letter.source_offset);
    to.put(letter.ts_recv);
    to.text(letter.reason);
    to.text(letter.detail);
    to.put(letter.schema_version);
}

Result<DeadLetter> decode_dead_letter(std::string_view payload) {
    return guarded<DeadLetter>("dead letter", payload, [](Reader& in) {
        DeadLetter letter;
        letter.venue = in.text();
        letter.source_offset = in.get<Offset>();
        letter.ts_recv = in.get<Nanos>();
        letter.reason = in.text();
        letter.detail = in.text();
        letter.schema_version = in.get<i32>();
        return letter;
    });
}

void encode(const Candle& candle, std::string& out) {
    Writer to(out);
    to.instrument(*candle.instrument);
    to.put(candle.size);
    to.put(candle.open_time);
    for (const Decimal& value : {candle.open, candle.high, candle.low, candle.close, candle.volume})
        to.put(value);
    to.optional(candle.trade_count);
    to.put(static_cast<u8>(candle.closed));
    to.put(candle.ts_recv);
    to.put(candle.source_offset);
    to.put(candle.source_index);
}

Result<Candle> decode_candle(std::string_view payload, InstrumentTable& instruments) {
    return guarded<Candle>("candle", payload, [&](Reader& in) {
        Candle candle;
        candle.instrument = &in.instrument(instruments);
        candle.size = in.get<Nanos>();
        candle.open_time = in.get<Nanos>();
        for (Decimal* value :
             {&candle.open, &candle.high, &candle.low, &candle.close, &candle.volume})
            *value = in.get<Decimal>();
        candle.trade_count = in.optional<i64>();
        candle.closed = in.get<u8>() != 0;
        candle.ts_recv = in.get<Nanos>();
        candle.source_offset = in.get<Offset>();
        candle.source_index = in.get<i32>();
        return candle;
    });
}

void encode(const QualityFlag& flag, std::string& out) {
    Writer to(out);
    for (const std::string* value : {&flag.venue, &flag.symbol, &flag.rule}) to.text(*value);
    to.put(static_cast<u8>(flag.quarantined));
    to.put(flag.ts_event);
    to.put(flag.ts_recv);
    to.text(flag.detail);
    to.put(flag.source_offset);
    to.put(flag.source_index);
}

Result<QualityFlag> decode_quality(std::string_view payload) {
    return guarded<QualityFlag>("quality", payload, [](Reader& in) {
        QualityFlag flag;
        for (std::string* value : {&flag.venue, &flag.symbol, &flag.rule}) *value = in.text();
        flag.quarantined = in.get<u8>() != 0;
        flag.ts_event = in.get<Nanos>();
        flag.ts_recv = in.get<Nanos>();
        flag.detail = in.text();
        flag.source_offset = in.get<Offset>();
        flag.source_index = in.get<i32>();
        return flag;
    });
}

}  // namespace tape
