#include <gtest/gtest.h>

#include "sinks/test_warehouse.h"

namespace tape::sinks {
namespace {

using namespace test;

TEST(Views, GiveTheNewestRevisionThePricesAndTheLatestRow) {
    const TempFolder folder;
    auto warehouse = opened(folder / "w.duckdb");
    Records records;
    for (i64 i = 0; i < 6; ++i) records.tick(i);
    records.window(0);
    records.window(1);
    records.window(0, 1);
    records.window(0, 2);
    store(*sink_of(*warehouse), "okx-1", records);
    EXPECT_EQ(ask(*warehouse,
                  "SELECT string_agg(revision || ':' || tick_count, ' ' ORDER BY window_start) "
                  "FROM windows_latest"),
              "2:7 0:5");
    EXPECT_EQ(ask(*warehouse,
                  "SELECT string_agg(symbol || ' ' || price, ', ' ORDER BY symbol) FROM latest"),
              "BTC-USDT 68340.123456789012345682, ETH-USDT 68340.123456789012345683");
    const auto prices = warehouse->query("SELECT * FROM prices ORDER BY time LIMIT 1");
    ASSERT_TRUE(prices);
    EXPECT_EQ(prices->fields[1].name, "priceUsd");
    EXPECT_EQ(prices->rows[0][2], "2026-11-20T12:00:00.123456Z");
    EXPECT_EQ(ask(*warehouse, "SELECT count(*) FROM prices"), "6");
}

TEST(Views, TheLastStateOfAGapIsTheOneThatKnowsMost) {
    const TempFolder folder;
    auto warehouse = opened(folder / "w.duckdb");
    auto sink = sink_of(*warehouse);
    Records records;
    Gap outage{.venue = "okx",
               .symbol = "BTC-USDT",
               .channel = "trades",
               .cause = "disconnect",
               .from_ts = noon,
               .to_ts = noon + seconds(3),
               .from_id = 7,
               .to_id = {},
               .missing = {},
               .status = Gap::Status::open,
               .repaired_ts = {}};
    records.gap(outage);
    const auto state = [&] {
        store(*sink, "okx-1", records);
        return ask(*warehouse,
                   "SELECT string_agg(coalesce(from_id, 0) || ' ' || status || ' ' || "
                   "coalesce(missing, -1) || ' ' || epoch(to_ts - from_ts), ', ' ORDER BY "
                   "from_id) FROM gaps_latest");
    };
    outage.to_ts = noon + seconds(9);
    records.gap(outage);
    EXPECT_EQ(state(), "7 open -1 9.0");
    outage.missing = 5;
    records.gap(outage);
    EXPECT_EQ(state(), "7 open 5 9.0");
    Gap other = outage;
    other.from_id.reset();
    other.missing.reset();
    records.gap(other);
    outage.status = Gap::Status::unrecoverable;
    outage.missing = 4;
    records.gap(outage);
    outage.missing = 2;  // Some came after all.
    outage.to_ts = noon + seconds(5);
    records.gap(outage);
    EXPECT_EQ(state(), "7 unrecoverable 2 5.0, 0 open -1 9.0");
    outage.status = Gap::Status::backfilled;
    outage.missing = 0;
    outage.repaired_ts = noon + seconds(60);
    records.gap(outage);
    EXPECT_EQ(state(), "7 backfilled 0 5.0, 0 open -1 9.0");
    EXPECT_EQ(ask(*warehouse, "SELECT count(*) FROM gaps"), "7");
}

// A window of 30 s with one price, `start` after noon.
void add_window(Records& records, const char* venue, const char* symbol, const char* price,
                Nanos start, i64 revision = 0) {
    WindowRow row{};
    row.window_name = "avg_30s";
    row.instrument = &records.instruments().list(venue, symbol, symbol);
    row.window_start = floor_to(noon, seconds(30)) + start;
    row.window_end = row.window_start + seconds(30);
    row.open = row.high = row.low = row.close = row.mean = dec(price);
    row.revision = revision;
    records.window(row);
}

TEST(Views, APriceFarFromThoseOfTheOtherVenuesIsAnOutlier) {
    const TempFolder folder;
    auto warehouse = opened(folder / "w.duckdb", {.outlier_pct = 2});
    Records records;
    const auto close = [&](const char* venue, const char* symbol, const char* price, i64 start) {
        add_window(records, venue, symbol, price, seconds(start));
    };
    close("okx", "BTC-USDT", "100", 0);
    close("coinbase", "BTC-USD", "101", 0);
    close("kucoin", "BTC-USDT", "104", 0);
    close("kucoin", "BTC-USDC", "104", 0);  // Of the same venue: no witness for its sister.
    close("okx", "ETH-BTC", "1", 0);        // Not quoted in dollars: an instrument of its own.
    close("okx", "BTC-USDT", "100", 30);    // Alone: held against nothing.
    store(*sink_of(*warehouse), "okx-1", records);
    const auto outliers = warehouse->query(
        "SELECT instrument, venue, symbol, close, median_close, round(deviation_pct, 3), others "
        "FROM window_outliers ORDER BY venue, symbol");
    ASSERT_TRUE(outliers) << outliers.error().what;
    using Row = std::vector<std::optional<std::string>>;
    ASSERT_EQ(outliers->rows.size(), 4u);
    EXPECT_EQ(outliers->rows[0],
              (Row{"BTC-USD", "coinbase", "BTC-USD", "101", "104", "-2.885", "3"}));
    EXPECT_EQ(outliers->rows[1],
              (Row{"BTC-USD", "kucoin", "BTC-USDC", "104", "100.5", "3.483", "2"}));
    EXPECT_EQ(outliers->rows[2],
              (Row{"BTC-USD", "kucoin", "BTC-USDT", "104", "100.5", "3.483", "2"}));
    EXPECT_EQ(outliers->rows[3], (Row{"BTC-USD", "okx", "BTC-USDT", "100", "104", "-3.846", "3"}));
    EXPECT_EQ(ask(*warehouse, "SELECT count(*) FROM windows_latest"), "6");
}

TEST(Views, QuarantinedOutliersAreLeftOutOfTheLatestWindowsAlone) {
    const TempFolder folder;
    auto warehouse = opened(folder / "w.duckdb", {.outliers = Outliers::leave_out});
    Records records;
    const auto close = [&](const char* venue, const char* price, i64 revision) {
        add_window(records, venue, "BTC-USD", price, {}, revision);
    };
    close("okx", "100", 0);
    close("coinbase", "101", 0);
    close("kraken", "200", 0);
    close("kraken", "104", 1);  // The newest revision is judged.
    close("kucoin", "104", 0);
    close("kucoin", "101", 1);
    store(*sink_of(*warehouse), "okx-1", records);
    EXPECT_EQ(ask(*warehouse,
                  "SELECT string_agg(venue || ' ' || revision, ', ' ORDER BY venue) "
                  "FROM windows_latest"),
              "coinbase 0, kucoin 1, okx 0");
    EXPECT_EQ(ask(*warehouse, "SELECT string_agg(venue, ', ') FROM window_outliers"), "kraken");
    EXPECT_EQ(ask(*warehouse, "SELECT count(*) FROM windows"), "6");
}

}  // namespace
}  // namespace tape::sinks
