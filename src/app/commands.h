// The verbs of the program. One file each; every add_… describes its verb to the command line and
// runs it when chosen. To add a verb: a file, a line here, a line in main.cpp.
#pragma once

#include <optional>
#include <string>

#include "app/config.h"
#include "app/data_folder.h"
#include "base/result.h"

namespace CLI {
class App;
}

namespace tape::app {

/// Exit codes, as scripts rely on them.
namespace exit_code {
constexpr int done = 0;
constexpr int data_says_no = 1;  // Validation, verification, a faulty line of input.
constexpr int usage = 2;         // Command line or config.
constexpr int outside = 3;       // Disk, network, a server.
constexpr int internal = 4;
}  // namespace exit_code

void add_run(CLI::App& cli, int& code);  // run collect process serve
void add_simulate(CLI::App& cli, int& code);
void add_interchange(CLI::App& cli, int& code);  // import export
void add_replay(CLI::App& cli, int& code);
void add_sql(CLI::App& cli, int& code);
void add_gaps(CLI::App& cli, int& code);
void add_backfill(CLI::App& cli, int& code);
void add_check(CLI::App& cli, int& code);  // check config
void add_doctor(CLI::App& cli, int& code);

/// Says what failed on standard error and gives the exit code of its domain.
int fail(const Error& error);

/// The -c and --data options that most verbs share.
struct Place {
    std::string config_file;
    std::string data;
};
void add_place(CLI::App& verb, Place& place);
/// The config of `place` with its --data applied.
Result<Config> config_of(const Place& place);

}  // namespace tape::app
