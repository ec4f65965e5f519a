#include "ops/quality.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace tape::ops {
namespace {

constexpr std::array<std::string_view, quality_rules> names = {
    "crossed",    "locked",     "id_backwards", "time_backwards",
    "clock_skew", "zero_price", "zero_size",    "duplicate"};
constexpr Nanos skew_pause = seconds(60);

// The actions as they stand in a checkpoint.
constexpr std::array<QualityAction QualityOptions::*, 7> actions = {
    &QualityOptions::crossed,        &QualityOptions::locked,     &QualityOptions::id_backwards,
    &QualityOptions::time_backwards, &QualityOptions::clock_skew, &QualityOptions::zero_price,
    &QualityOptions::zero_size};

bool not_positive(const std::optional<Decimal>& value) {
    return value && value->units <= 0;
}

}  // namespace

std::string_view to_string(QualityRule rule) {
    return names[static_cast<std::size_t>(rule)];
}

Quality::Quality(const QualityOptions& options, Nanos lateness)
    : options_(options), lateness_(lateness) {}

void Quality::configure(const QualityOptions& options, Nanos lateness) {
    options_ = options;
    lateness_ = lateness;
}

template <class T>
void Quality::Highest<T>::see(T value, Offset at) {
    if (at != record) {
        before = now;
        record = at;
    }
    now = std::max(now, value);
}

Verdict Quality::check(const Tick& tick, log::RecordKind from) {
    const std::size_t index = tick.instrument->index;
    if (index >= series_.size()) series_.resize(index + 1);
    Series& series = series_[index];
    flags_.clear();
    find(tick, from, series);
    const bool quarantined = std::ranges::any_of(flags_, &QualityFlag::quarantined);
    for (QualityFlag& flag : flags_) flag.quarantined = quarantined;
    if (!flags_.empty() && !quarantined) [[unlikely]] {
        const auto skew =
            std::ranges::find(flags_, to_string(QualityRule::clock_skew), &QualityFlag::rule);
        if (skew != flags_.end() && !tells_skew(tick, series)) flags_.erase(skew);
    }
    if (!quarantined) {
        if (tick.identity && from == log::RecordKind::frame)
            series.id.see(*tick.identity, tick.source_offset);
        if (!tick.ts_estimated && (from == log::RecordKind::frame || tick.kind == TickKind::poll))
            series.time[static_cast<std::size_t>(tick.kind)].see(tick.ts_event, tick.source_offset);
    }
    return {flags_, quarantined};
}

void Quality::find(const Tick& tick, log::RecordKind from, const Series& series) {
    const bool on_socket = from == log::RecordKind::frame;
    if (tick.bid && tick.ask && *tick.bid >= *tick.ask)
        broken(*tick.bid > *tick.ask ? QualityRule::crossed : QualityRule::locked, tick,
               fmt::format("bid {}, ask {}", tick.bid->to_string(), tick.ask->to_string()));
    if (not_positive(tick.price))
        broken(QualityRule::zero_price, tick, fmt::format("price {}", tick.price->to_string()));
    if (tick.kind == TickKind::trade && not_positive(tick.size))
        broken(QualityRule::zero_size, tick, fmt::format("size {}", tick.size->to_string()));
    if (tick.identity && on_socket)
        if (const u64 before = series.id.before_record(tick.source_offset); *tick.identity < before)
            broken(QualityRule::id_backwards, tick,
                   fmt::format("id {} after {}", *tick.identity, before));
    if (tick.ts_estimated) return;  // Its time says nothing of the venue's.
    if (on_socket || tick.kind == TickKind::poll) {
        const auto& time = series.time[static_cast<std::size_t>(tick.kind)];
        if (const Nanos before = time.before_record(tick.source_offset);
            tick.ts_event < before - lateness_)
            broken(QualityRule::time_backwards, tick,
                   fmt::format("ts_event {} after {}", format_rfc3339(tick.ts_event),
                               format_rfc3339(before)));
    }
    const Nanos delay = tick.ts_recv - tick.ts_event;
    const bool dated = tick.kind == TickKind::trade || tick.kind == TickKind::quote;
    if (on_socket && dated &&
        (delay > options_.max_clock_skew || delay < Nanos{} - options_.max_clock_skew))
        broken(QualityRule::clock_skew, tick,
               fmt::format("ts_recv {} is {} after ts_event", format_rfc3339(tick.ts_recv),
                           format_duration(delay)));
}

void Quality::broken(QualityRule rule, const Tick& tick, std::string detail) {
    const QualityAction action = options_.*actions[static_cast<std::size_t>(rule)];
    if (action == QualityAction::off) return;
    ++counts_[static_cast<std::size_t>(rule)];
    flags_.push_back({.venue = tick.instrument->venue,
                      .symbol = tick.instrument->symbol,
                      .rule = std::string(to_string(rule)),
                      .quarantined = action == QualityAction::quarantine,
                      .ts_event = tick.ts_event,
                      .ts_recv = tick.ts_recv,
                      .detail = std::move(detail),
                      .source_offset = tick.source_offset,
                      .source_index = tick.source_index});
}

bool Quality::tells_skew(const Tick& tick, Series& series) const {
    if (tick.ts_recv - series.skew_told < skew_pause) return false;
    series.skew_told = tick.ts_recv;
    return true;
}

std::array<i64, quality_rules> Quality::take_counts() {
    return std::exchange(counts_, {});
}

void Quality::save(stream::StateWriter& out) const {
    out.put(static_cast<i64>(series_.size()));
    const auto put = [&out](const auto& highest) {
        out.put(highest.before);
        out.put(highest.now);
        out.put(highest.record);
    };
    for (const Series& series : series_) {
        put(series.id);
        for (const auto& time : series.time) put(time);
        out.put(series.skew_told);
    }
}

void Quality::load(stream::StateReader& in) {
    series_.clear();
    const auto get = [&in](auto& highest) {
        highest.before = in.get<decltype(highest.before)>();
        highest.now = in.get<decltype(highest.now)>();
        highest.record = in.get<Offset>();
    };
    for (i64 count = in.count(); count > 0; --count) {
        Series& series = series_.emplace_back();
        get(series.id);
        for (auto& time : series.time) get(time);
        series.skew_told = in.get<Nanos>();
    }
}

void save(const QualityOptions& options, stream::StateWriter& out) {
    for (const auto action : actions) out.put(options.*action);
    out.put(options.max_clock_skew);
}

void load(QualityOptions& options, stream::StateReader& in) {
    for (const auto action : actions) options.*action = in.get<QualityAction>();
    options.max_clock_skew = in.get<Nanos>();
}

}  // namespace tape::ops
