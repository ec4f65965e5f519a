// `tape sql`: asks the warehouse.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "app/question.h"
#include "app/table_text.h"

namespace tape::app {
namespace {

struct Arguments {
    Place place;
    std::string format = "table";
    std::string statement;
    i64 limit = 10'000;
};

int run(const Arguments& arguments) {
    const auto table = ask(arguments.place, arguments.statement, arguments.limit);
    if (!table) return fail(table.error());
    print_table(*table, arguments.format);
    if (table->truncated)
        fmt::print(stderr, "tape: only the first {} rows; --limit N gives more\n",
                   table->rows.size());
    return exit_code::done;
}

}  // namespace

void add_sql(CLI::App& cli, int& code) {
    auto* verb = cli.add_subcommand("sql", "Ask the warehouse: one SELECT statement, read only");
    auto arguments = std::make_shared<Arguments>();
    add_place(*verb, arguments->place);
    verb->add_option("--format", arguments->format, "table, csv or json")
        ->check(CLI::IsMember({"table", "csv", "json"}));
    verb->add_option("--limit", arguments->limit, "At most so many rows")
        ->check(CLI::PositiveNumber);
    verb->add_option("statement", arguments->statement, "The statement")
        ->required()
        ->type_name("SQL");
    verb->callback([arguments, &code] { code = run(*arguments); });
}

}  // namespace tape::app
