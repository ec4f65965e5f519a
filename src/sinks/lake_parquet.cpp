// Data files. Encodings as measured on recorded trades: of DECIMAL(38,18), plain under zstd is as
// small as a dictionary for prices (1.4 bytes a row) and smaller for sizes (6.8 against 8.8), and
// quicker to write than either that or DELTA_BYTE_ARRAY; whole numbers and times shrink by deltas,
// ids by shared prefixes, the other texts by dictionary.
#include "sinks/lake_parquet.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "log/file.h"
#include "sinks/lake_arrow.h"

namespace tape::sinks {
namespace {

constexpr int zstd_level = 3;

std::shared_ptr<arrow::DataType> arrow_type(ColumnType type) {
    switch (type) {
        case ColumnType::text:
            return arrow::utf8();
        case ColumnType::decimal:
            return arrow::decimal128(Decimal::max_digits, Decimal::scale);
        case ColumnType::time:
            return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
        case ColumnType::bigint:
            return arrow::int64();
        case ColumnType::integer:
            return arrow::int32();
        case ColumnType::boolean:
            return arrow::boolean();
    }
    return nullptr;
}

std::shared_ptr<parquet::WriterProperties> writer_properties(const arrow::Schema& schema) {
    parquet::WriterProperties::Builder builder;
    builder.memory_pool(memory_pool());
    builder.compression(parquet::Compression::ZSTD)
        ->compression_level(zstd_level)
        ->created_by("tape");
    builder.max_row_group_length(std::numeric_limits<i32>::max());  // flush() decides.
    for (const auto& field : schema.fields()) {
        const std::string& name = field->name();
        if (field->type()->id() == arrow::Type::STRING && name != "trade_id") continue;
        builder.disable_dictionary(name);
        if (field->type()->id() == arrow::Type::STRING)
            builder.encoding(name, parquet::Encoding::DELTA_BYTE_ARRAY);
        else if (arrow::is_integer(field->type()->id()) ||
                 field->type()->id() == arrow::Type::TIMESTAMP)
            builder.encoding(name, parquet::Encoding::DELTA_BINARY_PACKED);
    }
    return builder.build();
}

i64 micros_of(Nanos time) {
    return floor_to(time, micros(1)).count / 1'000;
}

}  // namespace

struct ParquetFile::Impl {
    struct Slot {
        std::string name;
        ColumnType type;
        std::unique_ptr<arrow::ArrayBuilder> builder;  // None: the column is in the folder's name.
        i64 least = std::numeric_limits<i64>::max(), most = std::numeric_limits<i64>::min();
    };

    template <class Builder, class... Args>
    void append(Args&&... args) {
        Slot& slot = slots[at++];
        if (!slot.builder) return;
        if (const arrow::Status status =
                static_cast<Builder&>(*slot.builder).Append(std::forward<Args>(args)...);
            !status.ok() && failed.ok())
            failed = status;
    }
    void note(i64 value) {
        Slot& slot = slots[at];
        slot.least = std::min(slot.least, value);
        slot.most = std::max(slot.most, value);
    }

