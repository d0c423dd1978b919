// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// memcached's modules, as the benchmarks call them: a narrow door to the
// objects of a source tree that configure was given
// (--with-memcached-src=DIR). peer_memcached.c implements it with the tree's
// own headers and flags; peer_none.c is what stands there without a tree.
//
// memcached's main() runs in a thread of this process with the options of its
// command line, so that everything is set up as it sets it up, its background
// threads included. It serves a unix socket that nobody speaks to. One
// memcached per process: it lives in globals, and ends with the process.
//
// Loops over keys are on the far side of the door, so that a call costs
// nothing that counts. Keys stand one behind the other, key_bytes each.
//
// Thread safety: a worker belongs to one thread at a time. A thread that calls
// anything with a worker has to be between PeerEnter() and PeerLeave(), which
// is where memcached may stop it (pause_threads, when its table doubles).

#ifndef CUCACHE_T_BENCH_MODULES_PEER_H_
#define CUCACHE_T_BENCH_MODULES_PEER_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct PeerConn PeerConn;

// False: there is no memcached in this program.
int PeerAvailable(void);
// Version of the tree, or "".
const char* PeerVersion(void);

// Starts main(argc, argv) and returns when it listens on the unix socket that
// argv names; ends the process if that does not happen.
void PeerStart(int argc, char** argv, const char* socket_path);
void* PeerWorker(int i);
void PeerEnter(void* worker);
void PeerLeave(void);

// --- Items (items.c, assoc.c, thread.c). ---
// get: item_get, copy the value, item_remove. Returns hits.
size_t PeerGet(void* worker, const char* keys, size_t key_bytes, size_t n,
               char* value, size_t value_bytes);
// set: item_alloc, copy the value, store_item, item_remove. Returns failures.
size_t PeerSet(void* worker, const char* keys, size_t key_bytes, size_t n,
               const char* value, size_t value_bytes);
// Returns hits.
size_t PeerIncrement(void* worker, const char* keys, size_t key_bytes,
                     size_t n);
// item_get_locked, do_item_unlink, as `delete` does. Returns hits.
size_t PeerDelete(void* worker, const char* keys, size_t key_bytes, size_t n);
// item_alloc and item_remove, never linked. Returns failures.
size_t PeerAllocate(const char* keys, size_t key_bytes, size_t n,
                    size_t value_bytes);
// slabs_alloc of n chunks for this size, then slabs_free. n <= 64.
size_t PeerChunks(size_t bytes, size_t n);

// --- Others. ---
uint32_t PeerHash(const char* keys, size_t key_bytes, size_t n);
// process_request for each of n lines of line_bytes. Returns good ones.
size_t PeerParse(const char* lines, size_t line_bytes, size_t n);

// A connection without a socket: bytes in, replies dropped.
PeerConn* PeerConnect(void* worker, int binary);
// Parses, executes and answers all commands of `bytes` (whole ones only), then
// gives the answers back as if they had been sent. Returns their length.
size_t PeerProcess(PeerConn* conn, char* bytes, size_t n);

// --- Figures. ---
uint64_t PeerItems(void);
int PeerExpanding(void);
unsigned PeerHashPower(void);

#ifdef __cplusplus
}
#endif

#endif  // CUCACHE_T_BENCH_MODULES_PEER_H_
