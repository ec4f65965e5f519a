// The whole way from a raw log to lake and warehouse — decoding, de-duplication, three windows, the
// derived log, Parquet in a Delta table, DuckDB — against the sum of its bare parts on the same
// data: simdjson taking the trades' fields out of the frames as text, DuckDB's chunk appender
// taking the finished rows, DuckDB's COPY writing them as Parquet. CPU time.
#include <dlfcn.h>
#include <duckdb.h>

#include <filesystem>
#include <random>

#include "app/config.h"
#include "app/replay.h"
#include "base/log.h"
#include "log/log.h"
#include "ratio.h"

namespace tape {
namespace {

namespace fs = std::filesystem;

constexpr int frame_count = 400'000;
constexpr int runs = 3;

std::string frame(int i, std::mt19937_64& random, Nanos time) {
    constexpr const char* symbols[] = {"BTC-USDT", "ETH-USDT", "SOL-USDT"};
    constexpr int prices[] = {68'000, 3'400, 160};
    const auto at = static_cast<std::size_t>(i % 3);
    return fmt::format(
        R"({{"arg":{{"channel":"trades","instId":"{0}"}},"data":[{{"instId":"{0}","tradeId":"{1}","px":"{2}.{3:02}",)"
        R"("sz":"0.{4:08}","side":"{5}","ts":"{6}","count":"1"}}]}})",
        symbols[at], i / 3 + 1, prices[at] + static_cast<int>(random() % 50), random() % 100,
        random() % 100'000'000, random() % 2 == 0 ? "buy" : "sell", time.millis());
}

// A slot's raw log: 2,000 trades a second, a heartbeat each second. Gives the frames.
std::vector<std::string> make_log(const fs::path& raw) {
    auto writer = log::LogWriter::open(raw / "okx-1", {.sync_interval = {0}});
    ensure(writer.has_value(), "the raw log opens");
    std::mt19937_64 random(1);
    std::vector<std::string> frames;
    for (int i = 0; i < frame_count; ++i) {
        const Nanos time{1'763'600'000'000'000'000 + i * i64{500'000}};
        frames.push_back(frame(i, random, time));
        ensure(
            (*writer)->append(log::RecordKind::frame, time + millis(20), frames.back()).has_value(),
            "appending works");
        if (i % 2000 == 1999)
            ensure((*writer)->append(log::RecordKind::heartbeat, time + millis(20), "").has_value(),
                   "appending works");
    }
    ensure((*writer)->sync().has_value(), "syncing works");
    return frames;
}

void check(duckdb_state state, const char* what) {
    ensure(state == DuckDBSuccess, what);
}

// The finished rows of one table, as DuckDB's own chunks.
struct Rows {
    std::string table;
    std::vector<duckdb_data_chunk> chunks;
    i64 count = 0;
};

Rows load(duckdb_connection connection, const std::string& table) {
    Rows rows{table, {}, 0};
    duckdb_result result;
    check(duckdb_query(connection, ("SELECT * FROM stored." + table).c_str(), &result),
          "reading the rows");
    while (duckdb_data_chunk chunk = duckdb_fetch_chunk(result)) {
        rows.count += static_cast<i64>(duckdb_data_chunk_get_size(chunk));
        rows.chunks.push_back(chunk);
    }
    duckdb_destroy_result(&result);
    return rows;
}

// simdjson over all frames; gives the number of bytes of all values. It stands in a module of its
// own that binds to its own simdjson, because libparquet exports another version under the same
// names.
using Extract = std::size_t (*)(const std::vector<std::string>& frames);
Extract load_extract() {
    void* module = dlopen(EXTRACT_MODULE, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    ensure(module != nullptr, "the module with simdjson loads");
    return reinterpret_cast<Extract>(dlsym(module, "extract"));
}

void store(duckdb_connection connection, const std::vector<Rows>& tables, const fs::path& folder) {
    for (const Rows& rows : tables) {
        check(duckdb_query(
                  connection,
                  fmt::format("CREATE OR REPLACE TABLE {0} AS SELECT * FROM empty_{0}", rows.table)
                      .c_str(),
                  nullptr),
              "making the table");
        duckdb_appender appender;
        check(duckdb_appender_create(connection, nullptr, rows.table.c_str(), &appender),
              "making the appender");
        for (const duckdb_data_chunk chunk : rows.chunks)
            check(duckdb_append_data_chunk(appender, chunk), "appending");
        check(duckdb_appender_destroy(&appender), "finishing the appender");
        check(duckdb_query(connection,
                           fmt::format("COPY {} TO '{}' (FORMAT parquet, COMPRESSION zstd)",
                                       rows.table, (folder / (rows.table + ".parquet")).string())
                               .c_str(),
                           nullptr),
              "COPY");
    }
}

int run() {
    set_log_level(LogLevel::error);
    const fs::path folder =
        fs::temp_directory_path() / fmt::format("tape-bench-{}", wall_clock().count);
    fs::create_directories(folder);
    std::vector<std::string> frames = make_log(folder / "raw");
    for (std::string& text : frames)
        text.reserve(text.size() + 64);  // simdjson reads beyond the end.
    const Extract extract = load_extract();
    const auto config = app::load_config("");
    ensure(config.has_value(), "the default config loads");
    const app::Paths paths{.raw = folder / "raw",
                           .derived = folder / "out/derived",
                           .checkpoints = folder / "out/checkpoints",
                           .lake = folder / "out/lake",
                           .warehouse = folder / "out/warehouse.duckdb"};
    const auto ours = [&] {
        fs::remove_all(folder / "out");
        const auto done = app::replay(*config, paths, {.finish = true});
        ensure(done.has_value(), "the replay works");
    };
    ours();

    duckdb_database database;
    duckdb_connection connection;
    check(duckdb_open((folder / "bare.duckdb").c_str(), &database), "opening DuckDB");
    check(duckdb_connect(database, &connection), "connecting");
    check(duckdb_query(connection, "SET threads = 1", nullptr), "one thread");
    check(duckdb_query(
              connection,
              fmt::format("ATTACH '{}' AS stored", (folder / "out/warehouse.duckdb").string())
                  .c_str(),
              nullptr),
          "attaching");
    const std::vector<Rows> tables = {load(connection, "ticks"), load(connection, "windows")};
    for (const Rows& rows : tables)
        check(duckdb_query(connection,
                           fmt::format("CREATE TABLE empty_{0} AS SELECT * FROM stored.{0} LIMIT 0",
                                       rows.table)
                               .c_str(),
                           nullptr),
              "copying the schema");
    check(duckdb_query(connection, "DETACH stored", nullptr), "detaching");

    std::size_t bytes = 0;
    const auto [our_cpu, bare_cpu] = bench::in_turns(runs, bench::cpu_seconds, ours, [&] {
        bytes = extract(frames);
        store(connection, tables, folder);
    });
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    fs::remove_all(folder);
    const bool complete = tables[0].count == frame_count && tables[1].count > 0 && bytes > 0;
    return bench::report(
        {.what = fmt::format(
             "raw log → decode → three windows → Parquet and DuckDB, CPU ({} window rows)",
             tables[1].count),
         .baseline = "simdjson extraction + DuckDB chunk appender + COPY of the same rows",
         .ours_seconds = our_cpu,
         .baseline_seconds = bare_cpu,
         .units = frame_count,
         .unit = "trades",
         .target = "at least 0.5 x its speed",
         .equal = complete});
}

}  // namespace
}  // namespace tape

int main() {
    return tape::run();
}
