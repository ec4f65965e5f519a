#include "market/codec.h"

#include <fmt/core.h>

#include <concepts>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <type_traits>

namespace tape {
namespace {

constexpr u8 format_version = 1;

// Fixed-width little-endian values and length-prefixed texts, one after the other.
class Writer final {
 public:
    explicit Writer(std::string& out) : out_(out) { put(format_version); }

    template <class... Fields>
    void operator()(const Fields&... fields) {
        (put(fields), ...);
    }

 private:
    template <class T>
        requires std::is_trivially_copyable_v<T>
    void put(const T& value) {
        out_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    void put(std::string_view value) {
        put(static_cast<u32>(value.size()));
        out_.append(value);
    }
    void put(const std::string& value) { put(std::string_view(value)); }
    template <int n>
    void put(const ShortText<n>& value) {
        put(value.view());
    }
    void put(bool value) { put(static_cast<u8>(value)); }
    template <class T>
    void put(const std::optional<T>& value) {
        put(value.has_value());
        if (value) put(*value);
    }
    void put(const Instrument* value) {
        (*this)(value->venue, value->native_symbol, value->symbol, value->listed);
    }

    std::string& out_;
};

// Throws on a short payload; decoded() below turns that into an Error, once.
class Reader final {
 public:
    // `instruments` may be null for a row that names none.
    Reader(std::string_view in, InstrumentTable* instruments) : in_(in), instruments_(instruments) {
        u8 version{};
        get(version);
        if (version != format_version)
            throw std::runtime_error(fmt::format("row format version {} (this build knows {})",
                                                 version, format_version));
    }

    template <class... Fields>
    void operator()(Fields&... fields) {
        (get(fields), ...);
    }
    void finish() const {
        if (!in_.empty()) throw std::runtime_error(fmt::format("{} bytes too many", in_.size()));
    }

 private:
    template <class T>
        requires std::is_trivially_copyable_v<T>
    void get(T& value) {
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
    }
    void get(std::string_view& value) {
        u32 size{};
        get(size);
        value = take(size);
    }
    void get(std::string& value) {
        std::string_view text;
        get(text);
        value = text;
    }
    template <int n>
    void get(ShortText<n>& value) {
        std::string_view text;
        get(text);
        if (!value.assign(text))
            throw std::runtime_error(fmt::format("a text of more than {} bytes", n));
    }
    void get(bool& value) {
        u8 byte{};
        get(byte);
        value = byte != 0;
    }
    template <class T>
    void get(std::optional<T>& value) {
        bool there{};
        get(there);
        value.reset();
        if (there) get(value.emplace());
    }
    void get(const Instrument*& value) {
        std::string_view venue, native, symbol;
        bool listed{};
        (*this)(venue, native, symbol, listed);
        value = &instruments_->intern(venue, native);
        if (listed && !value->listed) value = &instruments_->list(venue, native, symbol);
    }
    std::string_view take(std::size_t size) {
        if (size > in_.size()) throw std::runtime_error("cut short");
        const std::string_view taken = in_.substr(0, size);
        in_.remove_prefix(size);
        return taken;
    }

    std::string_view in_;
    InstrumentTable* instruments_;
};

// The fields of each row in their order, once for both directions: `each` is a Writer, with a row
// that is const, or a Reader.

template <class T, class Row>
concept Of = std::same_as<std::remove_const_t<T>, Row>;

template <class Each>
void fields(Each& each, Of<Tick> auto& row) {
    each(row.instrument, row.kind, row.side, row.ts_estimated, row.price, row.size, row.bid,
         row.ask, row.trade_id, row.sequence, row.ts_event, row.ts_recv, row.identity, row.covers,
         row.source_offset, row.source_index);
}

template <class Each>
void fields(Each& each, Of<WindowRow> auto& row) {
    each(row.window_name, row.instrument, row.window_start, row.window_end, row.tick_count,
         row.open, row.high, row.low, row.close, row.mean, row.vwap, row.stddev, row.volume,
         row.change_pct, row.complete, row.gap_ms, row.revision);
}

template <class Each>
void fields(Each& each, Of<Gap> auto& row) {
    each(row.venue, row.symbol, row.channel, row.cause, row.from_ts, row.to_ts, row.from_id,
         row.to_id, row.missing, row.status, row.repaired_ts);
}

template <class Each>
void fields(Each& each, Of<DeadLetter> auto& row) {
    each(row.venue, row.source_offset, row.ts_recv, row.reason, row.detail, row.schema_version);
}

template <class Each>
void fields(Each& each, Of<Candle> auto& row) {
    each(row.instrument, row.size, row.open_time, row.open, row.high, row.low, row.close,
         row.volume, row.trade_count, row.closed, row.ts_recv, row.source_offset, row.source_index);
}

template <class Each>
void fields(Each& each, Of<QualityFlag> auto& row) {
    each(row.venue, row.symbol, row.rule, row.quarantined, row.ts_event, row.ts_recv, row.detail,
         row.source_offset, row.source_index);
}

template <class Row>
void encoded(const Row& row, std::string& out) {
    Writer writer(out);
    fields(writer, row);
}

template <class Row>
Result<Row> decoded(std::string_view what, std::string_view payload,
                    InstrumentTable* instruments = nullptr) {
    try {
        Reader reader(payload, instruments);
        Row row{};
        fields(reader, row);
        reader.finish();
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
    encoded(tick, out);
}
void encode(const WindowRow& row, std::string& out) {
    encoded(row, out);
}
void encode(const Gap& gap, std::string& out) {
    encoded(gap, out);
}
void encode(const DeadLetter& letter, std::string& out) {
    encoded(letter, out);
}
void encode(const Candle& candle, std::string& out) {
    encoded(candle, out);
}
void encode(const QualityFlag& flag, std::string& out) {
    encoded(flag, out);
}

Result<Tick> decode_tick(std::string_view payload, InstrumentTable& instruments) {
    return decoded<Tick>("tick", payload, &instruments);
}
Result<WindowRow> decode_window(std::string_view payload, InstrumentTable& instruments) {
    return decoded<WindowRow>("window", payload, &instruments);
}
Result<Gap> decode_gap(std::string_view payload) {
    return decoded<Gap>("gap", payload);
}
Result<DeadLetter> decode_dead_letter(std::string_view payload) {
    return decoded<DeadLetter>("dead letter", payload);
}
Result<Candle> decode_candle(std::string_view payload, InstrumentTable& instruments) {
    return decoded<Candle>("candle", payload, &instruments);
}
Result<QualityFlag> decode_quality(std::string_view payload) {
    return decoded<QualityFlag>("quality", payload);
}

}  // namespace tape
