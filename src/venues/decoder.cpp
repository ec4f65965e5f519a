#include "venues/decoder.h"

#include <fmt/core.h>

#include <cstring>

namespace tape::venues {
namespace {

constexpr u8 state_version = 1;

void put_text(std::string& out, std::string_view text) {
    const u32 size = static_cast<u32>(text.size());
    out.append(reinterpret_cast<const char*>(&size), sizeof size);
    out.append(text);
}

// Takes from the front of `state`; false when it is cut short.
template <class T>
bool take(std::string_view& state, T& value) {
    if (state.size() < sizeof value) return false;
    std::memcpy(&value, state.data(), sizeof value);
    state.remove_prefix(sizeof value);
    return true;
}
bool take_text(std::string_view& state, std::string_view& text) {
    u32 size = 0;
    if (!take(state, size) || state.size() < size) return false;
    text = state.substr(0, size);
    state.remove_prefix(size);
    return true;
}

}  // namespace

std::optional<DecodeError> JsonDecoder::decode(const log::Record& record, EventSink& out) {
    record_ = &record;
    ticks_.clear();
    try {
        if (record.kind == log::RecordKind::frame)
            decode_frame(out);
        else if (record.kind == log::RecordKind::rest)
            decode_answer(out);
    } catch (const json::Fault& fault) {
        return DecodeError{fault.reason, fmt::format("{}: {}", venue_, fault.detail)};
    }
    for (const Tick& tick : ticks_) out.on(tick);
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

void JsonDecoder::decode_answer(EventSink& out) {
    envelope_.open(record_->payload);
    json::Object envelope = json::Document(envelope_).object();
    const std::string_view method = envelope["method"].text;
    const std::string_view target = envelope["target"].text;
    const u64 status = json::number(envelope["status"]);
    const std::string_view body = envelope["body"].text;
    if (status != 200) {
        out.on_refused(fmt::format("{} {} answered {}: {}", method, json::clip(target), status,
                                   json::clip(body)));
        return;
    }
    if (body.size() > body_bytes_max)
        json::fail_too_long("the answer", body.size(), body_bytes_max);
    cursor_.open(body);
    on_answer({target.substr(0, target.find('?')), json::Document(cursor_)}, out);
    cursor_.finish();
}

const Instrument& JsonDecoder::intern(std::string_view name, std::string_view native_symbol) {
    const std::string_view id = json::text({name, native_symbol, true}, native_symbol_bytes_max);
    if (instruments_.all().size() >= instruments_max && !instruments_.find(venue_, id))
        json::fail_value(name, id, "one instrument too many");
    return instruments_.intern(venue_, id);
}

void JsonDecoder::list_instrument(const json::Field& native_symbol, std::string_view symbol) {
    const Instrument& known = instrument(native_symbol);
    instruments_.list(venue_, known.native_symbol, symbol);
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

void JsonDecoder::save(std::string& out) const {
    out.push_back(static_cast<char>(state_version));
    const u32 count = static_cast<u32>(instruments_.all().size());
    out.append(reinterpret_cast<const char*>(&count), sizeof count);
    for (const Instrument& each : instruments_.all()) {
        out.push_back(each.listed ? 1 : 0);
        put_text(out, each.native_symbol);
        put_text(out, each.symbol);
    }
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
    if (!whole || !state.empty())
        return internal_error(fmt::format("{}: decoder state is damaged", venue_));
    instruments_ = std::move(loaded);
    recent_.fill({});
    return {};
}

}  // namespace tape::venues
