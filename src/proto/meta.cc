// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "proto/meta.h"

#include <array>
#include <cstring>

#include "base/strings.h"
#include "proto/response.h"

namespace cucache {
namespace {

// ---- The table of flags. ----

enum class FlagKind : uint8_t {
  kUnknown,
  kIgnored,  // hints for proxies
  kOption,   // sets `option`, no argument
  kTtl,      // an exptime for `ttl`, sets `option`
  kWide,     // 64 bits for `wide`, sets `option`
  kFlags,
  kRecache,
  kBase64Key,
  kMode,
  kOpaque,
  kQuiet,
  kValue,
  kShown,  // asks for something in the answer
};

struct FlagRule {
  FlagKind kind = FlagKind::kUnknown;
  uint16_t option = 0;
  RelTime Request::*ttl = nullptr;
  uint64_t Request::*wide = nullptr;
  std::string_view error = reply::kBadToken;  // if the argument is wrong
};

constexpr std::array<FlagRule, 128> MakeFlagRules() {
  std::array<FlagRule, 128> rules{};
  auto wide = [&](char letter, uint16_t option, uint64_t Request::*to,
                  std::string_view error = reply::kBadToken) {
    rules[static_cast<size_t>(letter)] = {FlagKind::kWide, option, nullptr, to,
                                          error};
  };
  auto ttl = [&](char letter, uint16_t option, RelTime Request::*to) {
    rules[static_cast<size_t>(letter)] = {FlagKind::kTtl, option, to};
  };
  auto flag = [&](char letter, FlagKind kind, uint16_t option = 0) {
    rules[static_cast<size_t>(letter)] = {kind, option};
  };
  flag('b', FlagKind::kBase64Key);
  flag('q', FlagKind::kQuiet);
  flag('O', FlagKind::kOpaque);
  for (char letter : {'k', 's', 't', 'c', 'f', 'l', 'h'}) {
    flag(letter, FlagKind::kShown);
  }
  flag('v', FlagKind::kValue);
  flag('u', FlagKind::kOption, kNoBump);
  flag('x', FlagKind::kOption, kDropValue);
  flag('I', FlagKind::kOption, kInvalidate);
  ttl('T', kTouch, &Request::exptime);
  ttl('N', kVivify, &Request::vivify_exptime);
  flag('R', FlagKind::kRecache, kRecache);
  wide('C', kCompareCas, &Request::cas);
  wide('E', kExplicitCas, &Request::new_cas);
  wide('J', 0, &Request::initial, reply::kBadInitial);
  wide('D', 0, &Request::delta, reply::kBadMetaDelta);
  flag('F', FlagKind::kFlags);
  flag('M', FlagKind::kMode);
  flag('P', FlagKind::kIgnored);
  flag('L', FlagKind::kIgnored);
  return rules;
}
constexpr std::array<FlagRule, 128> kFlagRules = MakeFlagRules();

// ---- From tokens to a request. ----

constexpr bool MayBeginFlag(char c) {
  return (c > '@' && c < '{') || (c >= '0' && c <= '9');
}

void DecodeKey(char* key_buffer, MetaRequest* out) {
  const size_t n = Base64Decode(out->request.key, key_buffer);
  if (n == 0) {
    out->error = reply::kBadKeyEncoding;
    return;
  }
  out->request.key = out->reply.key = {key_buffer, n};
  out->request.binary_key = out->reply.binary_key = true;
}

// A token in the middle of a line keeps the error of the one before it unless
// it has its own, as memcached's parser goes on after these errors.
void ApplyArgument(const FlagRule& rule, std::string_view argument,
                   const Clock& clock, MetaRequest* out) {
  Request& request = out->request;
  int32_t seconds = 0;
  bool good = true;
  switch (rule.kind) {
    case FlagKind::kTtl:
      good = ParseI32(argument, &seconds);
      if (good) request.*rule.ttl = clock.FromExptime(seconds);
      break;
    case FlagKind::kRecache:
      good = ParseI32(argument, &request.recache_ttl);
      if (!request.Has(kTouch)) request.options |= kRecacheFirst;
      break;
    case FlagKind::kWide:
      good = ParseU64(argument, &(request.*rule.wide));
      break;
    default:
      return;
  }
  if (!good) out->error = rule.error;
}

void ParseClientFlags(std::string_view argument, MetaRequest* out) {
  if (ParseU32(argument, &out->request.flags)) return;
  if (out->error.empty()) out->error = reply::kBadFormat;
}

void ApplyFlag(std::string_view token, const Clock& clock, char* key_buffer,
               MetaRequest* out) {
  const char letter = token.front();
  const FlagRule& rule = kFlagRules[static_cast<size_t>(letter)];
  const std::string_view argument = token.substr(1);
  MetaReply& shown = out->reply;
  out->request.options |= rule.option;
  switch (rule.kind) {
    case FlagKind::kBase64Key:
      return DecodeKey(key_buffer, out);
    case FlagKind::kFlags:
      return ParseClientFlags(argument, out);
    case FlagKind::kMode:
      // Without a letter the mode is the separator that follows the M, which
      // no command knows.
      out->mode = argument.empty() ? ' ' : argument.front();
      return;
    case FlagKind::kQuiet:
      shown.quiet = true;
      return;
    case FlagKind::kValue:
      shown.show_value = true;
      return;
    case FlagKind::kOpaque:
      shown.opaque = token;
      shown.fields[shown.count++] = letter;
      return;
    case FlagKind::kShown:
      shown.fields[shown.count++] = letter;
      return;
    default:
      return ApplyArgument(rule, argument, clock, out);
  }
}

// `as` is what a t becomes that stands left of the T or N that follows.
void MarkTtl(char as, MetaReply* shown) {
  for (size_t i = 0; i < shown->count; ++i) {
    if (shown->fields[i] == 't') shown->fields[i] = as;
  }
}

// An item that mg or ma makes gets the expiry of N or T, whichever stands
// last.
void SettleVivify(const Tokens& tokens, MetaRequest* out) {
  Request& request = out->request;
  if (!request.Has(kVivify) || !request.Has(kTouch)) return;
  out->reply.middle_ttl = request.exptime;
  for (size_t i = tokens.size() - 1; tokens[i].front() != 'N'; --i) {
    if (tokens[i].front() != 'T') continue;
    out->reply.middle_ttl = request.vivify_exptime;
    request.vivify_exptime = request.exptime;
    return;
  }
}

// Whether the line is a meta line at all.
bool WellFormed(const Tokens& tokens, size_t first) {
  if (tokens.size() < first) return false;
  for (size_t i = first; i < tokens.size(); ++i) {
    if (!MayBeginFlag(tokens[i].front())) return false;
  }
  return true;
}

void ParseFlags(const Tokens& tokens, size_t first, const Clock& clock,
                char* key_buffer, MetaRequest* out) {
  out->request.key = out->reply.key = tokens[1];
  if (tokens[1].size() > kMaxKeyLength) {
    out->error = reply::kBadFormat;
    return;
  }
  if (tokens.size() > kMaxMetaTokens) {
    out->error = reply::kTooManyFlags;
    return;
  }
  uint64_t seen[2] = {0, 0};
  for (size_t i = first; i < tokens.size(); ++i) {
    const auto letter = static_cast<uint8_t>(tokens[i].front());
    const uint64_t bit = uint64_t{1} << (letter & 63);
    if ((seen[letter >> 6] & bit) != 0) {
      out->error = reply::kDuplicateFlag;
      return;
    }
    seen[letter >> 6] |= bit;
    if (kFlagRules[letter].kind == FlagKind::kUnknown) {
      out->error = reply::kInvalidFlag;
      return;
    }
    if (letter == 'T') {
      MarkTtl(out->request.Has(kVivify) ? kVivifiedTtl : kOldTtl, &out->reply);
    } else if (letter == 'N') {
      MarkTtl(out->request.Has(kTouch) ? kTouchedTtl : kOldTtl, &out->reply);
    }
    ApplyFlag(tokens[i], clock, key_buffer, out);
  }
}

void CheckOpaque(MetaRequest* out) {
  if (out->error.empty() && out->reply.opaque.size() > kMaxOpaque) {
    out->error = reply::kOpaqueTooLong;
  }
}

// False: no such mode.
bool ApplyStoreMode(MetaRequest* out) {
  Request& request = out->request;
  switch (out->mode) {
    case 0:
    case 'S':
      request.mode = StoreMode::kSet;
      return true;
    case 'E':
      request.mode = StoreMode::kAdd;
      return true;
    case 'A':
      request.mode = StoreMode::kAppend;
      return true;
    case 'P':
      request.mode = StoreMode::kPrepend;
      return true;
    case 'R':
      request.mode = StoreMode::kReplace;
      return true;
    default:
      return false;
  }
}

bool ApplyArithmeticMode(MetaRequest* out) {
  switch (out->mode) {
    case 0:
    case 'I':
    case '+':
      return true;
    case 'D':
    case '-':
      out->request.options |= kDecrement;
      return true;
    default:
      return false;
  }
}

// ---- From a result to bytes. ----

constexpr uint32_t Letter(char c) {
  return uint32_t{1} << (static_cast<uint8_t>(c) & 31);
}

// Which fields mean something in which answer. k and O always do. Upper and
// lower case letters share a bit, which does no harm: O is the only capital.
constexpr uint32_t kHitFields = Letter('s') | Letter('t') | Letter('c') |
                                Letter('f') | Letter('l') | Letter('h');
constexpr uint32_t kStoredFields = Letter('s') | Letter('c');
constexpr uint32_t kNumberFields = Letter('t') | Letter('c');

// What fields are written from.
struct FieldValues {
  const MetaReply& reply;
  const Result& result;
  RelTime now = 0;
  uint32_t size = 0;
  bool binary_key = false;
};

char* FormatTtl(RelTime exptime, RelTime now, char* to) {
  if (exptime == 0) {
    *to++ = '-';
    *to++ = '1';
    return to;
  }
  return FormatU32(exptime > now ? exptime - now : 0, to);
}

RelTime CurrentExptime(const Result& result) {
  return result.item == nullptr
             ? result.exptime_before
             : result.item->exptime.load(std::memory_order_relaxed);
}

RelTime ShownExptime(char letter, const FieldValues& v) {
  if (letter == kOldTtl) return v.result.exptime_before;
  if (letter == 't') return CurrentExptime(v.result);
  if (v.result.created) return v.reply.middle_ttl;
  return letter == kVivifiedTtl ? v.result.exptime_before
                                : CurrentExptime(v.result);
}

char* FormatKeyField(const FieldValues& v, char* to) {
  *to++ = 'k';
  const std::string_view key = v.reply.key;
  if (!v.binary_key) {
    std::memcpy(to, key.data(), key.size());
    return to + key.size();
  }
  to = Base64Encode(key, to);
  *to++ = ' ';
  *to++ = 'b';
  return to;
}

char* FormatField(char letter, const FieldValues& v, char* to) {
  *to++ = ' ';
  switch (letter) {
    case 'O':
      std::memcpy(to, v.reply.opaque.data(), v.reply.opaque.size());
      return to + v.reply.opaque.size();
    case 'k':
      return FormatKeyField(v, to);
    case kOldTtl:
    case kVivifiedTtl:
    case kTouchedTtl:
    case 't':
      *to++ = 't';
      return FormatTtl(ShownExptime(letter, v), v.now, to);
    case 's':
      *to++ = 's';
      return FormatU32(v.size, to);
    case 'c':
      *to++ = 'c';
      return FormatU64(v.result.cas, to);
    case 'f':
      *to++ = 'f';
      return FormatU32(v.result.item->flags(), to);
    case 'l':
      *to++ = 'l';
      return FormatU32(v.result.idle, to);
    default:
      *to++ = 'h';
      *to++ = v.result.was_fetched ? '1' : '0';
      return to;
  }
}

char* FormatFields(const FieldValues& v, uint32_t shown, char* to) {
  for (size_t i = 0; i < v.reply.count; ++i) {
    const char letter = v.reply.fields[i];
    const bool always = letter == 'O' || letter == 'k';
    const char name = letter < 'A' ? 't' : letter;
    if (always || (shown & Letter(name)) != 0) to = FormatField(letter, v, to);
  }
  return to;
}

char* FormatMark(char mark, char* to) {
  *to++ = ' ';
  *to++ = mark;
  return to;
}

char* FormatLineEnd(char* to) {
  *to++ = '\r';
  *to++ = '\n';
  return to;
}

char* FormatLiteral(std::string_view text, char* to) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

}  // namespace

void ParseMetaGet(const Tokens& tokens, const Clock& clock, char* key_buffer,
                  MetaRequest* out) {
  if (!WellFormed(tokens, 2)) {
    out->error = reply::kBadFormat;
    return;
  }
  ParseFlags(tokens, 2, clock, key_buffer, out);
  SettleVivify(tokens, out);
  CheckOpaque(out);
}

namespace {

// An opaque of the usual form, from its letter on: what follows it; nullptr for
// others. Not inlined: lines without one keep their registers.
__attribute__((noinline)) const char* ReadPlainOpaque(const char* p,
                                                      const char* end,
                                                      MetaReply* reply) {
  const char* const stop = FindPlainEndShort(p, end);
  const auto length = static_cast<size_t>(stop - p);
  if (length > kMaxOpaque) return nullptr;
  reply->opaque = {p, length};
  reply->fields[reply->count++] = 'O';
  return stop;
}

}  // namespace

const char* ParsePlainMetaGet(const char* p, const char* end, MetaReply* out) {
  const char* const key = p;
  p = FindPlainEnd(p, end);
  const auto length = static_cast<size_t>(p - key);
  if (length - 1 >= kMaxKeyLength) return nullptr;
  out->key = {key, length};
  uint64_t seen = 0;
  for (;;) {
    if (end - p < 2) return nullptr;
    if (*p != ' ') break;
    const auto letter = static_cast<uint8_t>(*++p);
    if (letter >= kFlagRules.size()) return nullptr;
    // No two of the letters below are 64 apart.
    const uint64_t bit = uint64_t{1} << (letter & 63);
    if ((seen & bit) != 0) return nullptr;
    seen |= bit;
    switch (kFlagRules[letter].kind) {
      case FlagKind::kValue:
        out->show_value = true;
        break;
      case FlagKind::kQuiet:
        out->quiet = true;
        break;
      case FlagKind::kShown:
        out->fields[out->count++] = static_cast<char>(letter);
        break;
      case FlagKind::kOpaque:
        p = ReadPlainOpaque(p, end, out);
        if (p == nullptr) return nullptr;
        continue;
      default:
        return nullptr;
    }
    ++p;
  }
  if (std::memcmp(p, "\r\n", 2) != 0) return nullptr;
  return p + 2;
}

namespace {

// A flag of the usual form, from its letter on; nullptr for others.
inline const char* ReadPlainSetFlag(const char* p, const char* end,
                                    const Clock& clock, Request* request,
                                    MetaReply* reply) {
  uint32_t seconds;
  switch (*p) {
    case 'T':
      p = ReadPlainNumber('T', p, &seconds);
      if (p == nullptr) return nullptr;
      request->options |= kTouch;
      request->exptime = seconds == 0 ? 0 : clock.FromExptime(seconds);
      return p;
    case 'F':
      return ReadPlainNumber('F', p, &request->flags);
    case 'q':
      reply->quiet = true;
      return p + 1;
    case 'c':
    case 'k':
    case 's':
      reply->fields[reply->count++] = *p;
      return p + 1;
    case 'O':
      return ReadPlainOpaque(p, end, reply);
    default:
      return nullptr;
  }
}

}  // namespace

const char* ParsePlainMetaSet(const char* p, const char* end,
                              const Clock& clock, Request* request,
                              MetaReply* reply) {
  // Of a number with what stands around it, and of a flag.
  constexpr ptrdiff_t kLongest = kPlainDigits + 3;
  const char* const key = p;
  p = FindPlainEnd(p, end);
  const auto length = static_cast<size_t>(p - key);
  if (length - 1 >= kMaxKeyLength || end - p < kLongest) return nullptr;
  request->key = reply->key = {key, length};
  p = ReadPlainNumber(' ', p, &request->value_length);
  uint32_t seen = 0;
  while (p != nullptr) {
    if (end - p < 2) return nullptr;
    if (std::memcmp(p, "\r\n", 2) == 0) return p + 2;
    if (*p != ' ' || end - p < kLongest) return nullptr;
    const uint32_t bit = Letter(*++p);
    if ((seen & bit) != 0) return nullptr;
    seen |= bit;
    p = ReadPlainSetFlag(p, end, clock, request, reply);
  }
  return nullptr;
}

void ParseMetaSet(const Tokens& tokens, const Clock& clock, char* key_buffer,
                  MetaRequest* out) {
  int32_t length;
  if (!WellFormed(tokens, 3) || !ParseI32(tokens[2], &length) || length < 0 ||
      length > kMaxValueLength) {
    out->error = reply::kBadFormat;
    return;
  }
  out->has_value = true;
  out->request.value_length = static_cast<uint32_t>(length);
  ParseFlags(tokens, 3, clock, key_buffer, out);
  if (out->error.empty() && !ApplyStoreMode(out)) {
    out->error = reply::kBadStoreMode;
  }
  CheckOpaque(out);
}

void ParseMetaDelete(const Tokens& tokens, const Clock& clock, char* key_buffer,
                     MetaRequest* out) {
  ParseMetaGet(tokens, clock, key_buffer, out);
  out->request.options |= kIsMeta;
}

void ParseMetaArithmetic(const Tokens& tokens, const Clock& clock,
                         char* key_buffer, MetaRequest* out) {
  if (!WellFormed(tokens, 2)) {
    out->error = reply::kBadFormat;
    return;
  }
  ParseFlags(tokens, 2, clock, key_buffer, out);
  if (!out->error.empty()) {
    out->error = reply::kInvalidOrDuplicateFlag;
    return;
  }
  SettleVivify(tokens, out);
  if (!ApplyArithmeticMode(out)) out->error = reply::kBadArithmeticMode;
  CheckOpaque(out);
}

void ParseMetaDebug(const Tokens& tokens, char* key_buffer, MetaRequest* out) {
  if (!WellFormed(tokens, 2) || tokens[1].size() > kMaxKeyLength) {
    out->error = reply::kBadFormat;
    return;
  }
  out->request.key = out->reply.key = tokens[1];
  if (tokens.size() < 3 || tokens[2] != "b") return;
  DecodeKey(key_buffer, out);
  // memcached looks every key up as it is.
  out->error = {};
}

char* FormatMetaHit(const MetaReply& reply, const Result& result,
                    bool with_value, RelTime now, char* to) {
  const Item& item = *result.item;
  if (with_value) {
    to = FormatLiteral("VA ", to);
    to = FormatU32(item.value_length, to);
  } else {
    to = FormatLiteral("HD", to);
  }
  const FieldValues values{reply, result, now, item.value_length,
                           item.HasState(Item::kBinaryKey)};
  to = FormatFields(values, kHitFields, to);
  if (result.won_by_other) to = FormatMark('Z', to);
  if (result.stale) to = FormatMark('X', to);
  if (result.won) to = FormatMark('W', to);
  return FormatLineEnd(to);
}

char* FormatMetaCode(const MetaReply& reply, std::string_view code, char* to) {
  to = FormatLiteral(code, to);
  const Result nothing;
  to = FormatFields({reply, nothing, 0, 0, reply.binary_key}, 0, to);
  return FormatLineEnd(to);
}

char* FormatMetaStored(const MetaReply& reply, const Result& result, char* to) {
  const StatusName& name = NameOf(result.status);
  to = FormatLiteral({name.meta, sizeof(name.meta)}, to);
  const FieldValues values{reply, result, 0, result.value_length,
                           reply.binary_key};
  to = FormatFields(values, kStoredFields, to);
  return FormatLineEnd(to);
}

char* FormatMetaNumber(const MetaReply& reply, const Result& result,
                       RelTime now, char* to) {
  char number[kMaxDigits];
  char* const number_end = FormatU64(result.value, number);
  const auto length = static_cast<uint32_t>(number_end - number);
  if (reply.show_value) {
    to = FormatLiteral("VA ", to);
    to = FormatU32(length, to);
  } else {
    to = FormatLiteral("HD", to);
  }
  const FieldValues values{reply, result, now, length, reply.binary_key};
  to = FormatFields(values, kNumberFields, to);
  to = FormatLineEnd(to);
  if (!reply.show_value) return to;
  to = FormatLiteral({number, length}, to);
  return FormatLineEnd(to);
}

char* FormatMetaDebug(const ItemFacts& facts, char* to) {
  const Item& item = *facts.item;
  to = FormatLiteral("ME ", to);
  if (item.HasState(Item::kBinaryKey)) {
    to = Base64Encode(item.key(), to);
  } else {
    to = FormatLiteral(item.key(), to);
  }
  to = FormatLiteral(" exp=", to);
  to = FormatI64(facts.ttl, to);
  to = FormatLiteral(" la=", to);
  to = FormatU32(facts.idle, to);
  to = FormatLiteral(" cas=", to);
  to = FormatU64(facts.cas, to);
  to = FormatLiteral(facts.fetched ? " fetch=yes" : " fetch=no", to);
  to = FormatLiteral(" cls=", to);
  to = FormatI64(facts.slab_class, to);
  to = FormatLiteral(" size=", to);
  to = FormatU64(facts.size, to);
  return FormatLineEnd(to);
}

}  // namespace cucache
