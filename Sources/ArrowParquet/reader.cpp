// Reading: everything that a file claims is checked before it is believed; damaged pages are found
// by their checksums, and what libparquet throws becomes a text.

#include <arrow/array.h>
#include <arrow/io/memory.h>
#include <arrow/memory_pool.h>
#include <arrow/table.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/column_reader.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

#include <sys/mman.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "shim.hpp"

namespace {

/// More rows than a row group of this program ever has; bounds what a false count can allocate.
constexpr int64_t kGroupRowLimit = 1 << 24;

/// More values than a byte of a usual file stands for; more are believed only once they are read.
constexpr int64_t kValuesPerByte = 64;

struct Column {
  std::string name;
  int32_t type;
  int list_depth;
  int leaf;        // index among the file's leaf columns
  bool is_direct;  // the file has the values just as the caller wants them, and none is null
};

/// Arrow's memory, of which one block stays for the next page to be unpacked into: pages are large,
/// and fresh memory costs a fault every 4 KB.
class PagePool final : public arrow::MemoryPool {
 public:
  arrow::Status Allocate(int64_t size, int64_t alignment, uint8_t **out) override {
    if (is_page(size, alignment)) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (spare_ != nullptr) {
        *out = std::exchange(spare_, nullptr);
        return arrow::Status::OK();
      }
    }
    return base_->Allocate(is_page(size, alignment) ? kPage : size, alignment, out);
  }

  arrow::Status Reallocate(int64_t old_size, int64_t new_size, int64_t alignment,
                           uint8_t **block) override {
    const bool was_page = is_page(old_size, alignment), is_page_now = is_page(new_size, alignment);
    if (was_page && is_page_now) return arrow::Status::OK();
    if (!was_page && !is_page_now) return base_->Reallocate(old_size, new_size, alignment, block);
    uint8_t *moved = nullptr;
    ARROW_RETURN_NOT_OK(Allocate(new_size, alignment, &moved));
    std::memcpy(moved, *block, static_cast<size_t>(std::min(old_size, new_size)));
    Free(*block, old_size, alignment);
    *block = moved;
    return arrow::Status::OK();
  }

  void Free(uint8_t *block, int64_t size, int64_t alignment) override {
    if (is_page(size, alignment)) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (spare_ == nullptr) {
        spare_ = block;
        return;
      }
    }
    base_->Free(block, is_page(size, alignment) ? kPage : size, alignment);
  }

  int64_t bytes_allocated() const override { return base_->bytes_allocated(); }
  int64_t total_bytes_allocated() const override { return base_->total_bytes_allocated(); }
  int64_t num_allocations() const override { return base_->num_allocations(); }
  std::string backend_name() const override { return base_->backend_name(); }

 private:
  static constexpr int64_t kSmallestPage = 1 << 20, kPage = 16 << 20;

  static bool is_page(int64_t size, int64_t alignment) {
    return size >= kSmallestPage && size <= kPage && alignment == arrow::kDefaultBufferAlignment;
  }

  arrow::MemoryPool *base_ = arrow::default_memory_pool();
  std::mutex mutex_;
  uint8_t *spare_ = nullptr;
};

/// One for all readers; never destroyed, so that no reader outlives it.
PagePool *page_pool() {
  static auto *pool = new PagePool;
  return pool;
}

std::string type_name(int32_t type, int list_depth) {
  std::string name = arrow_parquet::value_type(type)->ToString();
  for (int i = 0; i < list_depth; i++) name = "list<" + name + ">";
  return name;
}

bool is_number(const arrow::DataType &type) {
  return arrow::is_integer(type.id()) || type.id() == arrow::Type::FLOAT ||
         type.id() == arrow::Type::DOUBLE;
}

/// Whether values of `found` can be given as `type`.
bool is_readable(const arrow::DataType &found, int32_t type) {
  switch (type) {
    case ARROW_PARQUET_INT32:
    case ARROW_PARQUET_INT64: return arrow::is_integer(found.id());
    case ARROW_PARQUET_FLOAT32: return is_number(found);
    case ARROW_PARQUET_BYTES:
      return found.id() == arrow::Type::BINARY || found.id() == arrow::Type::STRING;
    default: return found.Equals(arrow_parquet::value_type(type));
  }
}

