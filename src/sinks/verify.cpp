#include "sinks/verify.h"

#include <fmt/core.h>

#include <map>

#include "log/log.h"
#include "sinks/delta.h"
#include "sinks/delta_log.h"
#include "sinks/duckdb.h"
#include "sinks/duckdb_handles.h"
#include "sinks/lake_views.h"

namespace tape::sinks {
namespace {

namespace fs = std::filesystem;
using Difference = std::optional<std::string>;
using PartitionPositions = std::map<std::string, Offset, std::less<>>;

// Fills a warehouse at `file` with the replayed rows up to each table's position. A difference when
// a position lies beyond what the replay gives.
Result<Difference> build_expected(const fs::path& file, const fs::path& derived,
                                  const std::array<PartitionPositions, table_count>& positions) {
    auto warehouse = Warehouse::open(file, {});
    if (!warehouse) return warehouse.error();
    auto sink = (*warehouse)->make_sink();
    if (!sink) return sink.error();
    const auto partitions = log::list_partitions(derived);
    if (!partitions) return partitions.error();
    for (const std::string& partition : *partitions) {
        const auto end_of = [&](TableId table) {
            const auto& of_table = positions[static_cast<std::size_t>(table)];
            const auto place = of_table.find(partition);
            return place == of_table.end() ? Offset{0} : place->second;
        };
        auto reader = log::LogReader::open(derived / partition);
        if (!reader) return reader.error();
        std::vector<log::Record> wanted;
        if (const auto known = (*sink)->resume(partition); !known) return known.error();
        for (;;) {
            const auto records = (*reader)->read(4096);
            if (!records) return records.error();
            if (records->empty()) break;
            wanted.clear();
            for (const log::Record& record : *records)
                if (const auto table = table_of(record.kind);
                    table && record.offset < end_of(*table))
                    wanted.push_back(record);
            if (auto written = (*sink)->write(partition, wanted); !written) return written.error();
        }
        for (int table = 0; table < table_count; ++table)
            if (end_of(static_cast<TableId>(table)) > (*reader)->position())
                return Difference(fmt::format(
                    "{}: {} derived records of {} are stored, but the raw log yields {}",
                    table_info(static_cast<TableId>(table)).name,
                    end_of(static_cast<TableId>(table)).value, partition,
                    (*reader)->position().value));
    }
    if (auto committed = (*sink)->commit(); !committed) return committed.error();
    return Difference();
}

// DuckDB without limits, for questions of ours alone.
class Comparer final {
 public:
    Result<void> open(const fs::path& expected) {
        if (duckdb_open(nullptr, database_.out()) != DuckDBSuccess)
            return internal_error("DuckDB does not open in memory");
        auto connection = connect(database_.get());
        if (!connection) return connection.error();
        connection_ = std::move(*connection);
        return attach(expected, "expected");
    }
    Result<void> attach(const fs::path& file, const std::string& name) {
        auto done = run(connection_.get(), fmt::format("ATTACH {} AS {} (READ_ONLY)",
                                                       sql_quoted(file.string()), name));
        if (!done) return done.error();
        return {};
    }
    // `stored` is SQL that gives the table's columns in order.
    Result<Difference> compare(TableId id, const std::string& stored,
                               std::optional<Nanos> not_before) {
        const TableInfo& table = table_info(id);
        std::string columns, condition;
        for (const Column& column : table.columns)
            columns += fmt::format("{}\"{}\"", columns.empty() ? "" : ", ", column.name);
        if (not_before)
            condition = fmt::format(" WHERE {} >= make_timestamptz({})", table.time_column,
                                    not_before->micros());
        const std::string is = fmt::format("(SELECT {} FROM {}{})", columns, stored, condition);
        const std::string should =
            fmt::format("(SELECT {} FROM expected.{}{})", columns, table.name, condition);
        for (const auto& [what, left, right] :
             {std::tuple("is stored, but the raw log does not yield it", is, should),
              std::tuple("is missing", should, is)}) {
            const auto row = first_row(fmt::format(
                "SELECT to_json(d)::VARCHAR FROM ({} EXCEPT ALL {}) d LIMIT 1", left, right));
            if (!row) return row.error();
            if (*row) return Difference(fmt::format("{}: a row {}: {}", table.name, what, **row));
        }
        return Difference();
    }

