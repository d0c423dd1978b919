// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/eviction.h"

#include <algorithm>
#include <cmath>

#include "cache/cache.h"
#include "cache/cache_thread.h"
#include "cache/value.h"

namespace cucache {

namespace {

// Chunks that are drained at a time: enough for their cache misses to overlap.
constexpr uint32_t kBatch = 32;
// How many of them EvictBytes() looks at, and how much it copies of what stays
// for each byte that is to leave; then it is left to the others.
constexpr int kMostRanges = 256;
constexpr size_t kMostMoved = 2;
// Larger items are not copied: that would need as much free memory.
constexpr size_t kMaxMovedPages = 32;
// After so many visits a page that does not become empty is used again.
constexpr int kMaxVisits = 2;
constexpr auto kDrainMoreInterval = std::chrono::milliseconds(20);

// What left pays for what may be kept. Stores may race; then a few more or
// fewer are.
void Refill(std::atomic<int64_t>* budget, int64_t bytes, int64_t limit) {
  const int64_t left =
      std::max<int64_t>(budget->load(std::memory_order_relaxed), 0);
  budget->store(std::min(left + bytes, limit), std::memory_order_relaxed);
}

}  // namespace

Eviction::Eviction(Cache& cache) : cache_(cache) {
  reinsertions_.store(ReinsertionLimit(), std::memory_order_relaxed);
  stays_.store(StayLimit(), std::memory_order_relaxed);
}

// --- The two queues of pages. ---

void Eviction::Append(PageIndex p, Queue q) {
  Slabs& slabs = *cache_.slabs_;
  PageList& list = queues_[static_cast<int>(q)];
  Page& page = slabs.page(p);
  page.queue_prev = list.tail;
  page.queue_next = kNoPage;
  (list.tail == kNoPage ? list.head : slabs.page(list.tail).queue_next) = p;
  list.tail = p;
  page.queued = true;
}

void Eviction::Unlink(PageIndex p) {
  Slabs& slabs = *cache_.slabs_;
  Page& page = slabs.page(p);
  if (!page.queued) return;
  // Which list it is in shows at its ends only.
  for (PageList& list : queues_) {
    if (list.head == p) list.head = page.queue_next;
    if (list.tail == p) list.tail = page.queue_prev;
  }
  if (page.queue_prev != kNoPage) {
    slabs.page(page.queue_prev).queue_next = page.queue_next;
  }
  if (page.queue_next != kNoPage) {
    slabs.page(page.queue_next).queue_prev = page.queue_prev;
  }
  page.queued = false;
}

void Eviction::PageOpened(PageIndex p, Queue q) {
  MutexLock lock(queue_lock_);
  if (!cache_.slabs_->page(p).queued) Append(p, q);
}

void Eviction::PageClosed(PageIndex p) {
  MutexLock lock(queue_lock_);
  Unlink(p);
}

PageIndex Eviction::PopOldest(Queue q) {
  MutexLock lock(queue_lock_);
  const PageIndex p = queues_[static_cast<int>(q)].head;
  if (p != kNoPage) Unlink(p);
  return p;
}

bool Eviction::PopIfQueued(PageIndex p) {
  MutexLock lock(queue_lock_);
  if (!cache_.slabs_->page(p).queued) return false;
  Unlink(p);
  return true;
}

// S7: what is found may be out of date, and the page of another class, by the
// time it is drained; then that is what is drained.
bool Eviction::HasItemsOf(PageIndex p, int number) const {
  const Slabs& slabs = *cache_.slabs_;
  const Page& page = slabs.page(p);
  if (page.state.load(std::memory_order_acquire) == PageState::kClosed) {
    return false;
  }
  const auto c = page.slab_class.load(std::memory_order_relaxed);
  if (number == 0 || cache_.number_of_class_[c] == number) return true;
  // Each large value has a piece that takes most of a largest chunk, so no
  // other page has to be read: the caller is on line, and there may be millions
  // of small items.
  if (!cache_.has_large_.load(std::memory_order_relaxed) ||
      2 * slabs.chunk_size(c) < slabs.max_chunk()) {
    return false;
  }
  const uint32_t end = page.fresh.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < end; ++i) {
    const auto* piece = reinterpret_cast<const Piece*>(slabs.Chunk(p, i));
    const uint8_t state = piece->state.load(std::memory_order_acquire);
    if ((state & Item::kPiece) == 0) continue;
    const Item* owner = OwnerOf(*piece);
    if (owner != nullptr && cache_.SlabClass(owner) == number) return true;
  }
  return false;
}