/// Finds the column in the file's schema and checks its type.
arrow::Status locate(const parquet::arrow::SchemaManifest &manifest,
                     const parquet::SchemaDescriptor &descriptions, Column *column) {
  for (const auto &found : manifest.schema_fields) {
    if (found.field->name() != column->name) continue;
    const parquet::arrow::SchemaField *leaf = &found;
    bool fits = true;
    for (int i = 0; i < column->list_depth && fits; i++) {
      fits = leaf->field->type()->id() == arrow::Type::LIST && leaf->children.size() == 1;
      if (fits) leaf = &leaf->children[0];
    }
    if (!fits || !is_readable(*leaf->field->type(), column->type)) {
      return arrow::Status::Invalid("column ", column->name, " is ",
                                    found.field->type()->ToString(), ", expected ",
                                    type_name(column->type, column->list_depth));
    }
    column->leaf = leaf->column_index;
    const auto *stored = descriptions.Column(leaf->column_index);
    column->is_direct = column->list_depth <= 1 && !arrow_parquet::has_length(column->type) &&
                        stored->max_definition_level() == column->list_depth &&
                        stored->max_repetition_level() == column->list_depth &&
                        leaf->field->type()->Equals(arrow_parquet::value_type(column->type));
    return arrow::Status::OK();
  }
  return arrow::Status::Invalid("has no column ", column->name, ", expected ",
                                type_name(column->type, column->list_depth));
}

}  // namespace

struct arrow_parquet_reader {
  std::vector<Column> columns;
  std::unique_ptr<parquet::arrow::FileReader> file;
  std::shared_ptr<parquet::FileMetaData> metadata;
  int64_t byte_count;
};

struct arrow_parquet_chunk {
  std::vector<std::shared_ptr<arrow::Array>> arrays;  // keep the values alive
  std::vector<uint8_t> bytes;                         // values that are not the file's own
  std::vector<std::vector<int32_t>> offsets;
  arrow_parquet_values values = {nullptr, nullptr, nullptr};
};

