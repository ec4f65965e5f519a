#include "venues/decoder.h"

#include <fmt/core.h>

#include "venues/state.h"

namespace tape::venues {
namespace {

constexpr u8 state_version = 2;

}  // namespace

std::optional<DecodeError> JsonDecoder::decode(const log::Record& record, EventSink& out) {
    record_ = &record;
    ticks_.clear();
    candles_.clear();
    listed_.clear();
    try {
        if (record.kind == log::RecordKind::frame)
            decode_frame(out);
        else if (record.kind == log::RecordKind::rest)
            decode_answer(out);
        else if (record.kind == log::RecordKind::sent)
            decode_sent();
        else if (record.kind == log::RecordKind::connected)
            on_connected(record.payload.find(R"("overlaps":true)") == std::string_view::npos
                             ? Overlap::none
                             : Overlap::with_last);
    } catch (const json::Fault& fault) {
        return DecodeError{fault.reason, fmt::format("{}: {}", venue_, fault.detail)};
    }
    for (const auto& [instrument, trading] : listed_) out.on_listed(*instrument, trading);
    for (const Tick& tick : ticks_) out.on(tick);
    for (const Candle& candle : candles_) out.on_candle(candle);
    return std::nullopt;
}

void JsonDecoder::decode_frame(EventSink& out) {
    const std::string_view frame = record_->payload;
    if (is_control(frame)) return;
    if (frame.size() > frame_bytes_max)
        json::fail_too_long("the frame", frame.size(), frame_bytes_max);
    cursor_.open(frame);
    on_frame(json::Document(cursor_), out);
    cursor_.finish();
}

// What is not understood of our own words was nothing to be remembered.
void JsonDecoder::decode_sent() try {
    cursor_.open(record_->payload);
    on_sent(json::Document(cursor_));
} catch (const json::Fault&) {
    return;
}

void JsonDecoder::decode_answer(EventSink& out) {
    envelope_.open(record_->payload);
    json::Object envelope = json::Document(envelope_).object();
    const std::string_view method = envelope["method"].text;
    const std::string_view target = envelope["target"].text;
    const u64 status = json::number(envelope["status"]);
    const std::string_view body = envelope["body"].text;
    if (status == 304) return;  // What was asked for has not changed since.
    if (status != 200) {
        out.on_refused(fmt::format("{} {} answered {}: {}", method, json::clip(target), status,
                                   json::clip(body)));
        return;
    }
    if (body.size() > body_bytes_max)
        json::fail_too_long("the answer", body.size(), body_bytes_max);
    cursor_.open(body);
    const std::size_t path_end = std::min(target.find('?'), target.size());
    const std::string_view query = target.substr(std::min(path_end + 1, target.size()));
    on_answer({target.substr(0, path_end), query, json::Document(cursor_)}, out);
    cursor_.finish();
}

json::Field RestAnswer::parameter(std::string_view name) const {
    const json::Field found = find_parameter(name);
    if (!found) json::fail_missing(name);
    return found;
}

json::Field RestAnswer::find_parameter(std::string_view name) const {
    for (std::string_view rest = query; !rest.empty();) {
        const std::string_view each = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(each.size() + 1, rest.size()));
        if (each.size() > name.size() && each.starts_with(name) && each[name.size()] == '=')
            return {name, each.substr(name.size() + 1), true};
    }
    return {name, {}, true};
}

const Instrument& JsonDecoder::intern(std::string_view name, std::string_view native_symbol) {
    const std::string_view id = json::text({name, native_symbol, true}, native_symbol_bytes_max);
    if (instruments_.all().size() >= instruments_max && !instruments_.find(venue_, id))
        json::fail_value(name, id, "one instrument too many");
    return instruments_.intern(venue_, id);
}

void JsonDecoder::list_instrument(const json::Field& native_symbol, std::string_view symbol,
                                  bool trading) {
    const Instrument& known = instrument(native_symbol);
    static_cast<void>(json::text({native_symbol.name, symbol, true}, symbol_bytes_max));
    listed_.emplace_back(&instruments_.list(venue_, known.native_symbol, symbol), trading);
}

void JsonDecoder::list_pair(const json::Field& native_symbol, const json::Field& base,
                            const json::Field& quote, bool trading) {
    const std::string_view first = json::text(base, native_symbol_bytes_max);
    const std::string_view second = json::text(quote, native_symbol_bytes_max);
    list_instrument(native_symbol, to_capitals(fmt::format("{}-{}", first, second)), trading);
}

Tick& JsonDecoder::tick(TickKind kind, const Instrument& instrument) {
    static const Tick blank{};  // Copying is quicker than clearing 256 bytes in place.
    const auto index = static_cast<i32>(ticks_.size());
    Tick& made = ticks_.emplace_back(blank);
    made.kind = kind;
    made.instrument = &instrument;
    made.ts_recv = record_->ts_recv;
    made.source_offset = record_->offset;
    made.source_index = index;
    return made;
}

Candle& JsonDecoder::candle(const Instrument& instrument, Nanos size, Nanos open_time,
                            const CandleFields& fields) {
    const auto index = static_cast<i32>(candles_.size());
    Candle& made = candles_.emplace_back();
    made.instrument = &instrument;
    made.size = size;
    made.open_time = open_time;
    made.open = json::price(fields.open);
    made.high = json::price(fields.high);
    made.low = json::price(fields.low);
    made.close = json::price(fields.close);
    made.volume = json::size(fields.volume);
    made.ts_recv = record_->ts_recv;
    made.source_offset = record_->offset;
    made.source_index = index;
    return made;
}

void JsonDecoder::save(std::string& out) const {
    put(out, state_version);
    put(out, static_cast<u32>(instruments_.all().size()));
    for (const Instrument& each : instruments_.all()) {
        put(out, static_cast<u8>(each.listed));
        put_text(out, each.native_symbol);
        put_text(out, each.symbol);
    }
    save_more(out);
}

Result<void> JsonDecoder::load(std::string_view state) {
    u8 version = 0;
    if (!take(state, version) || version != state_version)
        return internal_error(fmt::format("{}: decoder state of version {}, this program reads {}",
                                          venue_, version, state_version));
    InstrumentTable loaded;
    u32 count = 0;
    bool whole = take(state, count);
    for (u32 i = 0; whole && i < count; ++i) {
        u8 listed = 0;
        std::string_view native_symbol, symbol;
        whole = take(state, listed) && take_text(state, native_symbol) && take_text(state, symbol);
        if (!whole) break;
        if (listed)
            loaded.list(venue_, native_symbol, symbol);
        else
            loaded.intern(venue_, native_symbol);
    }
    if (!whole || !load_more(state))
        return internal_error(fmt::format("{}: decoder state is damaged", venue_));
    instruments_ = std::move(loaded);
    recent_.fill({});
    return {};
}

}  // namespace tape::venues
