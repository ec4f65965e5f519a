// `tape run` and its roles: the line until someone stops it.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <thread>

#include "app/commands.h"
#include "app/line.h"
#include "app/stop_signal.h"
#include "app/version.h"
#include "base/log.h"
#include "base/metrics.h"
#include "sim/simulator.h"

namespace tape::app {
namespace {

struct Arguments {
    Place place;
    Parts parts;
    std::string listen, length;
    bool simulate = false;
    bool may_serve = true;
    sim::SimOptions simulator{.port = 0, .tls = true};
};

// The config as the command line changes it.
Result<Config> read_config(const Arguments& arguments) {
    auto config = config_of(arguments.place);
    if (!config) return config;
    if (!arguments.listen.empty()) config->serve.listen = arguments.listen;
    if (arguments.simulate && arguments.place.data.empty()) config->data += "-simulated";
    return config;
}

// Points every source at the simulator. Error: it does not run the venue of one.
Result<void> use_simulator(const sim::Simulator& simulator, Config& config) {
    for (SourceConfig& source : config.sources) {
        if (!simulator.runs(source.venue))
            return user_error(fmt::format(
                "the simulator was started without '{}': restart to add it", source.venue));
        source.websocket = simulator.websocket_url(source.venue);
        source.rest = simulator.rest_url(source.venue);
        source.ca_file = simulator.ca_file();
    }
    return {};
}

Result<std::unique_ptr<sim::Simulator>> start_simulator(const Arguments& arguments,
                                                        Config& config) {
    sim::SimOptions options = arguments.simulator;
    options.venues.clear();
    for (const SourceConfig& source : config.sources)
        if (std::ranges::find(options.venues, source.venue) == options.venues.end())
            options.venues.push_back(source.venue);
    auto simulator = sim::Simulator::start(options);
    if (!simulator) return simulator;
    if (auto used = use_simulator(**simulator, config); !used) return used.error();
    return simulator;
}

Result<void> claim(DataFolder& folder, DataKind kind, Parts parts) {
    if (auto claimed = folder.claim(kind); !claimed) return claimed;
    if (parts.capture)
        if (auto locked = folder.lock(Role::capture); !locked) return locked;
    if (parts.process)
        if (auto locked = folder.lock(Role::process); !locked) return locked;
    return {};
}

// Waits until an exchange answered or all failed at their first try; false in the second case.
bool reached_any(const Line& line) {
    const Nanos end = steady_clock() + seconds(15);
    while (line.reach() == Reach::unknown && steady_clock() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return line.reach() == Reach::some;
}

int run(const Arguments& arguments) {
    auto config = read_config(arguments);
    if (!config) return fail(config.error());
    Nanos length{0};
    if (!arguments.length.empty()) {
        const auto parsed = parse_duration(arguments.length);
        if (!parsed) return fail(parsed.error());
        length = *parsed;
    }
    hold_stop_signals();
    gauge("tape_build_info", {{"version", std::string(build_version())}}).set(1);

    Parts parts = arguments.parts;
    parts.serve = arguments.may_serve || !arguments.listen.empty();
    DataFolder folder(config->data, *config);
    DataKind kind = arguments.simulate ? DataKind::simulated : DataKind::live;
    // A role beside another takes the folder as it is.
    if (!arguments.simulate && !parts.capture)
        if (const auto found = folder.kind()) kind = *found;
    if (const auto claimed = claim(folder, kind, parts); !claimed) return fail(claimed.error());

    std::unique_ptr<sim::Simulator> simulator;
    if (arguments.simulate) {
        auto started = start_simulator(arguments, *config);
        if (!started) return fail(started.error());
        simulator = std::move(*started);
        log_warn("SIMULATED: the exchanges are the built-in simulator; nothing here is real");
    }
    const Reread reread = [&]() -> Result<Config> {
        auto again = read_config(arguments);
        if (again && simulator)
            if (auto used = use_simulator(*simulator, *again); !used) return used.error();
        return again;
    };
    auto line = Line::start(*config, folder, parts, kind, reread);
    if (!line) return fail(line.error());
    if (parts.serve) {
        if (parts.process) folder.announce(Role::process, (*line)->address());
        if (parts.capture) folder.announce(Role::capture, (*line)->address());
        fmt::print("{}dashboard: http://{}/\n", arguments.simulate ? "SIMULATED " : "",
                   (*line)->address());
        std::fflush(stdout);
    }
    if (parts.capture && parts.process && !reached_any(**line)) {
        fmt::print(stderr,
                   "tape: no exchange can be reached:\n{}tape: `tape run --simulate` runs the same "
                   "line on the built-in simulator\n",
                   (*line)->causes());
        (void)(*line)->stop();
        return exit_code::outside;
    }
    wait_for_stop(length, [&line] {
        if (const auto reloaded = (*line)->reload(); !reloaded)
            log_error("the config is not reloaded: {}", reloaded.error().what);
    });
    const auto stopped = (*line)->stop();
    return stopped ? exit_code::done : fail(stopped.error());
}

CLI::App* add_role(CLI::App& cli, int& code, const std::string& name, const std::string& help,
                   const Arguments& defaults) {
    auto* verb = cli.add_subcommand(name, help);
    auto arguments = std::make_shared<Arguments>(defaults);
    add_place(*verb, arguments->place);
    verb->add_option("--listen", arguments->listen,
                     "Serve at this address, instead of the config's; port 0: any free one")
        ->type_name("HOST:PORT");
    verb->add_option("--for", arguments->length, "Stop after this time, such as 30s");
    if (defaults.parts.capture) {
        verb->add_flag("--simulate", arguments->simulate,
                       "On the built-in simulator instead of the exchanges");
        verb->add_option("--rate", arguments->simulator.rate, "Messages a second of the simulator")
            ->capture_default_str();
        verb->add_option("--seed", arguments->simulator.seed, "Seed of the simulator")
            ->capture_default_str();
    }
    verb->callback([arguments, &code] { code = run(*arguments); });
    return verb;
}

}  // namespace

void add_run(CLI::App& cli, int& code) {
    Arguments all;
    all.parts = {.capture = true, .process = true};
    add_role(cli, code, "run", "The whole line in one process", all);
    Arguments collect;
    collect.parts = {.capture = true};
    collect.listen = "127.0.0.1:0";  // Health, metrics, and what another process asks for.
    add_role(cli, code, "collect", "Exchanges to raw log", collect);
    Arguments process;
    process.parts = {.process = true};
    process.may_serve = false;
    add_role(cli, code, "process", "Raw log to windows, lake and warehouse", process);
    Arguments serve;
    add_role(cli, code, "serve", "The page, HTTP and SQL on what is stored", serve);
}

}  // namespace tape::app
