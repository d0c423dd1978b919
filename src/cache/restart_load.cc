// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/restart_load.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/threads.h"
#include "cache/value.h"

namespace cucache {

using restart::BlockHeader;
using restart::BlockKind;
using restart::FileHeader;
using restart::Record;

namespace {

// Items that are inserted together, so that their cache misses overlap.
constexpr size_t kBatch = 32;
// Ids may not wrap around.
constexpr uint64_t kMaxCas = uint64_t{1} << 62;
// No idle time is longer, so that times in the past can be told from times in
// the future.
constexpr uint64_t kMaxIdle = std::numeric_limits<int32_t>::max();

}  // namespace

// --- One thread's part. ---

struct RestartLoader::Pending {
  Item* item;
  uint64_t hash;
  uint64_t cas;
  RelTime last_access;
};

class RestartLoader::Inserter {
 public:
  explicit Inserter(RestartLoader& loader)
      : loader_(loader), cache_(*loader.cache_), t_(cache_, stats_) {}
  ~Inserter() {
    loader_.records_.fetch_add(records_, std::memory_order_relaxed);
    loader_.bytes_.fetch_add(bytes_, std::memory_order_relaxed);
    loader_.expired_.fetch_add(expired_, std::memory_order_relaxed);
    loader_.dropped_.fetch_add(dropped_, std::memory_order_relaxed);
  }

  void Online() { t_.Online(); }
  void Offline() { t_.Offline(); }

  // Of a block that is verified. False: it makes no sense.
  bool Items(const char* at, const char* end) {
    while (at < end) {
      Record record;
      std::string_view key;
      if (!Parse(&at, end, &record, &key)) return false;
      if (static_cast<size_t>(end - at) < record.value_length) return false;
      if (Item* item = Make(record, key); item != nullptr) {
        CopyValueIn(item, 0, at, record.value_length);
        Add(item, record);
      }
      at += record.value_length;
    }
    Link();
    return true;
  }

  // The head of a record; F3, F4.
  bool Parse(const char** at, const char* end, Record* record,
             std::string_view* key) const {
    const size_t head = loader_.header_.record_bytes;
    if (static_cast<size_t>(end - *at) < head) return false;
    std::memcpy(record, *at, sizeof(*record));
    *at += head;
    if (record->key_length == 0 || record->key_length > kMaxKeyLength ||
        record->queue >= kQueues ||
        static_cast<size_t>(end - *at) < record->key_length) {
      return false;
    }
    *key = {*at, record->key_length};
    *at += record->key_length;
    return true;
  }

  // An item without its value; nullptr: it is not wanted, or has no room.
  Item* Make(const Record& r, std::string_view key) {
    records_ += 1;
    bytes_ += key.size() + r.value_length;
    const bool dead = r.expires_in != 0 && r.expires_in <= loader_.away_;
    if (dead || loader_.flushed_) {
      ++expired_;
      return nullptr;
    }
    ItemShape shape;
    shape.key = key;
    shape.flags = r.flags;
    shape.value_length = r.value_length;
    shape.binary_key = (r.state & Item::kBinaryKey) != 0;
    if (r.expires_in != 0) {
      const uint64_t at = loader_.now_ + (r.expires_in - loader_.away_);
      // Further away than the clock reaches is never, as for a client.
      if (at <= std::numeric_limits<RelTime>::max()) {
        shape.exptime = static_cast<RelTime>(at);
      }
    }
    Item* item = cache_.AllocateSaved(t_, shape, static_cast<Queue>(r.queue));
    if (item == nullptr) {
      ++dropped_;
      return nullptr;
    }
    item->mark.store(r.mark & restart::kSavedMarks, std::memory_order_relaxed);
    item->state.fetch_or(r.state & restart::kSavedStates,
                         std::memory_order_relaxed);
    return item;
  }

  // Takes an item that is complete.
  void Add(Item* item, const Record& r) {
    Pending& p = pending_[count_++];
    const uint64_t idle = std::min<uint64_t>(r.idle + loader_.away_, kMaxIdle);
    p.item = item;
    p.hash = cache_.Hash(item->key());
    p.cas = uint64_t{r.cas_high} << 32 | r.cas_low;
    p.last_access = loader_.now_ - static_cast<RelTime>(idle);
    cache_.assoc_->Prefetch(p.hash);
    if (count_ == kBatch) Link();
  }

  void Free(Item* item) { cache_.Free(t_, item); }

  void Link() {
    for (size_t i = 0; i < count_; ++i) LinkOne(pending_[i]);
    count_ = 0;
    t_.Quiescent();
  }

 private:
  void LinkOne(const Pending& p) {
    const bool linked = cache_.Update(
        t_, p.hash, p.item->key(),
        [&p](Item*) {
          return Cache::Decision{Cache::Action::kReplace, p.item};
        },
        p.cas);
    if (linked) {
      p.item->last_access.store(p.last_access, std::memory_order_relaxed);
    } else {
      ++dropped_;
      Free(p.item);
    }
  }

