// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// peer.h for a build without --with-memcached-src: nothing but the first two
// functions is ever called.

#include <cstdlib>

#include "peer.h"

int PeerAvailable() { return 0; }
const char* PeerVersion() { return ""; }
void PeerStart(int, char**, const char*) { std::abort(); }
void* PeerWorker(int) { std::abort(); }
void PeerEnter(void*) { std::abort(); }
void PeerLeave() { std::abort(); }
size_t PeerGet(void*, const char*, size_t, size_t, char*, size_t) {
  std::abort();
}
size_t PeerSet(void*, const char*, size_t, size_t, const char*, size_t) {
  std::abort();
}
size_t PeerIncrement(void*, const char*, size_t, size_t) { std::abort(); }
size_t PeerDelete(void*, const char*, size_t, size_t) { std::abort(); }
size_t PeerAllocate(const char*, size_t, size_t, size_t) { std::abort(); }
size_t PeerChunks(size_t, size_t) { std::abort(); }
uint32_t PeerHash(const char*, size_t, size_t) { std::abort(); }
size_t PeerParse(const char*, size_t, size_t) { std::abort(); }
PeerConn* PeerConnect(void*, int) { std::abort(); }
size_t PeerProcess(PeerConn*, char*, size_t) { std::abort(); }
uint64_t PeerItems() { std::abort(); }
int PeerExpanding() { std::abort(); }
unsigned PeerHashPower() { std::abort(); }
