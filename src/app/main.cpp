// The program's front: its verbs in the order of the data's way, and the exit code of the one that
// was chosen.
#include <fmt/core.h>

#include <malloc.h>
#include <CLI/CLI.hpp>
#include <csignal>

#include "app/commands.h"
#include "app/version.h"
#include "base/log.h"

int main(int argc, char** argv) {
    using namespace tape::app;
    // Large buffers (Arrow's, DuckDB's) come and go: what they leave goes back to the system
    // instead of staying with the arena of the thread that had them.
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    mallopt(M_ARENA_MAX, 2);
    std::signal(
        SIGPIPE,
        SIG_IGN);  // A reader that goes away is an error of one write, not the end of the program.

    CLI::App cli(
        "Tickertape records crypto market data and turns it into analytics: exchange sockets, "
        "exact raw log,\n"
        "event-time windows, Parquet lake, warehouse, dashboard.",
        "tape");
    cli.set_version_flag("--version", std::string(build_version()));
    cli.require_subcommand(1);
    cli.failure_message(CLI::FailureMessage::help);
    std::string level = "info";
    cli.add_option("--log-level", level, "debug, info, warn, error or off")
        ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}))
        ->each([](const std::string& name) {
            constexpr std::string_view names[] = {"debug", "info", "warn", "error", "off"};
            for (int i = 0; i < 5; ++i)
                if (names[i] == name) tape::set_log_level(static_cast<tape::LogLevel>(i));
        });

    int code = exit_code::done;
    add_run(cli, code);
    add_simulate(cli, code);
    add_interchange(cli, code);
    add_replay(cli, code);
    add_sql(cli, code);
    add_gaps(cli, code);
    add_backfill(cli, code);
    add_check(cli, code);
    add_doctor(cli, code);
    try {
        cli.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return cli.exit(error) == 0 ? exit_code::done : exit_code::usage;
    } catch (const std::exception& error) {
        fmt::print(stderr, "tape: {}\n", error.what());
        return exit_code::internal;
    }
    return code;
}
