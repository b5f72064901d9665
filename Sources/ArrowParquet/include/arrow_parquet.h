// Parquet files through Apache Arrow's libparquet, for callers without C++.
//
// A file is a table of columns, written and read a row group at a time; no call is made per row.
// Every function that can fail returns 0, or fills *error with a text that the caller frees with
// arrow_parquet_free_text. No C++ exception leaves these functions.
//
// A writer or reader may be used by one thread at a time.

#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  ARROW_PARQUET_INT32 = 0,
  ARROW_PARQUET_INT64 = 1,
  ARROW_PARQUET_FLOAT32 = 2,
  ARROW_PARQUET_BOOL = 3,  // a byte each, 0 or 1
  ARROW_PARQUET_TEXT = 4,  // UTF-8 of any length
  ARROW_PARQUET_BYTES = 5,
};

enum {
  ARROW_PARQUET_PLAIN = 0,
  ARROW_PARQUET_DELTA = 1,         // DELTA_BINARY_PACKED, integers only
  ARROW_PARQUET_STREAM_SPLIT = 2,  // BYTE_STREAM_SPLIT, numbers only
};

// How zstd looks for what repeats at level 1; higher levels look everywhere by themselves.
enum {
  ARROW_PARQUET_MATCH_BY_LEVEL = 0,
  ARROW_PARQUET_MATCH_SHORT = 1,  // short pieces too, in the whole column chunk
  ARROW_PARQUET_MATCH_RARE = 2,   // hardly at all: bytes are shorter by their frequency
};

// One column: a value per row, a list of values per row, or, for reading, a list of lists of numbers.
// None may be null. Numbers are read from columns of any numeric type: wider ones are narrowed, and
// one that does not fit is an error.
typedef struct {
  const char *name;
  int32_t type;
  int32_t list_depth;  // 0, 1 or 2
  int32_t encoding;    // for writing
  int32_t zstd_level;  // for writing
  int32_t matching;    // for writing
} arrow_parquet_column;

// The values of one column in one row group. A list column has `offsets` [rows + 1]; the list of
// row r is values[offsets[r]] up to values[offsets[r + 1] - 1]. Where a value is itself of any length
// (a text, bytes, an inner list), `inner_offsets` says so: value i is values[inner_offsets[i]] up to
// values[inner_offsets[i + 1] - 1].
typedef struct {
  const void *values;
  const int32_t *offsets;
  const int32_t *inner_offsets;
} arrow_parquet_values;

typedef struct {
  const char *key;
  const char *value;
} arrow_parquet_pair;

typedef struct arrow_parquet_writer arrow_parquet_writer;
typedef struct arrow_parquet_reader arrow_parquet_reader;
typedef struct arrow_parquet_chunk arrow_parquet_chunk;

// Receives the bytes of the file in order. Returns 0, or anything else to make the write fail.
typedef int32_t (*arrow_parquet_sink)(void *context, const void *bytes, int64_t count);

void arrow_parquet_free_text(char *text);

int32_t arrow_parquet_writer_open(const arrow_parquet_column *columns, int32_t column_count,
                                  arrow_parquet_sink sink, void *context,
                                  arrow_parquet_writer **writer, char **error);
// Writes one row group; `values` has one entry per column.
int32_t arrow_parquet_writer_write(arrow_parquet_writer *writer,
                                   const arrow_parquet_values *values, int64_t row_count,
                                   char **error);
// Writes the footer with `pairs` as the file's metadata.
int32_t arrow_parquet_writer_close(arrow_parquet_writer *writer, const arrow_parquet_pair *pairs,
                                   int32_t pair_count, char **error);
void arrow_parquet_writer_free(arrow_parquet_writer *writer);

// Whether the file in bytes[0 .. count - 1] has a column of this name; 0 too when it is no Parquet.
int32_t arrow_parquet_has_column(const void *bytes, int64_t count, const char *name);

// Opens the file in bytes[0 .. count - 1], which must outlive the reader, and checks that it has
// these columns with these types. Pages are checked against their checksums when they are read.
int32_t arrow_parquet_reader_open(const void *bytes, int64_t count,
                                  const arrow_parquet_column *columns, int32_t column_count,
                                  arrow_parquet_reader **reader, char **error);
int32_t arrow_parquet_reader_group_count(const arrow_parquet_reader *reader);
int64_t arrow_parquet_reader_group_rows(const arrow_parquet_reader *reader, int32_t group);
// The value of a metadata key, or NULL; belongs to the reader.
const char *arrow_parquet_reader_metadata(const arrow_parquet_reader *reader, const char *key);
// Reads a column (an index into `columns`) of one row group.
int32_t arrow_parquet_reader_read(arrow_parquet_reader *reader, int32_t group, int32_t column,
                                  arrow_parquet_chunk **chunk, char **error);
// How many values the caller must have room for to read a column of a group into its own memory, or
// -1 when arrow_parquet_reader_read must be used: the file has it in another type, with nulls, or
// claims more than is believed.
int64_t arrow_parquet_reader_capacity(const arrow_parquet_reader *reader, int32_t group,
                                      int32_t column);
// Reads a column into values[0 .. capacity - 1], as arrow_parquet_reader_capacity said, and, for lists,
// offsets[0 .. rows]; *count is how many values there were.
int32_t arrow_parquet_reader_read_into(arrow_parquet_reader *reader, int32_t group, int32_t column,
                                       int64_t capacity, void *values, int32_t *offsets,
                                       int64_t *count, char **error);
void arrow_parquet_reader_free(arrow_parquet_reader *reader);

// The values that were read; they belong to `chunk`.
// Offsets count from the start of `values` and begin with 0.
arrow_parquet_values arrow_parquet_chunk_values(const arrow_parquet_chunk *chunk);
void arrow_parquet_chunk_free(arrow_parquet_chunk *chunk);

#ifdef __cplusplus
}
#endif
