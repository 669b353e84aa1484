// zlib, and what it has as macros only, which Swift doesn't see.
#ifndef CZLIB_SHIM_H
#define CZLIB_SHIM_H

#include <zlib.h>

// 15 bits of window, and 16 for gzip's header and checksum around it (RFC 1952).
static inline int czlib_begin_deflate(z_stream *stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}

static inline int czlib_begin_inflate(z_stream *stream) { return inflateInit2(stream, 15 + 16); }

#endif