void Eviction::OldestAges(Queue q, RelTime now,
                          std::array<RelTime, kMaxSlabClasses>* ages) {
  Slabs& slabs = *cache_.slabs_;
  ages->fill(0);
  MutexLock lock(queue_lock_);
  // From the newest, so that the oldest of a class stays.
  for (PageIndex p = queues_[static_cast<int>(q)].tail; p != kNoPage;
       p = slabs.page(p).queue_prev) {
    const Page& page = slabs.page(p);
    (*ages)[page.slab_class.load(std::memory_order_relaxed)] =
        now - page.opened;
  }
}

std::vector<PageIndex> Eviction::PagesOldestFirst() {
  Slabs& slabs = *cache_.slabs_;
  std::vector<PageIndex> pages;
  pages.reserve(slabs.touched_pages());
  MutexLock lock(queue_lock_);
  // Those that are being drained are in no queue (V1).
  for (PageIndex p = 0; p < slabs.touched_pages(); ++p) {
    const Page& page = slabs.page(p);
    if (page.state.load(std::memory_order_acquire) != PageState::kClosed &&
        !page.queued) {
      pages.push_back(p);
    }
  }
  for (const Queue q : {Queue::kMain, Queue::kProbation}) {
    for (PageIndex p = queues_[static_cast<int>(q)].head; p != kNoPage;
         p = slabs.page(p).queue_next) {
      pages.push_back(p);
    }
  }
  return pages;
}

// --- Which page is drained. ---

Queue Eviction::QueueToDrain() const {
  const Slabs& slabs = *cache_.slabs_;
  const size_t probation = slabs.queue_pages(Queue::kProbation);
  const size_t main = slabs.queue_pages(Queue::kMain);
  const bool over = static_cast<double>(probation) >
                    kProbationShare * static_cast<double>(probation + main);
  return over || main == 0 ? Queue::kProbation : Queue::kMain;
}

bool Eviction::StartPage(PageIndex p, Range* range) {
  Slabs& slabs = *cache_.slabs_;
  if (!slabs.StartDraining(p)) return false;
  *range = WholePage(p);
  const int c = slabs.page(p).slab_class.load(std::memory_order_relaxed);
  cache_.ForEachThread(
      [&](CacheThread& thread) { thread.Recall(p, c, range->queue); });
  return true;
}

// Of a page that was seen to be draining (S7).
Eviction::Range Eviction::WholePage(PageIndex p) const {
  const Page& page = cache_.slabs_->page(p);
  return {p, 0, page.fresh.load(std::memory_order_acquire),
          page.openings.load(std::memory_order_relaxed),
          page.queue.load(std::memory_order_relaxed)};
}

bool Eviction::StillDraining(const Range& range) const {
  const Page& page = cache_.slabs_->page(range.page);
  // Acquire: S7, `openings` is that of the use whose state was seen, or later.
  return page.state.load(std::memory_order_acquire) == PageState::kDraining &&
         page.openings.load(std::memory_order_relaxed) == range.openings;
}

