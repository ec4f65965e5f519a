// What the parts of the program are told of a config.
#include <fmt/core.h>

#include "app/config.h"

namespace tape::app {

venues::SourceSpec source_spec(const SourceConfig& source) {
    return {.venue = source.venue,
            .feed = source.feed,
            .symbols = source.symbols,
            .channels = source.channels,
            .interval = source.interval,
            .ids = source.ids,
            .api_key = source.api_key,
            .monthly_calls = source.monthly_calls};
}

namespace {

ops::QualityAction quality_action(std::string_view name) {
    if (name == "off") return ops::QualityAction::off;
    return name == "flag" ? ops::QualityAction::flag : ops::QualityAction::quarantine;
}

}  // namespace

ops::PipelineOptions pipeline_options(const Config& config) {
    ops::PipelineOptions options{.lateness = config.stream.lateness,
                                 .idle = config.stream.idle,
                                 .max_skew = config.stream.max_skew,
                                 .late = ops::LatePolicy::reemit,
                                 .windows = {},
                                 .quality = {}};
    const QualityConfig& quality = config.quality;
    options.quality = {.crossed = quality_action(quality.crossed),
                       .locked = quality_action(quality.locked),
                       .id_backwards = quality_action(quality.id_backwards),
                       .time_backwards = quality_action(quality.time_backwards),
                       .clock_skew = quality_action(quality.clock_skew),
                       .zero_price = quality_action(quality.zero_price),
                       .zero_size = quality_action(quality.zero_size),
                       .max_clock_skew = quality.max_clock_skew};
    if (config.stream.late == "drop") options.late = ops::LatePolicy::drop;
    if (config.stream.late == "side") options.late = ops::LatePolicy::side;
    // Without a word on it, a window's input is trades where any are captured, else the first other
    // kind captured.
    TickKind usual = config.sources.empty() ? TickKind::trade : TickKind::ticker;
    for (const SourceConfig& source : config.sources)
        for (const std::string& channel : source.channels)
            if (venues::find_venue(source.venue)->kind_of(channel) == TickKind::trade)
                usual = TickKind::trade;
    for (const WindowConfig& window : config.windows) {
        TickKind input = usual;
        for (const TickKind kind : {TickKind::trade, TickKind::ticker, TickKind::poll})
            if (window.input == to_string(kind)) input = kind;
        options.windows.push_back(
            {window.name, window.size, window.slide.value_or(window.size), input});
    }
    return options;
}

Result<ops::PipelineOptions> pipeline_options_of(std::string_view config_text) {
    const auto config = parse_config(std::string(config_text));
    if (!config)
        return user_error(fmt::format("the recorded config does not parse: line {}: {}",
                                      config.error().front().line, config.error().front().text));
    return pipeline_options(*config);
}

}  // namespace tape::app
