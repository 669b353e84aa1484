// LMDB, and the few calls of the system that Swift cannot make alike on Linux and macOS.
// Each returns 0 or an error number, as LMDB does.
#ifndef CLMDB_SHIM_H
#define CLMDB_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#ifdef __linux__
#include <linux/stat.h>
// glibc declares statx for _GNU_SOURCE only, and that would give its types another definition here than in Swift's own module of it.
extern int clmdb_statx(int folder, const char *path, int flags, unsigned int mask, struct statx *found) __asm__("statx");
#endif

// What tells a file from its copy: the inode, and when it was made (zero where the file system does not know).
typedef struct clmdb_place {
  uint64_t inode;
  int64_t seconds;
  uint32_t nanoseconds;
} clmdb_place;

static inline int clmdb_place_of(const char *path, clmdb_place *place) {
#ifdef __APPLE__
  struct stat found;
  if (stat(path, &found) != 0) return errno;
  place->inode = found.st_ino;
  place->seconds = found.st_birthtimespec.tv_sec;
  place->nanoseconds = (uint32_t)found.st_birthtimespec.tv_nsec;
#else
  struct statx found;
  if (clmdb_statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &found) != 0) return errno;
  const int born = (found.stx_mask & STATX_BTIME) != 0;
  place->inode = found.stx_ino;
  place->seconds = born ? found.stx_btime.tv_sec : 0;
  place->nanoseconds = born ? found.stx_btime.tv_nsec : 0;
#endif
  return 0;
}

// Bytes of the file system that an ordinary user may still fill.
static inline int clmdb_free_bytes(const char *path, uint64_t *bytes) {
  struct statvfs found;
  if (statvfs(path, &found) != 0) return errno;
  *bytes = (uint64_t)found.f_bavail * (uint64_t)found.f_frsize;
  return 0;
}

// The length of a file in bytes.
static inline int clmdb_file_bytes(const char *path, uint64_t *bytes) {
  struct stat found;
  if (stat(path, &found) != 0) return errno;
  *bytes = (uint64_t)found.st_size;
  return 0;
}

#endif
