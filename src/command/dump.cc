// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "command/dump.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "base/clock.h"
#include "base/strings.h"
#include "cache/key_walk.h"
#include "cache/value.h"

namespace cucache {
namespace {

// Chunks looked at per call: a fraction of a millisecond.
constexpr size_t kChunksPerStep = 512;
// The same for walks over keys. A step also ends behind the bucket in which it
// comes to this many bytes of output.
constexpr size_t kBucketsPerStep = 64;
constexpr size_t kBytesPerStep = 32 << 10;
// Larger values go from their items to the socket.
constexpr size_t kCopyLimit = 4 << 10;

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
  WalkStream(Cache& cache, const SlabClassSet& classes)
      : cache_(cache), classes_(classes) {}

  bool Next(DumpSink& sink) final {
    std::string text;
    const bool more = cache_.Walk(&cursor_, kChunksPerStep, [&](Item& item) {
      if (!classes_[static_cast<size_t>(cache_.SlabClass(&item))]) return;
      Visit(item, &text);
    });
    if (!more || enough_) End(&text);
    sink.Append(text);
    return more && !enough_;
  }

 protected:
  virtual void Visit(const Item& item, std::string* out) = 0;
  virtual void End(std::string* out) = 0;
  // No more items are wanted.
  void Stop() { enough_ = true; }
  bool enough() const { return enough_; }
  Cache& cache() const { return cache_; }

 private:
  Cache& cache_;
  const SlabClassSet classes_;
  WalkCursor cursor_;
  bool enough_ = false;
};

// What the dumps of a walk over keys have in common: OK, something for each
// item of some classes, a line at the end.
class KeyStream : public DumpStream {
 public:
  KeyStream(Cache& cache, const SlabClassSet& classes, std::string_view end)
      : cache_(cache), classes_(classes), end_(end), walk_(cache) {}

  bool valid() const { return walk_.valid(); }

  bool Next(DumpSink& sink) final {
    if (!begun_) text_.append("OK\r\n");
    begun_ = true;
    bool more = true;
    size_t bytes = 0;
    for (size_t i = 0; more && i < kBucketsPerStep && bytes < kBytesPerStep;
         ++i) {
      Item* items[KeyWalk::kMost];
      size_t n;
      more = walk_.Next(items, &n);
      // All items of a bucket, because they are valid in this call only.
      for (size_t k = 0; k < n; ++k) bytes += VisitIfWanted(*items[k], sink);
    }
    if (!more) text_.append(end_);
    FlushText(sink);
    return more;
  }

 protected:
  virtual void Visit(Item& item, DumpSink& sink) = 0;
  Cache& cache() const { return cache_; }
  std::string& text() { return text_; }
  void FlushText(DumpSink& sink) {
    sink.Append(text_);
    text_.clear();
  }

 private:
  size_t VisitIfWanted(Item& item, DumpSink& sink) {
    if (!classes_[static_cast<size_t>(cache_.SlabClass(&item))]) return 0;
    Visit(item, sink);
    return item.key_length + item.value_length;
  }

  Cache& cache_;
  const SlabClassSet classes_;
  const std::string_view end_;
  KeyWalk walk_;
  std::string text_;
  bool begun_ = false;
};

class Metadump final : public KeyStream {
 public:
  Metadump(Cache& cache, const SlabClassSet& classes)
      : KeyStream(cache, classes, "END\r\n") {}

