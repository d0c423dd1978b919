// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Memory for items: pages, cut into chunks of one class. (Counterpart:
// slabs.c.) A page belongs to one class and one queue (probation or main, see
// cache/eviction.h) from the moment it is opened until it is empty again; then
// any class may have it. Chunks move between here and the threads in batches
// (cache/cache_thread.h), so the locks below are taken once for many items.
//
// Invariants:
//   S1 `used` of a page counts its chunks that are not in its own free list
//      and not yet untouched: those that are items, that wait for a grace
//      period, or that sit in a thread's magazine. It changes only with the
//      lock of the page's class held.
//   S2 A page whose `used` is 0 is closed at once by whoever made it 0, unless
//      it is the only page of its class and queue with free chunks.
//   S3 A closed page is opened again only when a grace period has passed, so
//      that a walk over its chunks which is under way never reads one with the
//      size of one class and the bytes of another.
//   S4 Chunks from index `fresh` on have never been handed out since the page
//      was opened, and may hold anything; `state` of every chunk below it is
//      valid: it has kLinked only of an item that is in the table, or about
//      to be, and kPiece only while it is a piece. (What an item leaves behind
//      in a chunk that nobody uses says neither.)
//   S5 The number of open pages is at most page_limit(), except while
//      it is being lowered.
//   S6 The free list of a page that drains is valid; it only gives nothing. So
//      a page that does not become empty can be opened again.
//   S7 A thread that is on line and has seen a page not closed (acquire) may
//      rely on its class, and on chunks below a `fresh` loaded after that,
//      until its next quiescent state: by S3 nobody opens the page as another
//      class before. What is kept longer is compared with `openings`.
//   S8 `free` of a class and queue is the sum of what the pages of its list
//      have to give: their free chunks, and those from `fresh` on.
//
// Thread safety: all public methods by any thread. Lock order: class lock,
// then the observer's. The pool lock is a leaf.
//
// Units: bytes, pages, chunks; a page index is its number in the arena.

#ifndef CUCACHE_CACHE_SLABS_H_
#define CUCACHE_CACHE_SLABS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "base/epoch.h"
#include "base/locks.h"
#include "base/stats.h"
#include "cache/item.h"

namespace cucache {

enum class Queue : uint8_t { kProbation, kMain };
inline constexpr int kQueues = 2;

enum class PageState : uint8_t {
  kClosed,    // in the pool, or never used
  kOpen,      // gives chunks
  kDraining,  // gives none; is being emptied
};

// Class and queue of a page in one number, for tables by both.
inline constexpr size_t kPageRows = size_t{kMaxSlabClasses} * kQueues;
constexpr uint16_t PageRow(int c, Queue q) {
  return static_cast<uint16_t>(c * kQueues + static_cast<int>(q));
}

using PageIndex = uint32_t;
inline constexpr PageIndex kNoPage = ~PageIndex{0};

// What is known about one page. Written under the lock of its class; the
// atomics are read by anyone.
struct alignas(64) Page {
  // Read on every hit, changed when the page is opened, drained or closed.
  std::atomic<PageState> state{PageState::kClosed};
  std::atomic<Queue> queue{Queue::kProbation};
  std::atomic<uint8_t> slab_class{0};
  std::atomic<uint16_t> row{0};  // PageRow() of the two
  bool in_partial = false;
  bool queued = false;
  // How often it was opened: tells one use of the page from the next.
  std::atomic<uint32_t> openings{0};
  RelTime opened = 0;  // for `age`
  // When it last gave up draining; 0: not since it was opened.
  std::atomic<RelTime> reopened{0};
  // The order of eviction; guarded by the lock of cache/eviction.h.
  PageIndex queue_next = kNoPage, queue_prev = kNoPage;
  // The class's list of pages that have chunks to give.
  PageIndex partial_next = kNoPage, partial_prev = kNoPage;

  // Changed as chunks come and go, so on a line of its own.
  alignas(64) std::atomic<uint32_t> fresh{0};  // S4
  std::atomic<uint32_t> used{0};               // S1
  uint32_t free_chunks = 0;                    // length of the free list
  char* free_head = nullptr;                   // linked through Item::cas
  // No item here expires before this moment (see crawler.h).
  std::atomic<RelTime> earliest_expiry{~RelTime{0}};
  // The number of the last move of an item into this page (Cache::Walk).
  std::atomic<uint64_t> last_move{0};
};

// Told when pages come and go; eviction keeps its queues with it. Called with
// the lock of the page's class held, so that the calls for one page come in
// their order.
class PageObserver {
 public:
  virtual ~PageObserver() = default;
  virtual void PageOpened(PageIndex page, Queue queue) = 0;
  virtual void PageClosed(PageIndex page) = 0;
};

class Slabs {
 public:
  struct Options {
    uint64_t max_bytes = 64 << 20;   // for pages; page_limit follows
    uint64_t arena_bytes = 0;        // address space; 0: from max_bytes
    size_t spare_address_space = 0;  // that is left for others
    uint32_t page_size = 0;          // a power of two; 0: from max_bytes
    // A page has to hold the pointers to all pieces of an item this large, or
    // it is larger than that.
    uint64_t max_item_bytes = 1 << 20;
    bool huge_pages = false;  // (-L) always, not only in a large memory
  };

