#include "ops/session.h"

#include <fmt/core.h>

#include "market/codec.h"

namespace tape::ops {
namespace {

using log::RecordKind;

std::string text(const std::optional<Decimal>& value) {
    return value ? value->to_string() : "-";
}
std::string text(const std::optional<i64>& value) {
    return value ? std::to_string(*value) : "-";
}

std::string ids_of(const Gap& gap) {
    if (!gap.from_id && !gap.missing) return "";
    return fmt::format(" ids {}..{} missing {}", text(gap.from_id), text(gap.to_id),
                       text(gap.missing));
}

}  // namespace

std::string describe(RecordKind kind, std::string_view payload) {
    static InstrumentTable table;
    switch (kind) {
        case RecordKind::tick: {
            const Tick tick = *decode_tick(payload, table);
            return fmt::format("tick {} {} {} @{}", tick.instrument->symbol, to_string(tick.kind),
                               text(tick.price), tick.ts_event.millis());
        }
        case RecordKind::window: {
            const WindowRow row = *decode_window(payload, table);
            return fmt::format("{} {} [{},{}) n={} c={} vol={} chg={} {} gap={} r{}",
                               row.window_name, row.instrument->symbol, row.window_start.millis(),
                               row.window_end.millis(), row.tick_count, row.close.to_string(),
                               text(row.volume), text(row.change_pct),
                               row.complete ? "complete" : "incomplete", row.gap_ms, row.revision);
        }
        case RecordKind::gap_row: {
            const Gap gap = *decode_gap(payload);
            return fmt::format("gap {} {} {} {}-{}{} {}", gap.symbol, gap.channel, gap.cause,
                               gap.from_ts.millis(), gap.to_ts.millis(), ids_of(gap),
                               to_string(gap.status));
        }
        case RecordKind::dead_letter: {
            const DeadLetter letter = *decode_dead_letter(payload);
            return fmt::format("dead {} of {}: {}", letter.reason, letter.source_offset.value,
                               letter.detail);
        }
        case RecordKind::candle:
            return "candle";
        case RecordKind::quality:
            return "quality";
        default:
            return "?";
    }
}

void Memory::emit(RecordKind kind, Nanos ts_recv, std::string_view payload) {
    lines.push_back(describe(kind, payload));
    derived.push_back({kind, ts_recv, std::string(payload)});
}

Result<void> Memory::read_back(Offset from, const std::function<bool(const log::Record&)>& visit) {
    for (auto i = static_cast<std::size_t>(from.value); i < records.size(); ++i)
        if (!visit({{static_cast<i64>(i)}, records[i].kind, records[i].at, records[i].payload}))
            break;
    return {};
}

PipelineOptions options(LatePolicy late) {
    return {
        .lateness = seconds(2),
        .idle = seconds(5),
        .max_skew = seconds(5),
        .late = late,
        .windows = {
            {.name = "w10", .size = seconds(10), .slide = seconds(10), .input = TickKind::trade}}};
}

Session::Session(PipelineOptions with, ConfigParser parse, FakeIds ids) {
    const auto ask = [to = asks.get()](const venues::Missing& missing) {
        to->push_back(fmt::format("{} {} {}..{} {}-{}", missing.native_symbol, missing.channel,
                                  missing.from_id ? std::to_string(*missing.from_id) : "-",
                                  missing.to_id ? std::to_string(*missing.to_id) : "-",
                                  missing.from_ts.millis(), missing.to_ts.millis()));
    };
    factory = pipeline_factory({.partition = "fake-1",
                                .options = std::move(with),
                                .parse = std::move(parse),
                                .venue = &fake_venue(1, ids),
                                .ask = ask});
    pipeline = *factory();
}

void Session::record(RecordKind kind, i64 at_ms, std::string_view payload) {
    out.records.push_back({kind, millis(at_ms), std::string(payload)});
    pipeline->on_record(
        {.offset = {next++}, .kind = kind, .ts_recv = millis(at_ms), .payload = payload}, out);
}

void Session::trade(i64 at_ms, std::string_view price, i64 arrives_ms) {
    frame(arrives_ms == 0 ? at_ms : arrives_ms,
          fmt::format("trade BTC {} 1 {} {}", price, ++id, at_ms));
}

Strings Session::take(std::string_view prefix) {
    Strings taken = std::exchange(out.lines, {});
    std::erase_if(taken, [&](const std::string& line) { return !line.starts_with(prefix); });
    return taken;
}

Strings Session::asked() {
    pipeline->report();
    return std::exchange(*asks, {});
}

bool Session::restart() {
    std::string state, again;
    pipeline->save(state);
    pipeline = *factory();
    if (!pipeline->load(state)) return false;
    pipeline->save(again);
    return state == again;
}

}  // namespace tape::ops
