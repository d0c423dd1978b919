// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The maintenance thread: one thread for everything that can be done ahead or
// behind the workers' backs. (Counterparts: assoc_maintenance_thread,
// slab_rebalance_thread, lru_maintainer_thread, item_crawler_thread.)

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "base/threads.h"
#include "base/time_slice.h"
#include "cache/cache.h"
#include "cache/crawler.h"

namespace cucache {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// What one step does of each kind before it looks at the others.
constexpr size_t kBucketsPerStep = 4096;
constexpr size_t kCrawlChunks = 2048;
// What can wait works at most a quarter of the time: the crawler, and
// compaction while no memory is wanted.
constexpr int kRest = 3;
constexpr size_t kCompactBytes = 256 << 10;
// Sparse pages are compacted ahead of need until this part of all is free.
constexpr size_t kFreeShare = 2;
// With this part of all free, `slabs reassign` takes nothing from anybody.
constexpr size_t kPlentyShare = 2;
constexpr auto kNap = milliseconds(100);
// Between two looks at how many items there are, which reads all stripes.
constexpr auto kFitInterval = milliseconds(10);
constexpr auto kShortNap = milliseconds(1);
// Pages that are kept with memory behind them, so that a set does not wait
// for the kernel to clear one.
constexpr size_t kPrefaultBytes = 4 << 20;
// What is given back to the system in one step, which takes it some 2 ms: no
// grace period passes meanwhile.
constexpr size_t kReleaseAtOnce = size_t{32} << 20;
constexpr RelTime kReleaseInterval = 4;
// A walk follows items that move this many times.
constexpr int kMaxPasses = 8;

uint64_t ThreadCpuNs() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1000000000 +
         static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace

bool Cache::StartMaintenance(std::string* error) {
  return StartThread(
      "cu-maintenance", [this] { MaintenanceLoop(); }, &maintenance_, error);
}

void Cache::StopMaintenance() {
  if (!maintenance_.joinable()) return;
  {
    MutexLock lock(wake_lock_);
    stop_ = true;
  }
  wake_.notify_all();
  maintenance_.join();
}

void Cache::Wake() {
  // One of many that see it asleep pays for the system call.
  if (!asleep_.exchange(false, std::memory_order_relaxed)) return;
  // It sleeps, or is about to with this lock held.
  { MutexLock lock(wake_lock_); }
  wake_.notify_one();
}

// However often the thread is woken for other work, the crawler rests: between
// two steps, and, when it has seen all pages, for a nap. A round that is asked
// for meanwhile begins at once.
void Cache::Crawl(CacheThread& t) {
  const bool asked = crawler_->running() && !crawling_;
  const auto start = steady_clock::now();
  if (start < next_crawl_ && !asked) return;
  // Switched off, it still finishes what a flush or a client asked for.
  if (!settings_.lru_crawler && !crawler_->running()) return;
  const uint64_t before = ThreadCpuNs();
  crawling_ = crawler_->Step(t, kCrawlChunks);
  crawler_ns_.fetch_add(ThreadCpuNs() - before, std::memory_order_relaxed);
  const auto now = steady_clock::now();
  next_crawl_ =
      now + (crawling_ ? std::max<std::chrono::nanoseconds>(
                             microseconds(settings_.lru_crawler_sleep),
                             kRest * (now - start))
                       : kNap);
}

// A client that fills a size class of its own a moment later shall not have to
// wait for memory that others do not use.
bool Cache::CompactAhead(CacheThread& t) {
  const size_t pages = slabs_->page_limit() / kFreeShare;
  if (slabs_->free_pages() >= pages) return false;
  eviction_->FindSparse();
  const bool more = eviction_->Compact(t, kCompactBytes, pages);
  t.Reclaim();
  return more;
}

void Cache::Compact(CacheThread& t) {
  const auto start = steady_clock::now();
  if (start < next_compaction_) return;
  compacting_ = CompactAhead(t);
  const auto now = steady_clock::now();
  next_compaction_ = now + kRest * (now - start);
}

void Cache::MaintenanceLoop() {
  // It may work for seconds, as while the table grows.
  AskForShortTimeSlices();
  CacheThread t(*this, maintenance_stats_);
  while (true) {
    t.Online();
    const bool busy = MaintenanceStep(t);
    Crawl(t);
    Compact(t);
    t.Offline();
    CollectAll();
    epochs_.TryAdvance();

    std::chrono::nanoseconds nap = kNap;
    if (limbo_waits_) nap = kShortNap;
    for (const auto& [more, at] : {std::pair(crawling_, next_crawl_),
                                   std::pair(compacting_, next_compaction_)}) {
      if (!more) continue;
      nap = std::clamp<std::chrono::nanoseconds>(
          at - steady_clock::now(), std::chrono::nanoseconds(0), nap);
    }
    MutexLock lock(wake_lock_);
    if (stop_) return;
    if (busy) continue;
    asleep_.store(true, std::memory_order_relaxed);
    wake_.wait_for(wake_lock_, nap);
    asleep_.store(false, std::memory_order_relaxed);
  }
}

bool Cache::MaintainTable(CacheThread& t) {
  const bool grew = assoc_->is_expanding();
  const bool busy = assoc_->Maintain(kBucketsPerStep);
  const bool grows = assoc_->is_expanding();
  if (grew != grows && t.events().Wants(kWatchSysEvents)) {
    t.events().Write({.kind = kWatchSysEvents},
                     std::string("type=table_grow state=") +
                         (grows ? "started" : "done") +
                         " hash_power=" + std::to_string(assoc_->hash_power()));
  }
  return busy;
}

// True if there is more to do at once.
bool Cache::MaintenanceStep(CacheThread& t) {
  const RelTime now = clock_.now();
  // Once a second unasked, because only then it shrinks.
  bool busy =
      (assoc_->NeedsMaintenance() || now != last_second_) && MaintainTable(t);
  t.Reclaim();
  NotePeak();
  const bool short_of_pages = slabs_->free_pages() < HighPages();
  const RelTime crawl_at = flush_crawl_at_.load(std::memory_order_relaxed);
  if (now >= crawl_at || (short_of_pages && crawl_at != ~RelTime{0})) {
    CrawlAfterFlush();
  }
  if (short_of_pages) {
    // Before the first is evicted, so that the ghost forgets nothing.
    FitGhost();
    eviction_->FindSparse();
    busy |= eviction_->Drain(t, slabs_->page_size());
    t.Reclaim();
  }
  if (now >= flush_at_.load(std::memory_order_relaxed)) FlushNow();
  if (clear_ghost_.exchange(false, std::memory_order_relaxed)) {
    eviction_->ClearGhost();
  }
  const size_t reserve = kPrefaultBytes / slabs_->page_size();
  slabs_->PrefaultPages(std::min(reserve, slabs_->page_limit() / 64));
  if (now != last_second_) {
    last_second_ = now;
    const size_t items = assoc_->size();
    eviction_->FitGhost(items);
    FitPageLimit();
    RaiseHashPower(items);
    eviction_->DrainStragglers(t);
  }
  ReleaseMemory(now);
  return busy;
}

void Cache::FitGhost() {
  const auto now = steady_clock::now();
  if (now - last_fit_ < kFitInterval) return;
  last_fit_ = now;
  eviction_->FitGhost(assoc_->size());
}

// Above the limit memory goes back to the system at once; below it slowly,
// because what was closed a moment ago is often opened a moment later.
void Cache::ReleaseMemory(RelTime now) {
  const size_t at_once = kReleaseAtOnce / slabs_->page_size();
  const uint64_t limit = slabs_->page_limit() * uint64_t{slabs_->page_size()};
  if (slabs_->resident_bytes() > limit) {
    slabs_->ReleaseClosedPages(0, at_once);
  }
  const size_t keep = std::max(2 * HighPages(), slabs_->free_pages() / 8);
  if (now - last_release_ >= kReleaseInterval) {
    last_release_ = now;
    const size_t resident = slabs_->resident_bytes() / slabs_->page_size();
    const size_t open = slabs_->open_pages();
    // The two are not counted at once.
    const size_t closed = resident > open ? resident - open : 0;
    to_release_ = closed > keep ? (closed - keep) / 4 + 1 : 0;
  }
  if (to_release_ == 0) return;
  const size_t n = std::min(to_release_, at_once);
  slabs_->ReleaseClosedPages(keep, n);
  to_release_ -= n;
}

// Frees what the grace periods allow, also of threads that sleep.
void Cache::CollectAll() {
  bool waits = false;
  ForEachThread([&](CacheThread& t) {
    if (!t.has_limbo()) return;
    t.Collect();
    waits |= t.has_limbo();
  });
  limbo_waits_ = waits;
  MutexLock lock(threads_lock_);
  CollectOrphans();
}

void Cache::CollectOrphans() {
  if (threads_.empty()) return;
  CacheThread& heir = *threads_.front();
  while (!orphans_.empty() && epochs_.Passed(orphans_.front().stamp)) {
    for (Item* item : orphans_.front().items) heir.FreeOwned(item);
    orphans_.pop_front();
  }
}

bool Cache::StartCrawl() {
  if (crawler_->running()) return false;
  crawler_->RequestRound();
  Wake();
  return true;
}

ReassignStatus Cache::ReassignPage(CacheThread& t, int src, int dst) {
  if (src == dst) return ReassignStatus::kSame;
  if (src < -1 || src > classes() || dst < 0 || dst > classes()) {
    return ReassignStatus::kBadClass;
  }
  if (src > 0) {
    const auto rows = class_figures();
    const auto row =
        std::find_if(rows.begin(), rows.end(),
                     [src](const SlabClassFigures& r) { return r.id == src; });
    if (row == rows.end() || row->total_pages < 2) {
      return ReassignStatus::kNoSpare;
    }
  }
  if (src == 0) {
    if (PoolPages() < 2) return ReassignStatus::kNoSpare;
  } else {
    const int drained = DrainFor(t, src, dst);
    if (drained == 0) return ReassignStatus::kNoSpare;
    // The name that the client gave it, if he gave one: a large value stands in
    // pages of several classes.
    if (src < 0) src = drained;
  }
  if (dst > 0) KeepPage(dst);
  slabs_moved_.fetch_add(1, std::memory_order_relaxed);
  if (t.events().Wants(kWatchSysEvents)) {
    t.events().Write({.kind = kWatchSysEvents},
                     "type=slab_move src=" + std::to_string(src) +
                         " dst=" + std::to_string(dst) + " state=started");
  }
  return ReassignStatus::kOk;
}

// The number of the class whose page is emptied; 0: there is no page to empty.
int Cache::DrainFor(CacheThread& t, int src, int dst) {
  // Its own chunks serve as well as those of others, while there are enough.
  // A caller that says where the page shall go wants to see it gone where it
  // was, unless memory is plenty.
  const size_t enough =
      dst > 0 ? slabs_->page_limit() / kPlentyShare : 2 * HighPages();
  const bool keep = slabs_->free_pages() > enough;
  return eviction_->DrainPageOf(t, std::max(src, 0), keep);
}

bool Cache::NextPass(WalkCursor* cursor) {
  if (cursor->pass == kMaxPasses) return false;
  cursor->moves_before = cursor->moves_at_start;
  cursor->moves_at_start = moves_.load(std::memory_order_acquire);
  cursor->position = 0;
  return cursor->pass++ == 0 || cursor->moves_before != cursor->moves_at_start;
}

bool Cache::Walk(WalkCursor* cursor, size_t max_chunks,
                 const std::function<void(Item&)>& visit) {
  if (cursor->pass == 0) (void)NextPass(cursor);
  PageIndex p = static_cast<PageIndex>(cursor->position >> 32);
  uint32_t at = static_cast<uint32_t>(cursor->position);
  for (size_t looked = 0; looked < max_chunks; ++looked) {
    if (p >= slabs_->touched_pages()) return NextPass(cursor);
    const Page& page = slabs_->page(p);
    const bool skip =
        cursor->pass > 1 &&
        page.last_move.load(std::memory_order_acquire) <= cursor->moves_before;
    if (skip ||
        page.state.load(std::memory_order_acquire) == PageState::kClosed ||
        at >= page.fresh.load(std::memory_order_acquire)) {
      ++p;
      at = 0;
      continue;
    }
    auto* item = reinterpret_cast<Item*>(slabs_->Chunk(p, at++));
    const uint8_t state = item->state.load(std::memory_order_acquire);
    if ((state & Item::kLinked) != 0 && (state & Item::kPiece) == 0 &&
        Check(item) == Finding::kAlive) {
      visit(*item);
    }
  }
  cursor->position = (uint64_t{p} << 32) | at;
  return true;
}

void Cache::MaintainForTest(CacheThread& t) {
  if (flush_crawl_at_.load(std::memory_order_relaxed) != ~RelTime{0}) {
    CrawlAfterFlush();
  }
  while (MaintenanceStep(t) || crawler_->Step(t, kCrawlChunks) ||
         CompactAhead(t)) {
    t.Reclaim();
  }
}

}  // namespace cucache
