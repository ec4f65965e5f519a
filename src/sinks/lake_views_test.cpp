// The lake asked in the warehouse's stead: the same tables and views, over the files that its
// transaction logs name.
#include "sinks/lake_views.h"

#include <gtest/gtest.h>

#include <fstream>

#include "sinks/delta.h"
#include "sinks/duckdb.h"
#include "sinks/test_rows.h"

namespace tape::sinks {
namespace {

using namespace test;
namespace fs = std::filesystem;

std::string ask(Warehouse& warehouse, std::string_view sql) {
    const auto result = warehouse.query(sql);
    if (!result) return "error: " + result.error().what;
    return result->rows.empty() ? "no row" : result->rows[0][0].value_or("NULL");
}

class LakeViews : public testing::Test {
 protected:
    void SetUp() override {
        auto opened = open_lake(lake_, {});
        ASSERT_TRUE(opened) << opened.error().what;
        sink_ = std::move(*opened);
    }
    // Stores what came since the last call.
    void store() {
        const auto from = sink_->resume("okx-1");
        ASSERT_TRUE(from) << from.error().what;
        // A quiet table's position lags, so resume() may lie behind what was stored.
        const auto written = sink_->write("okx-1", records_.from(std::max(*from, stored_)));
        ASSERT_TRUE(written) << written.error().what;
        const auto committed = sink_->commit();
        ASSERT_TRUE(committed) << committed.error().what;
        stored_ = {records_.size()};
    }
    std::unique_ptr<Warehouse> reader() {
        auto warehouse = Warehouse::open_lake(lake_, {});
        EXPECT_TRUE(warehouse) << warehouse.error().what;
        return std::move(*warehouse);
    }

    const TempFolder folder_;
    const fs::path lake_ = folder_ / "lake";
    std::unique_ptr<Sink> sink_;
    Records records_;
    Offset stored_;
};

TEST_F(LakeViews, AnEmptyLakeHasAllTablesAndViewsWithoutRows) {
    const auto warehouse = reader();
    for (const char* name :
         {"ticks", "windows", "gaps", "dead_letters", "candles", "quality", "windows_latest",
          "latest", "prices", "gaps_latest", "window_outliers"})
        EXPECT_EQ(ask(*warehouse, std::string("SELECT count(*) FROM ") + name), "0") << name;
}

TEST_F(LakeViews, RowsAreThoseOfAWarehouseToTheLastDigit) {
    for (i64 i = 0; i < 4; ++i) records_.tick(i);
    records_.window(0);
    records_.window(0, 1);
    records_.gap();
    records_.dead_letter();
    records_.candle(0);
    records_.candle(1, false);
    records_.quality("crossed", true);
    store();

    auto stored = Warehouse::open(folder_ / "w.duckdb", {});
    ASSERT_TRUE(stored) << stored.error().what;
    auto sink = (*stored)->make_sink();
    ASSERT_TRUE(sink) << sink.error().what;
    ASSERT_TRUE((*sink)->write("okx-1", records_.all()));
    ASSERT_TRUE((*sink)->commit());
    const auto warehouse = reader();
    for (const char* name : {"ticks", "windows", "gaps", "dead_letters", "candles", "quality",
                             "windows_latest", "latest", "prices", "gaps_latest"}) {
        const std::string sql = std::string("SELECT * FROM ") + name + " ORDER BY ALL";
        const auto from_lake = warehouse->query(sql), from_warehouse = (*stored)->query(sql);
        ASSERT_TRUE(from_lake) << name << ": " << from_lake.error().what;
        ASSERT_TRUE(from_warehouse) << name << ": " << from_warehouse.error().what;
        EXPECT_EQ(to_json(*from_lake), to_json(*from_warehouse)) << name;
        EXPECT_FALSE(from_lake->rows.empty()) << name;
    }
}

TEST_F(LakeViews, EachQuestionSeesWhatIsCommittedThen) {
    const auto warehouse = reader();
    records_.tick(0);
    store();
    EXPECT_EQ(ask(*warehouse, "SELECT count(*) FROM ticks"), "1");
    records_.tick(1);
    records_.tick(2);
    store();
    EXPECT_EQ(ask(*warehouse, "SELECT count(*) FROM ticks"), "3");
}

TEST_F(LakeViews, WhatNoCommitNamesIsNotSeenAndWhatOneNamesMustBeThere) {
    records_.tick(0);
    store();
    const auto warehouse = reader();
    fs::path file;
    for (const auto& entry : fs::recursive_directory_iterator(lake_ / "ticks"))
        if (entry.path().extension() == ".parquet") file = entry.path();
    fs::copy_file(file, file.parent_path() / "tape-of-no-commit.parquet");
    EXPECT_EQ(ask(*warehouse, "SELECT count(*) FROM ticks"), "1");
    fs::remove(file);
    const auto refused = warehouse->query("SELECT count(*) FROM ticks");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().what.find(file.filename().string() + " is missing"),
              std::string::npos)
        << refused.error().what;
}

TEST_F(LakeViews, ReachesNoFileOutsideTheLakeAndChangesNothing) {
    records_.tick(0);
    store();
    std::ofstream(folder_ / "secret.csv") << "a\n1\n";
    const auto warehouse = reader();
    for (const std::string& sql :
         {"SELECT * FROM read_csv(" + sql_quoted((folder_ / "secret.csv").string()) + ")",
          "SELECT * FROM read_text(" + sql_quoted((folder_ / "secret.csv").string()) + ")",
          std::string("CREATE TABLE mine (a INT)"), std::string("DROP VIEW ticks"),
          "COPY ticks TO " + sql_quoted((lake_ / "out.csv").string())}) {
        const auto refused = warehouse->query(sql);
        EXPECT_FALSE(refused) << sql;
    }
    EXPECT_EQ(ask(*warehouse, "SELECT count(*) FROM ticks"), "1");
    EXPECT_FALSE(fs::exists(lake_ / "out.csv"));
}

TEST_F(LakeViews, IsReadWhileItIsWritten) {
    records_.tick(0);
    store();
    const auto warehouse = reader();  // The sink holds the lake's lock all the while.
    EXPECT_EQ(ask(*warehouse, "SELECT max(price) FROM ticks"), "68340.123456789012345678");
    EXPECT_EQ(ask(*warehouse, "SELECT symbol FROM latest"), "BTC-USDT");
}

}  // namespace
}  // namespace tape::sinks
