#include "venues/test_events.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tape::venues {
namespace {

using Line = nlohmann::ordered_json;

Line text_or_null(const std::optional<Decimal>& value) {
    return value ? Line(value->to_string()) : Line(nullptr);
}

Decoded decode_one(std::string_view venue, log::RecordKind kind, std::string_view payload) {
    Decoded decoded{.decoder = find_venue(venue)->make_decoder()};
    const log::Record record{
        .offset = {7}, .kind = kind, .ts_recv = seconds(1'700'000'000), .payload = payload};
    decoded.error = decoded.decoder->decode(record, decoded.events);
    if (decoded.error) decoded.events.on_error(*decoded.error);
    return decoded;
}

}  // namespace

void EventLog::on(const Tick& tick) {
    ticks.push_back(tick);
    Line line;
    line["event"] = to_string(tick.kind);
    line["symbol"] = tick.instrument->symbol;
    line["native"] = tick.instrument->native_symbol;
    line["listed"] = tick.instrument->listed;
    line["price"] = text_or_null(tick.price);
    line["size"] = text_or_null(tick.size);
    line["side"] = to_string(tick.side);
    line["trade_id"] = tick.trade_id.view();
    line["identity"] = tick.identity ? Line(*tick.identity) : Line(nullptr);
    line["covers"] = tick.covers;
    line["sequence"] = tick.sequence ? Line(*tick.sequence) : Line(nullptr);
    line["bid"] = text_or_null(tick.bid);
    line["ask"] = text_or_null(tick.ask);
    line["ts_event"] = tick.ts_event.count;
    line["ts_estimated"] = tick.ts_estimated;
    line["ts_recv"] = tick.ts_recv.count;
    line["offset"] = tick.source_offset.value;
    line["index"] = tick.source_index;
    lines.push_back(line.dump());
}

void EventLog::on_subscribed(std::string_view channel, const Instrument* instrument) {
    lines.push_back(Line{{"event", "subscribed"},
                         {"channel", channel},
                         {"symbol", instrument ? Line(instrument->symbol) : Line(nullptr)}}
                        .dump());
}

void EventLog::on_refused(std::string_view detail) {
    lines.push_back(Line{{"event", "refused"}, {"detail", detail}}.dump());
}

void EventLog::on_unknown(std::string_view what) {
    lines.push_back(Line{{"event", "unknown"}, {"what", what}}.dump());
}

void EventLog::on_last_trade(const Instrument& instrument, u64 trade_id, Nanos ts_event) {
    lines.push_back(Line{{"event", "last_trade"},
                         {"symbol", instrument.symbol},
                         {"trade_id", trade_id},
                         {"ts_event", ts_event.count}}
                        .dump());
}

void EventLog::on_candle(const Candle& candle) {
    candles.push_back(candle);
    Line line;
    line["event"] = "candle";
    line["symbol"] = candle.instrument->symbol;
    line["native"] = candle.instrument->native_symbol;
    line["size"] = format_duration(candle.size);
    line["open_time"] = candle.open_time.count;
    line["open"] = candle.open.to_string();
    line["high"] = candle.high.to_string();
    line["low"] = candle.low.to_string();
    line["close"] = candle.close.to_string();
    line["volume"] = candle.volume.to_string();
    line["trade_count"] = candle.trade_count ? Line(*candle.trade_count) : Line(nullptr);
    line["closed"] = candle.closed;
    line["ts_recv"] = candle.ts_recv.count;
    line["offset"] = candle.source_offset.value;
    line["index"] = candle.source_index;
    lines.push_back(line.dump());
}

void EventLog::on_lost_messages(i64 from, i64 to) {
    lines.push_back(Line{{"event", "lost_messages"}, {"from", from}, {"to", to}}.dump());
}

void EventLog::on_error(const DecodeError& error) {
    lines.push_back(
        Line{{"event", "error"}, {"reason", error.reason}, {"detail", error.detail}}.dump());
}

std::string rest_payload(std::string_view target, int status, std::string_view body) {
    return Line{{"method", "GET"}, {"target", target}, {"status", status}, {"body", body}}.dump();
}

Decoded decode_frame(std::string_view venue, std::string_view frame) {
    return decode_one(venue, log::RecordKind::frame, frame);
}

Decoded decode_answer(std::string_view venue, std::string_view target, int status,
                      std::string_view body) {
    return decode_one(venue, log::RecordKind::rest, rest_payload(target, status, body));
}

}  // namespace tape::venues
