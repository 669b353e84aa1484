#include "CAppendFloor.h"
#include <lmdb.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}
static void be(uint8_t *k, uint64_t v) {
  for (int i = 0; i < 8; i++) k[i] = v >> (56 - 8 * i);
}
static int opened(const char *folder, MDB_env **env) {
  int r = mdb_env_create(env);
  if (!r) r = mdb_env_set_mapsize(*env, 64ull << 30);
  if (!r) r = mdb_env_set_maxdbs(*env, 8);
  if (!r) r = mdb_env_open(*env, folder, MDB_NOTLS, 0600);
  return r;
}

double append_floor(const char *folder, size_t body, int batch, double seconds) {
  MDB_env *env;
  MDB_txn *txn;
  MDB_dbi log, ids, meta;
  mkdir(folder, 0700);
  int r = opened(folder, &env);
  if (!r) r = mdb_txn_begin(env, 0, 0, &txn);
  if (!r) r = mdb_dbi_open(txn, "log", MDB_CREATE, &log);
  if (!r) r = mdb_dbi_open(txn, "ids", MDB_CREATE, &ids);
  if (!r) r = mdb_dbi_open(txn, "meta", MDB_CREATE, &meta);
  if (!r) r = mdb_txn_commit(txn);
  if (r) return -1000 - r;
  static uint8_t record[80 + (1 << 20)], row[25], state[72];
  uint8_t key[16] = {0}, id[32] = {0};
  uint64_t n = 0;
  double began = now(), took;
  do {
    r = mdb_txn_begin(env, 0, 0, &txn);
    for (int i = 0; i < batch && !r; i++) {
      n++;
      be(key + 8, n), be(id, n), be(row + 9, n);
      memcpy(record, &n, 8);
      MDB_val k = {16, key}, v = {80 + body, record}, ik = {32, id}, iv = {25, row};
      r = mdb_put(txn, log, &k, &v, MDB_APPEND);
      if (!r) r = mdb_put(txn, ids, &ik, &iv, MDB_APPEND);
    }
    MDB_val k = {5, "state"}, v = {72, state};
    if (!r) r = mdb_put(txn, meta, &k, &v, 0);
    if (!r) r = mdb_txn_commit(txn);
    if (r) return -1000 - r;
    took = now() - began;
  } while (took < seconds);
  mdb_env_close(env);
  return n / took;
}

double scan_floor(const char *folder, uint64_t *records) {
  MDB_env *env;
  MDB_txn *txn;
  MDB_dbi log;
  MDB_cursor *cursor;
  MDB_val k, v;
  static uint8_t sink[1 << 20];
  int r = opened(folder, &env);
  if (!r) r = mdb_txn_begin(env, 0, MDB_RDONLY, &txn);
  if (!r) r = mdb_dbi_open(txn, "log", 0, &log);
  if (!r) r = mdb_cursor_open(txn, log, &cursor);
  if (r) return -1000 - r;
  double began = now();
  uint64_t bytes = 0, n = 0;
  while (!mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
    size_t body = v.mv_size - 80;
    memcpy(sink + (bytes & 0xFFFF), (uint8_t *)v.mv_data + 80, body);
    bytes += body, n++;
  }
  double took = now() - began;
  mdb_cursor_close(cursor);
  mdb_txn_abort(txn);
  mdb_env_close(env);
  *records = n;
  return bytes / took;
}
