// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Command lines of the classic text protocol, as Requests. (Counterpart:
// _process_request_storage, _process_request_simple, and the first halves of
// process_update_cmd_start, process_arithmetic_cmd, process_touch_cmd.)
//
// Lines of keys (get, gets, gat, gats) are not here: Session consumes them
// key by key.
//
// Thread safety: pure functions. A Request's key points into the line.

#ifndef CUCACHE_PROTO_TEXT_H_
#define CUCACHE_PROTO_TEXT_H_

#include <string_view>

#include "base/clock.h"
#include "command/request.h"
#include "proto/tokens.h"

namespace cucache {

struct TextRequest {
  Request request;
  std::string_view error;  // the reply, if the line is wrong; else empty
  bool noreply = false;    // holds for errors too
  // The line announces a value that follows it, even if `error` is set:
  // request.value_length is right.
  bool has_value = false;
};

// set add replace append prepend cas.
void ParseStoreLine(const Tokens& tokens, StoreMode mode, bool with_cas,
                    const Clock& clock, TextRequest* out);
// The usual form of a set line, "<key> <flags> <exptime> <bytes> [noreply]\r\n"
// behind the name, with single spaces and up to nine digits each, in [p, end).
// Returns what follows it; nullptr, and `out` is of no use, for every other
// line, right or wrong, and at times for one near the end of the input.
[[nodiscard]] const char* ParsePlainSet(const char* p, const char* end,
                                        const Clock& clock, Request* out,
                                        bool* noreply);
// <command> <key> [noreply], more tokens are ignored: delete.
void ParseDeleteLine(const Tokens& tokens, TextRequest* out);
// <command> <key> <delta> [noreply]: incr, decr.
void ParseArithmeticLine(const Tokens& tokens, bool decrement,
                         TextRequest* out);
// touch <key> <exptime> [noreply].
void ParseTouchLine(const Tokens& tokens, const Clock& clock, TextRequest* out);

}  // namespace cucache

#endif  // CUCACHE_PROTO_TEXT_H_
