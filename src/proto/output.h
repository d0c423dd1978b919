// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Where replies go: the worker's contiguous output buffer, seen by the
// protocols. net/transport implements it with a socket behind, tests with a
// string.
//
// A protocol appends replies and looks at blocked() before it starts the next
// one: true means that the client does not read, and no further command may be
// executed until the rest was sent. Room() and AppendValue() work all the
// same, so that a reply which was begun can be finished; that bounds what a
// connection holds.
//
// Thread safety: one thread.

#ifndef CUCACHE_PROTO_OUTPUT_H_
#define CUCACHE_PROTO_OUTPUT_H_

#include <cstddef>
#include <cstring>
#include <string_view>

#include "cache/item.h"

namespace cucache {

class Output {
 public:
  // What Room() can give at once.
  static constexpr size_t kMaxRoom = 32 * 1024;
  // Values up to this are copied into the buffer; larger ones are sent from
  // the item by AppendValue().
  static constexpr size_t kCopyLimit = 16 * 1024;

  virtual ~Output() = default;

  // At least `n` (<= kMaxRoom) bytes to write to; nothing is added until
  // Advance(). Writing past the end by less than 64 bytes is allowed (vector
  // stores).
  char* Room(size_t n) {
    if (static_cast<size_t>(end_ - at_) < n) Flush();
    return at_;
  }
  void Advance(char* end) { at_ = end; }

  void Append(std::string_view bytes) {
    while (bytes.size() > kMaxRoom) {
      Append(bytes.substr(0, kMaxRoom));
      bytes.remove_prefix(kMaxRoom);
    }
    char* to = Room(bytes.size());
    // An empty view may point nowhere, which memcpy does not allow.
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    Advance(to + bytes.size());
  }

  // The value of an item, of any size; from `offset` on. The item is valid
  // until the thread's next quiescent state; Output pins it if it needs it
  // longer.
  virtual void AppendValue(Item* item, size_t offset = 0) = 0;

  bool blocked() const { return blocked_; }

  // Promises that nothing is done before the output is sent, kept or given up
  // that could announce a quiescent state: what is answered now comes last.
  // Then AppendValue() need not hurry.
  void set_last(bool last) { last_ = last; }

 protected:
  // Makes room for kMaxRoom bytes: sends what is there, or keeps the unsent
  // rest elsewhere and sets blocked_.
  virtual void Flush() = 0;

  char* at_ = nullptr;
  char* end_ = nullptr;
  bool blocked_ = false;
  bool last_ = false;
};

}  // namespace cucache

#endif  // CUCACHE_PROTO_OUTPUT_H_
