#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "sinks/duckdb.h"
#include "sinks/test_rows.h"

namespace tape::sinks {
namespace {

class Questions : public testing::Test {
 protected:
    Questions() {
        auto opened = Warehouse::open(folder_ / "w.duckdb", {.memory_bytes = 128 << 20});
        EXPECT_TRUE(opened) << opened.error().what;
        warehouse_ = std::move(*opened);
        test::Records records;
        for (i64 i = 0; i < 100; ++i) records.tick(i);
        auto sink = warehouse_->make_sink();
        EXPECT_TRUE((*sink)->write("okx-1", records.all()));
        EXPECT_TRUE((*sink)->commit());
    }

    test::TempFolder folder_;
    std::unique_ptr<Warehouse> warehouse_;
};

TEST_F(Questions, WhatIsNoQuestionIsRefusedAndChangesNothing) {
    const auto file = (folder_ / "secret.csv").string();
    {
        std::ofstream(file) << "a,b\n1,2\n";
    }
    for (const std::string& sql : std::vector<std::string>{
             "DELETE FROM ticks",
             "INSERT INTO ticks SELECT * FROM ticks",
             "UPDATE ticks SET price = 1",
             "DROP TABLE ticks",
             "CREATE TABLE x (a INT)",
             "CREATE TEMP TABLE x AS SELECT 1",
             "ALTER TABLE ticks DROP COLUMN price",
             "COPY ticks TO '" + file + "x'",
             "COPY (SELECT 1) TO '" + file + "x'",
             "COPY ticks FROM '" + file + "'",
             "ATTACH '" + file + "x' AS x",
             "DETACH w",
             "INSTALL httpfs",
             "LOAD json",
             "PRAGMA database_list",
             "PRAGMA threads=8",
             "SET threads = 8",
             "SET GLOBAL memory_limit = '64GB'",
             "RESET threads",
             "USE main",
             "CHECKPOINT",
             "VACUUM",
             "BEGIN",
             "COMMIT",
             "CALL pragma_version()",
             "EXPORT DATABASE '" + file + "x'",
             "SELECT 1; SELECT 2",
             "SELECT 1; DELETE FROM ticks",
             "EXPLAIN ANALYZE DELETE FROM ticks",
             "explain /* really */ analyze delete from ticks",
             "EXPLAIN ANALYZE SELECT 1",
             "EXPLAIN DELETE FROM ticks",
             "EXPLAIN (ANALYZE) SELECT 1",
             "SELECT * FROM read_csv('" + file + "')",
             "SELECT * FROM '" + file + "'",
             "SELECT * FROM read_csv('/etc/passwd')",
             "SELECT * FROM read_text('/etc/passwd')",
             "SELECT * FROM glob('/etc/*')",
             "SELECT * FROM read_parquet('x')",
             "SELECT * FROM sniff_csv('" + file + "')",
             "SELECT * FROM enable_logging()",
             "SELECT * FROM \"Checkpoint\"()",
             "SELECT write_log('x')",
             "SELECT * FROM query('SELECT 1')",
             "SELECT (SELECT max(a) FROM force_checkpoint() AS t(a))",
             "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
             "PREPARE p AS SELECT 1",
             "EXECUTE p",
             "SELECT $1",
             "",
             "  -- nothing\n",
             "SELEC 1",
             "SELECT no_such_column FROM ticks",
             std::string("SELECT 1\0", 9)}) {
        const auto answer = warehouse_->query(sql);
        ASSERT_FALSE(answer) << sql;
        EXPECT_EQ(answer.error().domain, Domain::user) << sql << ": " << answer.error().what;
        EXPECT_FALSE(answer.error().what.empty()) << sql;
    }
    EXPECT_FALSE(std::filesystem::exists(file + "x"));
    EXPECT_EQ(warehouse_->query("SELECT count(*) FROM ticks")->rows[0][0], "100");
}

TEST_F(Questions, QuestionsOfEveryFormAreAnswered) {
    for (const char* sql :
         {"SELECT 1", "select 1;", "/* first */ SELECT 1 -- last", "FROM ticks LIMIT 1",
          "VALUES (1)", "WITH x AS (SELECT 1 AS a) SELECT * FROM x", "SHOW TABLES",
          "DESCRIBE ticks", "SUMMARIZE ticks", "EXPLAIN SELECT * FROM ticks",
          "-- why\nEXPLAIN SELECT 1", "(SELECT 1) UNION ALL SELECT 2",
          "SELECT 'checkpoint; DELETE FROM ticks'"}) {
        const auto answer = warehouse_->query(sql);
        ASSERT_TRUE(answer) << sql << ": " << answer.error().what;
        EXPECT_FALSE(answer->rows.empty()) << sql;
    }
}

TEST_F(Questions, RowsBeyondTheLimitAreCutOffAndSaidSo) {
    const auto few = warehouse_->query("SELECT * FROM ticks", {.rows = 10});
    ASSERT_TRUE(few);
    EXPECT_EQ(few->rows.size(), 10u);
    EXPECT_TRUE(few->truncated);
    const auto all = warehouse_->query("SELECT * FROM ticks", {.rows = 100});
    ASSERT_TRUE(all);
    EXPECT_FALSE(all->truncated);
    // Streamed: what is beyond the limit is never computed.
    EXPECT_TRUE(warehouse_->query("SELECT * FROM range(1000000000000)", {.rows = 5})->truncated);
}

TEST_F(Questions, ALongOneIsStopped) {
    const auto answer = warehouse_->query(
        "SELECT count(*) FROM range(100000000000) a, range(1000) b WHERE a.range % 7 = b.range",
        {.timeout = millis(50)});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().domain, Domain::user);
    EXPECT_NE(answer.error().what.find("longer than 50ms"), std::string::npos)
        << answer.error().what;
    EXPECT_TRUE(warehouse_->query("SELECT 1"));
}

TEST_F(Questions, ALargeResultOrTooMuchMemoryIsAnErrorAndNotTheEnd) {
    EXPECT_NE(
        warehouse_->query("SELECT repeat('x', 1000000) FROM ticks", {.result_bytes = 5'000'000})
            .error()
            .what.find("larger than"),
        std::string::npos);
    const auto hungry = warehouse_->query("SELECT list(range) FROM range(100000000)");
    ASSERT_FALSE(hungry);
    EXPECT_TRUE(warehouse_->query("SELECT 1"));
}

TEST_F(Questions, ValuesAreTextAndJsonSaysWhichAreNumbers) {
    const auto answer = warehouse_->query(
        "SELECT 1 AS a, 1.50::DECIMAL(9,2) AS b, 0.1::DOUBLE AS c, 'x\"y' AS d, NULL AS e, true AS "
        "f, "
        "TIMESTAMPTZ '2026-11-20 10:00:00.5+02' AS g, DATE '2026-11-20' AS h, 'NaN'::DOUBLE AS i, "
        "-1::HUGEINT AS j, "
        "TIME '10:00:00' AS k, TIMESTAMP '2026-11-20 10:00:00' AS l, 1e300 AS m, "
        "(-0.05)::DECIMAL(4,2) AS n, "
        "uuid '8a7b9c1d-0000-4000-8000-0123456789ab' AS o, 'b'::ENUM('a', 'b') AS p");
    ASSERT_TRUE(answer) << answer.error().what;
    const std::string json = to_json(*answer);
    const std::string rows =
        R"("rows":[[1,"1.5",0.1,"x\"y",null,true,"2026-11-20T08:00:00.500Z","2026-11-20","NaN","-1",)"
        R"("10:00:00","2026-11-20T10:00:00Z",1e+300,"-0.05",)"
        R"("8a7b9c1d-0000-4000-8000-0123456789ab","b"]])";
    EXPECT_NE(json.find(rows), std::string::npos) << json;
    EXPECT_NE(json.find(R"x({"name":"b","type":"DECIMAL(9,2)"})x"), std::string::npos);
    EXPECT_NE(warehouse_->query("SELECT [1, 2] AS many").error().what.find("CAST"),
              std::string::npos);
    EXPECT_EQ(*warehouse_->query("SELECT current_setting('TimeZone')")->rows[0][0], "UTC");
}

TEST_F(Questions, SeveralAreAnsweredAtOnceWhileRowsCome) {
    auto sink = std::move(*warehouse_->make_sink());
    test::Records records;
    for (i64 i = 0; i < 2000; ++i) records.tick(i);
    std::vector<std::jthread> askers;
    for (int i = 0; i < 3; ++i)
        askers.emplace_back([this] {
            for (int k = 0; k < 20; ++k) {
                const auto answer =
                    warehouse_->query("SELECT count(*), count(DISTINCT source_offset) FROM ticks");
                ASSERT_TRUE(answer) << answer.error().what;
                EXPECT_EQ(answer->rows[0][0], answer->rows[0][1]);
            }
        });
    for (i64 at = 100; at < 2000; at += 100) {
        ASSERT_TRUE(sink->write("okx-1", records.from({at}).first(100)));
        ASSERT_TRUE(sink->commit());
    }
    askers.clear();
    EXPECT_EQ(warehouse_->query("SELECT count(*) FROM ticks")->rows[0][0], "2000");
}

}  // namespace
}  // namespace tape::sinks