  RestartLoader& loader_;
  Cache& cache_;
  ThreadStats stats_;
  CacheThread t_;
  Pending pending_[kBatch];
  size_t count_ = 0;
  uint64_t records_ = 0, bytes_ = 0, expired_ = 0, dropped_ = 0;
};

// --- The header. ---

RestartLoader::RestartLoader(int fd, const Options& options)
    : fd_(fd), options_(options) {}

RestartLoader::Status RestartLoader::Fail(Status status,
                                          const std::string& why) {
  MutexLock lock(fail_lock_);
  if (status_ == Status::kLoaded) {
    status_ = status;
    why_ = why;
  }
  failed_.store(true, std::memory_order_relaxed);
  return status_;
}

void RestartLoader::FailBlock(const char* why, const BlockHeader& block) {
  Fail(Status::kUnusable, "block " + std::to_string(block.number) + ": " + why);
}

bool RestartLoader::ReadAt(uint64_t offset, char* to, size_t n) {
  while (n > 0) {
    const ssize_t got = pread(fd_, to, n, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    to += got;
    offset += static_cast<uint64_t>(got);
    n -= static_cast<size_t>(got);
  }
  return true;
}

RestartLoader::Status RestartLoader::ReadHeader() {
  struct stat info;
  if (fstat(fd_, &info) != 0) {
    return Fail(Status::kUnusable, std::strerror(errno));
  }
  file_bytes_ = static_cast<uint64_t>(info.st_size);
  char bytes[restart::kMaxHeaderBytes];
  if (file_bytes_ < sizeof(restart::kMagic) ||
      !ReadAt(0, bytes, sizeof(restart::kMagic)) ||
      std::memcmp(bytes, restart::kMagic, sizeof(restart::kMagic)) != 0) {
    return Fail(Status::kForeign, "it is not a file of cucached -e");
  }
  if (file_bytes_ < sizeof(header_) || !ReadAt(0, bytes, sizeof(header_))) {
    return Fail(Status::kUnusable, "it is cut off in its header");
  }
  std::memcpy(&header_, bytes, sizeof(header_));
  if (header_.byte_order != restart::kByteOrder) {
    return Fail(Status::kUnusable, "it is from a machine of other byte order");
  }
  if (header_.format != restart::kFormat) {
    return Fail(Status::kUnusable,
                "its format is " + std::to_string(header_.format) +
                    ", this server reads " + std::to_string(restart::kFormat));
  }
  const uint32_t n = header_.header_bytes;
  uint64_t checksum;
  if (n < sizeof(header_) || n > restart::kMaxHeaderBytes || n > file_bytes_ ||
      !ReadAt(0, bytes, n)) {
    return Fail(Status::kUnusable, "the length of its header is wrong");
  }
  std::memcpy(&checksum, bytes + n - sizeof(checksum), sizeof(checksum));
  if (checksum != restart::HeaderChecksum(bytes, n)) {
    return Fail(Status::kUnusable, "the checksum of its header is wrong");
  }
  if (header_.next_cas > kMaxCas) {
    return Fail(Status::kUnusable, "its CAS ids are used up");
  }
  if (header_.record_bytes < sizeof(Record) ||
      header_.record_bytes > restart::kMaxRecordBytes) {
    return Fail(Status::kUnusable, "the length of its records is wrong");
  }
  return Status::kLoaded;
}

std::string RestartLoader::writer() const {
  return {header_.writer, strnlen(header_.writer, sizeof(header_.writer))};
}

// --- The blocks. ---

RestartLoader::Status RestartLoader::Load(Cache& cache) {
  const auto start = std::chrono::steady_clock::now();
  cache_ = &cache;
  Begin();
  std::vector<std::thread> others;
  for (int i = 1; i < options_.threads; ++i) {
    std::thread other;
    std::string why;
    // It can be done by fewer.
    if (!StartThread(
            "cu-load", [this] { RunThread(); }, &other, &why)) {
      break;
    }
    others.push_back(std::move(other));
  }
  RunThread();
  for (std::thread& other : others) other.join();
  {
    MutexLock lock(turn_);
    if (!failed() && (records_ != trailer_.items || bytes_ != trailer_.bytes)) {
      Fail(Status::kUnusable, "the number of its items is wrong");
    }
    save_millis_ = trailer_.millis;
  }
  millis_ = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(
          std::chrono::steady_clock::now() - start)
          .count());
  MutexLock lock(fail_lock_);
  return status_;
}

void RestartLoader::Begin() {
  (void)posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
  away_ = static_cast<uint64_t>(options_.now.Since(header_.moment));
  now_ = cache_->clock().now();
  cache_->next_cas_block_.store(std::max<uint64_t>(header_.next_cas, 1),
                                std::memory_order_relaxed);
  cache_->RaiseHashPower(0, header_.hash_power);
  if (header_.flush_in != 0) {
    flushed_ = header_.flush_in <= away_;
    const uint64_t at = now_ + (header_.flush_in - away_);
    if (!flushed_ && at < ~RelTime{0}) {
      // In a new cache no generation is used up.
      MutexLock lock(cache_->flush_lock_);
      cache_->flush_at_.store(static_cast<RelTime>(at),
                              std::memory_order_relaxed);
    }
  }
  MutexLock lock(turn_);
  offset_ = header_.header_bytes;
}

void RestartLoader::RunThread() {
  const auto payload = std::make_unique<char[]>(restart::kBlockBytes);
  Inserter inserter(*this);
  while (Turn(inserter, payload.get())) {
  }
}

// Reads one block, or one large item, and inserts it. False: that was all.
bool RestartLoader::Turn(Inserter& inserter, char* payload) {
  BlockHeader header;
  {
    MutexLock lock(turn_);
    if (at_end_ || failed() || !ReadBlock(&header, payload)) return false;
    if (header.kind == BlockKind::kEnd) {
      if (Verify(header, payload)) ReadTrailer(header, payload);
      return false;
    }
    if (header.kind == BlockKind::kLarge) {
      inserter.Online();
      if (Verify(header, payload)) LoadLarge(inserter, header, payload);
      inserter.Offline();
      return !failed();
    }
  }
  if (header.kind != BlockKind::kItems) {
    FailBlock("it may not stand there", header);
    return false;
  }
  if (!Verify(header, payload)) return false;
  inserter.Online();
  if (!inserter.Items(payload, payload + header.length)) {
    FailBlock("it makes no sense", header);
  }
  inserter.Offline();
  return !failed();
}

bool RestartLoader::ReadBlock(BlockHeader* header, char* payload) {
  if (options_.stop() && !released_.load(std::memory_order_relaxed)) {
    Fail(Status::kStopped, "stopped");
    return false;
  }
  header->number = next_block_;
  const uint64_t left = file_bytes_ - offset_;
  if (left < sizeof(*header) ||
      !ReadAt(offset_, reinterpret_cast<char*>(header), sizeof(*header))) {
    FailBlock("the file ends too early", *header);
    return false;
  }
  if (header->number != next_block_ || header->length > restart::kBlockBytes) {
    header->number = next_block_;
    FailBlock("its header is damaged", *header);
    return false;
  }
  if (left - sizeof(*header) < header->length ||
      !ReadAt(offset_ + sizeof(*header), payload, header->length)) {
    FailBlock("the file ends too early", *header);
    return false;
  }
  ReleaseRange(offset_, sizeof(*header) + header->length);
  offset_ += sizeof(*header) + header->length;
  ++next_block_;
  if (header->kind != BlockKind::kEnd) {
    chain_ = restart::Chain(chain_, header->checksum);
  }
  return true;
}

bool RestartLoader::Verify(const BlockHeader& header, const char* payload) {
  if (header.checksum ==
      restart::BlockChecksum(header_.file_id, header, payload)) {
    return true;
  }
  FailBlock("its checksum is wrong", header);
  return false;
}

// The blocks behind the first are read here, one by one, into the same buffer.
void RestartLoader::LoadLarge(Inserter& inserter, const BlockHeader& first,
                              char* payload) {
  const char* at = payload;
  const char* end = payload + first.length;
  Record record;
  std::string_view key;
  if (!inserter.Parse(&at, end, &record, &key)) {
    FailBlock("it makes no sense", first);
    return;
  }
  Item* item = inserter.Make(record, key);
  BlockHeader block = first;
  for (size_t done = 0;;) {
    const auto n = static_cast<size_t>(end - at);
    if (n > record.value_length - done) {
      FailBlock("there is more than the value", block);
      break;
    }
    if (item != nullptr) CopyValueIn(item, done, at, n);
    done += n;
    if (done == record.value_length) {
      if (item != nullptr) inserter.Add(item, record);
      inserter.Link();
      return;
    }
    if (!ReadBlock(&block, payload) || !Verify(block, payload)) break;
    if (block.kind != BlockKind::kMore || block.length == 0) {
      FailBlock("the rest of a value is missing", block);
      break;
    }
    at = payload;
    end = payload + block.length;
  }
  if (item != nullptr) inserter.Free(item);
}

// F2.
void RestartLoader::ReadTrailer(const BlockHeader& header,
                                const char* payload) {
  at_end_ = true;
  if (header.length < sizeof(trailer_)) {
    FailBlock("its trailer is cut off", header);
    return;
  }
  std::memcpy(&trailer_, payload, sizeof(trailer_));
  if (trailer_.blocks != header.number || trailer_.chain != chain_) {
    FailBlock("the sum of the blocks is wrong", header);
  } else if (offset_ != file_bytes_) {
    FailBlock("there is something behind the end", header);
  }
}

void RestartLoader::ReleaseRange(uint64_t offset, size_t n) {
  if (!options_.release) return;
  if (fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                static_cast<off_t>(offset), static_cast<off_t>(n)) == 0) {
    released_.store(true, std::memory_order_relaxed);
  }
}

RestartFigures RestartLoader::figures() const {
  RestartFigures f;
  f.expired = expired_;
  f.dropped = dropped_;
  f.items = records_ - expired_ - dropped_;
  f.load_millis = millis_;
  f.save_millis = save_millis_;
  return f;
}

}  // namespace cucache
