// What the writer's and the reader's half of the shim share.

#pragma once

#include <arrow/status.h>
#include <arrow/type.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>

#include "arrow_parquet.h"

namespace arrow_parquet {

/// The Arrow type of one value of a column.
inline std::shared_ptr<arrow::DataType> value_type(int32_t type) {
  switch (type) {
    case ARROW_PARQUET_INT32: return arrow::int32();
    case ARROW_PARQUET_INT64: return arrow::int64();
    case ARROW_PARQUET_FLOAT32: return arrow::float32();
    case ARROW_PARQUET_TEXT: return arrow::utf8();
    case ARROW_PARQUET_BYTES: return arrow::binary();
    default: return arrow::boolean();
  }
}

/// Whether a value of the type is of any length.
inline bool has_length(int32_t type) {
  return type == ARROW_PARQUET_TEXT || type == ARROW_PARQUET_BYTES;
}

inline int64_t value_bytes(int32_t type) {
  return type == ARROW_PARQUET_INT64 ? 8 : type == ARROW_PARQUET_BOOL ? 1 : 4;
}

/// Runs `body`; turns a bad status or an exception into a text and a return value of 1.
template <typename Body>
int32_t reporting(char **error, Body body) {
  std::string text;
  try {
    const arrow::Status status = body();
    if (status.ok()) return 0;
    text = status.message();
  } catch (const std::bad_alloc &) {
    text = "out of memory";
  } catch (const std::exception &exception) {
    text = exception.what();
  } catch (...) {
    text = "an unknown C++ exception";
  }
  *error = strdup(text.c_str());
  return 1;
}

}  // namespace arrow_parquet
