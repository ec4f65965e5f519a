// The transaction log's checkpoints, as the protocol's chapter "Checkpoint Schema" has them: a row
// an action, a struct column a kind of action. Lines of the log are JSON and so are these rows
// here; two small translations lie between.
#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/json/from_string.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>

#include <nlohmann/json.hpp>

#include "log/file.h"
#include "sinks/lake_arrow.h"
#include "sinks/lake_parquet.h"

namespace tape::sinks {
namespace {

using nlohmann::json;

constexpr i64 rows_at_once = 4096;

std::shared_ptr<arrow::Schema> checkpoint_schema() {
    using namespace arrow;
    const auto text = [](const char* name) { return field(name, utf8()); };
    const auto number = [](const char* name) { return field(name, int64()); };
    const auto texts = [](const char* name) { return field(name, map(utf8(), utf8())); };
    return schema({
        field("txn", struct_({text("appId"), number("version"), number("lastUpdated")})),
        field("add", struct_({text("path"), texts("partitionValues"), number("size"),
                              number("modificationTime"), field("dataChange", boolean()),
                              texts("tags"), text("stats")})),
        field("remove",
              struct_({text("path"), number("deletionTimestamp"), field("dataChange", boolean()),
                       field("extendedFileMetadata", boolean()), texts("partitionValues"),
                       number("size")})),
        field("metaData", struct_({text("id"), text("name"), text("description"),
                                   field("format", struct_({text("provider"), texts("options")})),
                                   text("schemaString"), field("partitionColumns", list(utf8())),
                                   texts("configuration"), number("createdTime")})),
        field("protocol",
              struct_({field("minReaderVersion", int32()), field("minWriterVersion", int32())})),
    });
}

// `value` with just the members of `type`, and maps as Arrow's reader of JSON wants them: lists of
// pairs.
json shaped(const json& value, const arrow::DataType& type) {
    if (value.is_null()) return nullptr;
    if (type.id() == arrow::Type::STRUCT) {
        json out = json::object();
        for (const auto& field : type.fields()) {
            const auto member = value.find(field->name());
            out[field->name()] = member == value.end() ? json() : shaped(*member, *field->type());
        }
        return out;
    }
    if (type.id() == arrow::Type::MAP) {
        json out = json::array();
        for (const auto& [key, mapped] : value.items()) out.push_back({key, mapped});
        return out;
    }
    return value;
}

// One value of a column as the log's JSON has it; null members are left out.
arrow::Result<json> unshaped(const arrow::Array& array, i64 row) {
    if (array.IsNull(row)) return json();
    switch (array.type_id()) {
        case arrow::Type::STRUCT: {
            const auto& structs = static_cast<const arrow::StructArray&>(array);
            json out = json::object();
            for (int i = 0; i < structs.num_fields(); ++i) {
                ARROW_ASSIGN_OR_RAISE(json member, unshaped(*structs.field(i), row));
                if (!member.is_null()) out[array.type()->field(i)->name()] = std::move(member);
            }
            return out;
        }
        case arrow::Type::MAP: {
            const auto& maps = static_cast<const arrow::MapArray&>(array);
            json out = json::object();
            for (i64 i = maps.value_offset(row); i < maps.value_offset(row + 1); ++i) {
                ARROW_ASSIGN_OR_RAISE(const json key, unshaped(*maps.keys(), i));
                ARROW_ASSIGN_OR_RAISE(json mapped, unshaped(*maps.items(), i));
                out[key.get<std::string>()] = std::move(mapped);
            }
            return out;
        }
        case arrow::Type::LIST: {
            const auto& lists = static_cast<const arrow::ListArray&>(array);
            json out = json::array();
            for (i64 i = lists.value_offset(row); i < lists.value_offset(row + 1); ++i) {
                ARROW_ASSIGN_OR_RAISE(json item, unshaped(*lists.values(), i));
                out.push_back(std::move(item));
            }
            return out;
        }
        case arrow::Type::BOOL:
            return json(static_cast<const arrow::BooleanArray&>(array).Value(row));
        case arrow::Type::INT32:
            return json(static_cast<const arrow::Int32Array&>(array).Value(row));
        case arrow::Type::INT64:
            return json(static_cast<const arrow::Int64Array&>(array).Value(row));
        default: {  // Texts of whatever layout; statistics that others keep as columns are not
                    // needed.
            ARROW_ASSIGN_OR_RAISE(const auto scalar, array.GetScalar(row));
            return json(scalar->ToString());
        }
    }
}

arrow::Result<i64> write(const std::filesystem::path& path,
                         const std::vector<std::string>& actions) {
    const auto schema = checkpoint_schema();
    ARROW_ASSIGN_OR_RAISE(auto out, arrow::io::FileOutputStream::Open(path.string()));
    parquet::WriterProperties::Builder properties;
    properties.compression(parquet::Compression::ZSTD)->created_by("tape");
    ARROW_ASSIGN_OR_RAISE(auto writer, parquet::arrow::FileWriter::Open(*schema, memory_pool(), out,
                                                                        properties.build()));
    for (std::size_t from = 0; from < actions.size(); from += rows_at_once) {
        const std::size_t to = std::min<std::size_t>(from + rows_at_once, actions.size());
        std::vector<std::string> columns(static_cast<std::size_t>(schema->num_fields()), "[");
        for (std::size_t i = from; i < to; ++i) {
            const json action = json::parse(actions[i]);
            for (int c = 0; c < schema->num_fields(); ++c) {
                const auto found = action.find(schema->field(c)->name());
                auto& column = columns[static_cast<std::size_t>(c)];
                column += i == from ? "" : ",";
                column += found == action.end() ? "null"
                                                : shaped(*found, *schema->field(c)->type()).dump();
            }
        }
        arrow::ArrayVector arrays;
        for (int c = 0; c < schema->num_fields(); ++c) {
            ARROW_ASSIGN_OR_RAISE(auto array, arrow::json::ArrayFromJSONString(
                                                  schema->field(c)->type(),
                                                  columns[static_cast<std::size_t>(c)] + "]"));
            arrays.push_back(std::move(array));
        }
        const auto table =
            arrow::Table::Make(schema, std::move(arrays), static_cast<i64>(to - from));
        ARROW_RETURN_NOT_OK(writer->WriteTable(*table, static_cast<i64>(to - from)));
    }
    ARROW_RETURN_NOT_OK(writer->Close());
    ARROW_ASSIGN_OR_RAISE(const i64 size, out->Tell());
    ARROW_RETURN_NOT_OK(out->Close());
    return size;
}

arrow::Result<std::vector<std::string>> read(const std::filesystem::path& path) {
    ARROW_ASSIGN_OR_RAISE(auto in, arrow::io::ReadableFile::Open(path.string()));
    ARROW_ASSIGN_OR_RAISE(auto reader, parquet::arrow::OpenFile(in, memory_pool()));
    ARROW_ASSIGN_OR_RAISE(const auto batches, reader->GetRecordBatchReader());
    std::vector<std::string> lines;
    while (true) {
        std::shared_ptr<arrow::RecordBatch> batch;
        ARROW_RETURN_NOT_OK(batches->ReadNext(&batch));
        if (!batch) return lines;
        for (i64 row = 0; row < batch->num_rows(); ++row) {
            for (int c = 0; c < batch->num_columns(); ++c) {
                const std::string& kind = batch->column_name(c);
                if (batch->column(c)->IsNull(row)) continue;
                ARROW_ASSIGN_OR_RAISE(json action, unshaped(*batch->column(c), row));
                if (!action.empty()) lines.push_back(json{{kind, std::move(action)}}.dump());
            }
        }
    }
}

}  // namespace

Result<i64> write_checkpoint(const std::filesystem::path& path,
                             const std::vector<std::string>& actions) {
    const auto size = write(path, actions);
    if (!size.ok()) return arrow_error("write", path, size.status());
    const auto file = log::File::open(path, O_RDONLY);
    if (!file) return file.error();
    if (auto synced = file->sync(); !synced) return synced.error();
    return *size;
}

Result<std::vector<std::string>> read_checkpoint(const std::filesystem::path& path) {
    auto lines = read(path);
    if (!lines.ok()) return arrow_error("read", path, lines.status());
    return std::move(*lines);
}

}  // namespace tape::sinks