namespace {

/// Keeps values in memory that is not Arrow's.
template <typename Value>
Value *keep(arrow_parquet_chunk *chunk, int64_t count) {
  chunk->bytes.resize((static_cast<size_t>(count) + 1) * sizeof(Value));
  return reinterpret_cast<Value *>(chunk->bytes.data());
}

template <typename To, typename Array>
arrow::Status convert(const arrow::Array &array, To *to) {
  const auto &from = static_cast<const Array &>(array);
  for (int64_t i = 0; i < from.length(); i++) {
    to[i] = static_cast<To>(from.Value(i));
    if (std::is_integral<To>::value &&
        static_cast<typename Array::TypeClass::c_type>(to[i]) != from.Value(i)) {
      return arrow::Status::Invalid("holds the number ", from.Value(i), ", which is too large");
    }
  }
  return arrow::Status::OK();
}

template <typename To>
arrow::Status convert_numbers(const arrow::Array &array, To *to) {
  switch (array.type_id()) {
    case arrow::Type::INT8: return convert<To, arrow::Int8Array>(array, to);
    case arrow::Type::INT16: return convert<To, arrow::Int16Array>(array, to);
    case arrow::Type::INT32: return convert<To, arrow::Int32Array>(array, to);
    case arrow::Type::INT64: return convert<To, arrow::Int64Array>(array, to);
    case arrow::Type::UINT8: return convert<To, arrow::UInt8Array>(array, to);
    case arrow::Type::UINT16: return convert<To, arrow::UInt16Array>(array, to);
    case arrow::Type::UINT32: return convert<To, arrow::UInt32Array>(array, to);
    case arrow::Type::UINT64: return convert<To, arrow::UInt64Array>(array, to);
    case arrow::Type::FLOAT: return convert<To, arrow::FloatArray>(array, to);
    case arrow::Type::DOUBLE: return convert<To, arrow::DoubleArray>(array, to);
    default: return arrow::Status::Invalid("is ", array.type()->ToString());
  }
}

/// The offsets of a list, a text or bytes, from 0 on even in a slice.
const int32_t *rebased(const int32_t *offsets, int64_t count, arrow_parquet_chunk *chunk) {
  if (offsets[0] == 0) return offsets;
  std::vector<int32_t> copy(offsets, offsets + count + 1);
  for (auto &offset : copy) offset -= offsets[0];
  chunk->offsets.push_back(std::move(copy));
  return chunk->offsets.back().data();
}

arrow::Status expose_flat(const Column &column, const arrow::Array &flat,
                          arrow_parquet_chunk *chunk, arrow_parquet_values *values) {
  if (column.type == ARROW_PARQUET_BOOL) {
    const auto &bits = static_cast<const arrow::BooleanArray &>(flat);
    uint8_t *bytes = keep<uint8_t>(chunk, bits.length());
    for (int64_t i = 0; i < bits.length(); i++) bytes[i] = bits.Value(i);
    values->values = bytes;
  } else if (arrow_parquet::has_length(column.type)) {
    const auto &texts = static_cast<const arrow::BinaryArray &>(flat);
    const int32_t *offsets = texts.raw_value_offsets();
    values->values = texts.raw_data() == nullptr ? nullptr : texts.raw_data() + offsets[0];
    values->inner_offsets = rebased(offsets, texts.length(), chunk);
  } else if (flat.type()->Equals(arrow_parquet::value_type(column.type))) {
    const auto &data = *flat.data();
    const uint8_t *base = data.buffers[1] == nullptr ? nullptr : data.buffers[1]->data();
    if (base != nullptr) base += data.offset * arrow_parquet::value_bytes(column.type);
    values->values = base;
  } else if (column.type == ARROW_PARQUET_INT32) {
    values->values = keep<int32_t>(chunk, flat.length());
    return convert_numbers(flat, static_cast<int32_t *>(const_cast<void *>(values->values)));
  } else if (column.type == ARROW_PARQUET_INT64) {
    values->values = keep<int64_t>(chunk, flat.length());
    return convert_numbers(flat, static_cast<int64_t *>(const_cast<void *>(values->values)));
  } else {
    values->values = keep<float>(chunk, flat.length());
    return convert_numbers(flat, static_cast<float *>(const_cast<void *>(values->values)));
  }
  return arrow::Status::OK();
}

arrow::Status expose(const Column &column, const std::shared_ptr<arrow::Array> &array,
                     arrow_parquet_chunk *chunk) {
  std::shared_ptr<arrow::Array> flat = array;
  arrow_parquet_values values = {nullptr, nullptr, nullptr};
  bool has_null = array->null_count() > 0;
  for (int depth = 0; depth < column.list_depth; depth++) {
    const auto &list = static_cast<const arrow::ListArray &>(*flat);
    const int32_t *offsets = list.raw_value_offsets();
    const int64_t count = list.length();
    (depth == 0 ? values.offsets : values.inner_offsets) = rebased(offsets, count, chunk);
    flat = list.values()->Slice(offsets[0], offsets[count] - offsets[0]);
    has_null = has_null || flat->null_count() > 0;
    chunk->arrays.push_back(flat);
  }
  if (has_null) return arrow::Status::Invalid("column ", column.name, " has nulls, expected none");
  const auto status = expose_flat(column, *flat, chunk, &values);
  if (!status.ok()) return arrow::Status::Invalid("column ", column.name, " ", status.message());
  chunk->arrays.push_back(array);
  chunk->values = values;
  return arrow::Status::OK();
}

/// Levels are taken in pieces that stay in the nearest cache.
constexpr int64_t kLevelBatch = 4096;

arrow::Status false_rows(int32_t group, const Column &column, int64_t found, int64_t expected) {
  return arrow::Status::Invalid("row group ", group, " of column ", column.name, " has ", found,
                                " rows, expected ", expected);
}

/// Asks for pages of 2 MB where memory is about to be filled; without them all works, only slower.
void expect_large_pages(void *start, int64_t bytes) {
  constexpr uintptr_t kLarge = 2 << 20;
  const auto first = (reinterpret_cast<uintptr_t>(start) + kLarge - 1) / kLarge * kLarge;
  const auto last = reinterpret_cast<uintptr_t>(start) + static_cast<uintptr_t>(bytes);
  const auto end = last / kLarge * kLarge;
  if (first < end) madvise(reinterpret_cast<void *>(first), end - first, MADV_HUGEPAGE);
}

/// Reading of one column chunk into the caller's memory.
struct Direct {
  parquet::ColumnReader *chunk;
  const Column &column;
  int32_t group;
  int64_t rows;
  int64_t capacity;  // values that there is room for: as many as the chunk claims
  int32_t *offsets;  // [rows + 1] for lists
  int64_t *count;    // values that were read

