// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/slabs.h"

#include <glog/logging.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <memory>
#include <type_traits>

#include "base/address_space.h"

namespace cucache {

namespace {

constexpr uint32_t kMinPageSize = 16 * 1024;
constexpr uint32_t kMaxPageSize = 1024 * 1024;
// A page is at most this fraction of the memory: every class in use holds at
// least one page in each queue, and pages blur the order of eviction. With
// 2,000 to 4,000 pages mixed sizes lose 1 to 2 % of the hits to it
// (t/bench/sim, doc/eviction.md).
constexpr uint64_t kPagesInMemory = 4096;
constexpr uint32_t kMinChunk = 48;
// Up to here classes are kItemAlignment apart, then kClassFactor.
constexpr uint32_t kLinearLimit = 384;
static_assert(kMinChunk % kItemAlignment == 0);
constexpr double kClassFactor = 1.08;
constexpr PageIndex kCommitStep = 64;

// From so much memory on, what huge pages round up (2 MiB) does not count, and
// most items would cost a miss of the TLB without them.
constexpr uint64_t kHugeFrom = uint64_t{1} << 30;

constexpr uint32_t AlignDown(uint32_t size) {
  return size & ~uint32_t{kItemAlignment - 1};
}

uint64_t ShareOf(uint64_t bytes) {
  return std::min<uint64_t>(
      std::bit_floor(std::max<uint64_t>(bytes / kPagesInMemory, kMinPageSize)),
      kMaxPageSize);
}

// Also what was asked for may be too small for the head of the largest item.
// And none is smaller than the system's pages: it gives back whole ones, and
// the neighbours would lose what is in them.
uint32_t PageSizeFor(const Slabs::Options& options) {
  uint64_t size =
      options.page_size != 0 ? options.page_size : ShareOf(options.max_bytes);
  size = std::max<uint64_t>(size, static_cast<uint64_t>(sysconf(_SC_PAGESIZE)));
  const auto head_bytes = [&options](uint64_t chunk) {
    return sizeof(Item) + sizeof(uint32_t) + kMaxKeyLength +
           (options.max_item_bytes / (chunk - sizeof(Piece)) + 1) *
               sizeof(Piece*);
  };
  while (head_bytes(size / 2) > size / 2) size *= 2;
  return static_cast<uint32_t>(size);
}

// The link of a free chunk stands where an item has its CAS id, so that
// `state` stays valid for walks.
char* FreeLink(char* chunk) {
  return reinterpret_cast<char*>(
      reinterpret_cast<Item*>(chunk)->cas.load(std::memory_order_relaxed));
}
void SetFreeLink(char* chunk, char* next) {
  reinterpret_cast<Item*>(chunk)->cas.store(reinterpret_cast<uintptr_t>(next),
                                            std::memory_order_relaxed);
}

}  // namespace

Slabs::Slabs(const Options& options, EpochDomain& epochs, const Clock& clock)
    : epochs_(epochs), clock_(clock) {
  page_size_ = PageSizeFor(options);
  CHECK(std::has_single_bit(page_size_));
  page_shift_ = std::countr_zero(page_size_);
  MakeClasses();
  const uint64_t arena = std::max<uint64_t>(
      options.arena_bytes, options.max_bytes + 16 * uint64_t{page_size_});
  MapArena(arena, options.spare_address_space,
           options.huge_pages || options.max_bytes >= kHugeFrom);
  // As large as the arena; memory is touched only as pages are committed.
  pages_bytes_ = arena_pages_ * sizeof(Page);
  void* pages = mmap(nullptr, pages_bytes_, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  PCHECK(pages != MAP_FAILED) << "cannot reserve memory for pages";
  pages_ = static_cast<Page*>(pages);
  set_page_limit(options.max_bytes >> page_shift_);
}

Slabs::~Slabs() {
  static_assert(std::is_trivially_destructible_v<Page>);
  munmap(pages_, pages_bytes_);
  munmap(mapping_, mapping_bytes_);
}

void Slabs::MakeClasses() {
  uint32_t size = kMinChunk;
  int c = 0;
  while (true) {
    // As large as the number of chunks that fit into a page allows.
    const uint32_t n = page_size_ / size;
    const uint32_t fitted =
        size > kLinearLimit ? AlignDown(page_size_ / n) : size;
    chunk_sizes_[++c] = fitted;
    CHECK_LT(c, kMaxSlabClasses - 1);
    if (fitted >= max_chunk()) break;
    const uint32_t next = fitted < kLinearLimit
                              ? fitted + kItemAlignment
                              : static_cast<uint32_t>(fitted * kClassFactor);
    size = std::min(AlignDown(next), max_chunk());
  }
  classes_ = c;
  class_of_size_.resize(max_chunk() / kItemAlignment + 1);
  c = 1;
  for (size_t i = 0; i < class_of_size_.size(); ++i) {
    while (i * kItemAlignment > chunk_sizes_[c]) ++c;
    class_of_size_[i] = static_cast<uint8_t>(c);
  }
}

void Slabs::MapArena(uint64_t bytes, size_t spare, bool huge_pages) {
  constexpr size_t kAlign = 2 << 20;
  const auto bytes_of = [this](uint64_t want) {
    return ((want + page_size_ - 1) & ~uint64_t{page_size_ - 1}) + kAlign;
  };
  const uint64_t least = 16 * uint64_t{page_size_};
  mapping_ =
      ReserveAddressSpace(&bytes, least, bytes_of, spare, kItemAddressEnd);
  PCHECK(mapping_ != nullptr) << "cannot reserve memory for items";
  mapping_bytes_ = bytes_of(bytes);
  arena_ = reinterpret_cast<char*>(
      (reinterpret_cast<uintptr_t>(mapping_) + kAlign - 1) & ~(kAlign - 1));
  arena_pages_ = (mapping_bytes_ - kAlign) >> page_shift_;
  CHECK_LE(reinterpret_cast<uintptr_t>(mapping_) + mapping_bytes_,
           kItemAddressEnd);
  if (huge_pages) {
    (void)madvise(arena_, mapping_bytes_ - kAlign, MADV_HUGEPAGE);
  }
}

bool Slabs::CommitUpTo(PageIndex page) {
  if (page < committed_) return true;
  const PageIndex end = static_cast<PageIndex>(
      std::min<size_t>(arena_pages_, page + kCommitStep));
  char* from = arena_ + (static_cast<size_t>(committed_) << page_shift_);
  const size_t length = static_cast<size_t>(end - committed_) << page_shift_;
  if (mprotect(from, length, PROT_READ | PROT_WRITE) != 0) return false;
  std::uninitialized_default_construct(pages_ + committed_, pages_ + end);
  committed_ = end;
  return true;
}

// A page that nobody has used yet, or kNoPage.
PageIndex Slabs::NewPage() {
  const PageIndex next = touched_.load(std::memory_order_relaxed);
  if (next >= arena_pages_ || !CommitUpTo(next)) return kNoPage;
  touched_.store(next + 1, std::memory_order_release);
  return next;
}

// A page without memory, or kNoPage.
PageIndex Slabs::TakeBare() {
  // What has memory, in use or waiting for its grace period, is within the
  // limit; also when that was lowered and there are more pages than it allows.
  if (open_.load(std::memory_order_relaxed) + pool_.size() >= page_limit()) {
    return kNoPage;
  }
  if (bare_.empty()) return NewPage();
  const PageIndex p = bare_.back();
  bare_.pop_back();
  return p;
}

void Slabs::set_page_limit(size_t pages) {
  page_limit_.store(std::min(pages, arena_pages_), std::memory_order_relaxed);
}

void Slabs::StopHugePages() {
  (void)madvise(arena_, arena_pages_ << page_shift_, MADV_NOHUGEPAGE);
}

// The oldest of the pool, or kNoPage while its grace period lasts.
PageIndex Slabs::PopOldest() {
  if (pool_.empty() || !epochs_.Passed(pool_.front().stamp)) return kNoPage;
  const PageIndex oldest = pool_.front().index;
  pool_.pop_front();
  return oldest;
}

PageIndex Slabs::TakeClosedPage(size_t leave) {
  MutexLock lock(pool_lock_);
  const size_t open = open_.load(std::memory_order_relaxed);
  if (open + leave >= page_limit()) return kNoPage;
  const PageIndex oldest = PopOldest();
  if (oldest != kNoPage) {
    open_.store(open + 1, std::memory_order_relaxed);
    return oldest;
  }
  const PageIndex bare = TakeBare();
  if (bare == kNoPage) return kNoPage;
  resident_.fetch_add(1, std::memory_order_relaxed);
  open_.store(open + 1, std::memory_order_relaxed);
  return bare;
}

bool Slabs::OpenPage(int c, Queue q, size_t leave) {
  const PageIndex index = TakeClosedPage(leave);
  if (index == kNoPage) return false;
  Page& page = pages_[index];
  SlabClass& s = slab_classes_[c];
  s.lock.Lock();
  page.slab_class.store(static_cast<uint8_t>(c), std::memory_order_relaxed);
  page.queue.store(q, std::memory_order_relaxed);
  page.row.store(PageRow(c, q), std::memory_order_relaxed);
  page.fresh.store(0, std::memory_order_relaxed);
  page.used.store(0, std::memory_order_relaxed);
  page.free_chunks = 0;
  page.free_head = nullptr;
  page.opened = clock_.now();
  page.reopened.store(0, std::memory_order_relaxed);
  page.openings.store(page.openings.load(std::memory_order_relaxed) + 1,
                      std::memory_order_relaxed);
  page.earliest_expiry.store(~RelTime{0}, std::memory_order_relaxed);
  page.last_move.store(0, std::memory_order_relaxed);
  // Release: a walk that sees the page open sees its class, and fresh == 0.
  page.state.store(PageState::kOpen, std::memory_order_release);
  LinkPartial(s, page);
  Count(c, q, 1);
  if (observer_ != nullptr) observer_->PageOpened(index, q);
  s.lock.Unlock();
  return true;
}

void Slabs::Count(int c, Queue q, int n) {
  class_pages_[c][static_cast<int>(q)].fetch_add(n, std::memory_order_relaxed);
  queue_pages_[static_cast<int>(q)].fetch_add(n, std::memory_order_relaxed);
}

void Slabs::LinkPartial(SlabClass& s, Page& page) {
  const Queue q = page.queue.load(std::memory_order_relaxed);
  PageIndex& head = s.partial_head[static_cast<int>(q)];
  page.partial_prev = kNoPage;
  page.partial_next = head;
  if (head != kNoPage) {
    pages_[head].partial_prev = IndexOf(page);
  }
  head = IndexOf(page);
  s.AddFree(page, FreeIn(page));
  page.in_partial = true;
}

void Slabs::UnlinkPartial(SlabClass& s, Page& page) {
  const Queue q = page.queue.load(std::memory_order_relaxed);
  PageIndex& head = s.partial_head[static_cast<int>(q)];
  if (page.partial_prev != kNoPage) {
    pages_[page.partial_prev].partial_next = page.partial_next;
  } else {
    head = page.partial_next;
  }
  if (page.partial_next != kNoPage) {
    pages_[page.partial_next].partial_prev = page.partial_prev;
  }
  s.AddFree(page, -FreeIn(page));
  page.in_partial = false;
}

void Slabs::TakeFromPage(Page& page, int c, char** chunks, size_t n,
                         size_t* got) {
  const size_t before = *got;
  while (*got < n && page.free_head != nullptr) {
    chunks[(*got)++] = page.free_head;
    page.free_head = FreeLink(page.free_head);
    --page.free_chunks;
  }
  uint32_t fresh = page.fresh.load(std::memory_order_relaxed);
  const uint32_t total = chunks_per_page(c);
  char* base = arena_ + (static_cast<size_t>(IndexOf(page)) << page_shift_);
  while (*got < n && fresh < total) {
    char* chunk = base + static_cast<size_t>(fresh++) * chunk_sizes_[c];
    reinterpret_cast<Item*>(chunk)->state.store(0, std::memory_order_relaxed);
    chunks[(*got)++] = chunk;
  }
  // Release: S4, the states above are written before a walk looks at them.
  page.fresh.store(fresh, std::memory_order_release);
  page.used.store(page.used.load(std::memory_order_relaxed) +
                      static_cast<uint32_t>(*got - before),
                  std::memory_order_relaxed);
}

size_t Slabs::Take(int c, Queue q, char** chunks, size_t n) {
  SlabClass& s = slab_classes_[c];
  SpinLockGuard lock(s.lock);
  size_t got = 0;
  const PageIndex& head = s.partial_head[static_cast<int>(q)];
  while (got < n && head != kNoPage) {
    Page& page = pages_[head];
    const size_t before = got;
    TakeFromPage(page, c, chunks, n, &got);
    s.AddFree(page, before - got);
    if (FreeIn(page) == 0) UnlinkPartial(s, page);
  }
  return got;
}

bool Slabs::GiveOne(SlabClass& s, Page& page, char* chunk) {
  reinterpret_cast<Item*>(chunk)->state.store(0, std::memory_order_relaxed);
  const uint32_t used = page.used.load(std::memory_order_relaxed) - 1;
  page.used.store(used, std::memory_order_relaxed);
  SetFreeLink(chunk, page.free_head);
  page.free_head = chunk;
  ++page.free_chunks;
  if (page.state.load(std::memory_order_relaxed) == PageState::kOpen) {
    page.in_partial ? s.AddFree(page, 1) : LinkPartial(s, page);
    const bool only =
        page.partial_next == kNoPage && page.partial_prev == kNoPage;
    if (used != 0 || only) return false;  // S2
    UnlinkPartial(s, page);
  } else if (used != 0) {
    return false;
  }
  MarkClosed(page);
  return true;
}

void Slabs::MarkClosed(Page& page) {
  // Release: nothing is written to the page as this class after this.
  page.state.store(PageState::kClosed, std::memory_order_release);
  Count(page.slab_class.load(std::memory_order_relaxed),
        page.queue.load(std::memory_order_relaxed), -1);
  if (observer_ != nullptr) observer_->PageClosed(IndexOf(page));
}

void Slabs::Give(char* const* chunks, size_t n) {
  for (size_t i = 0; i < n;) {
    const int c = ClassOf(chunks[i]);
    SlabClass& s = slab_classes_[c];
    Page* closed = nullptr;
    s.lock.Lock();
    while (i < n && closed == nullptr && ClassOf(chunks[i]) == c) {
      Page& page = pages_[PageOf(chunks[i])];
      if (GiveOne(s, page, chunks[i])) closed = &page;
      ++i;
    }
    s.lock.Unlock();
    if (closed != nullptr) AddToPool(IndexOf(*closed));
  }
}

void Slabs::AddToPool(PageIndex p) {
  MutexLock lock(pool_lock_);
  pool_.push_back({p, epochs_.Stamp()});
  open_.store(open_.load(std::memory_order_relaxed) - 1,
              std::memory_order_relaxed);
}

bool Slabs::StartDraining(PageIndex p) {
  Page& page = pages_[p];
  while (true) {
    if (page.state.load(std::memory_order_acquire) != PageState::kOpen) {
      return false;
    }
    const int c = page.slab_class.load(std::memory_order_relaxed);
    SlabClass& s = slab_classes_[c];
    s.lock.Lock();
    const bool same =
        page.state.load(std::memory_order_relaxed) == PageState::kOpen &&
        page.slab_class.load(std::memory_order_relaxed) == c;
    if (!same) {
      s.lock.Unlock();
      continue;
    }
    if (page.in_partial) UnlinkPartial(s, page);
    const bool empty = page.used.load(std::memory_order_relaxed) == 0;
    if (empty) {
      MarkClosed(page);
    } else {
      page.state.store(PageState::kDraining, std::memory_order_release);
    }
    s.lock.Unlock();
    if (empty) AddToPool(p);
    return !empty;
  }
}

bool Slabs::Reopen(PageIndex p) {
  Page& page = pages_[p];
  // A page that drains does not change its class.
  const int c = page.slab_class.load(std::memory_order_relaxed);
  SlabClass& s = slab_classes_[c];
  SpinLockGuard lock(s.lock);
  if (page.state.load(std::memory_order_relaxed) != PageState::kDraining ||
      page.slab_class.load(std::memory_order_relaxed) != c) {
    return false;
  }
  page.reopened.store(clock_.now(), std::memory_order_relaxed);
  page.state.store(PageState::kOpen, std::memory_order_release);
  if (FreeIn(page) != 0) LinkPartial(s, page);
  if (observer_ != nullptr) {
    observer_->PageOpened(p, page.queue.load(std::memory_order_relaxed));
  }
  return true;
}

PageIndex Slabs::PopReleasable(size_t keep) {
  MutexLock lock(pool_lock_);
  return pool_.size() > keep ? PopOldest() : kNoPage;
}

void Slabs::ReleaseClosedPages(size_t keep, size_t most) {
  for (size_t i = 0; i < most; ++i) {
    const PageIndex p = PopReleasable(keep);
    if (p == kNoPage) return;
    // Without the lock: the kernel takes its time.
    madvise(arena_ + (static_cast<size_t>(p) << page_shift_), page_size_,
            MADV_DONTNEED);
    resident_.fetch_sub(1, std::memory_order_relaxed);
    MutexLock lock(pool_lock_);
    bare_.push_back(p);
  }
}

void Slabs::Populate(PageIndex p) {
  char* from = arena_ + (static_cast<size_t>(p) << page_shift_);
#if defined(MADV_POPULATE_WRITE)
  if (madvise(from, page_size_, MADV_POPULATE_WRITE) == 0) return;
#endif
  for (size_t i = 0; i < page_size_; i += 4096) {
    *reinterpret_cast<volatile char*>(from + i) = 0;
  }
}

void Slabs::PrefaultPages(size_t n) {
  for (size_t i = 0; i < n; ++i) {
    PageIndex p;
    {
      MutexLock lock(pool_lock_);
      if (pool_.size() >= n) return;
      p = TakeBare();
      if (p == kNoPage) return;
    }
    // Nobody else knows this page yet.
    Populate(p);
    MutexLock lock(pool_lock_);
    resident_.fetch_add(1, std::memory_order_relaxed);
    // Nobody holds anything in it: its grace period has passed.
    pool_.push_front({p, 0});
  }
}

}  // namespace cucache
