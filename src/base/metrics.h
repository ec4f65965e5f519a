// Counters and gauges, kept by name and labels for as long as the process lives and shown at
// /metrics. The registry is prometheus-cpp's; this header hides it, so that counting costs its
// users one atomic addition and no heavy header. Every name is declared once, in metrics.cpp, with
// its help text: the reference page is made from that table, and a name that is not in it is
// refused.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/types.h"

namespace tape {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// A value that only grows. Copies share it.
class Counter final {
 public:
    void add(i64 n = 1) const;
    i64 value() const;

 private:
    friend Counter counter(std::string_view, const Labels&);
    void* impl_{};
};

/// A value that goes both ways. Copies share it.
class Gauge final {
 public:
    void set(double value) const;
    double value() const;

 private:
    friend Gauge gauge(std::string_view, const Labels&);
    void* impl_{};
};

/// The counter `name` with `labels`; the same one for the same arguments. Look it up once, outside
/// of loops.
Counter counter(std::string_view name, const Labels& labels = {});
Gauge gauge(std::string_view name, const Labels& labels = {});

/// All values in the Prometheus text format 0.0.4.
std::string metrics_text();

struct MetricInfo {
    std::string_view name;
    enum class Kind : u8 { counter, gauge } kind;
    std::string_view labels;  // Comma-separated names.
    std::string_view help;
};
/// Every metric that exists, for the generated reference.
const std::vector<MetricInfo>& metric_table();

}  // namespace tape