// V3. Who stores knows how much it wants, whatever is in flight of what others
// stored.
bool Eviction::PagesWanted(size_t pages, Asker asker) {
  if (in_flight_ != 0 && cache_.epochs_.Passed(in_flight_stamp_)) {
    // They are closed by now, or as soon as their threads look, and counted as
    // free; or they are stragglers.
    in_flight_ = 0;
  }
  size_t large = in_flight_bytes_.load(std::memory_order_relaxed);
  const uint64_t stamp = in_flight_bytes_stamp_.load(std::memory_order_relaxed);
  // Two more epochs, so that their threads have collected them. What others add
  // meanwhile is forgotten: then a little more leaves.
  if (large != 0 && cache_.epochs_.Passed(stamp + 3)) {
    in_flight_bytes_.store(large = 0, std::memory_order_relaxed);
  }
  if (asker == Asker::kStore) large = 0;
  return cache_.slabs_->free_pages() + in_flight_ +
             large / cache_.slabs_->page_size() <
         pages;
}

void Eviction::Finish(Range* page) {
  if (page->page == kNoPage) return;
  stragglers_.push_back({page->page, cache_.epochs_.Stamp(), 0, page->aim});
  *page = {kNoPage, 0, 0, 0, Queue::kProbation};
}

// A page that a few chunks keep from closing is of more use open. Few of all
// that it could hold: a page that had only just been opened has given no more
// than those, and draining such pages one after another, each kept by the item
// that was being stored, would empty a small memory.
void Eviction::ReopenNearlyEmpty() {
  Slabs& slabs = *cache_.slabs_;
  std::erase_if(stragglers_, [&](const Straggler& s) {
    const Page& page = slabs.page(s.page);
    if (page.state.load(std::memory_order_acquire) != PageState::kDraining) {
      return true;
    }
    const uint32_t used = page.used.load(std::memory_order_relaxed);
    const int c = page.slab_class.load(std::memory_order_relaxed);
    const uint32_t few = std::max(slabs.chunks_per_page(c) / 8, 1u);
    if (!cache_.epochs_.Passed(s.stamp + 1) || used > few) return false;
    slabs.Reopen(s.page);
    return true;
  });
}

bool Eviction::NextVictim() {
  Finish(&victim_);
  ReopenNearlyEmpty();
  FitMean();
  // A page may close before draining starts.
  for (int tries = 0; tries < 256; ++tries) {
    const Queue q = QueueToDrain();
    PageIndex p = PopOldest(q);
    if (p == kNoPage) {
      p = PopOldest(q == Queue::kMain ? Queue::kProbation : Queue::kMain);
    }
    if (p == kNoPage) return false;
    if (!StartPage(p, &victim_)) continue;
    // There are sparse ones, but nobody has looked for them.
    if (HasSpare(cache_.slabs_->page(p).row)) cache_.Wake();
    ++in_flight_;
    in_flight_stamp_ = cache_.epochs_.Stamp();
    return true;
  }
  return false;
}

// How many of its next chunks, `most` or fewer, may be drained together. Of a
// large value every chunk takes the whole with it, of which there may be a
// hundred pages behind one page of heads: so it goes alone (*large).
uint32_t Eviction::Together(const Range& page, uint32_t most,
                            bool* large) const {
  const Slabs& slabs = *cache_.slabs_;
  const uint32_t n = std::min(most, page.end - page.begin);
  *large = false;
  if (n == 0 || !cache_.has_large_.load(std::memory_order_relaxed)) return n;
  if (!StillDraining(page)) return n;  // S7
  for (uint32_t i = 0; i < n; ++i) {
    __builtin_prefetch(slabs.Chunk(page.page, page.begin + i));
  }
  constexpr uint8_t kHead = Item::kLinked | Item::kChunked;
  for (uint32_t i = 0; i < n; ++i) {
    const auto* item =
        reinterpret_cast<const Item*>(slabs.Chunk(page.page, page.begin + i));
    const uint8_t state = item->state.load(std::memory_order_acquire);
    if ((state & kHead) != kHead && (state & Item::kPiece) == 0) continue;
    *large = i == 0;
    return std::max<uint32_t>(i, 1);
  }
  return n;
}

