// `tape doctor`: what stands in the way of capturing, each with what to do about it: clock, disk,
// and the way to every configured exchange.
#include <fmt/core.h>

#include <sys/timex.h>
#include <CLI/CLI.hpp>
#include <filesystem>

#include "app/commands.h"
#include "app/sources.h"
#include "feed/feed.h"

namespace tape::app {
namespace {

struct Arguments {
    Place place;
};

using feed::ProbeStep;

ProbeStep check_clock() {
    timex state{};
    const bool synchronised = ::adjtimex(&state) != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
    return {.what = "clock",
            .ok = synchronised,
            .detail = fmt::format("{}, {}", format_rfc3339(wall_clock()),
                                  synchronised ? "synchronised" : "not synchronised"),
            .advice = synchronised ? ""
                                   : "run a time daemon (chrony, systemd-timesyncd): events are "
                                     "checked against this clock"};
}

ProbeStep check_disk(const Config& config) {
    // The folder may not exist yet: its nearest parent that does is on the same disk.
    std::error_code failed;
    auto folder = std::filesystem::absolute(config.data, failed);
    while (!std::filesystem::exists(folder, failed) && folder.has_relative_path())
        folder = folder.parent_path();
    const auto space = std::filesystem::space(folder, failed);
    if (failed)
        return {"disk", false, fmt::format("{}: {}", folder.string(), failed.message()),
                "name another folder with --data"};
    const auto free = static_cast<i64>(space.available);
    const bool enough = free > 4 * config.log.reserve.bytes;
    return {"disk", enough, fmt::format("{} MiB free at {}", free >> 20, folder.string()),
            enough ? ""
                   : fmt::format("make room: capture pauses below {} (log.reserve)",
                                 format_size(config.log.reserve.bytes))};
}

void print(std::string_view subject, const ProbeStep& step) {
    fmt::print("{}  {:<9} {:<13} {}\n", step.ok ? "ok  " : "FAIL", subject, step.what, step.detail);
    if (!step.ok && !step.advice.empty()) fmt::print("      → {}\n", step.advice);
}

int run(const Arguments& arguments) {
    auto config = config_of(arguments.place);
    if (!config) return fail(config.error());
    print("machine",
          check_clock());  // A warning only: a virtual machine's clock may be kept by its host.
    const ProbeStep disk = check_disk(*config);
    print("machine", disk);
    bool well = disk.ok;
    if (auto found = find_symbols(*config, {}, seconds(10)); !found) return fail(found.error());
    for (const feed::SourceOptions& source : source_options(*config)) {
        const auto steps = feed::probe(source, seconds(10));
        for (const ProbeStep& step : steps) print(source.spec.venue, step);
        well &= feed::passed(steps);
    }
    return well ? exit_code::done : exit_code::outside;
}

}  // namespace

void add_doctor(CLI::App& cli, int& code) {
    auto* verb = cli.add_subcommand(
        "doctor", "Check clock, disk, and DNS, TLS and subscription of each configured exchange");
    auto arguments = std::make_shared<Arguments>();
    add_place(*verb, arguments->place);
    verb->callback([arguments, &code] { code = run(*arguments); });
}

}  // namespace tape::app
