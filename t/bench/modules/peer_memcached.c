/* Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
 *
 * peer.h with the headers of a memcached tree; compiled by build-peer with
 * that tree's compiler and flags, never by this tree's. */

#include <errno.h>
#include <event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "memcached.h"
#include "proto_bin.h"
#include "proto_parser.h"
#include "proto_text.h"

#include "peer.h"

/* build-peer gives memcached's main() this name. */
int memcached_main(int argc, char **argv);

struct arguments {
  int argc;
  char **argv;
};

int PeerAvailable(void) { return 1; }
const char *PeerVersion(void) { return VERSION; }

static void *RunMain(void *arg) {
  struct arguments *a = arg;
  memcached_main(a->argc, a->argv);
  return NULL;
}

static int Listens(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  const int result =
      connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
  close(fd);
  return result;
}

void PeerStart(int argc, char **argv, const char *socket_path) {
  static struct arguments arguments;
  pthread_t thread;
  arguments.argc = argc;
  arguments.argv = argv;
  if (pthread_create(&thread, NULL, RunMain, &arguments) != 0) abort();
  pthread_detach(thread);
  for (int i = 0; i < 30000; ++i) {
    if (Listens(socket_path)) return;
    usleep(1000);
  }
  fprintf(stderr, "memcached does not start\n");
  exit(1);
}

int PeerSetLimit(int resource, const void *limits);
int PeerSetLimit(int resource, const void *limits) {
  (void)resource;
  (void)limits;
  return 0;
}

void *PeerWorker(int i) { return get_worker_thread(i); }

/* --- The gate: memcached stops its workers before it swaps the table. Ours
 * are threads it does not know, so its call is led here (build-peer renames it
 * in assoc.o), and they stop at the gate. */
static pthread_rwlock_t gate = PTHREAD_RWLOCK_INITIALIZER;

/* Evictions ask the thread for its logger. */
void PeerEnter(void *worker) {
  pthread_setspecific(logger_key, ((LIBEVENT_THREAD *)worker)->l);
  pthread_rwlock_rdlock(&gate);
}
void PeerLeave(void) { pthread_rwlock_unlock(&gate); }

void PeerPauseThreads(enum pause_thread_types type);
void PeerPauseThreads(enum pause_thread_types type) {
  if (type == PAUSE_ALL_THREADS) pthread_rwlock_wrlock(&gate);
  pause_threads(type);
  if (type == RESUME_ALL_THREADS) pthread_rwlock_unlock(&gate);
}

/* --- Items. --- */

size_t PeerGet(void *worker, const char *keys, size_t key_bytes, size_t n,
               char *value, size_t value_bytes) {
  size_t hits = 0;
  for (size_t i = 0; i < n; ++i) {
    item *it = item_get(keys + i * key_bytes, key_bytes, worker, true);
    if (it == NULL) continue;
    ++hits;
    memcpy(value, ITEM_data(it), value_bytes);
    item_remove(it);
  }
  return hits;
}

static int SetOne(void *worker, const char *key, size_t key_bytes,
                  const char *value, size_t value_bytes) {
  uint64_t cas = 0;
  int nbytes = 0;
  item *it = item_alloc(key, key_bytes, 0, 0, (int)value_bytes + 2);
  if (it == NULL) return 0;
  memcpy(ITEM_data(it), value, value_bytes);
  memcpy(ITEM_data(it) + value_bytes, "\r\n", 2);
  const int stored =
      store_item(it, NREAD_SET, worker, &nbytes, &cas, get_cas_id(), false) ==
      STORED;
  item_remove(it);
  return stored;
}

size_t PeerSet(void *worker, const char *keys, size_t key_bytes, size_t n,
               const char *value, size_t value_bytes) {
  size_t failed = 0;
  for (size_t i = 0; i < n; ++i) {
    failed +=
        !SetOne(worker, keys + i * key_bytes, key_bytes, value, value_bytes);
  }
  return failed;
}

size_t PeerIncrement(void *worker, const char *keys, size_t key_bytes,
                     size_t n) {
  size_t hits = 0;
  char number[INCR_MAX_STORAGE_LEN];
  for (size_t i = 0; i < n; ++i) {
    uint64_t cas = 0;
    hits += add_delta(worker, keys + i * key_bytes, key_bytes, true, 1, number,
                      &cas) == OK;
  }
  return hits;
}

