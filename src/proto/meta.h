// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Lines of the meta protocol: flags to a Request and a MetaReply, and a
// MetaReply with its Result to bytes. (Counterpart: _meta_flag_preparse and
// the reply loops of process_m*_cmd.)
//
// One table of flags serves every command: a flag that is known is accepted by
// all of them and ignored where it means nothing. What is shown comes back in
// the order it was asked for.
//
// Thread safety: pure functions. Everything points into the line or into the
// key buffer that the caller gave.

#ifndef CUCACHE_PROTO_META_H_
#define CUCACHE_PROTO_META_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "command/executor.h"
#include "command/request.h"
#include "proto/tokens.h"

namespace cucache {

// Tokens of a line, command and key included.
inline constexpr size_t kMaxMetaTokens = 20;
// With its letter O.
inline constexpr size_t kMaxOpaque = 32;
// What a decoded base64 key needs: the length of its text.
inline constexpr size_t kKeyBuffer = kMaxKeyLength;

// What the answer is to show.
struct MetaReply {
  std::string_view key;     // k: decoded
  std::string_view opaque;  // O: with its letter
  bool binary_key = false;
  bool quiet = false;       // q
  bool show_value = false;  // v
  uint8_t count = 0;
  char fields[kMaxMetaTokens];  // letters in request order; for a t that
                                // stands left of a T or an N one of the below
  RelTime middle_ttl = 0;       // what N or T, whichever stands first, asks for
};
// A t shows the expiry at its place in the line: what stands left of a T or an
// N has not changed yet, and N changes only an item that this command makes.
inline constexpr char kOldTtl = '<';       // t T, t N: the one before
inline constexpr char kVivifiedTtl = '=';  // N t T: middle_ttl if made here
inline constexpr char kTouchedTtl = '>';   // T t N: likewise; else T's

struct MetaRequest {
  Request request;
  MetaReply reply;
  char mode = 0;           // letter of M; 0 without
  std::string_view error;  // the reply, if the flags are wrong; else empty
  // ms: the datalen is good, so a value follows whatever `error` says.
  bool has_value = false;
};

// Parsers of whole lines. `key_buffer` has kKeyBuffer bytes.
void ParseMetaGet(const Tokens& tokens, const Clock& clock, char* key_buffer,
                  MetaRequest* out);
// An mg line in its usual form, "<key>" with flags that say what is shown, O
// among them, and single spaces, up to "\r\n", in [p, end). Returns what
// follows it; nullptr, and `out` is to be made anew, for every other line,
// right or wrong.
[[nodiscard]] const char* ParsePlainMetaGet(const char* p, const char* end,
                                            MetaReply* out);
// An ms line in its usual form: "<key> <bytes>" with single spaces, numbers of
// up to nine digits and flags among q, c, k, s, O, T and F. As above, and at
// times nullptr for a line near the end of the input, too.
[[nodiscard]] const char* ParsePlainMetaSet(const char* p, const char* end,
                                            const Clock& clock,
                                            Request* request, MetaReply* reply);
void ParseMetaSet(const Tokens& tokens, const Clock& clock, char* key_buffer,
                  MetaRequest* out);
void ParseMetaDelete(const Tokens& tokens, const Clock& clock, char* key_buffer,
                     MetaRequest* out);
void ParseMetaArithmetic(const Tokens& tokens, const Clock& clock,
                         char* key_buffer, MetaRequest* out);
// me <key> [b].
void ParseMetaDebug(const Tokens& tokens, char* key_buffer, MetaRequest* out);

// Room that a line of an answer needs, without a value.
inline constexpr size_t kMaxMetaLine = 1024;

// Each writes one line with its CRLF to `to` and returns the end.

// mg that found result.item. `with_value`: VA <size> instead of HD.
char* FormatMetaHit(const MetaReply& reply, const Result& result,
                    bool with_value, RelTime now, char* to);
// EN, NF, EX, NS with what is shown without an item.
char* FormatMetaCode(const MetaReply& reply, std::string_view code, char* to);
// ms.
char* FormatMetaStored(const MetaReply& reply, const Result& result, char* to);
// ma, with the number and its CRLF behind the line if v was asked for.
char* FormatMetaNumber(const MetaReply& reply, const Result& result,
                       RelTime now, char* to);
// me that found facts.item.
char* FormatMetaDebug(const ItemFacts& facts, char* to);

}  // namespace cucache

#endif  // CUCACHE_PROTO_META_H_