 private:
  void Visit(Item& item, DumpSink&) override {
    std::string* const out = &text();
    const Clock& clock = cache().clock();
    const RelTime exptime = item.exptime.load(std::memory_order_relaxed);
    char key[3 * kMaxKeyLength];
    out->append("key=").append(key, UriEncode(item.key(), key));
    out->append(" exp=");
    AppendNumber(exptime == 0 ? -1 : clock.ToWall(exptime), out);
    out->append(" la=");
    const RelTime now = clock.now();
    AppendNumber(clock.ToWall(now) - item.idle(now), out);
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

// A key as an argument of a meta command; true if it is base64.
bool AppendMetaKey(const Item& item, std::string* out) {
  const bool encode = item.HasState(Item::kBinaryKey) || !IsPlain(item.key());
  if (encode) {
    char key[Base64Size(kMaxKeyLength)];
    out->append(key, Base64Encode(item.key(), key));
  } else {
    out->append(item.key());
  }
  return encode;
}

class Mgdump final : public KeyStream {
 public:
  Mgdump(Cache& cache, const SlabClassSet& classes)
      : KeyStream(cache, classes, "EN\r\n") {}

 private:
  void Visit(Item& item, DumpSink&) override {
    text().append("mg ");
    text().append(AppendMetaKey(item, &text()) ? " b\r\n" : "\r\n");
  }
};

class Msdump final : public KeyStream {
 public:
  Msdump(Cache& cache, const SlabClassSet& classes)
      : KeyStream(cache, classes, "EN\r\n") {}

 private:
  void Visit(Item& item, DumpSink& sink) override {
    // In this order (cache/item.h): whoever sees the new id sees that it is
    // stale.
    const uint64_t cas = item.cas.load(std::memory_order_acquire);
    const bool stale = item.HasState(Item::kStale);
    const bool encoded = AppendHead(item, cas);
    if (item.value_length <= kCopyLimit) {
      const size_t at = text().size();
      text().resize(at + item.value_length);
      CopyValueOut(item, 0, text().data() + at, item.value_length);
    } else {
      FlushText(sink);
      sink.AppendValue(&item);
    }
    text().append("\r\n");
    if (!stale) return;
    text().append("md ");
    (void)AppendMetaKey(item, &text());
    text().append(encoded ? " q b I C" : " q I C");
    AppendUnsigned(cas, &text());
    text().append("\r\n");
  }
  bool AppendHead(const Item& item, uint64_t cas) {
    std::string* const out = &text();
    out->append("ms ");
    const bool encoded = AppendMetaKey(item, out);
    out->push_back(' ');
    AppendUnsigned(item.value_length, out);
    if (encoded) out->append(" b");
    if (item.flags() != 0) {
      out->append(" F");
      AppendUnsigned(item.flags(), out);
    }
    // The moment, not what is left until then: a dump may be loaded late.
    const RelTime exptime = item.exptime.load(std::memory_order_relaxed);
    if (exptime != 0) {
      out->append(" T");
      AppendNumber(cache().clock().ToWall(exptime), out);
    }
    out->append(" E");
    AppendUnsigned(cas, out);
    out->append("\r\n");
    return encoded;
  }
};

class Cachedump final : public WalkStream {
 public:
  Cachedump(Cache& cache, const SlabClassSet& classes, uint32_t limit)
      : WalkStream(cache, classes), limit_(limit) {}

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

template <class Stream>
std::unique_ptr<DumpStream> MakeIfValid(Cache& cache,
                                        const SlabClassSet& classes) {
  auto stream = std::make_unique<Stream>(cache, classes);
  if (!stream->valid()) return nullptr;
  return stream;
}

}  // namespace

std::unique_ptr<DumpStream> MakeMetadump(Cache& cache,
                                         const SlabClassSet& classes) {
  return MakeIfValid<Metadump>(cache, classes);
}

std::unique_ptr<DumpStream> MakeMgdump(Cache& cache,
                                       const SlabClassSet& classes) {
  return MakeIfValid<Mgdump>(cache, classes);
}

std::unique_ptr<DumpStream> MakeMsdump(Cache& cache,
                                       const SlabClassSet& classes) {
  return MakeIfValid<Msdump>(cache, classes);
}

std::unique_ptr<DumpStream> MakeCachedump(Cache& cache, int slab_class,
                                          uint32_t limit) {
  SlabClassSet classes;
  classes.set(static_cast<size_t>(slab_class));
  return std::make_unique<Cachedump>(cache, classes, limit);
}

std::unique_ptr<DumpStream> MakeSizes(Cache& cache) {
  return std::make_unique<Sizes>(cache, ~SlabClassSet());
}

}  // namespace cucache
