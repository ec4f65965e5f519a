// `tape simulate`: the exchanges' protocols on loopback, for trying and testing without an
// exchange.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <fstream>

#include "app/commands.h"
#include "app/stop_signal.h"
#include "sim/simulator.h"

namespace tape::app {
namespace {

struct Arguments {
    sim::SimOptions options;
    std::string epoch, faults, length;
};

// "2026-01-01", an RFC 3339 time, or how long ago it is: "3d".
Result<Nanos> parse_epoch_argument(const std::string& text) {
    if (const auto ago = parse_duration(text)) return wall_clock() - *ago;
    const auto moment = text.size() == 10 ? parse_date(text) : parse_rfc3339(text);
    if (moment) return *moment;
    return user_error(fmt::format(
        "--epoch '{}' is neither a date, a time (RFC 3339) nor how long ago it was, such as 3d",
        text));
}

Result<sim::FaultScript> read_faults(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return user_error(fmt::format("cannot read the fault script '{}'", path));
    std::string text(std::istreambuf_iterator<char>(file), {});
    auto script = sim::parse_fault_script(text, sim::simulated_venues());
    if (script) return std::move(*script);
    std::string what;
    for (const std::string& problem : script.error())
        what += fmt::format("{}{}:{}", what.empty() ? "" : "\n", path, problem);
    return user_error(std::move(what));
}

int run(Arguments arguments) {
    if (!arguments.epoch.empty()) {
        const auto epoch = parse_epoch_argument(arguments.epoch);
        if (!epoch) return fail(epoch.error());
        arguments.options.epoch = *epoch;
    }
    if (!arguments.faults.empty()) {
        auto script = read_faults(arguments.faults);
        if (!script) return fail(script.error());
        arguments.options.faults = std::move(*script);
    }
    Nanos length{0};
    if (!arguments.length.empty()) {
        const auto parsed = parse_duration(arguments.length);
        if (!parsed) return fail(parsed.error());
        length = *parsed;
    }
    hold_stop_signals();
    const auto simulator = sim::Simulator::start(arguments.options);
    if (!simulator) return fail(simulator.error());
    fmt::print("{}\n", (*simulator)->ready_line());
    std::fflush(stdout);
    wait_for_stop(length);
    (*simulator)->stop();
    return exit_code::done;
}

}  // namespace

void add_simulate(CLI::App& cli, int& code) {
    auto* verb = cli.add_subcommand(
        "simulate", "Speak the exchanges' protocols on loopback: seeded, stateless");
    auto arguments = std::make_shared<Arguments>();
    sim::SimOptions& options = arguments->options;
    verb->add_option("--port", options.port,
                     "First port; a venue's is this plus its place in okx, kucoin, coingecko, "
                     "binance, coinbase, kraken. 0: free ones")
        ->capture_default_str();
    verb->add_option("--venues", options.venues, "Which; all without a word")->delimiter(',');
    verb->add_option("--seed", options.seed, "The same seed gives the same trades")
        ->capture_default_str();
    verb->add_option("--rate", options.rate, "Messages a second in all")->capture_default_str();
    verb->add_option("--epoch", arguments->epoch,
                     "The time of trade 0: 2026-01-01, 2026-01-01T00:00:00Z, or how long ago: 3d");
    verb->add_option("--faults", arguments->faults,
                     "What goes wrong, and when: a TOML file, see docs/reference/faults.md");
    verb->add_option("--ledger", options.ledger,
                     "Append what happened to this file: trades, faults, broken limits");
    verb->add_flag("--limits", options.limits,
                   "Refuse what exceeds the exchanges' documented limits");
    verb->add_flag("--tls", options.tls, "With a throw-away certificate authority");
    verb->add_option("--for", arguments->length, "Stop after this time, such as 30s");
    verb->callback([arguments, &code] { code = run(*arguments); });
}

}  // namespace tape::app
