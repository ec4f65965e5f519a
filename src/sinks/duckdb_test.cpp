#include "sinks/duckdb.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "sinks/duckdb_handles.h"
#include "sinks/test_rows.h"
#include "sinks/test_warehouse.h"

namespace tape::sinks {
namespace {

using namespace test;

TEST(Warehouse, RowsComeBackExactToTheLastDigit) {
    const TempFolder folder;
    auto warehouse = opened(folder / "w.duckdb");
    Records records;
    records.tick(0);
    records.tick(1);
    records.window(0);
    records.gap();
    records.candle(0);
    records.quality("crossed", true);
    records.dead_letter(
        "caf\xC3\xA9 and \xFF, which is no UTF-8, and long enough not to be inlined");
    store(*sink_of(*warehouse), "okx-1", records);

    const auto ticks = warehouse->query("SELECT * FROM ticks ORDER BY source_offset");
    ASSERT_TRUE(ticks) << ticks.error().what;
    using Row = std::vector<std::optional<std::string>>;
    EXPECT_EQ(ticks->rows[0],
              (Row{"okx", "BTC-USDT", "BTC-USDT", "trade", "68340.123456789012345678",
                   "0.000000000000000001", "sell", "242720720", std::nullopt, std::nullopt,
                   std::nullopt, "2026-11-20T12:00:00.123456Z", "789", "false",
                   "2026-11-20T12:00:00.163456Z", "okx-1", "1000", "0"}));
    EXPECT_EQ(ticks->rows[1][4], "68340.123456789012345679");
    EXPECT_EQ(ticks->rows[1][8], "1");
    EXPECT_EQ(ticks->fields[4].type, "DECIMAL(38,18)");
    EXPECT_EQ(ticks->fields[11].type, "TIMESTAMP WITH TIME ZONE");

    const auto window =
        warehouse->query("SELECT high, low, vwap, change_pct, window_end, complete FROM windows");
    ASSERT_TRUE(window) << window.error().what;
    EXPECT_EQ(window->rows[0], (Row{"99999999999999999999.999999999999999999", "-0.5", std::nullopt,
                                    "-0.000000000000000001", "2026-11-20T12:00:30Z", "true"}));
    EXPECT_EQ(ask(*warehouse, "SELECT symbol FROM gaps"), "NULL");
    EXPECT_EQ(ask(*warehouse, "SELECT status FROM gaps"), "open");
    EXPECT_EQ(ask(*warehouse, "SELECT detail FROM dead_letters"),
              "caf\xEF\xBF\xBD\xEF\xBF\xBD and \xEF\xBF\xBD, which is no UTF-8, and long enough "
              "not to be inlined");
    const auto candle = warehouse->query("SELECT * FROM candles");
    ASSERT_TRUE(candle) << candle.error().what;
    EXPECT_EQ(candle->rows[0],
              (Row{"okx", "BTC-USDT", "BTCUSDT", "1m", "2026-11-20T12:00:00Z",
                   "2026-11-20T12:01:00Z", "1", "99999999999999999999.999999999999999999", "0.5",
                   "2", "10.5", "7", "true", "2026-11-20T12:00:00.123456Z", "okx-1", "500", "1"}));
    EXPECT_EQ(ask(*warehouse, "SELECT interval FROM candles WHERE interval = '1m'"), "1m");
    const auto flags = warehouse->query("SELECT * FROM quality");
    ASSERT_TRUE(flags) << flags.error().what;
    EXPECT_EQ(flags->rows[0],
              (Row{"okx", "BTC-USDT", "crossed", "quarantine", "2026-11-20T12:00:00.123456Z",
                   "2026-11-20T12:00:00.163456Z", "bid 2, ask 1", "okx-1", "90", "2"}));
}

TEST(Warehouse, GoesOnWhereItStoodAndDoublesNothing) {
    const TempFolder folder;
    Records records, other("coinbase");
    for (i64 i = 0; i < 5000; ++i) records.tick(i);
    for (i64 i = 0; i < 10; ++i) other.tick(i);
    {
        auto warehouse = opened(folder / "w.duckdb");
        auto sink = sink_of(*warehouse);
        ASSERT_TRUE(sink->write("okx-1", records.all().first(4000)));
        ASSERT_TRUE(sink->commit());
        ASSERT_TRUE(sink->write(
            "okx-1", records.all().subspan(4000)));  // Not committed: gone with the sink.
        ASSERT_TRUE(sink->write("coinbase-1", other.all()));
        EXPECT_EQ(ask(*warehouse, "SELECT count(*) FROM ticks"), "4000");
    }
    auto warehouse = opened(folder / "w.duckdb");
    auto sink = sink_of(*warehouse);
    EXPECT_EQ(sink->resume("okx-1")->value, 4000);
    EXPECT_EQ(sink->resume("coinbase-1")->value, 0);
    ASSERT_TRUE(sink->write("okx-1", records.all()));  // What it has already is passed over.
    ASSERT_TRUE(sink->write("coinbase-1", other.all()));
    ASSERT_TRUE(sink->commit());
    EXPECT_EQ(
        ask(*warehouse,
            "SELECT count(*) = 5010 AND count(DISTINCT (venue, source_offset)) = 5010 FROM ticks"),
        "true");
    EXPECT_EQ(sink->resume("okx-1")->value, 5000);
}

TEST(Warehouse, IsDueByRowsOrByTimeSinceTheFirstUnsavedRow) {
    const TempFolder folder;
    auto warehouse = opened(folder / "w.duckdb", {.commit_after = seconds(1), .commit_rows = 10});
    auto sink = sink_of(*warehouse);
    Records records;
    for (i64 i = 0; i < 12; ++i) records.tick(i);
    EXPECT_FALSE(sink->due(seconds(0)));
    ASSERT_TRUE(sink->write("okx-1", records.all().first(1)));
    EXPECT_FALSE(sink->due(seconds(5)));
    EXPECT_FALSE(sink->due(millis(5999)));
    EXPECT_TRUE(sink->due(seconds(6)));
    ASSERT_TRUE(sink->commit());
    EXPECT_FALSE(sink->due(seconds(60)));
    ASSERT_TRUE(sink->write("okx-1", records.all()));
    EXPECT_TRUE(sink->due(seconds(60)));
}

TEST(Warehouse, AFileOfTheVersionBeforeGetsTheNewTablesAndKeepsItsRows) {
    const TempFolder folder;
    Records records;
    records.tick(0);
    store(*sink_of(*opened(folder / "w.duckdb")), "okx-1", records);
    {
        DatabaseHandle database;
        ASSERT_EQ(duckdb_open((folder / "w.duckdb").c_str(), database.out()), DuckDBSuccess);
        const auto connection = connect(database.get());
        for (const char* sql :
             {"DROP VIEW gaps_latest", "DROP VIEW window_outliers", "DROP TABLE quality",
              "DROP TABLE candles",
              "CREATE TABLE candles (venue VARCHAR, period VARCHAR, candle_start TIMESTAMPTZ)",
              "UPDATE tape_format SET version = 1"})
            ASSERT_TRUE(run(connection->get(), sql)) << sql;
    }
    {
        auto old = Warehouse::open_read_only(folder / "w.duckdb", {});
        ASSERT_TRUE(old) << old.error().what;
        EXPECT_EQ(ask(**old, "SELECT count(*) FROM ticks"), "1");
    }
    auto warehouse = opened(folder / "w.duckdb");
    ASSERT_TRUE(warehouse);
    records.candle(0);
    records.quality("locked");
    store(*sink_of(*warehouse), "okx-1", records);
    EXPECT_EQ(ask(*warehouse,
                  "SELECT (SELECT count(*) FROM ticks) || ' ' || (SELECT max(close_time) FROM "
                  "candles) || ' ' || (SELECT max(rule) FROM quality) || ' ' || (SELECT count(*) "
                  "FROM gaps_latest)"),
              "1 2026-11-20 12:01:00+00 locked 0");
}

TEST(Warehouse, RetentionRemovesOldRowsOfTheTablesItNames) {
    const TempFolder folder;
    WarehouseOptions options;
    options.retention[static_cast<std::size_t>(TableId::ticks)] = seconds(60);
    auto warehouse = opened(folder / "w.duckdb", options);
    Records records;
    records.tick(0);
    records.tick(1, noon - seconds(3600));
    records.window(-1000);
    store(*sink_of(*warehouse), "okx-1", records);
    const auto removed = warehouse->apply_retention(noon + seconds(59));
    ASSERT_TRUE(removed) << removed.error().what;
    EXPECT_EQ(*removed, 1);
    EXPECT_EQ(ask(*warehouse,
                  "SELECT (SELECT count(*) FROM ticks) || ' ' || (SELECT count(*) FROM windows)"),
              "1 1");
}

TEST(Warehouse, AKilledProcessLeavesWholeTransactionsOnly) {
    if (!forks_start_threads)
        GTEST_SKIP() << "ThreadSanitizer starts no threads in a forked process";
    const TempFolder folder;
    Records records;
    for (i64 i = 0; i < 20'000; ++i) records.tick(i);
    for (int round = 0; round < 4; ++round) {
        int ready[2];
        ASSERT_EQ(pipe(ready), 0);
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {  // Writes and commits until it is killed.
            auto warehouse = Warehouse::open(folder / "w.duckdb", {});
            if (!warehouse) _exit(1);
            auto sink = (*warehouse)->make_sink();
            i64 at = (*sink)->resume("okx-1")->value;
            for (; at < records.size(); at += 50) {
                const i64 count = std::min<i64>(50, records.size() - at);
                if (!(*sink)->write("okx-1",
                                    records.from({at}).first(static_cast<std::size_t>(count))))
                    _exit(2);
                if (!(*sink)->commit()) _exit(3);
                if (write(ready[1], "x", 1) != 1) _exit(4);
            }
            pause();
        }
        close(ready[1]);
        char byte = 0;
        for (int i = 0; i < 10 + 7 * round; ++i) ASSERT_EQ(read(ready[0], &byte, 1), 1);
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        close(ready[0]);
        auto warehouse = opened(folder / "w.duckdb");
        const auto sink = sink_of(*warehouse);
        const i64 next = sink->resume("okx-1")->value;
        EXPECT_GE(next, 50 * (10 + 7 * round));
        EXPECT_EQ(
            ask(*warehouse, "SELECT count(*) || ' ' || count(DISTINCT source_offset) FROM ticks"),
            std::to_string(next) + " " + std::to_string(next));
    }
}

TEST(Warehouse, AFullDiskIsAnErrorThatPassesAndLosesNothing) {
    const TempFolder folder;
    auto warehouse = opened(folder / "w.duckdb");
    auto sink = sink_of(*warehouse);
    Records records;
    for (i64 i = 0; i < 3000; ++i) records.tick(i);
    ASSERT_TRUE(sink->write("okx-1", records.all().first(1000)));
    ASSERT_TRUE(sink->commit());

    // A limit on file sizes stands for the full disk: writing beyond fails as it would there.
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const rlimit tight{.rlim_cur = 4096, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
    ASSERT_TRUE(sink->write("okx-1", records.all()));
    const auto refused = sink->commit();
    setrlimit(RLIMIT_FSIZE, &before);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().retry, Retry::backoff) << refused.error().what;

    const auto from = sink->resume("okx-1");
    ASSERT_TRUE(from) << from.error().what;
    ASSERT_TRUE(sink->write("okx-1", records.from(*from)));
    const auto committed = sink->commit();
    ASSERT_TRUE(committed) << committed.error().what;
    EXPECT_EQ(ask(*warehouse, "SELECT count(*) || ' ' || count(DISTINCT source_offset) FROM ticks"),
              "3000 3000");
}

TEST(Warehouse, RefusesAFileItDoesNotKnow) {
    const TempFolder folder;
    {
        std::ofstream(folder / "text.duckdb")
            << "This is no database, but it is long enough to be looked at.";
    }
    EXPECT_EQ(Warehouse::open(folder / "text.duckdb", {}).error().domain, Domain::user);
    EXPECT_EQ(Warehouse::open_read_only(folder / "none.duckdb", {}).error().domain, Domain::user);
}

TEST(Warehouse, RefusesANewerFormatAndAnotherDatabaseByName) {
    const TempFolder folder;
    const auto alter = [&](const char* name, const char* sql) {
        DatabaseHandle database;
        ASSERT_EQ(duckdb_open((folder / name).c_str(), database.out()), DuckDBSuccess);
        ASSERT_TRUE(run(connect(database.get())->get(), sql));
    };
    opened(folder / "w.duckdb").reset();
    alter("w.duckdb", "UPDATE tape_format SET version = 99");
    const Error newer = Warehouse::open(folder / "w.duckdb", {}).error();
    EXPECT_EQ(newer.domain, Domain::user);
    EXPECT_NE(newer.what.find("warehouse format 99; this build knows 2"), std::string::npos)
        << newer.what;
    alter("other.duckdb", "CREATE TABLE mine (a INT)");
    EXPECT_NE(
        Warehouse::open(folder / "other.duckdb", {}).error().what.find("no warehouse of tape"),
        std::string::npos);
}

TEST(Warehouse, MayBeAskedReadOnlyByAnotherProcessOnceItIsClosed) {
    const TempFolder folder;
    Records records;
    records.tick(0);
    store(*sink_of(*opened(folder / "w.duckdb")), "okx-1", records);
    auto reader = Warehouse::open_read_only(folder / "w.duckdb", {});
    ASSERT_TRUE(reader) << reader.error().what;
    EXPECT_EQ(ask(**reader, "SELECT count(*) FROM ticks"), "1");
}

}  // namespace
}  // namespace tape::sinks
