// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What a session keeps of its client's bytes outside of the buffers of its
// connection, where it counts (-o read_buf_mem_limit). The worker owns the
// account, and its executor hands it out.
//
// Thread safety: the worker's thread only.
// Units: bytes.

#ifndef CUCACHE_COMMAND_BUFFER_ACCOUNT_H_
#define CUCACHE_COMMAND_BUFFER_ACCOUNT_H_

#include <cstddef>

namespace cucache {

class BufferAccount {
 public:
  // False, and nothing taken: there is no more.
  [[nodiscard]] virtual bool Take(size_t bytes) = 0;
  virtual void Give(size_t bytes) = 0;

 protected:
  ~BufferAccount() = default;
};

// What somebody has taken from it, until he goes.
class BufferCharge {
 public:
  // nullptr: nobody counts.
  explicit BufferCharge(BufferAccount* account) : account_(account) {}
  ~BufferCharge() { (void)Set(0); }
  BufferCharge(const BufferCharge&) = delete;
  BufferCharge& operator=(const BufferCharge&) = delete;

  // False, and all is as it was: there is not so much.
  [[nodiscard]] bool Set(size_t bytes) {
    if (account_ == nullptr) return true;
    if (bytes > charged_ && !account_->Take(bytes - charged_)) return false;
    if (bytes < charged_) account_->Give(charged_ - bytes);
    charged_ = bytes;
    return true;
  }

 private:
  BufferAccount* const account_;
  size_t charged_ = 0;
};

}  // namespace cucache

#endif  // CUCACHE_COMMAND_BUFFER_ACCOUNT_H_