// The next chunks of a page that is being drained.
bool Eviction::Cut(Range* page, uint32_t most, Range* range) {
  // Clients may have emptied it meanwhile.
  if (page->begin != page->end && !StillDraining(*page)) {
    page->begin = page->end;
  }
  if (page->begin == page->end) return false;
  *range = *page;
  range->end = std::min(page->end, page->begin + most);
  page->begin = range->end;
  return true;
}

bool Eviction::NextRange(size_t pages, Asker asker, Range* range) {
  const uint32_t most = asker == Asker::kStore ? 1 : kBatch;
  MutexLock lock(victim_lock_);
  if (Cut(&sparse_, most, range)) return true;
  const bool wanted = PagesWanted(pages, asker);
  if (wanted && StartSparse()) return Cut(&sparse_, most, range);
  if (asker == Asker::kCompaction) return false;
  // What remains of a page follows, so that it becomes free, but not large
  // values of which nobody wants the memory.
  bool large = false;
  uint32_t n = Together(victim_, most, &large);
  if (large && !wanted && asker == Asker::kReserve) return false;
  if (Cut(&victim_, n, range)) return true;
  if (!wanted || !NextVictim()) return false;
  n = Together(victim_, most, &large);
  return Cut(&victim_, n, range);
}

bool Eviction::Drain(CacheThread& t, size_t bytes) {
  return DrainRanges(
      t, bytes, cache_.HighPages(),
      cache_.settings_.evict_to_free ? Asker::kReserve : Asker::kCompaction);
}

bool Eviction::DrainRanges(CacheThread& t, size_t bytes, size_t pages,
                           Asker asker) {
  size_t done = 0;
  while (done < bytes) {
    Range range;
    if (!NextRange(pages, asker, &range)) return false;
    const int c = cache_.slabs_->page(range.page)
                      .slab_class.load(std::memory_order_relaxed);
    const size_t before = t.evicted_bytes_;
    DrainRange(t, range);
    const size_t chunks = static_cast<size_t>(range.end - range.begin) *
                          cache_.slabs_->chunk_size(c);
    done += std::max(chunks, t.evicted_bytes_ - before);
  }
  return true;
}

void Eviction::DrainMore(CacheThread& t) {
  {
    MutexLock lock(victim_lock_);
    const auto now = std::chrono::steady_clock::now();
    if (now - last_more_ < kDrainMoreInterval) return;
    last_more_ = now;
    if (in_flight_ > 0) --in_flight_;
  }
  DrainStragglers(t);
  Drain(t, cache_.slabs_->page_size());
}

// Chunk by chunk, since a piece or a head takes a whole large value with it.
void Eviction::EvictBytes(CacheThread& t, size_t bytes, size_t pages) {
  const size_t before = t.evicted_bytes_, moved = t.moved_bytes_;
  const size_t wanted = bytes - bytes / 16;  // the same again may be smaller
  for (int i = 0; i < kMostRanges; ++i) {
    if (t.evicted_bytes_ - before >= wanted) return;
    if (t.moved_bytes_ - moved > kMostMoved * bytes) return;
    Range range;
    if (!NextRange(pages, Asker::kStore, &range)) return;
    DrainRange(t, range);
  }
}

int Eviction::DrainPageOf(CacheThread& t, int number, bool keep) {
  const std::vector<PageIndex> pages = PagesOldestFirst();
  for (const Queue q : {Queue::kProbation, Queue::kMain}) {
    for (const PageIndex p : pages) {
      const Page& page = cache_.slabs_->page(p);
      if (page.queue.load(std::memory_order_relaxed) != q) continue;
      if (!HasItemsOf(p, number) || !PopIfQueued(p)) continue;
      // Another class may open it as soon as it is empty.
      const auto c = page.slab_class.load(std::memory_order_relaxed);
      Range range;
      {
        MutexLock lock(victim_lock_);
        if (!StartPage(p, &range)) continue;
        if (keep) range.aim = Aim::kKeep;
        stragglers_.push_back({p, cache_.epochs_.Stamp(), 0, range.aim});
      }
      DrainRange(t, range);
      return cache_.number_of_class_[c];
    }
  }
  return 0;
}