  Slabs(const Options& options, EpochDomain& epochs, const Clock& clock);
  ~Slabs();
  Slabs(const Slabs&) = delete;
  Slabs& operator=(const Slabs&) = delete;

  void set_observer(PageObserver* observer) { observer_ = observer; }

  // --- Classes: 1 .. classes(). ---
  int classes() const { return classes_; }
  uint32_t chunk_size(int c) const { return chunk_sizes_[c]; }
  uint32_t chunks_per_page(int c) const { return page_size_ / chunk_sizes_[c]; }
  // The class of the smallest chunk that holds `size` bytes; 0 if none does.
  int ClassFor(size_t size) const {
    return size <= max_chunk()
               ? class_of_size_[(size + kItemAlignment - 1) / kItemAlignment]
               : 0;
  }
  uint32_t page_size() const { return page_size_; }
  // The largest chunk. Half a page, so that values between half a page and a
  // whole one, which would waste up to half, are kept in pieces.
  uint32_t max_chunk() const { return page_size_ / 2; }

  // --- Chunks, in batches. ---
  // Takes up to `n` chunks of a class and queue from pages that are open.
  // Their `state` is valid (S4). Returns how many.
  size_t Take(int c, Queue q, char** chunks, size_t n);
  // Opens a page for a class, if there are more than `leave` to open.
  [[nodiscard]] bool OpenPage(int c, Queue q, size_t leave);
  static constexpr size_t kOpenNone = ~size_t{0} / 2;  // for `leave`
  // Gives back chunks (of any classes).
  void Give(char* const* chunks, size_t n);

  // --- Pages. ---
  PageIndex PageOf(const void* chunk) const {
    return static_cast<PageIndex>((static_cast<const char*>(chunk) - arena_) >>
                                  page_shift_);
  }
  Page& page(PageIndex i) { return pages_[i]; }
  const Page& page(PageIndex i) const { return pages_[i]; }
  // Is this an address where a chunk may be?
  bool Holds(const void* address) const {
    const auto offset =
        static_cast<uint64_t>(reinterpret_cast<uintptr_t>(address) -
                              reinterpret_cast<uintptr_t>(arena_));
    return offset % kItemAlignment == 0 &&
           offset >> page_shift_ < touched_pages();
  }
  int ClassOf(const void* chunk) const {
    return pages_[PageOf(chunk)].slab_class.load(std::memory_order_relaxed);
  }
  Queue QueueOf(const void* chunk) const {
    return pages_[PageOf(chunk)].queue.load(std::memory_order_relaxed);
  }
  uint16_t RowOf(const void* chunk) const {
    return pages_[PageOf(chunk)].row.load(std::memory_order_relaxed);
  }
  // The i-th chunk of a page that is open or draining.
  char* Chunk(PageIndex p, uint32_t i) const {
    return arena_ + (static_cast<size_t>(p) << page_shift_) +
           static_cast<size_t>(i) * chunk_sizes_[pages_[p].slab_class.load(
                                        std::memory_order_relaxed)];
  }
  // Pages with an index below this may be in use.
  PageIndex touched_pages() const {
    return touched_.load(std::memory_order_acquire);
  }
  // No more chunks from this page. Returns false if it was not open. The page
  // closes when its last chunk comes back.
  bool StartDraining(PageIndex p);
  // A page that drains may give chunks again after all. Returns false if it did
  // not drain.
  bool Reopen(PageIndex p);

  // --- The limit. ---
  size_t page_limit() const {
    return page_limit_.load(std::memory_order_relaxed);
  }
  void set_page_limit(size_t pages);
  // The kernel would fill the gaps of huge pages again that
  // ReleaseClosedPages() left: for those who want memory back more than speed.
  void StopHugePages();
  size_t arena_pages() const { return arena_pages_; }
  size_t open_pages() const { return open_.load(std::memory_order_relaxed); }
  // Pages that could be opened now or after a grace period.
  size_t free_pages() const {
    const size_t open = open_pages(), limit = page_limit();
    return open < limit ? limit - open : 0;
  }
  size_t class_pages(int c, Queue q) const {
    return class_pages_[c][static_cast<int>(q)].load(std::memory_order_relaxed);
  }
  size_t queue_pages(Queue q) const {
    return queue_pages_[static_cast<int>(q)].load(std::memory_order_relaxed);
  }
  // Free chunks in open pages of a class and queue (not those in magazines).
  size_t FreeChunks(int c, Queue q) const {
    return slab_classes_[c].free[static_cast<int>(q)].load(
        std::memory_order_relaxed);
  }
  // Gives memory of closed pages above `keep` back to the system, of at most
  // `most` pages.
  void ReleaseClosedPages(size_t keep, size_t most);
  // Makes sure that `n` closed pages have memory behind them already.
  void PrefaultPages(size_t n);
  // Bytes of pages that have memory behind them.
  size_t resident_bytes() const {
    return resident_.load(std::memory_order_relaxed) << page_shift_;
  }

