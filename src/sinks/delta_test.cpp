#include "sinks/delta.h"

#include <duckdb.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "sinks/duckdb_handles.h"
#include "sinks/test_rows.h"

namespace tape::sinks {
namespace {

using namespace test;
namespace fs = std::filesystem;
using nlohmann::json;

std::unique_ptr<Sink> opened(const fs::path& folder, const LakeOptions& options = {}) {
    auto lake = open_lake(folder, options);
    EXPECT_TRUE(lake) << lake.error().what;
    return lake ? std::move(*lake) : nullptr;
}
void write(Sink& lake, std::string_view partition, std::span<const log::Record> records) {
    const auto written = lake.write(partition, records);
    ASSERT_TRUE(written) << written.error().what;
}
void commit(Sink& lake) {
    const auto committed = lake.commit();
    ASSERT_TRUE(committed) << committed.error().what;
}
i64 next(Sink& lake, std::string_view partition) {
    const auto resumed = lake.resume(partition);
    EXPECT_TRUE(resumed) << resumed.error().what;
    return resumed ? resumed->value : -1;
}
std::vector<json> log_lines(const fs::path& table) {
    std::vector<fs::path> commits;
    for (const auto& entry : fs::directory_iterator(table / "_delta_log"))
        if (entry.path().extension() == ".json") commits.push_back(entry.path());
    std::ranges::sort(commits);
    std::vector<json> lines;
    for (const fs::path& path : commits) {
        std::ifstream in(path);
        for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
    }
    return lines;
}
std::vector<std::string> added_files(const fs::path& table) {
    std::vector<std::string> files;
    for (const json& line : log_lines(table))
        if (line.contains("add")) files.push_back(line["add"]["path"]);
    return files;
}
std::set<std::string> files_on_disk(const fs::path& table) {
    std::set<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(table))
        if (entry.is_regular_file() && !entry.path().string().contains("_delta_log"))
            files.insert(fs::relative(entry.path(), table).string());
    return files;
}
// What DuckDB says of the files that the table's log names; `%` in `sql` stands for them.
std::string ask(const fs::path& table, std::string sql) {
    std::string files;
    for (const std::string& file : added_files(table))
        files += fmt::format("{}'{}'", files.empty() ? "" : ",", (table / file).string());
    if (files.empty()) return "no file";
    sql.replace(sql.find('%'), 1, "read_parquet([" + files + "], hive_partitioning = true)");
    DatabaseHandle database;
    EXPECT_EQ(duckdb_open(nullptr, database.out()), DuckDBSuccess);
    const auto connection = connect(database.get());
    ResultHandle result;
    if (duckdb_query(connection->get(), ("SELECT (" + sql + ")::VARCHAR").c_str(), &result.raw) ==
        DuckDBError)
        return duckdb_result_error(&result.raw);
    const ChunkHandle chunk(duckdb_fetch_chunk(result.raw));
    auto* text = static_cast<duckdb_string_t*>(
        duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), 0)));
    return {duckdb_string_t_data(text), duckdb_string_t_length(*text)};
}
const char* const count_ticks = "SELECT count(*) || ' ' || count(DISTINCT source_offset) FROM %";

Records many_ticks(i64 count, const char* venue = "okx") {
    Records records(venue);
    for (i64 i = 0; i < count; ++i) records.tick(i);
    return records;
}

TEST(Lake, RowsAndPositionsAreThereByOneCommit) {
    const TempFolder folder;
    const Records okx = many_ticks(1000), coinbase = many_ticks(10, "coinbase");
    auto lake = opened(folder / "lake");
    EXPECT_EQ(next(*lake, "okx-1"), 0);
    write(*lake, "okx-1", okx.all());
    write(*lake, "coinbase-1", coinbase.all());
    EXPECT_TRUE(added_files(folder / "lake/ticks").empty());
    commit(*lake);
    const auto files = added_files(folder / "lake/ticks");
    ASSERT_EQ(files.size(), 2u);
    EXPECT_TRUE(files[0].starts_with("venue=coinbase/date=2026-11-20/tape-")) << files[0];
    EXPECT_EQ(ask(folder / "lake/ticks",
                  "SELECT count(*) || ' ' || min(price) || ' ' || max(venue) || ' ' || "
                  "typeof(any_value(ts_event)) "
                  "|| ' ' || typeof(any_value(price)) FROM %"),
              "1010 68340.123456789012345678 okx TIMESTAMP WITH TIME ZONE DECIMAL(38,18)");
    std::map<std::string, i64> positions;
    for (const json& line : log_lines(folder / "lake/ticks"))
        if (line.contains("txn")) positions[line["txn"]["appId"]] = line["txn"]["version"];
    EXPECT_EQ(positions, (std::map<std::string, i64>{{"coinbase-1", 9}, {"okx-1", 999}}));
}

