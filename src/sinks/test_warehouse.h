// A warehouse in a test: opened, filled and asked in one line each.
#pragma once

#include <gtest/gtest.h>

#include "sinks/duckdb.h"
#include "sinks/test_rows.h"

namespace tape::sinks::test {

inline std::unique_ptr<Warehouse> opened(const std::filesystem::path& file,
                                         const WarehouseOptions& options = {}) {
    auto warehouse = Warehouse::open(file, options);
    EXPECT_TRUE(warehouse) << warehouse.error().what;
    return warehouse ? std::move(*warehouse) : nullptr;
}
inline std::unique_ptr<Sink> sink_of(Warehouse& warehouse) {
    auto sink = warehouse.make_sink();
    EXPECT_TRUE(sink) << sink.error().what;
    return sink ? std::move(*sink) : nullptr;
}
/// The first value of the first row.
inline std::string ask(Warehouse& warehouse, std::string_view sql) {
    const auto result = warehouse.query(sql);
    if (!result) return "error: " + result.error().what;
    if (result->rows.empty()) return "no row";
    return result->rows[0][0].value_or("NULL");
}
/// Commits what of `records` the sink lacks.
inline void store(Sink& sink, std::string_view partition, const Records& records) {
    const auto from = sink.resume(partition);
    ASSERT_TRUE(from) << from.error().what;
    const auto written = sink.write(partition, records.from(*from));
    ASSERT_TRUE(written) << written.error().what;
    const auto committed = sink.commit();
    ASSERT_TRUE(committed) << committed.error().what;
}

}  // namespace tape::sinks::test
