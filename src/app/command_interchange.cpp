// `tape import` and `tape export`: captures from elsewhere into the raw log, and the raw log out
// again.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

#include "app/commands.h"
#include "app/interchange.h"
#include "app/replay.h"

namespace tape::app {
namespace {

struct ImportArguments {
    Place place;
    std::string venue, file;
    bool raw_only = false;
};

int import_file(const ImportArguments& arguments) {
    const auto config = config_of(arguments.place);
    if (!config) return fail(config.error());
    if (venues::find_venue(arguments.venue) == nullptr)
        return fail(user_error(fmt::format("unknown venue '{}'", arguments.venue)));
    std::ifstream file;
    if (arguments.file != "-") {
        file.open(arguments.file, std::ios::binary);
        if (!file) return fail(user_error(fmt::format("cannot read '{}'", arguments.file)));
    }
    DataFolder folder(config->data, *config);
    const auto known = folder.kind();
    if (const auto claimed = folder.claim(known ? *known : DataKind::live); !claimed)
        return fail(claimed.error());
    for (const Role role : {Role::capture, Role::process})
        if (const auto locked = folder.lock(role); !locked) return fail(locked.error());
    const auto report = import_capture(arguments.file == "-" ? std::cin : file, arguments.venue,
                                       folder.paths().raw);
    if (!report) return fail(report.error());
    for (const std::string& problem : report->problems)
        fmt::print(stderr, "tape: {}: {}\n", arguments.file, problem);
    if (report->bad_lines > static_cast<i64>(report->problems.size()))
        fmt::print(stderr, "tape: … and {} more\n",
                   report->bad_lines - static_cast<i64>(report->problems.size()));
    fmt::print(stderr, "imported {} of {} lines into {} partitions\n", report->records,
               report->lines, report->slots.size());
    // What was imported goes on through the engine into lake and warehouse, as far as the log
    // reaches.
    if (!arguments.raw_only)
        if (const auto processed = replay(*config, folder.paths(), {}); !processed)
            return fail(processed.error());
    return report->bad_lines == 0 ? exit_code::done : exit_code::data_says_no;
}

struct ExportArguments {
    Place place;
    std::string venue, file = "-";
};

int export_file(const ExportArguments& arguments) {
    const auto config = config_of(arguments.place);
    if (!config) return fail(config.error());
    const DataFolder folder(config->data, *config);
    if (const auto kind = folder.kind(); !kind) return fail(kind.error());
    std::ofstream file;
    if (arguments.file != "-") {
        file.open(arguments.file, std::ios::binary);
        if (!file) return fail(user_error(fmt::format("cannot write '{}'", arguments.file)));
    }
    std::ostream& out = arguments.file == "-" ? std::cout : file;
    const auto count = export_capture(folder.paths().raw, arguments.venue, out);
    if (!count) return fail(count.error());
    out.flush();
    if (!out)
        return fail(external_error(fmt::format("cannot write '{}'", arguments.file), Retry::never));
    fmt::print(stderr, "exported {} records\n", *count);
    return exit_code::done;
}

}  // namespace

void add_interchange(CLI::App& cli, int& code) {
    auto* verb = cli.add_subcommand("import",
                                    "Append captures (JSON Lines) to the raw log and process them");
    auto in = std::make_shared<ImportArguments>();
    add_place(*verb, in->place);
    verb->add_option("--venue", in->venue, "Whose captures they are")->required();
    verb->add_flag("--raw-only", in->raw_only, "Leave the processing to a later run");
    verb->add_option("file", in->file, "The file, or - for standard input")
        ->required()
        ->type_name("FILE");
    verb->callback([in, &code] { code = import_file(*in); });

    verb =
        cli.add_subcommand("export", "Write the raw log as captures (JSON Lines), ordered by time");
    auto out = std::make_shared<ExportArguments>();
    add_place(*verb, out->place);
    verb->add_option("--venue", out->venue, "Only this venue's");
    verb->add_option("-o,--output", out->file, "The file; standard output if none")
        ->type_name("FILE");
    verb->callback([out, &code] { code = export_file(*out); });
}

}  // namespace tape::app