void Eviction::DrainStragglers(CacheThread& t) {
  std::vector<Straggler> pages;
  {
    MutexLock lock(victim_lock_);
    if (sparse_.begin == sparse_.end) FinishSparse();
    Refill(&compaction_credit_, kCompactionCredit, kCompactionCredit);
    pages.swap(stragglers_);
  }
  Slabs& slabs = *cache_.slabs_;
  std::vector<Straggler> rest;
  for (Straggler& s : pages) {
    const Page& page = slabs.page(s.page);
    if (page.state.load(std::memory_order_acquire) != PageState::kDraining) {
      continue;
    }
    Range range = WholePage(s.page);
    range.aim = s.aim;
    DrainRange(t, range);
    if (++s.visits < kMaxVisits) {
      rest.push_back(s);
    } else {
      slabs.Reopen(s.page);
    }
  }
  MutexLock lock(victim_lock_);
  stragglers_.insert(stragglers_.end(), rest.begin(), rest.end());
}

// What was in these pages besides has left, or is at the end of the queue with
// the item, which is new.
void Eviction::Filled(const Item& item) {
  Slabs& slabs = *cache_.slabs_;
  const auto open = [&slabs](const void* chunk) {
    const PageIndex p = slabs.PageOf(chunk);
    if (slabs.page(p).state.load(std::memory_order_acquire) ==
        PageState::kDraining) {
      slabs.Reopen(p);
    }
  };
  open(&item);
  const size_t n = cache_.PieceCount(item.value_length);
  for (size_t i = 0; i < n; ++i) open(item.piece(i));
}

// --- What happens to its items. ---

// The items of the next chunks; pieces are drained on the way. (*stay: one of
// them stays.) The state is read once: a piece may be given up by its owner,
// who is still filling it, and be anything a moment later, whereas what was
// seen linked stays an item while we are on line.
size_t Eviction::Gather(CacheThread& t, const Range& range, Item** items,
                        uint32_t* at, bool* stay) {
  size_t n = 0;
  while (*at < range.end && n < kBatch) {
    char* chunk = cache_.slabs_->Chunk(range.page, (*at)++);
    Item* item = reinterpret_cast<Item*>(chunk);
    const uint8_t state = item->state.load(std::memory_order_acquire);
    if ((state & Item::kPiece) != 0) {
      *stay |= DrainPiece(t, chunk, range.aim);
    } else if ((state & Item::kLinked) != 0) {
      items[n++] = item;
    }
  }
  return n;
}

void Eviction::DrainRange(CacheThread& t, const Range& range) {
  for (uint32_t i = range.begin; i < range.end; ++i) {
    __builtin_prefetch(cache_.slabs_->Chunk(range.page, i), 1);
  }
  Item* items[kBatch];
  Lookup lookups[kBatch];
  for (uint32_t at = range.begin; at < range.end;) {
    bool stay = false;
    const size_t n = Gather(t, range, items, &at, &stay);
    for (size_t i = 0; i < n; ++i) {
      const std::string_view key = items[i]->key();
      lookups[i] = {key, cache_.Hash(key), nullptr};
      if (range.queue == Queue::kProbation) ghost_.Prefetch(lookups[i].hash);
    }
    // Fetches what is needed, and says what is in the table. What is linked and
    // not there is gone, or about to be published: then it may still be
    // written to (when there was no room, the next try makes a new sum), and a
    // copy of it might be torn.
    cache_.assoc_->FindBatch(lookups, n);
    for (size_t i = 0; i < n; ++i) {
      if (lookups[i].item != items[i]) continue;
      if (!DrainItem(t, items[i], lookups[i].hash, range.queue, range.aim)) {
        continue;
      }
      if (range.aim != Aim::kCompact) items[i]->TakeMark();
      stay = true;
    }
    if (stay) return GiveUp(range);
  }
}

