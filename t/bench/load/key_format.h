// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Keys and values that describe themselves.
//
// A key is a prefix, zeros, and its number in ten decimal digits, so that all
// keys of a run have one length and a reply tells which key it is for.
// A value is a run of 64-bit words that follow from its first: the upper half
// of the first is a sequence number, the lower half a hash of the key. So a
// value that belongs to another key, is torn between two versions, or has one
// bit wrong is seen by whoever knows the key alone.
// Immutable after construction; thread safe.

#ifndef CUCACHE_T_BENCH_LOAD_KEY_FORMAT_H_
#define CUCACHE_T_BENCH_LOAD_KEY_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace cucache::load {

inline uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

class KeyFormat {
 public:
  static constexpr int kDigits = 10;
  static constexpr uint64_t kNoId = ~uint64_t{0};

  // size is raised to hold the prefix and the digits.
  KeyFormat(const std::string& prefix, size_t size) : head_(prefix) {
    if (head_.size() + kDigits < size) {
      head_.append(size - kDigits - head_.size(), '0');
    }
  }

  [[nodiscard]] size_t size() const { return head_.size() + kDigits; }

  char* Write(char* out, uint64_t id) const {
    std::memcpy(out, head_.data(), head_.size());
    out += head_.size();
    for (int i = kDigits - 1; i >= 0; --i, id /= 10) out[i] = '0' + id % 10;
    return out + kDigits;
  }

  // The number of the key at p, or kNoId when no key of this form is there.
  [[nodiscard]] uint64_t Parse(const char* p) const {
    if (std::memcmp(p, head_.data(), head_.size()) != 0) return kNoId;
    p += head_.size();
    uint64_t id = 0;
    for (int i = 0; i < kDigits; ++i) {
      const auto digit = static_cast<unsigned char>(p[i] - '0');
      if (digit > 9) return kNoId;
      id = id * 10 + digit;
    }
    return id;
  }

 private:
  std::string head_;
};

class ValueFormat {
 public:
  explicit ValueFormat(size_t size) : size_(size) {}

  [[nodiscard]] size_t size() const { return size_; }

  char* Write(char* out, uint64_t id, uint32_t sequence) const {
    Fill(out, (uint64_t{sequence} << 32) | static_cast<uint32_t>(Mix(id)));
    return out + size_;
  }

  [[nodiscard]] bool Check(const char* value, uint64_t id) const;

 private:
  static constexpr uint64_t kStep = 0x9e3779b97f4a7c15;

  void Fill(char* out, uint64_t word) const {
    size_t left = size_;
    for (; left >= 8; left -= 8, out += 8, word = Next(word)) {
      std::memcpy(out, &word, 8);
    }
    std::memcpy(out, &word, left);
  }
  static uint64_t Next(uint64_t word) {
    return ((word << 23) | (word >> 41)) + kStep;
  }

  size_t size_;
};

inline bool ValueFormat::Check(const char* value, uint64_t id) const {
  uint64_t word = 0;
  std::memcpy(&word, value, size_ < 8 ? size_ : 8);
  const auto hash = static_cast<uint32_t>(Mix(id));
  const size_t hash_bytes = size_ < 4 ? size_ : 4;
  if (std::memcmp(&word, &hash, hash_bytes) != 0) return false;
  size_t left = size_;
  for (; left >= 8; left -= 8, value += 8, word = Next(word)) {
    if (std::memcmp(value, &word, 8) != 0) return false;
  }
  return size_ < 8 || std::memcmp(value, &word, left) == 0;
}

}  // namespace cucache::load

#endif  // CUCACHE_T_BENCH_LOAD_KEY_FORMAT_H_
