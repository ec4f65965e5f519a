#include "app/reference.h"

#include <fmt/core.h>

#include "base/metrics.h"

namespace tape::app {

std::string metrics_reference() {
    std::string out =
        "# Metrics reference\n\nMade by `tape config --reference metrics` from the table of "
        "`src/base/metrics.cpp`; a test "
        "keeps it so. Served at `/metrics` in the Prometheus text format.\n\n| metric | kind | "
        "labels | meaning |\n|---|---|---|---|\n";
    for (const MetricInfo& metric : metric_table())
        out += fmt::format("| `{}` | {} | {} | {} |\n", metric.name,
                           metric.kind == MetricInfo::Kind::counter ? "counter" : "gauge",
                           metric.labels, metric.help);
    return out;
}

}  // namespace tape::app