  // Tests: what is known about those pages.
  std::pair<void*, size_t> pages_span() const {
    return {pages_, touched_pages() * sizeof(Page)};
  }
  // Tests: the part of the arena that is in use.
  std::pair<void*, size_t> arena_span() const {
    return {arena_, static_cast<size_t>(touched_pages()) << page_shift_};
  }

 private:
  struct ClosedPage {
    PageIndex index;
    uint64_t stamp;  // S3
  };
  struct alignas(64) SlabClass {
    SpinLock lock;
    // Pages with something to give, of each queue: the first of the list.
    PageIndex partial_head[kQueues] GUARDED_BY(lock) = {kNoPage, kNoPage};
    // S8. Written with the lock held, read by anyone.
    std::atomic<size_t> free[kQueues] = {};

    void AddFree(const Page& page, size_t n) REQUIRES(lock) {
      std::atomic<size_t>& sum =
          free[static_cast<int>(page.queue.load(std::memory_order_relaxed))];
      sum.store(sum.load(std::memory_order_relaxed) + n,
                std::memory_order_relaxed);
    }
  };

  void MakeClasses();
  void MapArena(uint64_t bytes, size_t spare, bool huge_pages);
  void Populate(PageIndex p);
  // False: the system has no memory left.
  [[nodiscard]] bool CommitUpTo(PageIndex page) REQUIRES(pool_lock_);
  PageIndex NewPage() REQUIRES(pool_lock_);
  PageIndex PopOldest() REQUIRES(pool_lock_);
  PageIndex PopReleasable(size_t keep);
  PageIndex TakeBare() REQUIRES(pool_lock_);
  PageIndex TakeClosedPage(size_t leave);
  void TakeFromPage(Page& page, int c, char** chunks, size_t n, size_t* got);
  // What a page has to give. With the lock of its class held.
  size_t FreeIn(const Page& page) const {
    const int c = page.slab_class.load(std::memory_order_relaxed);
    return page.free_chunks + chunks_per_page(c) -
           page.fresh.load(std::memory_order_relaxed);
  }
  void LinkPartial(SlabClass& s, Page& page) REQUIRES(s.lock);
  void UnlinkPartial(SlabClass& s, Page& page) REQUIRES(s.lock);
  // Returns whether the page became closed; then AddToPool().
  bool GiveOne(SlabClass& s, Page& page, char* chunk) REQUIRES(s.lock);
  void MarkClosed(Page& page);  // with the lock of its class held
  void AddToPool(PageIndex p);
  void Count(int c, Queue q, int n);
  PageIndex IndexOf(const Page& page) const {
    return static_cast<PageIndex>(&page - pages_);
  }

  EpochDomain& epochs_;
  const Clock& clock_;
  PageObserver* observer_ = nullptr;

  uint32_t page_size_;
  int page_shift_;
  int classes_ = 0;
  std::array<uint32_t, kMaxSlabClasses> chunk_sizes_{};
  std::vector<uint8_t> class_of_size_;  // by size / kItemAlignment

  char* arena_ = nullptr;
  size_t arena_pages_ = 0;
  void* mapping_ = nullptr;
  size_t mapping_bytes_ = 0;
  size_t pages_bytes_ = 0;
  Page* pages_ = nullptr;  // constructed up to committed_
  std::array<SlabClass, kMaxSlabClasses> slab_classes_;

  Mutex pool_lock_;
  // Closed pages with memory behind them, the oldest first; and those that
  // gave theirs back, for which every grace period has passed.
  std::deque<ClosedPage> pool_ GUARDED_BY(pool_lock_);
  std::vector<PageIndex> bare_ GUARDED_BY(pool_lock_);
  PageIndex committed_ GUARDED_BY(pool_lock_) = 0;
  std::atomic<PageIndex> touched_{0};
  std::atomic<size_t> page_limit_{0};
  std::atomic<size_t> open_{0};
  std::atomic<size_t> resident_{0};
  std::array<std::array<std::atomic<size_t>, kQueues>, kMaxSlabClasses>
      class_pages_{};
  std::array<std::atomic<size_t>, kQueues> queue_pages_{};
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_SLABS_H_
