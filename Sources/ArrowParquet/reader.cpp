// Reading: everything that a file claims is checked before it is believed; damaged pages are found
// by their checksums, and what libparquet throws becomes a text.

#include <arrow/array.h>
#include <arrow/io/memory.h>
#include <arrow/table.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

#include <vector>

#include "shim.hpp"

namespace {

/// More rows than a row group of this program ever has; bounds what a false count can allocate.
constexpr int64_t kGroupRowLimit = 1 << 24;

struct Column {
  std::string name;
  int32_t type;
  bool is_list;
  int leaf;   // index among the file's leaf columns
  int field;  // index among the file's fields
};

std::string type_name(int32_t type, bool is_list) {
  const std::string value = arrow_parquet::value_type(type)->ToString();
  return is_list ? "list<" + value + ">" : value;
}

/// Finds the column in the file's schema and checks its type.
arrow::Status locate(const parquet::arrow::SchemaManifest &manifest, Column *column) {
  const auto &fields = manifest.schema_fields;
  for (size_t i = 0; i < fields.size(); i++) {
    if (fields[i].field->name() != column->name) continue;
    const auto &type = fields[i].field->type();
    const auto expected = arrow_parquet::value_type(column->type);
    const parquet::arrow::SchemaField *leaf = &fields[i];
    bool fits = type->Equals(expected);
    if (column->is_list) {
      fits = type->id() == arrow::Type::LIST && type->field(0)->type()->Equals(expected);
      if (fits) leaf = &fields[i].children[0];
    }
    if (!fits) {
      return arrow::Status::Invalid("column ", column->name, " is ", type->ToString(),
                                    ", expected ", type_name(column->type, column->is_list));
    }
    column->field = static_cast<int>(i);
    column->leaf = leaf->column_index;
    return arrow::Status::OK();
  }
  return arrow::Status::Invalid("has no column ", column->name, ", expected ",
                                type_name(column->type, column->is_list));
}

}  // namespace

struct arrow_parquet_reader {
  std::vector<Column> columns;
  std::unique_ptr<parquet::arrow::FileReader> file;
  std::shared_ptr<parquet::FileMetaData> metadata;
};

struct arrow_parquet_rows {
  std::vector<std::shared_ptr<arrow::Array>> arrays;  // keep the values alive
  std::vector<std::vector<uint8_t>> bytes;            // unpacked Booleans
  std::vector<arrow_parquet_values> values;
};

namespace {

arrow::Status expose(const Column &column, const std::shared_ptr<arrow::Array> &array,
                     arrow_parquet_rows *rows) {
  const arrow::Array *flat = array.get();
  arrow_parquet_values values = {nullptr, nullptr};
  bool has_null = array->null_count() > 0;
  if (column.is_list) {
    const auto &list = static_cast<const arrow::ListArray &>(*array);
    values.offsets = list.raw_value_offsets();
    flat = list.values().get();
    has_null = has_null || flat->null_count() > 0;
  }
  if (has_null) return arrow::Status::Invalid("column ", column.name, " has nulls, expected none");
  if (column.type == ARROW_PARQUET_BOOL) {
    const auto &bits = static_cast<const arrow::BooleanArray &>(*flat);
    std::vector<uint8_t> bytes(static_cast<size_t>(bits.length()) + 1);
    for (int64_t i = 0; i < bits.length(); i++) bytes[static_cast<size_t>(i)] = bits.Value(i);
    rows->bytes.push_back(std::move(bytes));
    values.values = rows->bytes.back().data();
  } else {
    const auto &data = *flat->data();
    const uint8_t *base = data.buffers[1] == nullptr ? nullptr : data.buffers[1]->data();
    if (base != nullptr) base += data.offset * arrow_parquet::value_bytes(column.type);
    values.values = base;
  }
  rows->arrays.push_back(array);
  rows->values.push_back(values);
  return arrow::Status::OK();
}

}  // namespace