  template <typename Reader, typename Value>
  arrow::Status read(Value *values) {
    auto *typed = static_cast<Reader *>(chunk);
    return column.list_depth == 0 ? flat(typed, values) : lists(typed, values);
  }

  template <typename Reader, typename Value>
  arrow::Status flat(Reader *reader, Value *values) {
    int64_t row = 0;
    while (row < rows && reader->HasNext()) {
      int64_t found = 0;
      reader->ReadBatch(rows - row, nullptr, nullptr, values + row, &found);
      if (found <= 0) break;
      row += found;
    }
    if (row < rows) return false_rows(group, column, row, rows);
    *count = rows;
    return arrow::Status::OK();
  }

  template <typename Reader, typename Value>
  arrow::Status lists(Reader *reader, Value *values) {
    int16_t holds[kLevelBatch];      // 0: an empty list, else a value
    int16_t continues[kLevelBatch];  // 0: the first of a row
    int64_t row = 0, level = 0, value = 0;
    while (level < capacity && reader->HasNext()) {
      int64_t found = 0;
      const int64_t size = reader->ReadBatch(std::min(kLevelBatch, capacity - level), holds,
                                             continues, values + value, &found);
      if (size <= 0) break;
      int32_t held = 0, continued = 0, astray = level == 0 ? continues[0] : 0;
      for (int64_t i = 0; i < size; i++) {
        held += holds[i];
        continued += continues[i];
        astray |= continues[i] & ~holds[i];
      }
      if (astray != 0 || held != found) {
        return arrow::Status::Invalid("column ", column.name, " has a value outside a list");
      }
      if (row + size - continued > rows) {
        return false_rows(group, column, row + size - continued, rows);
      }
      for (int64_t i = 0; i < size; i++) {
        offsets[row] = static_cast<int32_t>(value);
        row += 1 - continues[i];
        value += holds[i];
      }
      level += size;
    }
    if (row != rows || level != capacity) return false_rows(group, column, row, rows);
    offsets[rows] = static_cast<int32_t>(value);
    *count = value;
    return arrow::Status::OK();
  }
};

}  // namespace

