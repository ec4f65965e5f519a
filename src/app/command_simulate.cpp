// `tape simulate`: the exchanges' protocols on loopback, for trying and testing without an
// exchange.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "app/stop_signal.h"
#include "sim/simulator.h"

namespace tape::app {
namespace {

struct Arguments {
    sim::SimOptions options;
    std::string epoch, length;
};

// "2026-01-01" or an RFC 3339 time.
Result<Nanos> parse_epoch_argument(const std::string& text) {
    return text.size() == 10 ? parse_date(text) : parse_rfc3339(text);
}

int run(Arguments arguments) {
    if (!arguments.epoch.empty()) {
        const auto epoch = parse_epoch_argument(arguments.epoch);
        if (!epoch) return fail(epoch.error());
        arguments.options.epoch = *epoch;
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
    verb->add_option("--venues", options.venues, "Which")->delimiter(',')->capture_default_str();
    verb->add_option("--seed", options.seed, "The same seed gives the same trades")
        ->capture_default_str();
    verb->add_option("--rate", options.rate, "Messages a second in all")->capture_default_str();
    verb->add_option("--epoch", arguments->epoch,
                     "The time of trade 0: 2026-01-01 or 2026-01-01T00:00:00Z");
    verb->add_flag("--tls", options.tls, "With a throw-away certificate authority");
    verb->add_option("--for", arguments->length, "Stop after this time, such as 30s");
    verb->callback([arguments, &code] { code = run(*arguments); });
}

}  // namespace tape::app