TEST(Lake, GoesOnWhereItStoodAndDoublesNothing) {
    const TempFolder folder;
    const LakeOptions options{.idle_records = 1};
    Records records = many_ticks(3000);
    records.window(0);
    {
        auto lake = opened(folder / "lake", options);
        write(*lake, "okx-1", records.all().first(2000));
        commit(*lake);
        write(*lake, "okx-1", records.all().subspan(2000, 500));  // Not committed: gone.
    }
    auto lake = opened(folder / "lake", options);
    EXPECT_EQ(next(*lake, "okx-1"), 2000);
    write(*lake, "okx-1", records.from({2000}));
    commit(*lake);
    EXPECT_EQ(next(*lake, "okx-1"), 3001);
    EXPECT_EQ(ask(folder / "lake/ticks", count_ticks), "3000 3000");
    EXPECT_EQ(files_on_disk(folder / "lake/ticks").size(), 2u);
}

TEST(Lake, ATableThatLaggedTakesItsRowsOnce) {
    const TempFolder folder;
    Records records = many_ticks(100);
    records.window(0);
    for (i64 i = 100; i < 200; ++i) records.tick(i);
    {
        auto lake = opened(folder / "lake", {.idle_records = 150});
        write(*lake, "okx-1", records.all().first(100));
        commit(*lake);
        EXPECT_EQ(next(*lake, "okx-1"), 0);  // The table of windows has not noted its position:
                                             // cheaper to pass over ticks again.
    }
    auto lake = opened(folder / "lake", {.idle_records = 150});
    write(*lake, "okx-1", records.all());
    commit(*lake);
    EXPECT_EQ(next(*lake, "okx-1"), 201);
    EXPECT_EQ(ask(folder / "lake/ticks", count_ticks), "200 200");
    EXPECT_EQ(
        ask(folder / "lake/windows",
            "SELECT count(*) || ' ' || any_value(window_name) || ' ' || any_value(high) FROM %"),
        "1 avg_30s 99999999999999999999.999999999999999999");
}