extern "C" {

int32_t arrow_parquet_has_column(const void *bytes, int64_t count, const char *name) {
  int32_t found = 0;
  char *error = nullptr;
  arrow_parquet::reporting(&error, [&]() -> arrow::Status {
    auto source = std::make_shared<arrow::io::BufferReader>(
        std::make_shared<arrow::Buffer>(static_cast<const uint8_t *>(bytes), count));
    const auto metadata = parquet::ParquetFileReader::Open(source)->metadata();
    found = metadata->schema()->group_node()->FieldIndex(name) >= 0;
    return arrow::Status::OK();
  });
  std::free(error);
  return found;
}

int32_t arrow_parquet_reader_open(const void *bytes, int64_t count,
                                  const arrow_parquet_column *columns, int32_t column_count,
                                  arrow_parquet_reader **reader, char **error) {
  return arrow_parquet::reporting(error, [&]() -> arrow::Status {
    auto opened = std::make_unique<arrow_parquet_reader>();
    auto source = std::make_shared<arrow::io::BufferReader>(
        std::make_shared<arrow::Buffer>(static_cast<const uint8_t *>(bytes), count));
    parquet::ReaderProperties properties(page_pool());
    properties.set_page_checksum_verification(true);
    auto file = parquet::ParquetFileReader::Open(source, properties);
    opened->metadata = file->metadata();
    opened->byte_count = count;
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
      Column column = {columns[i].name, columns[i].type, columns[i].list_depth, -1, false};
      ARROW_RETURN_NOT_OK(locate(opened->file->manifest(), *opened->metadata->schema(), &column));
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

int32_t arrow_parquet_reader_read(arrow_parquet_reader *reader, int32_t group, int32_t index,
                                  arrow_parquet_chunk **chunk, char **error) {
  return arrow_parquet::reporting(error, [&]() -> arrow::Status {
    const int64_t expected = arrow_parquet_reader_group_rows(reader, group);
    const Column &column = reader->columns[static_cast<size_t>(index)];
    ARROW_ASSIGN_OR_RAISE(auto table, reader->file->ReadRowGroup(group, {column.leaf}));
    if (table->num_columns() != 1 || table->num_rows() != expected) {
      return false_rows(group, column, table->num_rows(), expected);
    }
    ARROW_ASSIGN_OR_RAISE(auto whole, table->CombineChunks());
    auto read = std::make_unique<arrow_parquet_chunk>();
    if (whole->column(0)->num_chunks() == 0) {
      ARROW_ASSIGN_OR_RAISE(auto empty, arrow::MakeEmptyArray(whole->column(0)->type()));
      ARROW_RETURN_NOT_OK(expose(column, empty, read.get()));
    } else {
      ARROW_RETURN_NOT_OK(expose(column, whole->column(0)->chunk(0), read.get()));
    }
    *chunk = read.release();
    return arrow::Status::OK();
  });
}

int64_t arrow_parquet_reader_capacity(const arrow_parquet_reader *reader, int32_t group,
                                      int32_t index) {
  const Column &column = reader->columns[static_cast<size_t>(index)];
  if (!column.is_direct) return -1;
  int64_t capacity = -1;
  char *error = nullptr;
  arrow_parquet::reporting(&error, [&]() -> arrow::Status {
    const auto chunk = reader->metadata->RowGroup(group)->ColumnChunk(column.leaf);
    const int64_t rows = arrow_parquet_reader_group_rows(reader, group);
    const int64_t count = column.list_depth == 0 ? rows : chunk->num_values();
    const int64_t limit = column.list_depth == 0 ? kGroupRowLimit
                                                 : reader->byte_count * kValuesPerByte;
    if (count == chunk->num_values() && count <= std::min<int64_t>(limit, INT32_MAX)) {
      capacity = count;
    }
    return arrow::Status::OK();
  });
  std::free(error);
  return capacity;
}

int32_t arrow_parquet_reader_read_into(arrow_parquet_reader *reader, int32_t group, int32_t index,
                                       int64_t capacity, void *values, int32_t *offsets,
                                       int64_t *count, char **error) {
  return arrow_parquet::reporting(error, [&]() -> arrow::Status {
    const Column &column = reader->columns[static_cast<size_t>(index)];
    const int64_t rows = arrow_parquet_reader_group_rows(reader, group);
    const auto chunk = reader->file->parquet_reader()->RowGroup(group)->Column(column.leaf);
    expect_large_pages(values, capacity * arrow_parquet::value_bytes(column.type));
    Direct direct = {chunk.get(), column, group, rows, capacity, offsets, count};
    switch (column.type) {
      case ARROW_PARQUET_INT32:
        return direct.read<parquet::Int32Reader>(static_cast<int32_t *>(values));
      case ARROW_PARQUET_INT64:
        return direct.read<parquet::Int64Reader>(static_cast<int64_t *>(values));
      case ARROW_PARQUET_FLOAT32:
        return direct.read<parquet::FloatReader>(static_cast<float *>(values));
      default: return direct.read<parquet::BoolReader>(static_cast<bool *>(values));
    }
  });
}

void arrow_parquet_reader_free(arrow_parquet_reader *reader) { delete reader; }

arrow_parquet_values arrow_parquet_chunk_values(const arrow_parquet_chunk *chunk) {
  return chunk->values;
}

void arrow_parquet_chunk_free(arrow_parquet_chunk *chunk) { delete chunk; }

}  // extern "C"