// V4, V5. What else is in the page gets the same reprieve.
void Eviction::GiveUp(const Range& range) {
  if (!cache_.slabs_->Reopen(range.page)) return;
  if (range.aim == Aim::kCompact) {
    compaction_rests_[cache_.slabs_->page(range.page).row].store(
        cache_.clock_.now(), std::memory_order_relaxed);
  }
  MutexLock lock(victim_lock_);
  if (in_flight_ > 0) --in_flight_;
}

// True if the item stays where it is (V4, V5).
bool Eviction::DrainItem(CacheThread& t, Item* item, uint64_t hash, Queue from,
                         Aim aim) {
  if (cache_.Check(item) != Finding::kAlive) {
    const size_t bytes = cache_.ChunkBytes(item);
    if (cache_.RemoveDead(t, hash, item)) t.evicted_bytes_ += bytes;
    return false;
  }
  if (aim == Aim::kCompact) return !MoveAside(t, item, hash);
  const bool keep = aim == Aim::kKeep;
  uint8_t price = 1;
  if (TooLargeToMove(*item)) {
    if (keep || Stays(*item)) return true;
  } else if ((keep || Keep(t, item, from, &price)) &&
             Move(t, item, hash, from, price)) {
    return false;
  }
  // With -M nothing leaves: the page waits until there is room to move to.
  if (cache_.settings_.evict_to_free) Evict(t, item, hash, from);
  return false;
}

// The linked item that a piece belongs to, or nullptr: then it is being filled,
// or waits for its grace period. In a page that is open the chunk may be given
// to somebody else meanwhile, and `owner` be anything.
Item* Eviction::OwnerOf(const Piece& piece) const {
  Item* owner = piece.owner.load(std::memory_order_acquire);
  const bool piece_still =
      (piece.state.load(std::memory_order_acquire) & Item::kPiece) != 0;
  if (!piece_still || !cache_.slabs_->Holds(owner)) return nullptr;
  const uint8_t state = owner->state.load(std::memory_order_acquire);
  const bool linked =
      (state & Item::kLinked) != 0 && (state & Item::kPiece) == 0;
  return linked ? owner : nullptr;
}

bool Eviction::DrainPiece(CacheThread& t, char* chunk, Aim aim) {
  Item* owner = OwnerOf(*reinterpret_cast<Piece*>(chunk));
  if (owner == nullptr) return false;
  const Queue from = cache_.slabs_->QueueOf(owner);
  return DrainItem(t, owner, cache_.Hash(owner->key()), from, aim);
}

// Full pages, because what is free in them belongs to the same sizes. So the
// mean of items of one class is their size, to the byte.
void Eviction::FitMean() {
  const Slabs& slabs = *cache_.slabs_;
  size_t bytes = 0, chunks = 0;
  for (int c = 1; c <= slabs.classes(); ++c) {
    const size_t n = (slabs.class_pages(c, Queue::kProbation) +
                      slabs.class_pages(c, Queue::kMain)) *
                     slabs.chunks_per_page(c);
    chunks += n;
    bytes += n * slabs.chunk_size(c);
  }
  if (chunks == 0) return;
  mean_bytes_.store(static_cast<double>(bytes) / static_cast<double>(chunks),
                    std::memory_order_relaxed);
  FitGate(chunks);
}

// What a thread counts meanwhile comes with the next page.
void Eviction::FitGate(uint64_t chunks) {
  Gate::Counts counts;
  cache_.ForEachThread([&counts](CacheThread& t) { t.TakeCounts(&counts); });
  gate_.Fit(counts, chunks, mean_bytes_.load(std::memory_order_relaxed));
}

double Eviction::Weigh(double bytes, double mean) {
  return std::clamp(std::sqrt(bytes / mean), kLeastWeight, kMostWeight);
}

