// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The commands of a line, and the table of their names.

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>

#include "base/strings.h"
#include "cache/value.h"
#include "command/admin.h"
#include "command/dump.h"
#include "proto/response.h"
#include "proto/turn.h"

namespace cucache {
namespace {

// A name of at most seven bytes, and its length, as a number, so that looking
// it up is one comparison per row; 0 for a longer one.
constexpr uint64_t Pack(std::string_view name) {
  if (name.size() >= sizeof(uint64_t)) return 0;
  uint64_t packed = name.size();
  for (const char c : name) packed = packed << 8 | static_cast<uint8_t>(c);
  return packed;
}

// Copies `text` to `to`.
std::string_view Keep(std::string_view text, char* to) {
  std::copy(text.begin(), text.end(), to);
  return {to, text.size()};
}

}  // namespace

// ---- The table. ----

// The common ones first. get, gets, gat, gats and mg come here only if no
// space follows the name. The rare commands have their table in
// command/admin.cc.
struct CommandTable {
  struct Row {
    uint64_t name;
    Turn::Handler handler;
  };
  static constexpr Row kRows[] = {
      {Pack("set"), &Turn::Store<StoreMode::kSet, false>},
      {Pack("ms"), &Turn::MetaSet},
      {Pack("mg"), &Turn::KeysWithoutKey},
      {Pack("md"), &Turn::MetaDelete},
      {Pack("ma"), &Turn::MetaArithmetic},
      {Pack("mn"), &Turn::MetaNoop},
      {Pack("delete"), &Turn::Delete},
      {Pack("incr"), &Turn::Arithmetic<false>},
      {Pack("decr"), &Turn::Arithmetic<true>},
      {Pack("touch"), &Turn::Touch},
      {Pack("add"), &Turn::Store<StoreMode::kAdd, false>},
      {Pack("cas"), &Turn::Store<StoreMode::kSet, true>},
      {Pack("replace"), &Turn::Store<StoreMode::kReplace, false>},
      {Pack("append"), &Turn::Store<StoreMode::kAppend, false>},
      {Pack("prepend"), &Turn::Store<StoreMode::kPrepend, false>},
      {Pack("get"), &Turn::KeysWithoutKey},
      {Pack("gets"), &Turn::KeysWithoutKey},
      {Pack("gat"), &Turn::KeysWithoutKey},
      {Pack("gats"), &Turn::KeysWithoutKey},
      {Pack("me"), &Turn::MetaDebug},
      {Pack("quit"), &Turn::Quit},
  };
};

Turn::Flow Turn::Dispatch(const Line& line) {
  // Shorter than the shortest command with its CRLF.
  const auto whole = static_cast<size_t>(line.next - line.text.data());
  if (whole < 4) return Reply(reply::kBadFormat);
  const std::string_view name = line.text.substr(0, line.text.find(' '));
  const uint64_t packed = Pack(name);
  for (const auto& row : CommandTable::kRows) {
    if (row.name == packed) return (this->*row.handler)(line);
  }
  return IsAdminCommand(name) ? Admin(line) : Unknown(line);
}

Turn::Flow Turn::Unknown(const Line& line) {
  const Tokens tokens(line.text);
  // A browser was talked into speaking to us: the next lines are its headers
  // and somebody's choice of a body.
  const bool http = tokens.size() > 1 && tokens.back().starts_with("HTTP/");
  if (http) return Stop(Next::kShutdown);
  return Reply(reply::kError, tokens.EndsWithNoreply());
}

// ---- Classic text. ----

std::string_view Turn::NameOfText(Status status) { return NameOf(status).text; }

Turn::Flow Turn::KeysWithoutKey(const Line&) {
  return Reply(reply::kBadFormat);
}

// ---- Stores that are all there. ----

inline bool Turn::StoreAtOnce(const Request& request, const MetaReply* meta,
                              bool noreply) {
  const size_t length = request.value_length;
  if (left() < length + 2 || std::memcmp(at_ + length, "\r\n", 2) != 0) {
    return false;
  }
  Item* const item = executor_.SetAtOnce(request, at_);
  if (item == nullptr) return false;
  at_ += length + 2;
  if (meta == nullptr) return noreply || Say<reply::kStored>();
  if (meta->count == 0) return meta->quiet || Say<reply::kMetaStored>();
  Result result;
  result.status = Status::kStored;
  result.item = item;
  result.cas = item->cas.load(std::memory_order_relaxed);
  result.value_length = item->value_length;
  AnswerStore(result, meta, noreply);
  return true;
}

// Inlined: most stores end in StoreAtOnce.
CUCACHE_ALWAYS_INLINE Turn::Flow Turn::BeginStore(Request* request,
                                                  const MetaReply* meta,
                                                  bool noreply) {
  request->hash = executor_.Hash(request->key);  // for all that follows
  return StoreAtOnce(*request, meta, noreply) ||
         StoreReserved(*request, meta, noreply);
}

template <StoreMode mode, bool with_cas>
Turn::Flow Turn::Store(const Line& line) {
  TextRequest parsed;
  ParseStoreLine(Tokens(line.text), mode, with_cas, clock(), &parsed);
  if (parsed.error.empty()) {
    return BeginStore(&parsed.request, nullptr, parsed.noreply);
  }
  if (parsed.has_value) (void)RefuseStore(parsed.request.value_length);
  return Reply(parsed.error, parsed.noreply);
}

Turn::Flow Turn::Delete(const Line& line) {
  TextRequest parsed;
  ParseDeleteLine(Tokens(line.text), &parsed);
  if (!parsed.error.empty()) return Reply(parsed.error, parsed.noreply);
  Result result;
  executor_.Delete(parsed.request, &result);
  return ReplyStatus(result.status, parsed.noreply);
}

template <bool decrement>
Turn::Flow Turn::Arithmetic(const Line& line) {
  TextRequest parsed;
  ParseArithmeticLine(Tokens(line.text), decrement, &parsed);
  if (!parsed.error.empty()) return Reply(parsed.error, parsed.noreply);
  Result result;
  executor_.Arithmetic(parsed.request, &result);
  if (result.status != Status::kHit) {
    return ReplyStatus(result.status, parsed.noreply);
  }
  char number[kMaxDigits + 2];
  char* end = FormatU64(result.value, number);
  *end++ = '\r';
  *end++ = '\n';
  return Reply({number, static_cast<size_t>(end - number)}, parsed.noreply);
}

Turn::Flow Turn::Touch(const Line& line) {
  TextRequest parsed;
  ParseTouchLine(Tokens(line.text), clock(), &parsed);
  if (!parsed.error.empty()) return Reply(parsed.error, parsed.noreply);
  Result result;
  executor_.Touch(parsed.request, &result);
  const bool hit = result.status == Status::kHit;
  return Reply(hit ? reply::kTouched : NameOfText(result.status),
               parsed.noreply);
}

Turn::Flow Turn::Quit(const Line&) { return Stop(Next::kClose); }

Turn::Flow Turn::Admin(const Line& line) {
  const Tokens tokens(line.text);
  std::array<std::string_view, Tokens::kMax> list;
  for (size_t i = 0; i < tokens.size(); ++i) list[i] = tokens[i];
  std::string text;
  const AdminNext next =
      RunAdmin(executor_, std::span(list.data(), tokens.size()), &text,
               line.text.data() != s_.pushed_);
  output_.Append(text);
  if (next == AdminNext::kClose) return Stop(Next::kClose);
  if (next == AdminNext::kWatch) return Stop(Next::kWatch);
  if (next == AdminNext::kDump) {
    s_.dump_ = executor_.TakeDump();
    s_.state_ = State::kDump;
  } else {
    // It may have gone over all pages, read files or waited.
    SpendTurn();
  }
  return true;
}

// ---- Meta. ----

Turn::Flow Turn::MetaNoop(const Line& line) {
  s_.pushed_ = line.next;
  return Reply(reply::kNoop);
}

Turn::Flow Turn::MetaSet(const Line& line) {
  char key_buffer[kKeyBuffer];
  MetaRequest meta;
  ParseMetaSet(Tokens(line.text), clock(), key_buffer, &meta);
  if (meta.error.empty()) return BeginStore(&meta.request, &meta.reply, false);
  if (meta.has_value) (void)RefuseStore(meta.request.value_length);
  return Reply(meta.error);
}

Turn::Flow Turn::MetaDelete(const Line& line) {
  char key_buffer[kKeyBuffer];
  MetaRequest meta;
  ParseMetaDelete(Tokens(line.text), clock(), key_buffer, &meta);
  if (!meta.error.empty()) return Reply(meta.error);
  Result result;
  executor_.Delete(meta.request, &result);
  const StatusName& name = NameOf(result.status);
  if (name.meta[0] == 0) return Reply(name.text);
  const bool done = result.status == Status::kDeleted;
  if (done && meta.reply.quiet) return true;
  AppendMetaCode(meta.reply, {name.meta, sizeof(name.meta)});
  return true;
}

Turn::Flow Turn::MetaArithmetic(const Line& line) {
  char key_buffer[kKeyBuffer];
  MetaRequest meta;
  ParseMetaArithmetic(Tokens(line.text), clock(), key_buffer, &meta);
  if (!meta.error.empty()) return Reply(meta.error);
  Result result;
  executor_.Arithmetic(meta.request, &result);
  if (result.status == Status::kHit) {
    if (meta.reply.quiet) return true;
    output_.Advance(FormatMetaNumber(meta.reply, result, clock().now(),
                                     output_.Room(kMaxMetaLine)));
    return true;
  }
  const StatusName& name = NameOf(result.status);
  if (name.meta[0] == 0) return Reply(name.text);
  AppendMetaCode(meta.reply, {name.meta, sizeof(name.meta)});
  return true;
}

Turn::Flow Turn::MetaDebug(const Line& line) {
  char key_buffer[kKeyBuffer];
  MetaRequest meta;
  ParseMetaDebug(Tokens(line.text), key_buffer, &meta);
  if (!meta.error.empty()) return Reply(meta.error);
  ItemFacts facts;
  if (!executor_.Inspect(meta.request, &facts)) return Reply(reply::kMetaMiss);
  output_.Advance(FormatMetaDebug(facts, output_.Room(kMaxMetaLine)));
  return true;
}

// ---- Stores. ----

// Throws the value and its CRLF away when they come.
Turn::Flow Turn::RefuseStore(uint64_t value_length) {
  s_.swallow_ = value_length + 2;
  s_.state_ = State::kSwallow;
  return true;
}

template <bool meta>
bool Turn::PlainSets(Flow* flow) {
  constexpr std::string_view kName = meta ? "ms " : "set ";
  bool any = false;
  do {
    if (left() < kName.size() ||
        std::memcmp(at_, kName.data(), kName.size()) != 0) {
      return any;
    }
    const char* const line = at_ + kName.size();
    Request request;
    MetaReply reply;
    bool noreply = false;
    const char* const value =
        meta ? ParsePlainMetaSet(line, end_, clock(), &request, &reply)
             : ParsePlainSet(line, end_, clock(), &request, &noreply);
    if (value == nullptr) return any;
    any = true;
    if (!Ready()) {
      *flow = Stop(Next::kBlocked);
      break;
    }
    at_ = value;
    --*budget_;
    *flow = BeginStore(&request, meta ? &reply : nullptr, noreply);
  } while (*flow && s_.state_ == State::kCommand && *budget_ > 0);
  return true;
}

template bool Turn::PlainSets<false>(Flow* flow);
template bool Turn::PlainSets<true>(Flow* flow);

Turn::Flow Turn::StoreReserved(const Request& request, const MetaReply* meta,
                               bool noreply) {
  Item* item = nullptr;
  const Status status = executor_.Reserve(request, &item);
  if (status != Status::kStored) {
    (void)RefuseStore(request.value_length);
    const bool large = status == Status::kTooLarge;
    return Reply(large ? reply::kTooLarge : reply::kNoMemoryStoring, noreply);
  }
  const size_t length = request.value_length;
  if (left() < length + 2) return ReceiveLater(request, meta, noreply, item);
  if (item->chunked()) {
    CopyValueIn(item, 0, at_, length);
  } else {
    std::memcpy(item->mutable_data(), at_, length);
  }
  at_ += length;
  FinishStore(request, meta, noreply, item, at_);
  at_ += 2;
  return true;
}

// The line goes away with the input buffer: keeps what is needed of it.
Turn::Flow Turn::ReceiveLater(const Request& request, const MetaReply* meta,
                              bool noreply, Item* item) {
  s_.pending_.reset(new PendingStore);
  PendingStore& store = *s_.pending_;
  store.request = request;
  store.request.key = Keep(request.key, store.key);
  store.noreply = noreply;
  store.item = item;
  if (meta != nullptr) {
    store.meta = true;
    store.reply = *meta;
    store.reply.key = store.request.key;
    store.reply.opaque = Keep(meta->opaque, store.opaque);
  }
  s_.state_ = State::kReceive;
  return true;
}

void Turn::FinishStore(const Request& request, const MetaReply* meta,
                       bool noreply, Item* item, const char* end_of_value) {
  if (std::memcmp(end_of_value, "\r\n", 2) != 0) {
    executor_.Discard(item);
    (void)Reply(reply::kBadChunk, noreply);
    return;
  }
  Result result;
  executor_.Store(request, item, &result);
  AnswerStore(result, meta, noreply);
  if (executor_.CopiedMuch()) SpendTurn();
}

void Turn::AnswerStore(const Result& result, const MetaReply* meta,
                       bool noreply) {
  const StatusName& name = NameOf(result.status);
  if (meta == nullptr || name.meta[0] == 0) {
    (void)Reply(name.text, noreply);
    return;
  }
  if (meta->quiet && result.status == Status::kStored) return;
  output_.Advance(FormatMetaStored(*meta, result, output_.Room(kMaxMetaLine)));
}

}  // namespace cucache
