// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/restart_save.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/random.h"
#include "base/version.h"
#include "cache/value.h"

namespace cucache {

using restart::BlockHeader;
using restart::BlockKind;
using restart::FileHeader;
using restart::Record;

namespace {

// So that the disk works while items are copied, and not all at the end.
constexpr uint64_t kSyncStep = 8 << 20;

uint64_t RandomId() {
  uint64_t id;
  FillRandom(&id, sizeof(id));
  return id;
}

}  // namespace

RestartSaver::RestartSaver(Cache& cache, int fd, const Options& options)
    : cache_(cache),
      fd_(fd),
      options_(options),
      now_(cache.clock().now()),
      start_(std::chrono::steady_clock::now()),
      file_id_(RandomId()),
      block_(std::make_unique<char[]>(sizeof(BlockHeader) +
                                      restart::kBlockBytes)) {}

bool RestartSaver::Save() {
  // A flush that is due applies to everything there is; Check() does it.
  if (!WriteHeader()) return false;
  for (const PageIndex p : cache_.eviction_->PagesOldestFirst()) {
    if (!SavePage(p)) return false;
  }
  return (used_ == 0 || EndBlock(BlockKind::kItems)) && WriteTrailer();
}

bool RestartSaver::WriteHeader() {
  FileHeader header = {};
  std::memcpy(header.magic, restart::kMagic, sizeof(header.magic));
  header.format = restart::kFormat;
  header.byte_order = restart::kByteOrder;
  header.header_bytes = sizeof(header);
  header.record_bytes = sizeof(Record);
  header.file_id = file_id_;
  header.moment = options_.moment;
  header.next_cas = cache_.next_cas_block_.load(std::memory_order_relaxed);
  header.items = cache_.figures().curr_items;
  const RelTime flush_at = cache_.flush_at_.load(std::memory_order_relaxed);
  if (flush_at != ~RelTime{0} && flush_at > now_) {
    header.flush_in = flush_at - now_;
  }
  header.hash_power = static_cast<uint8_t>(cache_.HashPower());
  std::strncpy(header.writer, kFullVersion, sizeof(header.writer) - 1);
  header.checksum = restart::HeaderChecksum(
      reinterpret_cast<const char*>(&header), sizeof(header));
  return Write(&header, sizeof(header));
}

bool RestartSaver::SavePage(PageIndex p) {
  const Slabs& slabs = *cache_.slabs_;
  const Page& page = slabs.page(p);
  const uint32_t end = page.fresh.load(std::memory_order_acquire);
  bool has_pieces = false;
  for (uint32_t i = 0; i < end; ++i) {
    const auto* item = reinterpret_cast<const Item*>(slabs.Chunk(p, i));
    if (item->HasState(Item::kPiece)) {
      has_pieces = true;
    } else if (item->HasState(Item::kLinked) &&
               cache_.Check(item) == Finding::kAlive) {
      if (!SaveItem(*item)) return false;
    }
  }
  // Pieces go with the item that they belong to.
  if (options_.release && !has_pieces && end != 0) {
    Release(slabs.Chunk(p, 0), slabs.page_size());
  }
  return true;
}

Record RestartSaver::Describe(const Item& item) const {
  const uint64_t cas = item.cas.load(std::memory_order_relaxed);
  const RelTime exptime = item.exptime.load(std::memory_order_relaxed);
  Record r = {};
  r.cas_low = static_cast<uint32_t>(cas);
  r.cas_high = static_cast<uint32_t>(cas >> 32);
  r.expires_in = exptime == 0 ? 0 : exptime - now_;
  r.idle = item.idle(now_);
  r.flags = item.flags();
  r.value_length = item.value_length;
  r.key_length = item.key_length;
  r.state = item.state.load(std::memory_order_relaxed) & restart::kSavedStates;
  r.mark = item.mark.load(std::memory_order_relaxed) & restart::kSavedMarks;
  r.queue = static_cast<uint8_t>(cache_.slabs_->QueueOf(&item));
  return r;
}

bool RestartSaver::SaveItem(const Item& item) {
  const Record record = Describe(item);
  trailer_.items += 1;
  trailer_.bytes += item.key_length + uint64_t{item.value_length};
  const size_t bytes = sizeof(record) + item.key_length + item.value_length;
  if (bytes > room() && used_ != 0 && !EndBlock(BlockKind::kItems)) {
    return false;
  }
  if (bytes > restart::kBlockBytes) return SaveLarge(item, record);
  Put(&record, sizeof(record));
  if (!item.chunked()) {
    // Key and value stand side by side.
    Put(item.key_data(), item.key_length + size_t{item.value_length});
    return true;
  }
  Put(item.key_data(), item.key_length);
  CopyValueOut(item, 0, block_.get() + sizeof(BlockHeader) + used_,
               item.value_length);
  used_ += item.value_length;
  if (options_.release) ReleaseValue(item);
  return true;
}

bool RestartSaver::SaveLarge(const Item& item, const Record& record) {
  Put(&record, sizeof(record));
  Put(item.key_data(), item.key_length);
  BlockKind kind = BlockKind::kLarge;
  for (size_t done = 0; done < item.value_length;) {
    const size_t n = std::min(room(), item.value_length - done);
    CopyValueOut(item, done, block_.get() + sizeof(BlockHeader) + used_, n);
    used_ += n;
    done += n;
    if (!EndBlock(kind)) return false;
    kind = BlockKind::kMore;
  }
  if (options_.release) ReleaseValue(item);
  return true;
}

bool RestartSaver::WriteTrailer() {
  trailer_.millis = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(
          std::chrono::steady_clock::now() - start_)
          .count());
  const restart::Trailer trailer = trailer_;
  Put(&trailer, sizeof(trailer));
  return EndBlock(BlockKind::kEnd);
}

