// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Replies on their way out: a worker's contiguous output buffer with the
// socket of the connection that is being served behind it. (Counterpart:
// transmit() and the iovecs of mc_resp.)
//
// Replies of a batch are appended to one buffer and go out in one send, or one
// per 64 KiB. A large value is not copied: it is a part of its own between two
// stretches of the buffer and is sent from the item, in one sendmsg with them.
//
// What a socket does not take at once moves into the connection's Unsent: a
// copy of exactly the bytes that are left, and large items pinned with their
// offset. From then on blocked() is true and Resume() sends.
//
// A connection that gives up its turn (-R) with little output parks it there
// as well, and sends it together with that of its next turn: otherwise small
// turns would cost a send each. So does one that throws a value away, until it
// has all of it (Session::swallowing).
//
// Invariants:
//   T1 Between Finish() and the next Begin() the buffer is empty and no item
//      is referred to but pinned ones, so the thread may be quiescent.
//   T2 Bytes leave in the order in which they were appended: once there is
//      something in Unsent, nothing is sent around it.
//   T3 An unpinned item is referred to after AppendValue() returned only if
//      nothing that can allocate follows before it is sent, since that may
//      announce a quiescent state (cache/cache.h): the protocols say so with
//      set_last(). Otherwise the value is sent, copied or pinned right away.
//
// Thread safety: one thread, the worker's, within its epoch.

#ifndef CUCACHE_NET_TRANSPORT_H_
#define CUCACHE_NET_TRANSPORT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/stats.h"
#include "cache/cache.h"
#include "net/buffers.h"
#include "net/channel.h"
#include "proto/output.h"

namespace cucache {

// A stretch of output: bytes, or a part of an item's value.
struct OutputPart {
  Item* item = nullptr;
  const char* bytes = nullptr;
  Buffer* owned = nullptr;  // what `bytes` points into, if it is Unsent's
  size_t from = 0;
  size_t to = 0;

  size_t size() const { return to - from; }
};

// What a connection still has to send. Only Transport looks inside.
struct Unsent {
  std::vector<OutputPart> parts;
  size_t first = 0;  // parts before this one are gone
  size_t bytes = 0;  // what is parked; not counted when it is blocked
};

enum class SendStatus : uint8_t {
  kDone,
  kBlocked,  // wait until the socket is writable
  kBroken,   // the peer is gone, or may not be given any more memory
};

class Transport final : public Output {
 public:
  // Flush mark, and the capacity of the buffer.
  static constexpr size_t kCapacity = 64 * 1024;

  Transport(Cache& cache, CacheThread& thread, ThreadStats& stats,
            BufferPool& pool);
  ~Transport() override;

  // From here on replies go to this connection, which must have nothing
  // unsent but what it parked.
  void Begin(Channel* channel, std::unique_ptr<Unsent>* unsent);
  // Sends what there is. kBlocked: *unsent holds the rest.
  SendStatus Finish();
  // Keeps what there is for the next turn if it is little; false, and nothing
  // happened, if it is to be sent with Finish().
  [[nodiscard]] bool Park();
  // Forgets what has not been sent, but for what is in *unsent.
  void Abandon();

  // Goes on with *unsent; when all is sent it becomes nullptr.
  SendStatus Resume(Channel* channel, std::unique_ptr<Unsent>* unsent);
  // Forgets *unsent.
  void Drop(std::unique_ptr<Unsent>* unsent);

  void AppendValue(Item* item, size_t offset = 0) override;

 private:
  // Copying past the end is allowed by this much (proto/output.h).
  static constexpr size_t kSlack = 64;
  static constexpr size_t kMaxSpans = 64;
  // The end of a value that is sent at once goes into the buffer, so that the
  // last packet is not cut off before the line end that follows.
  static constexpr size_t kValueTail = 1024;
  // What a connection may park.
  static constexpr size_t kParkBytes = 16 * 1024;
  static constexpr size_t kParkParts = 32;

  void Flush() override;
  SendStatus FinishBuffer();

  size_t queued() const { return queued_ + BufferedBytes(); }
  size_t BufferedBytes() const { return static_cast<size_t>(at_ - mark_); }
  void AddValue(Item* item, size_t from, size_t to);
  void CloseStretch();
  void AppendCopy(const Item& item, size_t from);
  void Reset();
  void FetchParked();
  void Send(bool more);
  SendStatus SendParts(Channel* channel, std::vector<OutputPart>* parts,
                       size_t* first, bool more);
  static int Gather(const std::vector<OutputPart>& parts, size_t first,
                    iovec* spans, size_t* bytes);
  void KeepRest();
  bool Keep(const OutputPart& part);
  void Skip(std::vector<OutputPart>* parts, size_t* first, size_t n);
  void ReleasePart(const OutputPart& part);

  Cache& cache_;
  CacheThread& thread_;
  ThreadStats& stats_;
  BufferPool& pool_;
  const std::unique_ptr<char[]> buffer_;

  Channel* channel_ = nullptr;
  std::unique_ptr<Unsent>* unsent_ = nullptr;
  char* mark_;                     // where the open stretch begins
  std::vector<OutputPart> parts_;  // before the open stretch
  size_t first_ = 0;
  size_t queued_ = 0;  // bytes in parts_
  bool broken_ = false;
};

}  // namespace cucache

#endif  // CUCACHE_NET_TRANSPORT_H_