size_t PeerDelete(void *worker, const char *keys, size_t key_bytes, size_t n) {
  size_t hits = 0;
  for (size_t i = 0; i < n; ++i) {
    uint32_t hv;
    item *it = item_get_locked(keys + i * key_bytes, key_bytes, worker, false,
                               &hv);
    if (it != NULL) {
      do_item_unlink(it, hv);
      do_item_remove(it);
      ++hits;
    }
    item_unlock(hv);
  }
  return hits;
}

size_t PeerAllocate(const char *keys, size_t key_bytes, size_t n,
                    size_t value_bytes) {
  size_t failed = 0;
  for (size_t i = 0; i < n; ++i) {
    item *it =
        item_alloc(keys + i * key_bytes, key_bytes, 0, 0, (int)value_bytes + 2);
    if (it == NULL) {
      ++failed;
    } else {
      item_remove(it);
    }
  }
  return failed;
}

size_t PeerChunks(size_t bytes, size_t n) {
  void *chunks[64];
  const unsigned id = slabs_clsid(bytes);
  size_t failed = 0;
  for (size_t i = 0; i < n; ++i) {
    chunks[i] = slabs_alloc(id, 0);
    failed += chunks[i] == NULL;
  }
  for (size_t i = 0; i < n; ++i) {
    if (chunks[i] != NULL) slabs_free(chunks[i], id);
  }
  return failed;
}

/* --- Others. --- */

uint32_t PeerHash(const char *keys, size_t key_bytes, size_t n) {
  uint32_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += hash(keys + i * key_bytes, key_bytes);
  return sum;
}

size_t PeerParse(const char *lines, size_t line_bytes, size_t n) {
  size_t good = 0;
  for (size_t i = 0; i < n; ++i) {
    mcp_parser_t pr = {0};
    good += process_request(&pr, lines + i * line_bytes, line_bytes) ==
            PROCESS_REQUEST_OK;
  }
  return good;
}

PeerConn *PeerConnect(void *worker, int binary) {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) abort();
  conn *c = conn_new(fds[0], conn_read, EV_READ | EV_PERSIST, 0,
                     local_transport, event_base_new(), NULL, 0,
                     binary ? binary_prot : ascii_prot);
  if (c == NULL) abort();
  c->thread = worker;
  return (PeerConn *)c;
}

static size_t SendAll(conn *c) {
  size_t sent = 0;
  mc_resp *resp = c->resp_head;
  while (resp != NULL) {
    if (!resp->skip) sent += (size_t)resp->tosend;
    resp = resp_finish(c, resp);
  }
  return sent;
}

/* What conn_nread does with a value that is in the buffer. */
static void TakeValue(conn *c) {
  memcpy(c->ritem, c->rcurr, (size_t)c->rlbytes);
  c->rcurr += c->rlbytes;
  c->rbytes -= c->rlbytes;
  c->rlbytes = 0;
  if (c->protocol == binary_prot) {
    complete_nread_binary(c);
  } else {
    complete_nread_ascii(c);
  }
}

size_t PeerProcess(PeerConn *conn_, char *bytes, size_t n) {
  conn *c = (conn *)conn_;
  c->rbuf = c->rcurr = bytes;
  c->rbytes = (int)n;
  c->rsize = (int)n;
  c->state = conn_parse_cmd;
  while (c->rbytes != 0) {
    if (c->try_read_command(c) <= 0 || c->state == conn_closing) {
      fprintf(stderr, "memcached's parser stops at %d of %zu bytes\n",
              c->rbytes, n);
      exit(1);
    }
    if (c->state == conn_nread) TakeValue(c);
  }
  return SendAll(c);
}

/* --- Figures. --- */

uint64_t PeerItems(void) {
  STATS_LOCK();
  const uint64_t items = stats_state.curr_items;
  STATS_UNLOCK();
  return items;
}

int PeerExpanding(void) {
  STATS_LOCK();
  const int expanding = stats_state.hash_is_expanding;
  STATS_UNLOCK();
  return expanding;
}

unsigned PeerHashPower(void) {
  STATS_LOCK();
  const unsigned power = stats_state.hash_power_level;
  STATS_UNLOCK();
  return power;
}
