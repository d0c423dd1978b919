// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "command/dump.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "base/clock.h"
#include "base/strings.h"

namespace cucache {
namespace {

// Chunks looked at per call: a fraction of a millisecond.
constexpr size_t kChunksPerStep = 512;

void AppendNumber(int64_t number, std::string* out) {
  char digits[kMaxDigits + 1];
  out->append(digits, FormatI64(number, digits));
}

void AppendUnsigned(uint64_t number, std::string* out) {
  char digits[kMaxDigits];
  out->append(digits, FormatU64(number, digits));
}

// True if a line can hold the key as it is.
bool IsPlain(std::string_view key) {
  return std::none_of(key.begin(), key.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u <= ' ' || u == 0x7f;
  });
}

// Walks over the items of some classes.
class WalkStream : public DumpStream {
 public:
  WalkStream(Cache& cache, CacheThread& thread, const SlabClassSet& classes)
      : cache_(cache), thread_(thread), classes_(classes) {}

  bool Next(std::string* chunk) final {
    if (!begun_) {
      begun_ = true;
      Begin(chunk);
    }
    const bool more =
        cache_.Walk(thread_, &cursor_, kChunksPerStep, [&](Item& item) {
          if (!classes_[static_cast<size_t>(cache_.SlabClass(&item))]) return;
          Visit(item, chunk);
        });
    if (more && !enough_) return true;
    End(chunk);
    return false;
  }

 protected:
  virtual void Begin(std::string*) {}
  virtual void Visit(const Item& item, std::string* out) = 0;
  virtual void End(std::string* out) = 0;
  // No more items are wanted.
  void Stop() { enough_ = true; }
  bool enough() const { return enough_; }
  Cache& cache() const { return cache_; }

 private:
  Cache& cache_;
  CacheThread& thread_;
  const SlabClassSet classes_;
  WalkCursor cursor_;
  bool begun_ = false;
  bool enough_ = false;
};

class Metadump final : public WalkStream {
 public:
  using WalkStream::WalkStream;

 private:
  void Begin(std::string* out) override { out->append("OK\r\n"); }
  void End(std::string* out) override { out->append("END\r\n"); }
  void Visit(const Item& item, std::string* out) override {
    const Clock& clock = cache().clock();
    const RelTime exptime = item.exptime.load(std::memory_order_relaxed);
    char key[3 * kMaxKeyLength];
    out->append("key=").append(key, UriEncode(item.key(), key));
    out->append(" exp=");
    AppendNumber(exptime == 0 ? -1 : clock.ToWall(exptime), out);
    out->append(" la=");
    AppendNumber(clock.ToWall(item.last_access.load(std::memory_order_relaxed)),
                 out);
    out->append(" cas=");
    AppendUnsigned(item.cas.load(std::memory_order_relaxed), out);
    out->append(item.fetched() ? " fetch=yes cls=" : " fetch=no cls=");
    AppendNumber(cache().SlabClass(&item), out);
    out->append(" size=");
    AppendUnsigned(cache().ItemBytes(&item), out);
    out->append(" flags=");
    AppendUnsigned(item.flags(), out);
    out->append(" \n");
  }
};

class Mgdump final : public WalkStream {
 public:
  using WalkStream::WalkStream;

 private:
  void Begin(std::string* out) override { out->append("OK\r\n"); }
  void End(std::string* out) override { out->append("EN\r\n"); }
  void Visit(const Item& item, std::string* out) override {
    out->append("mg ");
    if (item.HasState(Item::kBinaryKey) || !IsPlain(item.key())) {
      char key[Base64Size(kMaxKeyLength)];
      out->append(key, Base64Encode(item.key(), key)).append(" b\r\n");
    } else {
      out->append(item.key()).append("\r\n");
    }
  }
};

class Cachedump final : public WalkStream {
 public:
  Cachedump(Cache& cache, CacheThread& thread, const SlabClassSet& classes,
            uint32_t limit)
      : WalkStream(cache, thread, classes), limit_(limit) {}

 private:
  static constexpr size_t kMaxBytes = 2 << 20;

  void End(std::string* out) override { out->append("END\r\n"); }
  void Visit(const Item& item, std::string* out) override {
    if (enough() || item.HasState(Item::kBinaryKey) || !IsPlain(item.key())) {
      return;
    }
    const RelTime exptime = item.exptime.load(std::memory_order_relaxed);
    const size_t before = out->size();
    out->append("ITEM ").append(item.key()).append(" [");
    AppendUnsigned(item.value_length, out);
    out->append(" b; ");
    AppendNumber(exptime == 0 ? 0 : cache().clock().ToWall(exptime), out);
    out->append(" s]\r\n");
    bytes_ += out->size() - before;
    if (++shown_ == limit_ || bytes_ > kMaxBytes) Stop();
  }

  const uint32_t limit_;
  uint32_t shown_ = 0;
  size_t bytes_ = 0;
};

class Sizes final : public WalkStream {
 public:
  using WalkStream::WalkStream;

 private:
  static constexpr size_t kStep = 32;

  void Visit(const Item& item, std::string*) override {
    ++counts_[(cache().ItemBytes(&item) + kStep - 1) / kStep * kStep];
  }
  void End(std::string* out) override {
    for (const auto& [size, count] : counts_) {
      out->append("STAT ");
      AppendUnsigned(size, out);
      out->push_back(' ');
      AppendUnsigned(count, out);
      out->append("\r\n");
    }
    out->append("END\r\n");
  }

  std::map<size_t, uint64_t> counts_;
};

}  // namespace

std::unique_ptr<DumpStream> MakeMetadump(Cache& cache, CacheThread& thread,
                                         const SlabClassSet& classes) {
  return std::make_unique<Metadump>(cache, thread, classes);
}

std::unique_ptr<DumpStream> MakeMgdump(Cache& cache, CacheThread& thread,
                                       const SlabClassSet& classes) {
  return std::make_unique<Mgdump>(cache, thread, classes);
}

std::unique_ptr<DumpStream> MakeCachedump(Cache& cache, CacheThread& thread,
                                          int slab_class, uint32_t limit) {
  SlabClassSet classes;
  classes.set(static_cast<size_t>(slab_class));
  return std::make_unique<Cachedump>(cache, thread, classes, limit);
}

std::unique_ptr<DumpStream> MakeSizes(Cache& cache, CacheThread& thread) {
  return std::make_unique<Sizes>(cache, thread, ~SlabClassSet());
}

}  // namespace cucache
