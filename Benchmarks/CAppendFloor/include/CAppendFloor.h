#ifndef CAPPENDFLOOR_H
#define CAPPENDFLOOR_H
#include <stddef.h>
#include <stdint.h>

/// Raw LMDB: for `seconds`, transactions of `batch` events, each a record of 80 + `body` bytes appended under a rising 16-byte key and an
/// index row of 25 bytes under a rising 32-byte key, and one row of 72 bytes a transaction; committed with LMDB's own flushes.
/// Returns events a second, or a negative LMDB code. The folder must be new.
double append_floor(const char *folder, size_t body, int batch, double seconds);

/// Raw LMDB: reads all records that `append_floor` left in order, copying each body out. Returns bytes a second, or a negative code.
double scan_floor(const char *folder, uint64_t *records);

#endif
