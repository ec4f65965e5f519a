#include "log/record.h"

#include <array>
#include <utility>

namespace tape::log {
namespace {

constexpr std::array<std::pair<RecordKind, std::string_view>, 14> names{{
    {RecordKind::config, "config"},
    {RecordKind::connected, "connected"},
    {RecordKind::disconnected, "disconnected"},
    {RecordKind::frame, "frame"},
    {RecordKind::sent, "sent"},
    {RecordKind::rest, "rest"},
    {RecordKind::heartbeat, "heartbeat"},
    {RecordKind::gap, "gap"},
    {RecordKind::tick, "tick"},
    {RecordKind::window, "window"},
    {RecordKind::gap_row, "gap_row"},
    {RecordKind::dead_letter, "dead_letter"},
    {RecordKind::candle, "candle"},
    {RecordKind::quality, "quality"},
}};
constexpr std::size_t raw_kinds = 8;

}  // namespace

std::string_view to_string(RecordKind kind) {
    for (const auto& [candidate, name] : names)
        if (candidate == kind) return name;
    return "unknown";
}

bool parse_kind(std::string_view name, RecordKind& kind) {
    for (std::size_t i = 0; i < raw_kinds; ++i) {
        if (names[i].second != name) continue;
        kind = names[i].first;
        return true;
    }
    return false;
}

}  // namespace tape::log