    std::filesystem::path path;
    std::vector<Slot> slots;
    std::shared_ptr<arrow::Schema> schema;
    std::shared_ptr<arrow::io::FileOutputStream> out;
    std::unique_ptr<parquet::arrow::FileWriter> writer;
    std::size_t at{};
    i64 rows{}, buffered{}, bytes{};
    arrow::Status failed;  // The first append that did; flush() reports it.
    std::string scratch;
};

ParquetFile::ParquetFile() : impl_(std::make_unique<Impl>()) {}
ParquetFile::~ParquetFile() {
    if (impl_->out && !impl_->out->closed()) (void)impl_->out->Close();
}

Result<std::unique_ptr<ParquetFile>> ParquetFile::create(const std::filesystem::path& path,
                                                         const TableInfo& table) {
    std::unique_ptr<ParquetFile> file(new ParquetFile);
    Impl& self = *file->impl_;
    self.path = path;
    arrow::FieldVector fields;
    for (const Column& column : table.columns) {
        Impl::Slot& slot = self.slots.emplace_back(std::string(column.name), column.type);
        if (column.name == table.lake_key) continue;
        fields.push_back(arrow::field(slot.name, arrow_type(column.type)));
        auto builder = arrow::MakeBuilder(fields.back()->type(), memory_pool());
        if (!builder.ok()) return arrow_error("make a column of", path, builder.status());
        slot.builder = std::move(*builder);
    }
    self.schema = arrow::schema(std::move(fields));
    auto out = arrow::io::FileOutputStream::Open(path.string());
    if (!out.ok()) return arrow_error("make", path, out.status());
    self.out = std::move(*out);
    auto writer = parquet::arrow::FileWriter::Open(*self.schema, memory_pool(), self.out,
                                                   writer_properties(*self.schema));
    if (!writer.ok()) return arrow_error("begin", path, writer.status());
    self.writer = std::move(*writer);
    return file;
}

void ParquetFile::null() {
    Impl::Slot& slot = impl_->slots[impl_->at++];
    if (!slot.builder) return;
    if (const arrow::Status status = slot.builder->AppendNull(); !status.ok() && impl_->failed.ok())
        impl_->failed = status;
}
void ParquetFile::text(std::string_view value) {
    impl_->append<arrow::StringBuilder>(as_utf8(value, impl_->scratch));
}
void ParquetFile::decimal(const Decimal& value) {
    impl_->append<arrow::Decimal128Builder>(
        arrow::Decimal128(static_cast<i64>(value.units >> 64), static_cast<u64>(value.units)));
}
void ParquetFile::time(Nanos value) {
    impl_->note(micros_of(value));
    impl_->append<arrow::TimestampBuilder>(micros_of(value));
}
void ParquetFile::bigint(i64 value) {
    impl_->note(value);
    impl_->append<arrow::Int64Builder>(value);
}
void ParquetFile::integer(i32 value) {
    impl_->append<arrow::Int32Builder>(value);
}
void ParquetFile::boolean(bool value) {
    impl_->append<arrow::BooleanBuilder>(value);
}

void ParquetFile::end_row() {
    ensure(impl_->at == impl_->slots.size(), "a row fills each of its columns");
    impl_->at = 0;
    ++impl_->rows;
    ++impl_->buffered;
}

i64 ParquetFile::rows() const {
    return impl_->rows;
}
i64 ParquetFile::buffered_rows() const {
    return impl_->buffered;
}
i64 ParquetFile::written_bytes() const {
    return impl_->bytes;
}

Result<void> ParquetFile::flush() {
    Impl& self = *impl_;
    if (!self.failed.ok()) return arrow_error("fill", self.path, self.failed);
    if (self.buffered == 0) return {};
    arrow::ArrayVector columns;
    for (Impl::Slot& slot : self.slots) {
        if (!slot.builder) continue;
        auto column = slot.builder->Finish();
        if (!column.ok()) return arrow_error("fill", self.path, column.status());
        columns.push_back(std::move(*column));
    }
    const auto table = arrow::Table::Make(self.schema, std::move(columns), self.buffered);
    if (const arrow::Status status = self.writer->WriteTable(*table, self.buffered); !status.ok())
        return arrow_error("write", self.path, status);
    self.buffered = 0;
    const auto position = self.out->Tell();
    if (!position.ok()) return arrow_error("write", self.path, position.status());
    self.bytes = *position;
    return {};
}

Result<i64> ParquetFile::finish() {
    Impl& self = *impl_;
    if (auto flushed = flush(); !flushed) return flushed.error();
    if (const arrow::Status status = self.writer->Close(); !status.ok())
        return arrow_error("complete", self.path, status);
    if (const arrow::Status status = self.out->Close(); !status.ok())
        return arrow_error("complete", self.path, status);
    const auto file = log::File::open(self.path, O_RDONLY);
    if (!file) return file.error();
    if (auto synced = file->sync(); !synced) return synced.error();
    return file->size();
}

std::string ParquetFile::stats() const {
    std::string least, most;
    for (const Impl::Slot& slot : impl_->slots) {
        if (!slot.builder || slot.least > slot.most) continue;
        const auto shown = [&](i64 value) {
            if (slot.type == ColumnType::bigint) return std::to_string(value);
            return '"' + format_rfc3339(floor_to({value * 1'000}, millis(1))) + '"';
        };
        const char* comma = least.empty() ? "" : ",";
        least += fmt::format(R"({}"{}":{})", comma, slot.name, shown(slot.least));
        most += fmt::format(R"({}"{}":{})", comma, slot.name, shown(slot.most));
    }
    return fmt::format(R"({{"numRecords":{},"minValues":{{{}}},"maxValues":{{{}}}}})", impl_->rows,
                       least, most);
}

}  // namespace tape::sinks
