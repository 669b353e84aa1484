#ifndef CCHECKSUM_H
#define CCHECKSUM_H
#include <stddef.h>
#include <stdint.h>

/// CRC32C (Castagnoli, RFC 3720) of `count` bytes at `bytes`, going on from `crc` (0 to begin).
uint32_t laterbase_crc32c(uint32_t crc, const void *_Nullable bytes, size_t count);

#endif
