// DuckDB's values as text; for duckdb_query.cpp.
#pragma once

#include <duckdb.h>

#include <optional>
#include <string>

#include "base/types.h"
#include "sinks/duckdb.h"

namespace tape::sinks {

/// Whether values of the type are shown at all; nested and exotic ones are not.
bool is_shown(duckdb_logical_type type);
/// As SQL writes it: "DECIMAL(38,18)", "TIMESTAMP WITH TIME ZONE".
std::string type_name(duckdb_logical_type type);
QueryResult::Shape shape_of(duckdb_logical_type type);

/// One column of a chunk.
class ColumnView final {
 public:
    ColumnView(duckdb_vector vector, duckdb_logical_type type);
    /// The value of `row`, or none for NULL.
    std::optional<std::string> text(idx_t row) const;

 private:
    template <class T>
    const T& at(idx_t row) const {
        return static_cast<const T*>(data_)[row];
    }
    std::string decimal(idx_t row) const;

    void* data_;
    u64* validity_;
    duckdb_logical_type type_;
    duckdb_type kind_;
    int scale_{};            // Of a DECIMAL.
    duckdb_type storage_{};  // Of a DECIMAL or an ENUM.
};

}  // namespace tape::sinks
