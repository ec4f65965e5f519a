// `tape check FILE` and `tape config`: what a config says, before anything runs.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "app/reference.h"

namespace tape::app {
namespace {

struct CheckArguments {
    std::string file;
};

int check(const CheckArguments& arguments) {
    const auto config = load_config(arguments.file);
    if (!config) return fail(config.error());
    std::size_t symbols = 0;
    for (const SourceConfig& source : config->sources) symbols += source.symbols.size();
    fmt::print("{}: {} sources with {} symbols, {} windows\n", arguments.file,
               config->sources.size(), symbols, config->windows.size());
    return exit_code::done;
}

struct ConfigArguments {
    Place place;
    bool print = false;
    std::string reference;
};

int config(const ConfigArguments& arguments) {
    if (arguments.reference == "config")
        return fmt::print("{}", config_reference()), exit_code::done;
    if (arguments.reference == "metrics")
        return fmt::print("{}", metrics_reference()), exit_code::done;
    const auto loaded = config_of(arguments.place);
    if (!loaded) return fail(loaded.error());
    fmt::print("{}", arguments.print ? print_config(*loaded) : loaded->text);
    return exit_code::done;
}

}  // namespace

void add_check(CLI::App& cli, int& code) {
    auto* verb = cli.add_subcommand(
        "check", "Check a config file: every fault at once, each with line:column");
    auto check_arguments = std::make_shared<CheckArguments>();
    verb->add_option("file", check_arguments->file, "The file")->required()->type_name("FILE");
    verb->callback([check_arguments, &code] { code = check(*check_arguments); });

    verb = cli.add_subcommand("config",
                              "Show the config: as written, or with --print what is in force");
    auto arguments = std::make_shared<ConfigArguments>();
    add_place(*verb, arguments->place);
    verb->add_flag("--print", arguments->print, "With all defaults, secrets masked");
    verb->add_option("--reference", arguments->reference,
                     "The reference page, in Markdown, of all settings or metrics")
        ->check(CLI::IsMember({"config", "metrics"}));
    verb->callback([arguments, &code] { code = config(*arguments); });
}

}  // namespace tape::app
