// What the verbs share.
#include "app/commands.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "app/version.h"

namespace tape::app {

std::string_view build_version() {
    return TAPE_VERSION;
}

int fail(const Error& error) {
    fmt::print(stderr, "tape: {}\n", error.what);
    switch (error.domain) {
        case Domain::user:
            return exit_code::usage;
        case Domain::external:
            return exit_code::outside;
        case Domain::internal:
            return exit_code::internal;
    }
    return exit_code::internal;
}

void add_place(CLI::App& verb, Place& place) {
    verb.add_option("-c,--config", place.config_file,
                    "Config file (TOML); without one the default pipeline")
        ->type_name("FILE");
    verb.add_option("--data", place.data, "Data folder, instead of the config's")->type_name("DIR");
}

Result<Config> config_of(const Place& place) {
    auto config = load_config(place.config_file);
    if (config && !place.data.empty()) config->data = place.data;
    return config;
}

}  // namespace tape::app