// --- Blocks. ---

void RestartSaver::Put(const void* bytes, size_t n) {
  std::memcpy(block_.get() + sizeof(BlockHeader) + used_, bytes, n);
  used_ += n;
}

bool RestartSaver::EndBlock(BlockKind kind) {
  BlockHeader header = {};
  header.kind = kind;
  header.length = static_cast<uint32_t>(used_);
  header.number = trailer_.blocks++;
  header.checksum =
      restart::BlockChecksum(file_id_, header, block_.get() + sizeof(header));
  trailer_.chain = restart::Chain(trailer_.chain, header.checksum);
  std::memcpy(block_.get(), &header, sizeof(header));
  used_ = 0;
  return Write(block_.get(), sizeof(header) + header.length);
}

bool RestartSaver::Write(const void* bytes, size_t n) {
  const auto* from = static_cast<const char*>(bytes);
  while (n > 0) {
    const ssize_t written = write(fd_, from, n);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    from += written;
    n -= static_cast<size_t>(written);
    offset_ += static_cast<uint64_t>(written);
  }
  if (offset_ - synced_ >= kSyncStep) {
    // Only begins it; whether it succeeds, fsync will tell.
    (void)sync_file_range(fd_, static_cast<off64_t>(synced_),
                          static_cast<off64_t>(offset_ - synced_),
                          SYNC_FILE_RANGE_WRITE);
    synced_ = offset_;
  }
  return true;
}

// --- Memory. ---

// Only whole pages of the system within the range, so that no neighbour loses
// anything. A failure (locked memory) costs memory, nothing else.
void RestartSaver::Release(char* from, size_t bytes) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t begin =
      (reinterpret_cast<uintptr_t>(from) + page - 1) & ~(page - 1);
  const uintptr_t end =
      (reinterpret_cast<uintptr_t>(from) + bytes) & ~(page - 1);
  if (begin >= end) return;
  (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

// The headers of the pieces go, too: then the page of pieces that are all gone
// is like any other.
void RestartSaver::ReleaseValue(const Item& item) {
  const Slabs& slabs = *cache_.slabs_;
  for (size_t i = 0; i < cache_.PieceCount(item.value_length); ++i) {
    auto* chunk = reinterpret_cast<char*>(item.piece(i));
    Release(chunk, slabs.chunk_size(slabs.ClassOf(chunk)));
  }
}

}  // namespace cucache
