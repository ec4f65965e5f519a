// `tape replay`: everything right of the raw log once more, into another folder or against what is
// stored.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "app/replay.h"
#include "app/verify.h"

namespace tape::app {
namespace {

namespace fs = std::filesystem;

struct Arguments {
    Place place;
    std::string out, speed = "max";
    bool finish = false, verify = false;
};

// On a terminal a line that renews itself; elsewhere silence until the end.
std::function<void(i64, i64)> progress_line() {
    if (::isatty(STDERR_FILENO) == 0) return {};
    return [began = steady_clock(), last = Nanos{}](i64 done, i64 all) mutable {
        const Nanos now = steady_clock();
        if (now - last < millis(200) && done < all) return;
        last = now;
        const double elapsed = static_cast<double>((now - began).count) * 1e-9 + 1e-9;
        const double rate = static_cast<double>(done) / elapsed;
        fmt::print(stderr, "\r{:.0f} records/s, {:.0f} %, {:.0f} s left   ", rate,
                   100.0 * static_cast<double>(done) / static_cast<double>(std::max<i64>(all, 1)),
                   static_cast<double>(all - done) / rate);
        if (done >= all) fmt::print(stderr, "\n");
    };
}

// The config to replay by: the one named, else the recorded one.
Result<Config> replay_config(const Arguments& arguments) {
    auto config = config_of(arguments.place);
    if (!config || !arguments.place.config_file.empty()) return config;
    auto recorded = recorded_config(DataFolder(config->data, *config).paths(), *config);
    if (recorded) recorded->data = config->data;
    return recorded;
}

int verify_folder(const Config& config, DataFolder& folder, const ReplayOptions& options) {
    if (const auto locked = folder.lock(Role::process); !locked) return fail(locked.error());
    const fs::path scratch = folder.root() / fmt::format("verify-{}", ::getpid());
    std::error_code failed;
    fs::create_directories(scratch, failed);
    if (failed)
        return fail(external_error(
            fmt::format("cannot make '{}': {}", scratch.string(), failed.message()), Retry::never));
    const auto verdict = verify(config, folder.paths(), scratch, options);
    fs::remove_all(scratch, failed);
    if (!verdict) return fail(verdict.error());
    for (const std::string& note : verdict->notes) fmt::print(stderr, "tape: {}\n", note);
    if (verdict->difference) {
        fmt::print("differs: {}\n", *verdict->difference);
        return exit_code::data_says_no;
    }
    fmt::print("what is stored is what the raw log yields\n");
    return exit_code::done;
}

int run(const Arguments& arguments) {
    ReplayOptions options{.finish = arguments.finish, .speed = 0, .progress = progress_line()};
    if (arguments.speed == "1x") options.speed = 1;
    if (arguments.speed == "10x") options.speed = 10;
    const auto config = replay_config(arguments);
    if (!config) return fail(config.error());
    DataFolder from(config->data, *config);
    const auto kind = from.kind();
    if (!kind) return fail(kind.error());
    if (arguments.verify) return verify_folder(*config, from, options);

    DataFolder to(arguments.out, *config);
    std::error_code failed;
    if (fs::exists(to.paths().derived, failed))
        return fail(user_error(fmt::format(
            "'{}' holds results already: name a new folder with --out", arguments.out)));
    if (const auto claimed = to.claim(*kind); !claimed) return fail(claimed.error());
    if (const auto locked = to.lock(Role::process); !locked) return fail(locked.error());
    Paths paths = to.paths();
    paths.raw = from.paths().raw;
    const auto replayed = replay(*config, paths, options);
    return replayed ? exit_code::done : fail(replayed.error());
}

}  // namespace

void add_replay(CLI::App& cli, int& code) {
    auto* verb = cli.add_subcommand(
        "replay",
        "Re-run everything right of the raw log, into another folder or to verify what is stored");
    auto arguments = std::make_shared<Arguments>();
    add_place(*verb, arguments->place);
    auto* out =
        verb->add_option("--out", arguments->out, "Folder for the results")->type_name("DIR");
    verb->add_option("--speed", arguments->speed, "max, 1x (as it was recorded) or 10x")
        ->check(CLI::IsMember({"max", "1x", "10x"}));
    verb->add_flag("--finish", arguments->finish,
                   "The log's end is the end of time: open windows are emitted");
    auto* verifying = verb->add_flag("--verify", arguments->verify,
                                     "Exit 0 only if what is stored is what the raw log yields");
    verifying->excludes(out);
    verb->callback([arguments, out, verifying, &code] {
        if (out->empty() && verifying->empty()) throw CLI::RequiredError("--out or --verify");
        code = run(*arguments);
    });
}

}  // namespace tape::app
