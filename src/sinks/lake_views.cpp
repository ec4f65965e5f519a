#include "sinks/lake_views.h"

#include <fmt/core.h>

#include "sinks/delta.h"
#include "sinks/delta_log.h"

namespace tape::sinks {

std::string sql_quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
    return out + '\'';
}

Result<std::string> lake_source(const std::filesystem::path& folder, TableId id) {
    const TableInfo& table = table_info(id);
    const std::filesystem::path place = folder / table.name;
    std::error_code failed;
    if (!std::filesystem::exists(place / "_delta_log", failed)) return std::string();
    const auto log = DeltaLog::open(place, table, LakeOptions{}.checkpoint_commits);
    if (!log) return log.error();
    const auto files = log->present_files();
    if (!files) return files.error();
    std::string list;
    for (const std::string& file : *files) {
        if (!std::filesystem::exists(place / file, failed))
            return external_error(fmt::format("lake: {} is missing", (place / file).string()),
                                  Retry::never);
        list += (list.empty() ? "" : ", ") + sql_quoted((place / file).string());
    }
    if (list.empty()) return list;
    const std::string key =
        table.lake_key.empty() ? "" : fmt::format(", '{}': VARCHAR", table.lake_key);
    return fmt::format(
        "read_parquet([{}], hive_partitioning = true, hive_types = {{'date': DATE{}}})", list, key);
}

}  // namespace tape::sinks