TEST(Lake, IsDueByTimeByRowsAndByBytes) {
    const TempFolder folder;
    const Records records = many_ticks(2000);
    auto lake = opened(
        folder / "lake",
        {.roll_after = seconds(60), .roll_bytes = 20'000, .roll_rows = 500, .row_group_rows = 400});
    EXPECT_FALSE(lake->due(seconds(1000)));
    write(*lake, "okx-1", records.all().first(1));
    EXPECT_FALSE(lake->due(seconds(1000)));
    EXPECT_FALSE(lake->due(millis(1'059'999)));
    EXPECT_TRUE(lake->due(seconds(1060)));  // No new row has come since.
    commit(*lake);
    EXPECT_FALSE(lake->due(seconds(2000)));
    write(*lake, "okx-1", records.all().subspan(1, 498));
    EXPECT_FALSE(lake->due(seconds(2000)));
    write(*lake, "okx-1", records.all().subspan(499, 2));
    EXPECT_TRUE(lake->due(seconds(2000)));
    commit(*lake);
    write(*lake, "okx-1", records.from({501}));
    EXPECT_GT(files_on_disk(folder / "lake/ticks").size(),
              2u);  // Files that were large enough are complete already.
    EXPECT_TRUE(lake->due(seconds(2000)));
    commit(*lake);
    EXPECT_EQ(ask(folder / "lake/ticks", count_ticks), "2000 2000");
}

TEST(Lake, ALongHistoryKeepsFewFilesAndRowsInMemory) {
    const TempFolder folder;
    Records records;
    for (i64 i = 0; i < 60; ++i) records.tick(i, noon + seconds(86'400 * (i % 10)));
    auto lake = opened(folder / "lake", {.buffered_rows = 10, .open_files = 3});
    write(*lake, "okx-1", records.all());
    int unfinished = 0;
    for (const std::string& file : files_on_disk(folder / "lake/ticks"))
        unfinished += file.ends_with(".tmp");
    EXPECT_LE(unfinished, 3);
    commit(*lake);
    EXPECT_EQ(ask(folder / "lake/ticks", count_ticks), "60 60");
    EXPECT_EQ(ask(folder / "lake/ticks",
                  "SELECT count(DISTINCT date) || ' ' || count(*) FILTER (date <> ts_event::DATE) "
                  "FROM %"),
              "10 0");
}

TEST(Lake, AKilledProcessLeavesWholeCommitsAndNoLitter) {
    if (!forks_start_threads)
        GTEST_SKIP() << "ThreadSanitizer starts no threads in a forked process";
    const TempFolder folder;
    const LakeOptions options{.row_group_rows = 20, .idle_records = 1, .checkpoint_commits = 7};
    const Records records = many_ticks(20'000);
    i64 at = 0;
    for (int round = 0; round < 5; ++round) {
        int ready[2];
        ASSERT_EQ(pipe(ready), 0);
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {  // Writes and commits until it is killed.
            auto lake = open_lake(folder / "lake", options);
            if (!lake) _exit(1);
            for (i64 from = (*lake)->resume("okx-1")->value; from < records.size(); from += 30) {
                const i64 count = std::min<i64>(30, records.size() - from);
                if (!(*lake)->write("okx-1",
                                    records.from({from}).first(static_cast<std::size_t>(count))))
                    _exit(2);
                if (!(*lake)->commit()) _exit(3);
                if (::write(ready[1], "x", 1) != 1) _exit(4);
            }
            pause();
        }
        close(ready[1]);
        char byte = 0;
        for (int i = 0; i < 3 + 2 * round; ++i) ASSERT_EQ(read(ready[0], &byte, 1), 1);
        usleep(static_cast<useconds_t>(
            700 * round));  // Somewhere within the next commit; any place will do.
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        close(ready[0]);
        auto lake = opened(folder / "lake", options);
        const i64 now = next(*lake, "okx-1");
        EXPECT_GE(now, at + 30 * (3 + 2 * round));
        at = now;
        // Tables commit one after the other: the ticks may be one whole batch ahead of the table
        // that is last.
        const std::string rows = ask(folder / "lake/ticks", count_ticks);
        EXPECT_TRUE(rows == fmt::format("{0} {0}", at) || rows == fmt::format("{0} {0}", at + 30))
            << rows << " at " << at;
        const auto named = added_files(folder / "lake/ticks");
        EXPECT_EQ(files_on_disk(folder / "lake/ticks"),
                  std::set<std::string>(named.begin(), named.end()));
    }
}

TEST(Lake, WhatACrashLeftIsRemovedAndWhatOthersMadeIsNot) {
    const TempFolder folder;
    const fs::path ticks = folder / "lake/ticks", day = ticks / "venue=okx/date=2026-11-20";
    {
        auto lake = opened(folder / "lake");
        write(*lake, "okx-1", many_ticks(5).all());
        commit(*lake);
    }
    for (const fs::path& path :
         {day / "tape-1-1-000009.parquet", day / "tape-1-1-000010.parquet.tmp",
          ticks / "_delta_log/.tape-00000000000000000002.json.tmp", day / "part-0001.parquet"})
        std::ofstream(path) << "half";
    opened(folder / "lake");
    EXPECT_FALSE(fs::exists(ticks / "_delta_log/.tape-00000000000000000002.json.tmp"));
    auto expected = added_files(ticks);
    expected.emplace_back("venue=okx/date=2026-11-20/part-0001.parquet");
    EXPECT_EQ(files_on_disk(ticks), std::set<std::string>(expected.begin(), expected.end()));
}

TEST(Lake, AFullDiskIsAnErrorThatPassesAndLosesNothing) {
    const TempFolder folder;
    const Records records = many_ticks(3000);
    auto lake = opened(folder / "lake", {.idle_records = 1});
    write(*lake, "okx-1", records.all().first(1000));
    commit(*lake);
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    for (const rlim_t limit : {100u, 1000u, 4000u}) {  // Fails at one place and another.
        const rlimit tight{.rlim_cur = limit, .rlim_max = before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &tight);
        write(*lake, "okx-1", records.from({next(*lake, "okx-1")}));
        const auto refused = lake->commit();
        setrlimit(RLIMIT_FSIZE, &before);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().retry, Retry::backoff) << refused.error().what;
        EXPECT_FALSE(lake->write("okx-1", records.all()));
        EXPECT_EQ(next(*lake, "okx-1"), 1000);
    }
    write(*lake, "okx-1", records.from({1000}));
    commit(*lake);
    EXPECT_EQ(ask(folder / "lake/ticks", count_ticks), "3000 3000");
    EXPECT_EQ(files_on_disk(folder / "lake/ticks").size(), 2u);
}

TEST(Lake, AnotherProgramsCommitIsPassedUnlessItChangesTheTable) {
    const TempFolder folder;
    const Records records = many_ticks(30);
    const fs::path log = folder / "lake/ticks/_delta_log";
    auto lake = opened(folder / "lake", {.idle_records = 1});
    write(*lake, "okx-1", records.all().first(10));
    commit(*lake);
    std::ofstream(log / "00000000000000000002.json")
        << R"({"commitInfo":{"operation":"OPTIMIZE"}})" << "\n";
    write(*lake, "okx-1", records.all().subspan(10, 10));
    commit(*lake);
    EXPECT_TRUE(fs::exists(log / "00000000000000000003.json"));
    std::ofstream(log / "00000000000000000004.json")
        << R"({"protocol":{"minReaderVersion":3,"minWriterVersion":7}})" << "\n";
    write(*lake, "okx-1", records.all().subspan(20));
    EXPECT_FALSE(lake->commit());
    lake.reset();
    const auto refused = open_lake(folder / "lake", {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().domain, Domain::user);
    EXPECT_NE(refused.error().what.find("Delta protocol 3/7"), std::string::npos)
        << refused.error().what;
}

TEST(Lake, ACheckpointStandsForTheCommitsBeforeIt) {
    const TempFolder folder;
    const LakeOptions options{.idle_records = 1, .checkpoint_commits = 5};
    const Records records = many_ticks(120);
    const fs::path log = folder / "lake/ticks/_delta_log";
    {
        auto lake = opened(folder / "lake", options);
        for (i64 at = 0; at < 120; at += 10) {
            write(*lake, "okx-1", records.from({at}).first(10));
            commit(*lake);
        }
    }
    EXPECT_EQ(json::parse(std::ifstream(log / "_last_checkpoint"))["version"], 10);
    for (int version = 0; version <= 10; ++version)
        fs::remove(log / fmt::format("{:020}.json", version));
    auto lake = opened(folder / "lake", options);
    EXPECT_EQ(next(*lake, "okx-1"), 120);
    EXPECT_EQ(files_on_disk(folder / "lake/ticks").size(),
              12u);  // Known from the checkpoint, so no leftovers.
}

TEST(Lake, RefusesAFolderThatIsNoLakeANewerOneAndOneInUse) {
    const TempFolder folder;
    fs::create_directories(folder / "other");
    std::ofstream(folder / "other/mine.txt") << "mine";
    EXPECT_NE(open_lake(folder / "other", {}).error().what.find("something else"),
              std::string::npos);
    {
        const auto lake = opened(folder / "lake");
        EXPECT_NE(open_lake(folder / "lake", {}).error().what.find("in use"), std::string::npos);
    }
    std::ofstream(folder / "lake/tape_lake") << "tape lake 7\n";
    const Error newer = open_lake(folder / "lake", {}).error();
    EXPECT_EQ(newer.domain, Domain::user);
    EXPECT_NE(newer.what.find("format 7; this build knows 2"), std::string::npos) << newer.what;
}

// What a lake of format 1 was: no quality, and candles of other columns, without rows.
void make_format_1(const fs::path& lake) {
    fs::remove_all(lake / "quality");
    const fs::path log = lake / "candles/_delta_log";
    fs::remove_all(lake / "candles");
    fs::create_directories(log);
    std::ofstream(log / "00000000000000000000.json")
        << R"({"protocol":{"minReaderVersion":1,"minWriterVersion":2}})" << "\n"
        << R"({"metaData":{"id":"1","format":{"provider":"parquet","options":{}},"schemaString":)"
        << R"("{\"type\":\"struct\",\"fields\":[{\"name\":\"period\",\"type\":\"string\",)"
        << R"(\"nullable\":true,\"metadata\":{}}]}","partitionColumns":["date"],)"
        << R"("configuration":{},"createdTime":0}})" << "\n";
    std::ofstream(lake / "tape_lake") << "tape lake 1\n";
}

TEST(Lake, OneOfTheVersionBeforeGetsTheNewTablesFromWhereItStands) {
    const TempFolder folder;
    Records records;
    for (i64 i = 0; i < 10; ++i) records.tick(i), records.window(i), records.gap();
    records.dead_letter();
    {
        auto lake = opened(folder / "lake", {.idle_records = 1});
        write(*lake, "okx-1", records.all());
        commit(*lake);
    }
    make_format_1(folder / "lake");
    for (int round = 0; round < 2; ++round) {  // The second time as if the first was cut off.
        auto lake = opened(folder / "lake");
        EXPECT_EQ(next(*lake, "okx-1"), records.size());
        lake.reset();
        if (round == 0) std::ofstream(folder / "lake/tape_lake") << "tape lake 1\n";
    }
    auto lake = opened(folder / "lake");
    const i64 before = records.size();
    records.candle(0);
    records.candle(1, false);
    records.quality("crossed");
    write(*lake, "okx-1", records.from({before}));
    commit(*lake);
    EXPECT_EQ(ask(folder / "lake/candles",
                  "SELECT count(*) || ' ' || min(interval) || ' ' || max(venue) || ' ' || "
                  "count(trade_count) || ' ' || min(date) FROM %"),
              "2 1m okx 1 2026-11-20");
    EXPECT_EQ(ask(folder / "lake/quality", "SELECT rule || ' ' || action FROM %"), "crossed flag");
    EXPECT_EQ(ask(folder / "lake/ticks", "SELECT count(*) FROM %"), "10");
}

// The readers that users have see the rows as they were written: tests/lake_readable.py compares
// each value.
TEST(Lake, IsReadByDeltalakePyarrowPandasAndDuckDB) {
    const fs::path python = fs::current_path() / "build/deps/venv/bin/python",
                   script = "tests/lake_readable.py";
    if (!fs::exists(python)) GTEST_SKIP() << "no " << python << ": scripts/setup test makes it";
    const TempFolder folder;
    Records records;
    for (i64 i = 0; i < 500; ++i) records.tick(i, noon + seconds(86'400 * (i % 2)));
    for (i64 i = 0; i < 20; ++i) records.window(i);
    records.window(3, 1, "a b/c=d%e");
    records.gap();
    records.dead_letter("caf\xC3\xA9 \xFF");
    records.candle(0);
    records.candle(1, false);
    records.quality("crossed", true);
    auto lake = opened(folder / "lake", {.idle_records = 1, .checkpoint_commits = 5});
    for (i64 at = 0; at < records.size(); at += 40) {
        write(*lake, "okx-1",
              records.from({at}).first(
                  static_cast<std::size_t>(std::min<i64>(40, records.size() - at))));
        commit(*lake);
    }
    // The same rows by another way, as text: the warehouse, whose own test is beside.
    auto warehouse = Warehouse::open(folder / "w.duckdb", {});
    ASSERT_TRUE(warehouse);
    auto sink = (*warehouse)->make_sink();
    ASSERT_TRUE((*sink)->write("okx-1", records.all()));
    ASSERT_TRUE((*sink)->commit());
    json expected;
    for (int i = 0; i < table_count; ++i) {
        const std::string name(table_info(static_cast<TableId>(i)).name);
        expected[name] = json::parse(to_json(*(*warehouse)->query("SELECT * FROM " + name)));
    }
    std::ofstream(folder / "expected.json") << expected.dump();
    const std::string command =
        fmt::format("'{}' '{}' '{}' '{}'", python.string(), script.string(),
                    (folder / "lake").string(), (folder / "expected.json").string());
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
}

}  // namespace
}  // namespace tape::sinks
