// Writing: the caller's arrays are wrapped, not copied, except Booleans, which Arrow packs into bits.

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/compression.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include <vector>

#include "shim.hpp"

namespace {

/// An output stream that hands every byte to the caller's function, so that the caller decides how
/// files are written, flushed and named.
class SinkStream final : public arrow::io::OutputStream {
 public:
  SinkStream(arrow_parquet_sink sink, void *context) : sink_(sink), context_(context) {}

  arrow::Status Write(const void *data, int64_t count) override {
    if (count > 0 && sink_(context_, data, count) != 0) {
      return arrow::Status::IOError("the bytes could not be stored");
    }
    position_ += count;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }

 private:
  arrow_parquet_sink sink_;
  void *context_;
  int64_t position_ = 0;
  bool closed_ = false;
};

parquet::Encoding::type encoding(int32_t code) {
  switch (code) {
    case ARROW_PARQUET_DELTA: return parquet::Encoding::DELTA_BINARY_PACKED;
    case ARROW_PARQUET_STREAM_SPLIT: return parquet::Encoding::BYTE_STREAM_SPLIT;
    default: return parquet::Encoding::PLAIN;
  }
}

/// A chunk is one page: the streams of BYTE_STREAM_SPLIT are longer then, and what repeats in them is
/// found. A page of values that take more than this is cut all the same.
constexpr int64_t kPageBytes = 64 << 20;

/// zstd's parameters, as in its zstd.h, whose interface does not change.
enum ZstdParameter { kWindowLog = 101, kHashLog = 102, kMinMatch = 105 };

std::shared_ptr<arrow::util::CodecOptions> compression(const arrow_parquet_column &column) {
  auto options = std::make_shared<arrow::util::ZstdCodecOptions>();
  options->compression_level = column.zstd_level;
  if (column.zstd_level == 1 && column.matching == ARROW_PARQUET_MATCH_SHORT) {
    options->compression_context_params = {{kMinMatch, 4}, {kHashLog, 19}, {kWindowLog, 22}};
  } else if (column.zstd_level == 1 && column.matching == ARROW_PARQUET_MATCH_RARE) {
    options->compression_context_params = {{kMinMatch, 7}, {kHashLog, 6}};
  }
  return options;
}

arrow::Result<std::shared_ptr<arrow::Array>> wrap(const arrow_parquet_column &column,
                                                  const arrow_parquet_values &values,
                                                  int64_t rows) {
  const int64_t count = column.list_depth > 0 ? values.offsets[rows] : rows;
  const auto type = arrow_parquet::value_type(column.type);
  std::shared_ptr<arrow::Buffer> buffer;
  std::vector<std::shared_ptr<arrow::Buffer>> buffers = {nullptr};
  if (column.type == ARROW_PARQUET_BOOL) {
    ARROW_ASSIGN_OR_RAISE(auto bits, arrow::AllocateBitmap(count));
    const auto *bytes = static_cast<const uint8_t *>(values.values);
    for (int64_t i = 0; i < count; i++) {
      arrow::bit_util::SetBitTo(bits->mutable_data(), i, bytes[i] != 0);
    }
    buffer = std::move(bits);
  } else {
    const int64_t bytes = arrow_parquet::has_length(column.type)
                              ? values.inner_offsets[count]
                              : count * arrow_parquet::value_bytes(column.type);
    buffer = std::make_shared<arrow::Buffer>(static_cast<const uint8_t *>(values.values), bytes);
  }
  if (arrow_parquet::has_length(column.type)) {
    buffers.push_back(std::make_shared<arrow::Buffer>(
        reinterpret_cast<const uint8_t *>(values.inner_offsets), (count + 1) * 4));
  }
  buffers.push_back(buffer);
  auto flat = arrow::MakeArray(arrow::ArrayData::Make(type, count, buffers, 0));
  if (column.list_depth == 0) return flat;
  auto offsets = std::make_shared<arrow::Buffer>(
      reinterpret_cast<const uint8_t *>(values.offsets), (rows + 1) * 4);
  return std::make_shared<arrow::ListArray>(arrow::list(arrow::field("element", type, false)),
                                            rows, offsets, flat);
}

}  // namespace

