// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What the server was told: a plain struct that is copied into the Server.
// Counterpart: struct settings in memcached.h, with its names where the
// meaning is the same.
//
// The fields, their defaults, options and rows in `stats settings` are the
// rows of settings.def; sizes are in bytes here, whatever unit the command
// line has. Fields marked Live may be written by one thread while others read
// them (relaxed: nothing else is published through them); all others do not
// change once the Server runs. No globals: gflags' are only a way in, see
// flags.h.

#ifndef CUCACHE_BASE_SETTINGS_H_
#define CUCACHE_BASE_SETTINGS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/features.h"

namespace cucache {

// A field that never changes while threads run.
template <class T>
using Fixed = T;

// A field that may change while threads run. Copying it is not atomic with
// regard to other fields.
template <class T>
class Live {
 public:
  Live(T value = T()) : value_(value) {}  // NOLINT: a field like any other
  Live(const Live& other) : value_(other.load()) {}
  Live& operator=(const Live& other) { return *this = other.load(); }
  Live& operator=(T value) {
    value_.store(value, std::memory_order_relaxed);
    return *this;
  }
  T load() const { return value_.load(std::memory_order_relaxed); }
  operator T() const { return load(); }  // NOLINT

 private:
  static_assert(std::atomic<T>::is_always_lock_free);
  std::atomic<T> value_;
};

// -B: what a new connection may speak.
enum class Protocol : uint8_t { kAscii, kBinary, kNegotiating };

// What an address of -l says about TLS, if there is any (-Z).
enum class TlsMode : uint8_t {
  kDefault,  // TLS, and clients show certificates as ssl_verify_mode demands
  kOff,      // notls: plain
  kNoPeer,   // btls: TLS, without certificates of clients
  kPeer,     // mtls: TLS, and clients must show a certificate
};

// One address of -l.
struct ListenSpec {
  std::string host;  // without brackets; "*" is every address
  int port = -1;     // -1: the one of -p
  std::string text;  // as it was given
  TlsMode tls = TlsMode::kDefault;
};

// A codec is how a kind of setting is given (Flag, gflags' type), stored
// (Value) and shown in `stats settings`. From returns nothing, and why in one
// phrase, if the text makes no sense. The checks of settings.def come after
// it.
namespace codec {

template <class FlagType, class ValueType>
struct Base {
  using Flag = FlagType;
  using Value = ValueType;
};

struct Int : Base<int32_t, int> {
  static std::optional<int> From(int32_t flag, std::string*) { return flag; }
  static std::string Show(int value) { return std::to_string(value); }
};

struct Uint : Base<uint32_t, uint32_t> {
  static std::optional<uint32_t> From(uint32_t flag, std::string*) {
    return flag;
  }
  static std::string Show(uint32_t value) { return std::to_string(value); }
};

struct Megabytes : Base<int64_t, uint64_t> {
  static std::optional<uint64_t> From(int64_t flag, std::string*) {
    return static_cast<uint64_t>(flag) << 20;
  }
  static std::string Show(uint64_t value) { return std::to_string(value); }
};

struct Kilobytes : Base<int32_t, uint32_t> {
  static std::optional<uint32_t> From(int32_t flag, std::string*) {
    return static_cast<uint32_t>(flag) << 10;
  }
  static std::string Show(uint32_t value) { return std::to_string(value); }
};

template <int digits>
struct Real : Base<double, double> {
  static std::optional<double> From(double flag, std::string*) { return flag; }
  static std::string Show(double value);
};
using Real2 = Real<2>;
using Real3 = Real<3>;

// A switch that sets its field.
struct YesNo : Base<bool, bool> {
  static std::optional<bool> From(bool flag, std::string*) { return flag; }
  static std::string Show(bool value) { return value ? "yes" : "no"; }
};

// A switch that clears its field.
struct NoYes : Base<bool, bool> {
  static std::optional<bool> From(bool flag, std::string*) { return !flag; }
  static std::string Show(bool value) { return value ? "yes" : "no"; }
};

struct OffOn : Base<bool, bool> {
  static std::optional<bool> From(bool flag, std::string*) { return !flag; }
  static std::string Show(bool value) { return value ? "on" : "off"; }
};

struct Text : Base<std::string, std::string> {
  static std::optional<std::string> From(const std::string& flag,
                                         std::string*) {
    return flag;
  }
  static std::string Show(const std::string& value) {
    return value.empty() ? "NULL" : value;
  }
};

struct TextOrNo : Text {
  static std::string Show(const std::string& value) {
    return value.empty() ? "no" : value;
  }
};

struct TextOrNull : Text {
  static std::string Show(const std::string& value) {
    return value.empty() ? "(null)" : value;
  }
};

// jenkins, murmur3 or xxh3.
struct HashName : Base<std::string, std::string> {
  static std::optional<std::string> From(const std::string& flag,
                                         std::string* why);
  static std::string Show(const std::string& value) { return value; }
};

struct Char : Base<std::string, char> {
  static std::optional<char> From(const std::string& flag, std::string* why);
  static std::string Show(char value) { return std::string(1, value); }
};

// Permission bits, in octal on both sides.
struct Octal : Base<std::string, int> {
  static std::optional<int> From(const std::string& flag, std::string* why);
  static std::string Show(int value);
};

// Bytes, or a number with k or m behind it.
struct Size : Base<std::string, uint64_t> {
  static std::optional<uint64_t> From(const std::string& flag,
                                      std::string* why);
  static std::string Show(uint64_t value) { return std::to_string(value); }
};

struct ProtocolName : Base<std::string, Protocol> {
  static std::optional<Protocol> From(const std::string& flag,
                                      std::string* why);
  static std::string Show(Protocol value);
};

// memcached's 0 to 3: none, request, require, once. The value, which is shown,
// is OpenSSL's set of bits.
struct VerifyMode : Base<int32_t, int> {
  static std::optional<int> From(int32_t flag, std::string*) {
    return flag == 3 ? 7 : flag == 2 ? 3 : flag;
  }
  static std::string Show(int value) { return std::to_string(value); }
};

// PEM or 1, DER or 2; the number is OpenSSL's.
struct KeyFormat : Base<std::string, int> {
  static std::optional<int> From(const std::string& flag, std::string* why);
  static std::string Show(int value) { return std::to_string(value); }
};

// 0 to 3 for TLS 1.0 to 1.3. The value is the protocol's own number.
struct TlsVersion : Base<int32_t, int> {
  static constexpr int kTls10 = 0x0301;
  static std::optional<int> From(int32_t flag, std::string*) {
    return kTls10 + flag;
  }
  static std::string Show(int value) {
    return "tlsv1." + std::to_string(value - kTls10);
  }
};

struct Listen : Base<std::string, std::vector<ListenSpec>> {
  static std::optional<std::vector<ListenSpec>> From(const std::string& flag,
                                                     std::string* why);
  static std::string Show(const std::vector<ListenSpec>& value);
};

// The value of a default; settings.def holds only defaults that make sense.
template <class C>
typename C::Value Default(typename C::Flag flag) {
  std::string why;
  return *C::From(flag, &why);
}

}  // namespace codec

struct Settings {
#define CUCACHE_OPTION(member, mode, Codec, init, ...) \
  mode<codec::Codec::Value> member = codec::Default<codec::Codec>(init);
#define CUCACHE_STATE(member, mode, Codec, init, stat) \
  CUCACHE_OPTION(member, mode, Codec, init)
#include "base/settings.def"

  using Visitor = std::function<void(std::string_view name, std::string value)>;
  // The rows of `stats settings`, in memcached's order.
  void ForEach(const Visitor& visit) const;
};

// What is known about an option besides its value, for the front, the usage
// text and the tests. Pointers are to constants.
struct OptionInfo {
  enum class State : uint8_t {
    kWorks,
    kNoEffect,
    kRefused,
    kTls = kTlsBuilt ? kWorks : kRefused,
    kSasl = kSaslBuilt ? kWorks : kRefused,
  };
  State state;
  char letter;       // 'o': a word of -o; 0: none
  const char* flag;  // with _
  const char* arg;   // "": a switch; "[num]": may be left out
  const char* help;
  std::string init;  // the default as the user would write it

  bool extended() const { return letter == 'o'; }
  bool is_switch() const { return *arg == '\0'; }
};

// In the order of settings.def.
std::span<const OptionInfo> Options();

}  // namespace cucache

#endif  // CUCACHE_BASE_SETTINGS_H_