// *price: the marks that another round in main costs. Fractions are settled by
// chance, anew each time, so that no key is always on the wrong side.
bool Eviction::Keep(CacheThread& t, const Item* item, Queue from,
                    uint8_t* price) {
  if (!cache_.settings_.evict_to_free) return true;
  const size_t bytes = cache_.ChunkBytes(item);
  const double weight = Weigh(static_cast<double>(bytes),
                              mean_bytes_.load(std::memory_order_relaxed));
  const bool up = t.Chance(weight - std::floor(weight));
  *price = static_cast<uint8_t>(std::floor(weight) + (up ? 1 : 0));
  if (from == Queue::kProbation) return item->recency() > 0 || *price == 0;
  if (item->recency() < *price) return false;
  return reinsertions_.fetch_sub(static_cast<int64_t>(bytes),
                                 std::memory_order_relaxed) > 0;
}

bool Eviction::TooLargeToMove(const Item& item) const {
  return item.value_length > kMaxMovedPages * cache_.slabs_->page_size();
}

// One page of it at a time is looked at (V4).
bool Eviction::Stays(const Item& item) {
  if (!cache_.settings_.evict_to_free) return true;
  if (item.recency() == 0) return false;
  const int64_t page = cache_.slabs_->page_size();
  return stays_.fetch_sub(page, std::memory_order_relaxed) > 0;
}

int64_t Eviction::StayLimit() const {
  const Slabs& slabs = *cache_.slabs_;
  return static_cast<int64_t>(slabs.page_limit() * slabs.page_size()) / 4;
}

int64_t Eviction::ReinsertionLimit() const {
  return kReinsertionFactor * cache_.slabs_->page_size();
}

bool Eviction::Move(CacheThread& t, Item* item, uint64_t hash, Queue from,
                    uint8_t price) {
  Item* copy = cache_.CopyToMain(t, *item);
  if (copy == nullptr) return false;
  t.moved_bytes_ += copy->value_length;
  const bool main = from == Queue::kMain;
  if (!cache_.ReplaceMoved(t, hash, item, copy,
                           main ? price : Item::kRecencyMask)) {
    cache_.Free(t, copy);
    return true;
  }
  ItemCounters& counters = t.Count(item);
  (main ? counters.moves_within_main : counters.moves_to_main).Add();
  return true;
}

void Eviction::Evict(CacheThread& t, Item* item, uint64_t hash, Queue from) {
  const auto bytes = static_cast<int64_t>(cache_.ChunkBytes(item));
  const bool large = item->chunked();
  if (!cache_.Evict(t, hash, item)) return;
  t.evicted_bytes_ += static_cast<size_t>(bytes);
  if (large) {
    in_flight_bytes_stamp_.store(cache_.epochs_.Stamp(),
                                 std::memory_order_relaxed);
    in_flight_bytes_.fetch_add(static_cast<size_t>(bytes),
                               std::memory_order_relaxed);
  }
  Refill(&stays_, kStayFactor * bytes, StayLimit());
  if (from == Queue::kProbation) {
    ghost_.Add(hash);
    return;
  }
  Refill(&reinsertions_, kReinsertionFactor * bytes, ReinsertionLimit());
}

void Eviction::FitGhost(size_t items) {
  // With -M nothing leaves that could be remembered.
  if (!cache_.settings_.evict_to_free) return;
  if (old_ghost_ != nullptr) {
    if (!cache_.epochs_.Passed(old_ghost_stamp_)) return;
    old_ghost_.reset();
  }
  const size_t wanted = items - items / 10;
  const size_t have = ghost_.capacity();
  if (wanted < 1024 || (have > wanted / 2 && have < wanted * 3)) return;
  old_ghost_ = ghost_.Resize(wanted);
  old_ghost_stamp_ = cache_.epochs_.Stamp();
}

}  // namespace cucache
