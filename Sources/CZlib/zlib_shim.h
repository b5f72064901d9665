// The system's zlib, and a twin of its initialising macro, which Swift cannot call.

#ifndef ZLIB_SHIM_H
#define ZLIB_SHIM_H

#include <zlib.h>

// Begins a gzip stream at compression level 1 ... 9. Returns Z_OK, or an error of zlib's.
static inline int zlib_shim_begin_gzip(z_stream *stream, int level)
{
  const int gzip_window_bits = 15 + 16;
  const int default_memory_level = 8;
  return deflateInit2(
      stream, level, Z_DEFLATED, gzip_window_bits, default_memory_level, Z_DEFAULT_STRATEGY);
}

#endif
