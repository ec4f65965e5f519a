// The options that a config record asks for, and those that a checkpoint was made with (its state
// fits no others); and what else of a pipeline's state is small.
#pragma once

#include "ops/options.h"
#include "ops/pipeline.h"
#include "ops/quality.h"
#include "ops/raw_payloads.h"
#include "ops/rerun.h"
#include "ops/windows.h"
#include "stream/state.h"

namespace tape::ops {

/// What the records so far leave behind beside the rows.
struct Past {
    Nanos last_ts;     // Of the record before.
    Nanos last_heard;  // Of the last record that the venue sent unasked, or else answered.
    bool on_socket{};  // It sends unasked.
    bool started{};    // There was a record.
    bool seen_tick{};

    void save(stream::StateWriter& out) const {
        out.put(last_ts);
        out.put(last_heard);
        for (const bool each : {on_socket, started, seen_tick}) out.put(static_cast<u8>(each));
    }
    void load(stream::StateReader& in) {
        last_ts = in.get<Nanos>();
        last_heard = in.get<Nanos>();
        for (bool* each : {&on_socket, &started, &seen_tick}) *each = in.get<u8>() != 0;
    }
};

/// Errors: `payload` has no text, or the text asks for what cannot be served.
inline Result<PipelineOptions> asked_options(std::string_view payload, const ConfigParser& parse) {
    const auto text = text_member(payload, "text");
    if (!text) return user_error("the config record has no text");
    Result<PipelineOptions> asked = parse(*text);
    if (asked)
        if (auto checked = check(*asked); !checked) return checked.error();
    return asked;
}

inline void save_options(const PipelineOptions& options, stream::StateWriter& out) {
    out.put(options.lateness);
    out.put(options.idle);
    out.put(options.max_skew);
    out.put(options.late);
    out.put(static_cast<i64>(options.windows.size()));
    for (const WindowSpec& spec : options.windows) {
        out.text(spec.name);
        out.put(spec.size);
        out.put(spec.slide);
        out.put(spec.input);
    }
    save(options.quality, out);
}

inline PipelineOptions load_options(stream::StateReader& in) {
    PipelineOptions options;
    options.lateness = in.get<Nanos>();
    options.idle = in.get<Nanos>();
    options.max_skew = in.get<Nanos>();
    options.late = in.get<LatePolicy>();
    for (i64 windows = in.count(); windows > 0; --windows) {
        WindowSpec& spec = options.windows.emplace_back();
        spec.name = in.text();
        spec.size = in.get<Nanos>();
        spec.slide = in.get<Nanos>();
        spec.input = in.get<TickKind>();
    }
    load(options.quality, in);
    return options;
}

inline void save_quarantined(const Quarantined& ticks, stream::StateWriter& out) {
    out.put(static_cast<i64>(ticks.size()));
    for (const auto& [offset, index] : ticks) {
        out.put(offset);
        out.put(index);
    }
}

inline Quarantined load_quarantined(stream::StateReader& in) {
    Quarantined ticks;
    for (i64 count = in.count(); count > 0; --count) {
        const Offset offset = in.get<Offset>();
        ticks.emplace_hint(ticks.end(), offset, in.get<i32>());
    }
    return ticks;
}

}  // namespace tape::ops
