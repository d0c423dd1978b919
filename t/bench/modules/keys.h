// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Keys of 16 bytes, and where a thread takes its next ones from.
//
// Thread safety: a KeySource belongs to one thread.

#ifndef CUCACHE_T_BENCH_MODULES_KEYS_H_
#define CUCACHE_T_BENCH_MODULES_KEYS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "t/bench/load/key_picker.h"

namespace cucache::bench {

inline constexpr size_t kKeyBytes = 16;

// Printable, because the text protocol carries it too.
struct Key {
  char bytes[kKeyBytes];

  Key() = default;
  explicit Key(uint64_t n) {
    for (size_t i = kKeyBytes; i-- > 0; n >>= 4) {
      bytes[i] = "0123456789abcdef"[n & 15];
    }
  }
  std::string_view view() const { return {bytes, kKeyBytes}; }
};
static_assert(sizeof(Key) == kKeyBytes);

// The number of the next key.
using KeySource = std::function<uint64_t()>;
// A source per thread.
using KeySources = std::function<KeySource(unsigned thread)>;

// What is never stored.
inline constexpr uint64_t kMissBase = uint64_t{1} << 60;

inline KeySources Picked(load::Distribution distribution, uint64_t count,
                         uint64_t base = 0) {
  load::Options options;
  options.distribution = distribution;
  options.key_base = base;
  options.key_count = count;
  return [options](unsigned thread) -> KeySource {
    return [picker =
                load::KeyPicker(options, static_cast<int>(thread))]() mutable {
      return picker.Next();
    };
  };
}
inline KeySources OneKey(uint64_t n) {
  return Picked(load::Distribution::kOne, 1, n);
}
inline KeySources Uniform(uint64_t count, uint64_t base = 0) {
  return Picked(load::Distribution::kUniform, count, base);
}
inline KeySources Zipf(uint64_t count) {
  return Picked(load::Distribution::kZipf, count);
}
// Keys that were never there, from `first` on, different in each thread.
inline KeySources Fresh(uint64_t first) {
  return [first](unsigned thread) -> KeySource {
    return [n = first + (uint64_t{thread} << 40)]() mutable { return n++; };
  };
}

}  // namespace cucache::bench

#endif  // CUCACHE_T_BENCH_MODULES_KEYS_H_
