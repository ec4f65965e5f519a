// Timing as ratios: ours and a named baseline take turns in one run on the same input, their
// results are checked equal, and one row of a Markdown table is printed. The exit code tells of
// wrong results, never of slow ones.
#pragma once

#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace tape::bench {

/// CPU seconds (user and system, all threads) of this process so far.
inline double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds_of = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}
inline double wall_seconds() {
    return static_cast<double>(steady_clock().count) * 1e-9;
}

struct Timing {
    double median, best;
};

struct Row {
    std::string what, baseline;
    double ours_seconds, baseline_seconds;  // Medians.
    double units;  // Of work a run does, and their name: "frames", "rows", "MB".
    std::string unit;
    std::string target;  // "at least 0.7 x its speed"
    bool equal;          // Whether both gave the same results.
};

/// Runs `ours` and `baseline` in turns, `runs` times each after one warm-up; `clock` is
/// wall_seconds or cpu_seconds. Each takes no argument; medians come back.
template <class Ours, class Baseline>
std::pair<double, double> in_turns(int runs, double (*clock)(), Ours ours, Baseline baseline) {
    std::vector<double> a, b;
    for (int run = 0; run <= runs; ++run) {
        const double t0 = clock();
        ours();
        const double t1 = clock();
        baseline();
        const double t2 = clock();
        if (run == 0) continue;
        a.push_back(t1 - t0);
        b.push_back(t2 - t1);
    }
    std::ranges::sort(a);
    std::ranges::sort(b);
    return {a[a.size() / 2], b[b.size() / 2]};
}

/// Prints the row; returns the exit code: 1 where the results differ.
inline int report(const Row& row) {
    fmt::print("| {} | {} | {:.3g} {}/s | {:.3g} {}/s | {:.2f} x its speed | {} | {} |\n", row.what,
               row.baseline, row.units / row.ours_seconds, row.unit,
               row.units / row.baseline_seconds, row.unit, row.baseline_seconds / row.ours_seconds,
               row.target, row.equal ? "equal" : "DIFFERENT");
    return row.equal ? 0 : 1;
}

}  // namespace tape::bench
