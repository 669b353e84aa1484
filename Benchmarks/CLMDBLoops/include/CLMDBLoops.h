// The loops of LMDBBenchmark as C would write them: the floor for the same loops in Swift.
#ifndef CLMDBLOOPS_H
#define CLMDBLOOPS_H

#include <stdint.h>

// Processor time of this thread and time on the wall, in nanoseconds.
typedef struct loop_time {
  uint64_t cpu;
  uint64_t wall;
} loop_time;

loop_time loop_now(void);

// The `number`th key's first 8 bytes: rising numbers, scattered over the whole range if `scattered`. One to one.
static inline uint64_t loop_key(uint64_t number, int scattered) { return scattered ? number * 0x9E3779B97F4A7C15u : number; }

typedef struct loop_store loop_store;

// An environment with the tables, flags and limits of LMDBEventStore.
loop_store *loop_open(const char *folder);
void loop_close(loop_store *store);

// Puts rows `from` up to `to`, `group` a transaction, each committed with a flush: a key of 16 bytes, a value of 256.
loop_time loop_put(loop_store *store, uint64_t from, uint64_t to, uint64_t group, int scattered);

// Walks all rows with one cursor and looks at each key and value.
loop_time loop_scan(loop_store *store, uint64_t *sum);

// Gets `count` rows of the first `rows`, in scattered order, in one transaction.
loop_time loop_get(loop_store *store, uint64_t rows, uint64_t count, int scattered, uint64_t *sum);

// Renews and resets a read transaction `count` times.
loop_time loop_renew(loop_store *store, uint64_t count);

#endif