struct arrow_parquet_writer {
  std::vector<arrow_parquet_column> columns;  // their names are in `schema`
  std::shared_ptr<arrow::Schema> schema;
  std::unique_ptr<parquet::arrow::FileWriter> file;
};

extern "C" {

void arrow_parquet_free_text(char *text) { std::free(text); }

int32_t arrow_parquet_writer_open(const arrow_parquet_column *columns, int32_t column_count,
                                  arrow_parquet_sink sink, void *context,
                                  arrow_parquet_writer **writer, char **error) {
  return arrow_parquet::reporting(error, [&]() -> arrow::Status {
    auto opened = std::make_unique<arrow_parquet_writer>();
    opened->columns.assign(columns, columns + column_count);
    parquet::WriterProperties::Builder properties;
    properties.disable_dictionary()
        ->compression(parquet::Compression::ZSTD)
        ->enable_page_checksum()
        ->data_pagesize(kPageBytes)
        ->max_rows_per_page(INT64_MAX)
        ->created_by("BitNetKDE");
    std::vector<std::shared_ptr<arrow::Field>> fields;
    for (const auto &column : opened->columns) {
      const auto type = arrow_parquet::value_type(column.type);
      const std::string name = column.name;
      const std::string path = column.list_depth > 0 ? name + ".list.element" : name;
      fields.push_back(arrow::field(
          name, column.list_depth > 0 ? arrow::list(arrow::field("element", type, false)) : type, false));
      properties.encoding(path, encoding(column.encoding));
      properties.codec_options(path, compression(column));
      // Minima and maxima of candidate lists and texts serve no query and cost space.
      if (column.list_depth > 0 || arrow_parquet::has_length(column.type)) {
        properties.disable_statistics(path);
      }
    }
    opened->schema = arrow::schema(fields);
    ARROW_ASSIGN_OR_RAISE(
        opened->file,
        parquet::arrow::FileWriter::Open(*opened->schema, arrow::default_memory_pool(),
                                         std::make_shared<SinkStream>(sink, context),
                                         properties.build()));
    *writer = opened.release();
    return arrow::Status::OK();
  });
}

int32_t arrow_parquet_writer_write(arrow_parquet_writer *writer,
                                   const arrow_parquet_values *values, int64_t row_count,
                                   char **error) {
  return arrow_parquet::reporting(error, [&]() -> arrow::Status {
    ARROW_RETURN_NOT_OK(writer->file->NewRowGroup());
    for (size_t i = 0; i < writer->columns.size(); i++) {
      ARROW_ASSIGN_OR_RAISE(auto array, wrap(writer->columns[i], values[i], row_count));
      ARROW_RETURN_NOT_OK(writer->file->WriteColumnChunk(*array));
    }
    return arrow::Status::OK();
  });
}

int32_t arrow_parquet_writer_close(arrow_parquet_writer *writer, const arrow_parquet_pair *pairs,
                                   int32_t pair_count, char **error) {
  return arrow_parquet::reporting(error, [&]() -> arrow::Status {
    auto metadata = std::make_shared<arrow::KeyValueMetadata>();
    for (int32_t i = 0; i < pair_count; i++) metadata->Append(pairs[i].key, pairs[i].value);
    ARROW_RETURN_NOT_OK(writer->file->AddKeyValueMetadata(metadata));
    return writer->file->Close();
  });
}

void arrow_parquet_writer_free(arrow_parquet_writer *writer) {
  // Arrow closes an open file in its destructor, which may throw when the disk is full.
  try {
    delete writer;
  } catch (...) {
  }
}

}  // extern "C"
