// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/settings.h"

#include <charconv>
#include <cstdio>

namespace cucache {
namespace codec {
namespace {

// All of `text` as a number in that base, or nothing.
std::optional<uint64_t> Number(std::string_view text, int base) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// memcached's per-listener words, which need modules that are not there.
bool HasListenerWord(std::string_view text) {
  for (std::string_view word : {"proto[", "tag[", "tag_"}) {
    if (text.starts_with(word)) return true;
  }
  return false;
}

// The prefix that says what a listener has to do with TLS.
TlsMode TakeTlsWord(std::string_view* text) {
  struct Word {
    std::string_view name;
    TlsMode mode;
  };
  for (const Word& word :
       {Word{"notls:", TlsMode::kOff}, Word{"btls:", TlsMode::kNoPeer},
        Word{"mtls:", TlsMode::kPeer}}) {
    if (!text->starts_with(word.name)) continue;
    text->remove_prefix(word.name.size());
    return word.mode;
  }
  return TlsMode::kDefault;
}

bool TakePort(std::string_view text, ListenSpec* spec) {
  std::optional<uint64_t> port = Number(text, 10);
  if (!port || *port > 65535) return false;
  spec->port = static_cast<int>(*port);
  return true;
}

// "[v6]" or "[v6]:port".
bool TakeBracketed(std::string_view text, ListenSpec* spec) {
  size_t close = text.find(']');
  if (close == std::string_view::npos || close == 1) return false;
  spec->host = text.substr(1, close - 1);
  std::string_view rest = text.substr(close + 1);
  if (rest.empty()) return true;
  return rest[0] == ':' && TakePort(rest.substr(1), spec);
}

// An address with two colons and no brackets is IPv6 without a port.
bool TakeAddress(std::string_view text, ListenSpec* spec) {
  spec->text = text;
  if (text[0] == '[') return TakeBracketed(text, spec);
  size_t colon = text.find(':');
  if (colon == std::string_view::npos ||
      text.find(':', colon + 1) != std::string_view::npos) {
    spec->host = text;
    return true;
  }
  spec->host = text.substr(0, colon);
  // Nobody means all the world by leaving something out.
  return colon != 0 && TakePort(text.substr(colon + 1), spec);
}

}  // namespace

template <int digits>
std::string Real<digits>::Show(double value) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}
template struct Real<2>;
template struct Real<3>;

std::optional<std::string> HashName::From(const std::string& flag,
                                          std::string* why) {
  if (flag == "jenkins" || flag == "murmur3" || flag == "xxh3") return flag;
  *why = "this is none of jenkins, murmur3, xxh3";
  return std::nullopt;
}

std::optional<char> Char::From(const std::string& flag, std::string* why) {
  if (!flag.empty()) return flag[0];
  *why = "there is no character";
  return std::nullopt;
}

std::optional<int> Octal::From(const std::string& flag, std::string* why) {
  std::optional<uint64_t> bits = Number(flag, 8);
  if (bits && *bits <= 07777) return static_cast<int>(*bits);
  *why = "this is no access mask in octal";
  return std::nullopt;
}

std::string Octal::Show(int value) {
  char text[16];
  std::snprintf(text, sizeof(text), "%o", value);
  return text;
}

std::optional<uint64_t> Size::From(const std::string& flag, std::string* why) {
  std::string_view digits = flag;
  int shift = 0;
  if (!digits.empty()) {
    char unit = digits.back();
    if (unit == 'k' || unit == 'K') shift = 10;
    if (unit == 'm' || unit == 'M') shift = 20;
    if (shift != 0) digits.remove_suffix(1);
  }
  std::optional<uint64_t> number = Number(digits, 10);
  if (number && *number <= (uint64_t{1} << 40)) return *number << shift;
  *why = "this is no size (bytes, or a number with k or m)";
  return std::nullopt;
}

std::optional<Protocol> ProtocolName::From(const std::string& flag,
                                           std::string* why) {
  if (flag == "ascii") return Protocol::kAscii;
  if (flag == "binary") return Protocol::kBinary;
  if (flag == "auto") return Protocol::kNegotiating;
  *why = "this is none of auto, binary, ascii";
  return std::nullopt;
}

std::string ProtocolName::Show(Protocol value) {
  switch (value) {
    case Protocol::kAscii:
      return "ascii";
    case Protocol::kBinary:
      return "binary";
    case Protocol::kNegotiating:
      break;
  }
  return "auto-negotiate";
}

std::optional<int> KeyFormat::From(const std::string& flag, std::string* why) {
  if (flag == "1" || flag == "PEM") return 1;
  if (flag == "2" || flag == "DER") return 2;
  *why = "this is none of PEM (1), DER (2)";
  return std::nullopt;
}

std::optional<std::vector<ListenSpec>> Listen::From(const std::string& flag,
                                                    std::string* why) {
  std::vector<ListenSpec> specs;
  std::string_view rest = flag;
  while (!rest.empty()) {
    size_t comma = rest.find_first_of(",;");
    std::string_view one = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view()
                                           : rest.substr(comma + 1);
    if (one.empty()) continue;
    const std::string text(one);
    const TlsMode tls = TakeTlsWord(&one);
    if (HasListenerWord(one)) {
      *why = "proto and tag are not supported yet";
      return std::nullopt;
    }
    ListenSpec& spec = specs.emplace_back();
    const bool good = !one.empty() && TakeAddress(one, &spec);
    spec.text = text;
    spec.tls = tls;
    if (!good) {
      *why = "this is no address (host, host:port, [v6] or [v6]:port)";
      return std::nullopt;
    }
  }
  return specs;
}

std::string Listen::Show(const std::vector<ListenSpec>& value) {
  if (value.empty()) return "NULL";
  std::string all;
  for (const ListenSpec& spec : value) {
    if (!all.empty()) all += ',';
    all += spec.text;
  }
  return all;
}

}  // namespace codec

namespace {

template <class C, class Field>
void VisitRow(const Settings::Visitor& visit, std::string_view name,
              const Field& field) {
  if (!name.empty()) visit(name, C::Show(field));
}

std::string InitText(const char* init) { return init; }
std::string InitText(bool init) { return init ? "on" : ""; }
std::string InitText(int init) { return std::to_string(init); }
std::string InitText(double init) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", init);
  return text;
}

}  // namespace

void Settings::ForEach(const Visitor& visit) const {
#define CUCACHE_OPTION(member, mode, Codec, init, stat, ...) \
  VisitRow<codec::Codec>(visit, stat, member);
#define CUCACHE_STATE(member, mode, Codec, init, stat) \
  VisitRow<codec::Codec>(visit, stat, member);
#define CUCACHE_STAT(stat, value) visit(stat, value);
#include "base/settings.def"
}

std::span<const OptionInfo> Options() {
  static const OptionInfo kOptions[] = {
#define CUCACHE_OPTION(member, mode, Codec, init, stat, state, letter, flag, \
                       arg, check, help)                                     \
  {OptionInfo::State::k##state, letter, #flag, arg, help, InitText(init)},
#include "base/settings.def"
  };
  return kOptions;
}

}  // namespace cucache