 private:
    Result<Difference> first_row(const std::string& sql) {
        ResultHandle result;
        if (duckdb_query(connection_.get(), sql.c_str(), &result.raw) != DuckDBSuccess)
            return external_error(fmt::format("comparing: {}", duckdb_result_error(&result.raw)),
                                  Retry::never);
        const ChunkHandle chunk(duckdb_fetch_chunk(result.raw));
        if (chunk.get() == nullptr || duckdb_data_chunk_get_size(chunk.get()) == 0)
            return Difference();
        auto* text = static_cast<duckdb_string_t*>(
            duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), 0)));
        return Difference(std::string(duckdb_string_t_data(text), duckdb_string_t_length(*text)));
    }

    DatabaseHandle database_;
    ConnectionHandle connection_;
};

Result<PartitionPositions> warehouse_positions(const fs::path& file, const fs::path& derived) {
    auto warehouse = Warehouse::open(file, {});
    if (!warehouse) return warehouse.error();
    auto sink = (*warehouse)->make_sink();
    if (!sink) return sink.error();
    const auto partitions = log::list_partitions(derived);
    if (!partitions) return partitions.error();
    PartitionPositions positions;
    for (const std::string& partition : *partitions) {
        const auto position = (*sink)->resume(partition);
        if (!position) return position.error();
        positions[partition] = *position;
    }
    return positions;
}

}  // namespace

Result<Difference> warehouse_difference(const fs::path& file, const VerifyOptions& options) {
    if (!fs::exists(file)) return Difference();
    const auto positions = warehouse_positions(file, options.derived);
    if (!positions) return positions.error();
    std::array<PartitionPositions, table_count> all;
    all.fill(*positions);
    const fs::path expected = options.scratch / "expected_warehouse.duckdb";
    if (auto built = build_expected(expected, options.derived, all); !built || *built) return built;
    Comparer comparer;
    if (auto opened = comparer.open(expected); !opened) return opened.error();
    if (auto attached = comparer.attach(file, "stored"); !attached) return attached.error();
    for (int i = 0; i < table_count; ++i) {
        const auto id = static_cast<TableId>(i);
        auto difference = comparer.compare(id, fmt::format("stored.{}", table_info(id).name),
                                           options.not_before[static_cast<std::size_t>(i)]);
        if (!difference) return difference.error();
        if (*difference) return Difference("warehouse " + **difference);
    }
    return Difference();
}

Result<Difference> lake_difference(const fs::path& folder, const VerifyOptions& options) {
    if (!fs::exists(folder)) return Difference();
    std::array<PartitionPositions, table_count> positions;
    std::array<std::string, table_count> sources;
    for (int i = 0; i < table_count; ++i) {
        const auto id = static_cast<TableId>(i);
        const fs::path place = folder / table_info(id).name;
        if (!fs::exists(place / "_delta_log")) continue;
        const auto log = DeltaLog::open(place, table_info(id), LakeOptions{}.checkpoint_commits);
        if (!log) return log.error();
        positions[static_cast<std::size_t>(i)] = log->positions();
        auto source = lake_source(folder, id);
        if (!source) return Difference(source.error().what);
        sources[static_cast<std::size_t>(i)] = std::move(*source);
    }
    const fs::path expected = options.scratch / "expected_lake.duckdb";
    if (auto built = build_expected(expected, options.derived, positions); !built || *built)
        return built;
    Comparer comparer;
    if (auto opened = comparer.open(expected); !opened) return opened.error();
    for (int i = 0; i < table_count; ++i) {
        const auto id = static_cast<TableId>(i);
        // A table without files has no rows.
        const std::string& source = sources[static_cast<std::size_t>(i)];
        auto difference = comparer.compare(
            id,
            source.empty() ? fmt::format("(SELECT * FROM expected.{} LIMIT 0)", table_info(id).name)
                           : source,
            std::nullopt);
        if (!difference)
            return Difference(
                fmt::format("lake {}: {}", table_info(id).name, difference.error().what));
        if (*difference) return Difference("lake " + **difference);
    }
    return Difference();
}

}  // namespace tape::sinks
