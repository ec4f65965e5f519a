// `tape gaps`: what was not observed, why, and what became of it.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "app/question.h"
#include "app/table_text.h"
#include "sinks/duckdb.h"
#include "sinks/lake_views.h"

namespace tape::app {
namespace {

struct Arguments {
    Place place;
    std::string format = "table";
    std::string venue, symbol, status;
    bool history = false;
    i64 limit = 1'000;
};

std::string statement(const Arguments& arguments) {
    std::string where;
    const auto demand = [&](std::string_view column, const std::string& value) {
        if (!value.empty())
            where += fmt::format("{} {} = {}", where.empty() ? " WHERE" : " AND", column,
                                 sinks::sql_quoted(value));
    };
    demand("venue", arguments.venue);
    demand("symbol", arguments.symbol);
    demand("status", arguments.status);
    return fmt::format(
        "SELECT venue, symbol, channel, cause, from_ts, to_ts, from_id, to_id, missing, status, "
        "repaired_ts FROM {}{} ORDER BY from_ts DESC, venue, symbol, channel",
        arguments.history ? "gaps" : "gaps_latest", where);
}

int run(const Arguments& arguments) {
    const auto table = ask(arguments.place, statement(arguments), arguments.limit);
    if (!table) return fail(table.error());
    print_table(*table, arguments.format);
    if (table->truncated)
        fmt::print(stderr, "tape: only the first {} gaps; --limit N gives more\n",
                   table->rows.size());
    return exit_code::done;
}

}  // namespace

void add_gaps(CLI::App& cli, int& code) {
    auto* verb = cli.add_subcommand(
        "gaps", "What was not observed, why, and whether it was back-filled; newest first");
    auto arguments = std::make_shared<Arguments>();
    add_place(*verb, arguments->place);
    verb->add_option("--format", arguments->format, "table, csv or json")
        ->check(CLI::IsMember({"table", "csv", "json"}));
    verb->add_option("--venue", arguments->venue, "Only this venue's");
    verb->add_option("--symbol", arguments->symbol, "Only this symbol's");
    verb->add_option("--status", arguments->status, "Only those that are so")
        ->check(CLI::IsMember({"open", "backfilled", "unrecoverable"}));
    verb->add_flag("--history", arguments->history,
                   "Every state that a gap had, not only the last");
    verb->add_option("--limit", arguments->limit, "At most so many rows")
        ->check(CLI::PositiveNumber);
    verb->callback([arguments, &code] { code = run(*arguments); });
}

}  // namespace tape::app
