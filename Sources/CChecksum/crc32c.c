// CRC32C: by instruction where the CPU has one (SSE4.2, ARMv8 CRC), else by table, eight bytes a step.
#include "CChecksum.h"
#include <string.h>

static uint32_t table[8][256];

__attribute__((constructor)) static void fill(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++) c = c & 1 ? (c >> 1) ^ 0x82F63B78u : c >> 1;
    table[0][i] = c;
  }
  for (uint32_t i = 0; i < 256; i++)
    for (int t = 1; t < 8; t++) table[t][i] = (table[t - 1][i] >> 8) ^ table[0][table[t - 1][i] & 255];
}

static uint32_t byTable(uint32_t c, const uint8_t *p, size_t n) {
  while (n >= 8) {
    uint32_t low = c ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
    c = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24] ^
        table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
    p += 8, n -= 8;
  }
  while (n--) c = (c >> 8) ^ table[0][(c ^ *p++) & 255];
  return c;
}

#if defined(__x86_64__)
#include <nmmintrin.h>
__attribute__((target("sse4.2"))) static uint32_t byInstruction(uint32_t crc, const uint8_t *p, size_t n) {
  uint64_t c = crc, word;
  for (; n >= 8; p += 8, n -= 8) {
    memcpy(&word, p, 8);
    c = _mm_crc32_u64(c, word);
  }
  crc = (uint32_t)c;
  while (n--) crc = _mm_crc32_u8(crc, *p++);
  return crc;
}
static int hasInstruction(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
static uint32_t byInstruction(uint32_t c, const uint8_t *p, size_t n) {
  uint64_t word;
  for (; n >= 8; p += 8, n -= 8) {
    memcpy(&word, p, 8);
    c = __crc32cd(c, word);
  }
  while (n--) c = __crc32cb(c, *p++);
  return c;
}
static int hasInstruction(void) { return 1; }
#else
static uint32_t byInstruction(uint32_t c, const uint8_t *p, size_t n) { return byTable(c, p, n); }
static int hasInstruction(void) { return 0; }
#endif

uint32_t laterbase_crc32c(uint32_t crc, const void *bytes, size_t count) {
  crc = ~crc;
  crc = hasInstruction() ? byInstruction(crc, bytes, count) : byTable(crc, bytes, count);
  return ~crc;
}