extern "C" {

int32_t arrow_parquet_reader_open(const void *bytes, int64_t count,
                                  const arrow_parquet_column *columns, int32_t column_count,
                                  arrow_parquet_reader **reader, char **error) {
  return arrow_parquet::reporting(error, [&]() -> arrow::Status {
    auto opened = std::make_unique<arrow_parquet_reader>();
    auto source = std::make_shared<arrow::io::BufferReader>(
        std::make_shared<arrow::Buffer>(static_cast<const uint8_t *>(bytes), count));
    parquet::ReaderProperties properties;
    properties.set_page_checksum_verification(true);
    auto file = parquet::ParquetFileReader::Open(source, properties);
    opened->metadata = file->metadata();
    for (int i = 0; i < opened->metadata->num_row_groups(); i++) {
      const int64_t rows = opened->metadata->RowGroup(i)->num_rows();
      if (rows < 0 || rows > kGroupRowLimit) {
        return arrow::Status::Invalid("row group ", i, " claims ", rows, " rows, expected 0 to ",
                                      kGroupRowLimit);
      }
    }
    ARROW_ASSIGN_OR_RAISE(opened->file,
                          parquet::arrow::FileReader::Make(arrow::default_memory_pool(),
                                                           std::move(file)));
    for (int32_t i = 0; i < column_count; i++) {
      Column column = {columns[i].name, columns[i].type, columns[i].is_list != 0, -1, -1};
      ARROW_RETURN_NOT_OK(locate(opened->file->manifest(), &column));
      opened->columns.push_back(std::move(column));
    }
    *reader = opened.release();
    return arrow::Status::OK();
  });
}

int32_t arrow_parquet_reader_group_count(const arrow_parquet_reader *reader) {
  return reader->metadata->num_row_groups();
}

int64_t arrow_parquet_reader_group_rows(const arrow_parquet_reader *reader, int32_t group) {
  return reader->metadata->RowGroup(group)->num_rows();
}

const char *arrow_parquet_reader_metadata(const arrow_parquet_reader *reader, const char *key) {
  const auto &pairs = reader->metadata->key_value_metadata();
  if (pairs == nullptr) return nullptr;
  const int index = pairs->FindKey(key);
  return index < 0 ? nullptr : pairs->value(index).c_str();
}

int32_t arrow_parquet_reader_read(arrow_parquet_reader *reader, int32_t group,
                                  const int32_t *columns, int32_t column_count,
                                  arrow_parquet_rows **rows, char **error) {
  return arrow_parquet::reporting(error, [&]() -> arrow::Status {
    const int64_t expected = arrow_parquet_reader_group_rows(reader, group);
    auto read = std::make_unique<arrow_parquet_rows>();
    read->bytes.reserve(static_cast<size_t>(column_count));
    for (int32_t i = 0; i < column_count; i++) {
      const Column &column = reader->columns[static_cast<size_t>(columns[i])];
      ARROW_ASSIGN_OR_RAISE(auto table, reader->file->ReadRowGroup(group, {column.leaf}));
      if (table->num_columns() != 1 || table->num_rows() != expected) {
        return arrow::Status::Invalid("row group ", group, " of column ", column.name, " has ",
                                      table->num_rows(), " rows, expected ", expected);
      }
      ARROW_ASSIGN_OR_RAISE(auto whole, table->CombineChunks());
      if (whole->column(0)->num_chunks() == 0) {
        ARROW_ASSIGN_OR_RAISE(auto empty, arrow::MakeEmptyArray(whole->column(0)->type()));
        ARROW_RETURN_NOT_OK(expose(column, empty, read.get()));
      } else {
        ARROW_RETURN_NOT_OK(expose(column, whole->column(0)->chunk(0), read.get()));
      }
    }
    *rows = read.release();
    return arrow::Status::OK();
  });
}

void arrow_parquet_reader_free(arrow_parquet_reader *reader) { delete reader; }

arrow_parquet_values arrow_parquet_rows_values(const arrow_parquet_rows *rows, int32_t index) {
  return rows->values[static_cast<size_t>(index)];
}

void arrow_parquet_rows_free(arrow_parquet_rows *rows) { delete rows; }

}  // extern "C"
