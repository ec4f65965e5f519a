// `tape backfill`: fetches what the exchanges still have of a time, into the raw log and so into
// all that is right of it. By the process that captures, where one runs; else here.
#include <fmt/core.h>

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "app/backfill_request.h"
#include "app/commands.h"
#include "app/parts.h"
#include "app/question.h"
#include "app/replay.h"
#include "app/sources.h"
#include "feed/feed.h"

namespace tape::app {
namespace {

struct Arguments {
    Place place;
    std::string venue, symbol, from, to;
};

void show(const feed::BackfillReport& report, bool last) {
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    if (!terminal && !last) return;
    fmt::print(stderr, "{}{} {}: {} trades in {} answers, back to {}{}{}", terminal ? "\r" : "",
               report.slot, report.native_symbol, report.trades, report.answers,
               report.reached.count > 0 ? format_rfc3339(report.reached) : "none yet",
               report.detail.empty() ? "" : "; " + report.detail, last ? "\n" : "");
}

// Fetches into the log that no process writes, then processes it.
int fetch_here(Config config, DataFolder& folder, const BackfillSpan& span) {
    const auto kind = folder.kind();
    if (!kind) return fail(kind.error());
    for (const Role role : {Role::capture, Role::process})
        if (auto locked = folder.lock(role); !locked) return fail(locked.error());
    if (auto found = find_symbols(config, folder.paths().symbols, seconds(20)); !found)
        return fail(found.error());
    if (const auto requests = requests_of(span, config); !requests) return fail(requests.error());
    const feed::FeedOptions options{
        .sources = source_options(config),
        .log_root = folder.paths().raw,
        .writer = raw_writer_options(config),
        .config_payload = config_record(config, *kind == DataKind::simulated)};
    bool whole = true;
    for (const SourceConfig& source : config.sources) {
        if (!span.venue.empty() && source.venue != span.venue) continue;
        for (const std::string& symbol : source.symbols) {
            if (symbol.empty() || (!span.symbol.empty() && symbol != span.symbol)) continue;
            // Polled sources have no trades.
            if (!requests_of({source.venue, symbol, span.from, span.to}, config)) continue;
            const auto report = feed::backfill_range(options, source.venue, symbol, span.from,
                                                     span.to, [](const auto& so_far) {
                                                         show(so_far, false);
                                                         return true;
                                                     });
            if (!report) return fail(report.error());
            show(*report, true);
            whole &= !report->given_up;
        }
    }
    if (auto done = replay(config, folder.paths(), {}); !done) return fail(done.error());
    return whole ? exit_code::done : exit_code::outside;
}

int run(const Arguments& arguments) {
    const auto config = config_of(arguments.place);
    if (!config) return fail(config.error());
    BackfillSpan span{.venue = arguments.venue, .symbol = arguments.symbol, .from = {}, .to = {}};
    for (const auto& [text, time] :
         {std::pair(&arguments.from, &span.from), {&arguments.to, &span.to}}) {
        if (text->empty()) {
            *time = wall_clock();
            continue;
        }
        const auto parsed = parse_rfc3339(*text);
        if (!parsed) return fail(parsed.error());
        *time = *parsed;
    }
    DataFolder folder(config->data, *config);
    if (!folder.holder(Role::capture)) return fetch_here(*config, folder, span);
    const auto answer = tell(folder, Role::capture, "/api/v1/backfill", to_json(span));
    if (!answer) return fail(answer.error());
    const auto accepted = nlohmann::json::parse(*answer, nullptr, false);
    fmt::print("the process that captures began {}\n",
               accepted.is_object() ? accepted.value("accepted", "") : *answer);
    return exit_code::done;
}

}  // namespace

void add_backfill(CLI::App& cli, int& code) {
    auto* verb = cli.add_subcommand(
        "backfill",
        "Fetch the trades of a time that the exchanges still have, and repair its windows");
    auto arguments = std::make_shared<Arguments>();
    add_place(*verb, arguments->place);
    verb->add_option("--venue", arguments->venue, "Only this venue's");
    verb->add_option("--symbol", arguments->symbol, "Only this symbol's, as the config names it");
    verb->add_option("--from", arguments->from, "RFC 3339: 2026-11-21T10:00:00Z")->required();
    verb->add_option("--to", arguments->to, "RFC 3339; until now if absent");
    verb->callback([arguments, &code] { code = run(*arguments); });
}

}  // namespace tape::app
