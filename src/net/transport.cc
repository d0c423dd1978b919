// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/transport.h"

#include <algorithm>
#include <cerrno>

#include "cache/value.h"

namespace cucache {

Transport::Transport(Cache& cache, CacheThread& thread, ThreadStats& stats,
                     BufferPool& pool)
    : cache_(cache),
      thread_(thread),
      stats_(stats),
      pool_(pool),
      buffer_(new char[kCapacity + kSlack]) {
  Reset();
  end_ = at_ + kCapacity;
}

Transport::~Transport() = default;

void Transport::Begin(Channel* channel, std::unique_ptr<Unsent>* unsent) {
  channel_ = channel;
  unsent_ = unsent;
  blocked_ = false;
  broken_ = false;
  last_ = false;
}

SendStatus Transport::Finish() {
  if (!blocked_ && *unsent_ == nullptr && parts_.empty()) return FinishBuffer();
  if (!blocked_ && *unsent_ != nullptr) FetchParked();
  if (queued() > 0) Send(false);
  if (broken_) return SendStatus::kBroken;
  return blocked_ ? SendStatus::kBlocked : SendStatus::kDone;
}

// What nearly every turn ends with: all there is lies in the buffer, and the
// socket takes it.
CUCACHE_ALWAYS_INLINE SendStatus Transport::FinishBuffer() {
  const size_t bytes = BufferedBytes();
  if (bytes == 0) return broken_ ? SendStatus::kBroken : SendStatus::kDone;
  const iovec span = {mark_, bytes};
  const ssize_t sent = channel_->Send(&span, 1, false);
  if (sent > 0) {
    stats_.bytes_written.Add(static_cast<uint64_t>(sent));
    mark_ += sent;
  }
  if (static_cast<size_t>(sent) != bytes) {
    broken_ = sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK;
    blocked_ = true;
    CloseStretch();
    KeepRest();
  }
  Reset();
  if (broken_) return SendStatus::kBroken;
  return blocked_ ? SendStatus::kBlocked : SendStatus::kDone;
}

void Transport::Abandon() {
  for (const OutputPart& part : parts_) pool_.Release(part.owned);
  Reset();
}

void Transport::Flush() {
  if (!blocked_ && *unsent_ != nullptr) FetchParked();
  Send(true);
}

bool Transport::Park() {
  const bool parked = *unsent_ != nullptr;
  if (blocked_ || !parts_.empty() || BufferedBytes() > kParkBytes) return false;
  if (parked && ((*unsent_)->bytes + BufferedBytes() > kParkBytes ||
                 (*unsent_)->parts.size() >= kParkParts)) {
    return false;
  }
  if (BufferedBytes() == 0) return true;
  if (!Keep({nullptr, mark_, nullptr, 0, BufferedBytes()})) return false;
  (*unsent_)->bytes += BufferedBytes();
  Reset();
  return true;
}

// Puts what was parked in front of what there is.
void Transport::FetchParked() {
  CloseStretch();
  const std::vector<OutputPart>& parked = (*unsent_)->parts;
  parts_.insert(parts_.begin(), parked.begin(), parked.end());
  queued_ += (*unsent_)->bytes;
  unsent_->reset();
}

void Transport::Reset() {
  at_ = mark_ = buffer_.get();
  parts_.clear();
  first_ = 0;
  queued_ = 0;
}

void Transport::CloseStretch() {
  const size_t n = BufferedBytes();
  if (n == 0) return;
  parts_.push_back({nullptr, mark_, nullptr, 0, n});
  queued_ += n;
  mark_ = at_;
}

void Transport::AddValue(Item* item, size_t from, size_t to) {
  CloseStretch();
  parts_.push_back({item, nullptr, nullptr, from, to});
  queued_ += to - from;
}

void Transport::AppendCopy(const Item& item, size_t from) {
  while (from < item.value_length) {
    const size_t n = std::min<size_t>(item.value_length - from, kMaxRoom);
    char* to = Room(n);
    CopyValueOut(item, from, to, n);
    Advance(to + n);
    from += n;
  }
}

void Transport::AppendValue(Item* item, size_t offset) {
  const size_t end = item->value_length;
  if (end - offset <= kCopyLimit) return AppendCopy(*item, offset);
  if (!blocked_ && queued() >= kCapacity) Flush();
  if (!blocked_ && last_) return AddValue(item, offset, end);
  AddValue(item, offset, end - kValueTail);
  Flush();
  AppendCopy(*item, end - kValueTail);
}

// --- Sending. ---

void Transport::Send(bool more) {
  SendStatus status = SendStatus::kBlocked;
  CloseStretch();
  if (!blocked_) status = SendParts(channel_, &parts_, &first_, more);
  if (status == SendStatus::kBroken) broken_ = true;
  if (status != SendStatus::kDone) {
    blocked_ = true;
    KeepRest();
  }
  Reset();
}

SendStatus Transport::SendParts(Channel* channel,
                                std::vector<OutputPart>* parts, size_t* first,
                                bool more) {
  iovec spans[kMaxSpans];
  while (*first < parts->size()) {
    size_t bytes = 0;
    const int count = Gather(*parts, *first, spans, &bytes);
    const ssize_t sent = channel->Send(spans, count, more);
    if (sent < 0) {
      return errno == EAGAIN || errno == EWOULDBLOCK ? SendStatus::kBlocked
                                                     : SendStatus::kBroken;
    }
    stats_.bytes_written.Add(static_cast<uint64_t>(sent));
    Skip(parts, first, static_cast<size_t>(sent));
    // A short send means that the socket is full: asking again would only
    // tell the same.
    if (static_cast<size_t>(sent) < bytes) return SendStatus::kBlocked;
  }
  return SendStatus::kDone;
}

int Transport::Gather(const std::vector<OutputPart>& parts, size_t first,
                      iovec* spans, size_t* bytes) {
  size_t count = 0;
  for (size_t i = first; i < parts.size() && count < kMaxSpans; ++i) {
    const OutputPart& part = parts[i];
    if (part.item == nullptr) {
      spans[count].iov_base = const_cast<char*>(part.bytes + part.from);
      spans[count].iov_len = part.size();
      *bytes += spans[count++].iov_len;
      continue;
    }
    size_t left = part.size();
    const size_t n =
        ValueSpans(*part.item, part.from, spans + count, kMaxSpans - count);
    for (size_t end = count + n; count < end && left > 0; ++count) {
      spans[count].iov_len = std::min(spans[count].iov_len, left);
      left -= spans[count].iov_len;
      *bytes += spans[count].iov_len;
    }
    // Not all of it: nothing behind it may go along.
    if (left > 0) break;
  }
  return static_cast<int>(count);
}

void Transport::Skip(std::vector<OutputPart>* parts, size_t* first, size_t n) {
  while (*first < parts->size()) {
    OutputPart& part = (*parts)[*first];
    if (n < part.size()) {
      part.from += n;
      return;
    }
    n -= part.size();
    // Items of parts_ are not pinned.
    if (part.owned != nullptr || parts != &parts_) ReleasePart(part);
    ++*first;
  }
}

// --- What could not be sent. ---

void Transport::KeepRest() {
  for (; first_ < parts_.size() && !broken_; ++first_) {
    broken_ = !Keep(parts_[first_]);
    if (broken_) stats_.response_obj_oom.Add();
  }
  for (; first_ < parts_.size(); ++first_) {
    pool_.Release(parts_[first_].owned);
  }
}

bool Transport::Keep(const OutputPart& part) {
  if (*unsent_ == nullptr) *unsent_ = std::make_unique<Unsent>();
  OutputPart kept = part;
  if (part.item != nullptr) {
    cache_.Pin(part.item);
  } else if (part.owned == nullptr) {
    kept.owned = pool_.Copy(part.bytes + part.from, part.size());
    if (kept.owned == nullptr) return false;
    kept.bytes = kept.owned->data();
    kept.from = 0;
    kept.to = kept.owned->size();
  }
  (*unsent_)->parts.push_back(kept);
  return true;
}

void Transport::ReleasePart(const OutputPart& part) {
  if (part.item != nullptr) {
    cache_.Unpin(thread_, part.item);
  } else {
    pool_.Release(part.owned);
  }
}

SendStatus Transport::Resume(Channel* channel,
                             std::unique_ptr<Unsent>* unsent) {
  const SendStatus status =
      SendParts(channel, &(*unsent)->parts, &(*unsent)->first, false);
  if (status == SendStatus::kDone) unsent->reset();
  return status;
}

void Transport::Drop(std::unique_ptr<Unsent>* unsent) {
  if (*unsent == nullptr) return;
  const std::vector<OutputPart>& parts = (*unsent)->parts;
  for (size_t i = (*unsent)->first; i < parts.size(); ++i) {
    ReleasePart(parts[i]);
  }
  unsent->reset();
}

}  // namespace cucache
