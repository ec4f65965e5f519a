// The config written out: the effective one, and the reference page of all settings.
#include <fmt/core.h>

#include <array>

#include "app/config.h"
#include "app/config_fields.h"
#include "base/json_text.h"

namespace tape::app {
namespace {

std::string show(const std::string& value) {
    return tape::json_quoted(value);
}
std::string show(i64 value) {
    return fmt::format("{}", value);
}
std::string show(double value) {
    return fmt::format("{}", value);
}
std::string show(Nanos value) {
    return fmt::format("\"{}\"", format_duration(value));
}
std::string show(Size value) {
    return fmt::format("\"{}\"", format_size(value.bytes));
}
template <class Value>
std::string show(const std::optional<Value>& value) {
    return value ? show(*value) : "\"never\"";
}
std::string show(const std::vector<std::string>& values) {
    std::string out = "[";
    for (const std::string& value : values) out += (out.size() > 1 ? ", " : "") + show(value);
    return out + "]";
}
std::string show(const std::map<std::string, std::string>& values) {
    if (values.empty()) return show(std::string());
    std::string out;
    for (const auto& [key, value] : values)
        out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", show(key), show(value));
    return fmt::format("{{ {} }}", out);
}

template <class S, std::size_t N>
void print_section(std::string& out, std::string_view heading, const S& section,
                   const std::array<Field<S>, N>& fields) {
    out += fmt::format("\n{}\n", heading);
    for (const Field<S>& field : fields) {
        const std::string value =
            std::visit([&](auto member) { return show(section.*member); }, field.member);
        if (value == "\"\"") continue;
        out += fmt::format("{} = {}\n", field.name,
                           field.secrecy == Secrecy::masked ? "\"***\"" : value);
    }
}

template <class S, std::size_t N>
void describe_section(std::string& out, std::string_view heading, std::string_view doc,
                      const std::array<Field<S>, N>& fields) {
    out += fmt::format("\n## `{}`\n\n{}\n\n| key | default | meaning |\n|---|---|---|\n", heading,
                       doc);
    const S defaults;
    for (const Field<S>& field : fields) {
        const std::string value =
            std::visit([&](auto member) { return show(defaults.*member); }, field.member);
        std::string choices(field.one_of);
        for (std::size_t at = 0; (at = choices.find('|', at)) != std::string::npos; at += 5)
            choices.replace(at, 1, "`, `");
        out += fmt::format("| `{}` | {} | {}{} |\n", field.name,
                           field.presence == Presence::required ? "required"
                           : value == "\"\""                    ? ""
                                                                : fmt::format("`{}`", value),
                           field.doc, choices.empty() ? "" : fmt::format(" One of `{}`.", choices));
    }
}

}  // namespace

std::string print_config(const Config& config) {
    std::string out = fmt::format("data = {}\n", show(config.data));
    for (const SourceConfig& source : config.sources)
        print_section(out, "[[source]]", source, source_fields);
    print_section(out, "[log]", config.log, log_fields);
    print_section(out, "[stream]", config.stream, stream_fields);
    for (const WindowConfig& window : config.windows)
        print_section(out, "[[window]]", window, window_fields);
    print_section(out, "[quality]", config.quality, quality_fields);
    print_section(out, "[lake]", config.lake, lake_fields);
    print_section(out, "[warehouse]", config.warehouse, warehouse_fields);
    print_section(out, "[serve]", config.serve, serve_fields);
    return out;
}

std::string config_reference() {
    std::string out =
        "# Config reference\n\nMade by `tape config --reference` from the field tables of "
        "`src/app/config_fields.h`; a test keeps it so.\n\n"
        "One TOML file. Durations are texts such as `\"200ms\"`, `\"5s\"`, `\"1h\"`, `\"30d\"`; "
        "sizes `\"64MiB\"`, `\"10MB\"`; `\"never\"` "
        "where a limit may be absent. `${NAME}` in a text is replaced by that environment "
        "variable. Relative paths start "
        "at `data`, which is the root of all that `tape` stores (default `\"data\"`).\n";
    describe_section(out, "[[source]]", "An exchange to follow; as many as there are.",
                     source_fields);
    describe_section(out, "[log]", "The raw log: everything received, verbatim.", log_fields);
    describe_section(out, "[stream]", "Event time.", stream_fields);
    describe_section(
        out, "[[window]]",
        "A statistic over a span of event time, aligned to the epoch; as many as there are.",
        window_fields);
    describe_section(out, "[quality]",
                     "What becomes of a tick that may be wrong: nothing, a row of table `quality` "
                     "beside it, or that row in its stead. Counted always.",
                     quality_fields);
    describe_section(out, "[lake]", "Parquet files in Delta Lake tables.", lake_fields);
    describe_section(out, "[warehouse]", "The tables that SQL asks.", warehouse_fields);
    describe_section(out, "[serve]", "The dashboard and the HTTP interface.", serve_fields);
    return out;
}

}  // namespace tape::app
