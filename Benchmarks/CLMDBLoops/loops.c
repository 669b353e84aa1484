#include "CLMDBLoops.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define CHECK(call)                                                \
  do {                                                             \
    int code_ = (call);                                            \
    if (code_ != 0) {                                              \
      fprintf(stderr, "%s: %s\n", #call, mdb_strerror(code_));     \
      exit(1);                                                     \
    }                                                              \
  } while (0)

struct loop_store {
  MDB_env *environment;
  MDB_dbi table;
};

static uint64_t nanoseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

loop_time loop_now(void) { return (loop_time){nanoseconds(CLOCK_THREAD_CPUTIME_ID), nanoseconds(CLOCK_MONOTONIC)}; }

static loop_time since(loop_time start) {
  loop_time now = loop_now();
  return (loop_time){now.cpu - start.cpu, now.wall - start.wall};
}

static void store_big_endian(uint8_t *bytes, uint64_t value) {
  value = __builtin_bswap64(value);
  memcpy(bytes, &value, 8);
}

loop_store *loop_open(const char *folder) {
  static const char *const names[] = {"meta", "log", "ids", "again", "arrivals", "voids", "view"};
  loop_store *store = calloc(1, sizeof *store);
  mkdir(folder, 0700);
  CHECK(mdb_env_create(&store->environment));
  CHECK(mdb_env_set_mapsize(store->environment, (size_t)64 << 30));
  CHECK(mdb_env_set_maxdbs(store->environment, 7));
  CHECK(mdb_env_set_maxreaders(store->environment, 1024));
  CHECK(mdb_env_open(store->environment, folder, MDB_NOTLS, 0600));
  MDB_txn *transaction;
  CHECK(mdb_txn_begin(store->environment, NULL, 0, &transaction));
  for (int i = 0; i < 7; i++) {
    MDB_dbi opened;
    CHECK(mdb_dbi_open(transaction, names[i], MDB_CREATE, &opened));
    if (i == 1) store->table = opened;
  }
  CHECK(mdb_txn_commit(transaction));
  return store;
}

void loop_close(loop_store *store) {
  mdb_env_close(store->environment);
  free(store);
}

loop_time loop_put(loop_store *store, uint64_t from, uint64_t to, uint64_t group, int scattered) {
  uint8_t key[16] = {0}, value[256] = {0};
  loop_time start = loop_now();
  for (uint64_t begin = from; begin < to; begin += group) {
    MDB_txn *transaction;
    CHECK(mdb_txn_begin(store->environment, NULL, 0, &transaction));
    for (uint64_t number = begin; number < begin + group && number < to; number++) {
      store_big_endian(key, loop_key(number, scattered));
      store_big_endian(value, number);
      MDB_val k = {16, key}, v = {256, value};
      CHECK(mdb_put(transaction, store->table, &k, &v, scattered ? 0 : MDB_APPEND));
    }
    CHECK(mdb_txn_commit(transaction));
  }
  return since(start);
}

loop_time loop_scan(loop_store *store, uint64_t *sum) {
  uint64_t seen = 0;
  loop_time start = loop_now();
  MDB_txn *transaction;
  MDB_cursor *cursor;
  MDB_val key, value;
  CHECK(mdb_txn_begin(store->environment, NULL, MDB_RDONLY, &transaction));
  CHECK(mdb_cursor_open(transaction, store->table, &cursor));
  while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
    seen += ((const uint8_t *)key.mv_data)[key.mv_size - 9] + ((const uint8_t *)value.mv_data)[7];
  }
  mdb_cursor_close(cursor);
  mdb_txn_abort(transaction);
  *sum = seen;
  return since(start);
}

loop_time loop_get(loop_store *store, uint64_t rows, uint64_t count, int scattered, uint64_t *sum) {
  uint8_t key[16] = {0};
  uint64_t seen = 0;
  loop_time start = loop_now();
  MDB_txn *transaction;
  CHECK(mdb_txn_begin(store->environment, NULL, MDB_RDONLY, &transaction));
  for (uint64_t i = 0; i < count; i++) {
    store_big_endian(key, loop_key(loop_key(i, 1) % rows, scattered));
    MDB_val k = {16, key}, v;
    CHECK(mdb_get(transaction, store->table, &k, &v));
    seen += ((const uint8_t *)v.mv_data)[7];
  }
  mdb_txn_abort(transaction);
  *sum = seen;
  return since(start);
}

loop_time loop_renew(loop_store *store, uint64_t count) {
  MDB_txn *transaction;
  CHECK(mdb_txn_begin(store->environment, NULL, MDB_RDONLY, &transaction));
  mdb_txn_reset(transaction);
  loop_time start = loop_now();
  for (uint64_t i = 0; i < count; i++) {
    CHECK(mdb_txn_renew(transaction));
    mdb_txn_reset(transaction);
  }
  loop_time time = since(start);
  mdb_txn_abort(transaction);
  return time;
}
