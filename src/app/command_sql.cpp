// `tape sql`: asks the warehouse; the running process where one holds the file, else the file
// itself.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/table_text.h"
#include "net/http_call.h"
#include "sinks/duckdb.h"

namespace tape::app {
namespace {

struct Arguments {
    Place place;
    std::string format = "table";
    std::string statement;
    i64 limit = 10'000;
};

Result<sinks::QueryResult> ask(const Arguments& arguments, const DataFolder& folder) {
    const auto address = folder.holder(Role::process);
    if (!address) {
        const auto warehouse = sinks::Warehouse::open_read_only(folder.paths().warehouse, {});
        if (!warehouse) return warehouse.error();
        return (*warehouse)->query(arguments.statement, {.rows = arguments.limit});
    }
    if (address->empty())
        return user_error(
            fmt::format("the warehouse in '{}' is in use by a process that serves no SQL",
                        folder.root().string()));
    const nlohmann::json body = {{"sql", arguments.statement}, {"limit", arguments.limit}};
    const auto answer = net::http_post(fmt::format("http://{}/api/v1/sql", *address), body.dump());
    if (!answer) return answer.error();
    const auto json = nlohmann::json::parse(answer->body, nullptr, false);
    if (!json.is_object())
        return external_error(fmt::format("{} answered no JSON", *address), Retry::never);
    if (answer->status != 200) return user_error(json.value("error", answer->body));
    return result_of_json(json);
}

int run(const Arguments& arguments) {
    const auto config = config_of(arguments.place);
    if (!config) return fail(config.error());
    const DataFolder folder(config->data, *config);
    if (const auto kind = folder.kind(); !kind) return fail(kind.error());
    const auto table = ask(arguments, folder);
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
