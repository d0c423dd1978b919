// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "proto/turn.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>

#include "base/strings.h"
#include "cache/value.h"
#include "command/dump.h"
#include "proto/response.h"

namespace cucache {

Turn::Turn(Session& session, const char* data, size_t n, Output& output,
           int* budget)
    : TurnBase(session, data, n, output, budget),
      keys_left_(*budget + Session::kKeysBeyondBudget) {
  s_.pushed_ = begin_;
}

Session::Step Turn::Run() {
  while (Advance()) {
  }
  return Finish(Drain());
}

CUCACHE_ALWAYS_INLINE Turn::Flow Turn::Advance() {
  switch (s_.state_) {
    case State::kNew:
      return Stop(Next::kRead);
    case State::kCommand:
      return Command();
    case State::kBehind:
      s_.pushed_ = nullptr;
      s_.state_ = State::kCommand;
      return true;
    case State::kKeys:
      return Keys();
    case State::kReceive:
      return Receive();
    case State::kReceiveEnd:
      return ReceiveEnd();
    case State::kSwallow:
      return Swallow();
    case State::kSwallowLine:
      return SwallowLine();
    case State::kDump:
      s_.pushed_ = nullptr;
      return Dump();
    case State::kAuthLine:
      return AuthLine();
    case State::kAuthToken:
      return AuthToken();
    case State::kAuthLong:
      return AuthLong();
    case State::kSaslData:  // binary only
      break;
  }
  return Stop(Next::kShutdown);
}

CUCACHE_ALWAYS_INLINE Turn::Flow Turn::Command() {
  if (at_ == end_) return Stop(Next::kRead);
  if (commands_ >= *budget_) {
    if (!Drain()) return Stop(Next::kBlocked);
    s_.NoteMore(at_);
    return Stop(Next::kYield);
  }
  Flow flow = true;
  switch (*at_) {
    case 'g':
      // Most input ends behind it.
      if (CollectGets()) return at_ != end_ ? true : Stop(Next::kRead);
      if (BeginKeyCommand(&flow)) return flow;
      break;
    case 's':
      if (PlainSets<false>(&flow)) return flow;
      break;
    case 'm':
      if (CollectMetaGets()) return at_ != end_ ? true : Stop(Next::kRead);
      if (PlainSets<true>(&flow)) return flow;
      break;
    default:
      break;
  }
  const void* feed = std::memchr(at_, '\n', left());
  if (feed == nullptr) {
    const bool endless = left() > Session::kMaxLine;
    return Stop(endless ? Next::kShutdown : Next::kRead);
  }
  const Line line(at_, static_cast<const char*>(feed));
  if (line.text.starts_with("mg ")) return MetaGet(line);
  if (!Ready()) return Stop(Next::kBlocked);
  at_ = line.next;
  --*budget_;
  return Dispatch(line);
}

// ---- Lines of keys. ----

CUCACHE_ALWAYS_INLINE int Turn::Collectable() const {
  return std::min(
      {*budget_ - commands_, keys_left_, static_cast<int>(kBatch - size_)});
}

CUCACHE_ALWAYS_INLINE void Turn::Add(const Series& series, int n) {
  series_[series_count_] = series;
  series_[series_count_++].n = static_cast<uint8_t>(n);
  size_ += static_cast<size_t>(n);
  if (series.ends_command) commands_ += n;
}

CUCACHE_ALWAYS_INLINE bool Turn::CollectGets() {
  constexpr std::string_view kName = "get ";
  const int most = Collectable();
  const char* const end = end_;
  const char* at = at_;
  const Cache::Locator locate = executor_.Locator();
  Lookup* lookup = &lookups_[size_];
  int n = 0;
  for (; n < most; ++n) {
    if (static_cast<size_t>(end - at) < kName.size() ||
        std::memcmp(at, kName.data(), kName.size()) != 0) {
      break;
    }
    const char* const key = at + kName.size();
    const char* const stop = FindPlainEnd(key, end);
    const auto length = static_cast<size_t>(stop - key);
    if (length - 1 >= kMaxKeyLength || end - stop < 2 ||
        std::memcmp(stop, "\r\n", 2) != 0) {
      break;
    }
    PutKey(locate, {key, length}, lookup++);
    at = stop + 2;
  }
  if (n <= 0) return false;
  at_ = at;
  Add(Series(true, KeyLine{}), n);
  keys_left_ -= n;
  return true;
}

bool Turn::BeginKeyCommand(Flow* flow) {
  const std::string_view input(at_, std::min<size_t>(left(), 5));
  if (input.starts_with("get ")) {
    *flow = BeginKeys(4, false);
  } else if (input == "gets ") {
    *flow = BeginKeys(5, true);
  } else if (input.starts_with("gat ")) {
    *flow = BeginTouchKeys(4, false);
  } else if (input == "gats ") {
    *flow = BeginTouchKeys(5, true);
  } else {
    return false;
  }
  return true;
}

Turn::Flow Turn::BeginKeys(size_t name_length, bool with_cas) {
  s_.keys_ = KeyLine{};
  s_.keys_.with_cas = with_cas;
  s_.state_ = State::kKeys;
  at_ += name_length;
  return true;
}

Turn::Flow Turn::BeginTouchKeys(size_t name_length, bool with_cas) {
  const char* p = at_ + name_length;
  while (p != end_ && *p == ' ') ++p;
  const char* const stop = FindDelimiter(p, end_);
  if (stop == end_) {
    const bool endless = left() > Session::kMaxLine;
    return Stop(endless ? Next::kShutdown : Next::kRead);
  }
  const std::string_view argument(p, static_cast<size_t>(stop - p));
  int32_t exptime = 0;
  const bool good = ParseI32(argument, &exptime);
  (void)BeginKeys(0, with_cas);
  s_.keys_.touch = true;
  s_.keys_.bad_exptime = !good;
  s_.keys_.exptime = clock().FromExptime(exptime);
  at_ = stop;
  return true;
}

namespace {

// What there is to know about a line of keys before the first is answered.
enum class KeysAhead : uint8_t { kGood, kTooLong, kNotYet };

// Looks at the line behind its first key. A short line is awaited as a whole;
// of a long one nothing is known. Looks at the last byte where a key may end,
// and backwards, so most bytes are never read.
KeysAhead LookAhead(const char* first, const char* p, const char* end) {
  const auto left = static_cast<size_t>(end - first);
  const void* const feed =
      std::memchr(first, '\n', std::min(left, Session::kMaxLine));
  if (feed == nullptr) {
    return left < Session::kMaxLine ? KeysAhead::kNotYet : KeysAhead::kGood;
  }
  end = static_cast<const char*>(feed);
  if (end[-1] == '\r') --end;
  while (end - p > static_cast<ptrdiff_t>(kMaxKeyLength)) {
    const char* space = p + kMaxKeyLength;
    while (space >= p && *space != ' ') --space;
    if (space < p) return KeysAhead::kTooLong;
    p = space + 1;
  }
  return KeysAhead::kGood;
}

}  // namespace

// One key at a time, so that a line needs no buffer however long it is. A key
// that has not ended waits for its rest. A line of usual length is
// refused as a whole, as memcached does, before any of its keys is answered.
Turn::Flow Turn::Keys() {
  for (;;) {
    while (at_ != end_ && *at_ == ' ') ++at_;
    const char* const stop = FindTokenEnd(at_, end_);
    std::string_view key(at_, static_cast<size_t>(stop - at_));
    if (stop == end_) {
      // One more byte than a key has may be the CR of the line end.
      if (key.size() <= kMaxKeyLength + 1) return Stop(Next::kRead);
      return RefuseKeys(
          s_.keys_.bad_exptime ? reply::kBadExptime : reply::kBadFormat, end_);
    }
    const bool last = *stop == '\n';
    if (last && key.ends_with('\r')) key.remove_suffix(1);
    if (key.empty()) return EndKeys(stop + 1);
    if (s_.keys_.bad_exptime) return RefuseKeys(reply::kBadExptime, stop);
    if (key.size() > kMaxKeyLength) return RefuseKeys(reply::kBadFormat, stop);
    if (!last && !s_.keys_.any) {
      const KeysAhead ahead = LookAhead(at_, stop, end_);
      if (ahead == KeysAhead::kNotYet) return Stop(Next::kRead);
      if (ahead == KeysAhead::kTooLong) {
        return RefuseKeys(reply::kBadFormat, stop);
      }
    }
    if (keys_left_ <= 0) return Stop(Next::kYield);
    if (size_ == kBatch && !Drain()) return Stop(Next::kBlocked);
    PutKey(executor_.Locator(), key, &lookups_[size_]);
    Add(Series(last, s_.keys_), 1);
    --keys_left_;
    s_.keys_.any = true;
    at_ = last ? stop + 1 : stop;
    if (last) {
      s_.state_ = State::kCommand;
      return true;
    }
    if (CollectKeys()) return true;
  }
}

CUCACHE_ALWAYS_INLINE bool Turn::CollectKeys() {
  const int most = std::min(static_cast<int>(kBatch - size_), keys_left_);
  const char* const end = end_;
  const char* at = at_;
  const Cache::Locator locate = executor_.Locator();
  Lookup* lookup = &lookups_[size_];
  int n = 0;
  bool last = false;
  for (; n < most; ++n) {
    // It is a space: `at` is where a key ended.
    const char* const key = at + 1;
    const char* const stop = FindPlainEnd(key, end);
    const auto length = static_cast<size_t>(stop - key);
    if (length - 1 >= kMaxKeyLength || end - stop < 2) break;
    last = *stop != ' ';
    if (last && std::memcmp(stop, "\r\n", 2) != 0) {
      last = false;
      break;
    }
    PutKey(locate, {key, length}, lookup++);
    at = last ? stop + 2 : stop;
    if (last) break;
  }
  at_ = at;
  keys_left_ -= n;
  if (n != 0) Add(Series(false, s_.keys_), n);
  if (!last) return false;
  --keys_left_;
  Add(Series(true, s_.keys_), 1);
  s_.state_ = State::kCommand;
  return true;
}

// The one line that says what is wrong; what keys stood before it have been
// answered. The rest of the line is not looked at.
Turn::Flow Turn::RefuseKeys(std::string_view error, const char* next) {
  if (!Ready()) return Stop(Next::kBlocked);
  at_ = next;
  --*budget_;
  s_.state_ = State::kSwallowLine;
  return Reply(error);
}

// A line that ends behind a space, or has no key at all.
Turn::Flow Turn::EndKeys(const char* next) {
  if (!Ready()) return Stop(Next::kBlocked);
  at_ = next;
  --*budget_;
  s_.state_ = State::kCommand;
  return Reply(s_.keys_.any ? reply::kEnd : reply::kBadFormat);
}

// ---- The batch. ----

CUCACHE_ALWAYS_INLINE void Turn::AnswerKey(const Series& series,
                                           const Lookup& lookup, Item* item) {
  if (item == nullptr) {
    if (series.ends_command) (void)Say<reply::kEnd>();
    return;
  }
  constexpr size_t kEnd = kLineEndAndEnd - kLineEnd;
  AppendWithValue(
      item, kMaxValueLine, kLineEnd + kEnd * series.ends_command,
      [&](const Item::Layout& layout, char* to) __attribute__((always_inline)) {
        return FormatValueLine(lookup.key, *item, layout, series.line.with_cas,
                               to);
      });
}

CUCACHE_ALWAYS_INLINE void Turn::AnswerShown(const MetaReply& shown,
                                             const Lookup& lookup,
                                             Executor::Batch* batch) {
  Item* const item = executor_.Settle(lookup);
  if (shown.count == 0 && executor_.ShowValue(item, batch)) {
    if (!shown.show_value) {
      (void)Say<reply::kMetaStored>();
      return;
    }
    AppendWithValue(
        item, kMaxMetaLine, kLineEnd,
        [&](const Item::Layout&, char* to) __attribute__((always_inline)) {
          return FormatMetaValueLine(*item, to);
        });
    return;
  }
  Result result;
  executor_.Show(lookup, item, batch, &result);
  AnswerMetaGet(shown, result, false);
}

template <Turn::Kind kind>
CUCACHE_ALWAYS_INLINE size_t Turn::AnswerAs(const Series& series, size_t i,
                                            size_t end,
                                            Executor::Batch* batch) {
  for (; i != end && !output_.blocked(); ++i) {
    const Lookup& lookup = lookups_[i];
    if constexpr (kind == Kind::kKey) {
      AnswerKey(series, lookup, executor_.Get(lookup, batch));
    } else if constexpr (kind == Kind::kTouched) {
      AnswerKey(series, lookup, TouchKey(series.line, lookup));
    } else if constexpr (kind == Kind::kShown) {
      AnswerShown(metas_[i].shown, lookup, batch);
    } else {
      AnswerMeta(metas_[i].meta, lookup);
    }
  }
  return i;
}

CUCACHE_ALWAYS_INLINE size_t Turn::Answer(const Series& series, size_t i,
                                          size_t end, Executor::Batch* batch) {
  switch (series.kind) {
    case Kind::kKey:
      return AnswerAs<Kind::kKey>(series, i, end, batch);
    case Kind::kTouched:
      return AnswerAs<Kind::kTouched>(series, i, end, batch);
    case Kind::kShown:
      return AnswerAs<Kind::kShown>(series, i, end, batch);
    case Kind::kMeta:
      return AnswerAs<Kind::kMeta>(series, i, end, batch);
  }
  return i;
}

bool Turn::AnswerBatch() {
  executor_.Gather(lookups_, size_);
  output_.set_last(at_ == end_);
  const size_t n = series_count_;
  size_ = 0;
  series_count_ = 0;
  commands_ = 0;
  Executor::Batch batch(executor_);
  size_t i = 0;
  for (size_t r = 0; r != n; ++r) {
    const Series series = series_[r];
    const size_t begin = i, end = i + series.n;
    i = Answer(series, begin, end, &batch);
    if (series.ends_command) *budget_ -= static_cast<int>(i - begin);
    if (i != end) {
      PutBack(series, i);
      return false;
    }
  }
  return true;
}

void Turn::PutBack(const Series& series, size_t i) {
  if (series.of_keys()) {
    at_ = lookups_[i].key.data();
    s_.state_ = State::kKeys;
    s_.keys_ = series.line;
  } else {
    at_ = metas_[i].begin;
    s_.state_ = State::kCommand;
  }
}

Item* Turn::TouchKey(const KeyLine& line, const Lookup& lookup) {
  Request request;
  request.key = lookup.key;
  request.hash = lookup.hash;
  request.options = kTouch | kIsTouch | kNoWin;
  request.exptime = line.exptime;
  Result result;
  executor_.Fetch(request, executor_.Settle(lookup), &result);
  return result.item;
}

void Turn::AnswerMeta(MetaRequest& meta, const Lookup& lookup) {
  Request& request = meta.request;
  request.hash = lookup.hash;
  Result result;
  executor_.Fetch(request, executor_.Settle(lookup), &result);
  const bool same = request.Has(kCompareCas) && result.cas == request.cas;
  AnswerMetaGet(meta.reply, result, same);
}

void Turn::AnswerMetaGet(const MetaReply& reply, const Result& result,
                         bool hides) {
  if (result.status != Status::kHit) {
    if (!reply.quiet) AppendMetaCode(reply, "EN");
    return;
  }
  const bool with_value = reply.show_value && !hides;
  auto format = [&](char* to) {
    return FormatMetaHit(reply, result, with_value, clock().now(), to);
  };
  if (with_value) {
    AppendWithValue(result.item, kMaxMetaLine, kLineEnd,
                    [&](const Item::Layout&, char* to) { return format(to); });
  } else {
    output_.Advance(format(output_.Room(kMaxMetaLine)));
  }
}

CUCACHE_ALWAYS_INLINE bool Turn::CollectMetaGets() {
  constexpr std::string_view kName = "mg ";
  const int most = Collectable();
  const Cache::Locator locate = executor_.Locator();
  int n = 0;
  for (; n < most; ++n) {
    if (left() <= kName.size() ||
        std::memcmp(at_, kName.data(), kName.size()) != 0) {
      break;
    }
    const size_t i = size_ + static_cast<size_t>(n);
    MetaEntry& entry = metas_[i];
    MetaReply* const shown = new (&entry.shown) MetaReply;
    const char* const next = ParsePlainMetaGet(at_ + kName.size(), end_, shown);
    if (next == nullptr) break;
    entry.begin = at_;
    PutKey(locate, shown->key, &lookups_[i]);
    at_ = next;
  }
  if (n != 0) Add(Series(Kind::kShown), n);
  return n != 0;
}

Turn::Flow Turn::MetaGet(const Line& line) {
  if (size_ == kBatch && !Drain()) return Stop(Next::kBlocked);
  const Tokens tokens(line.text);
  MetaEntry& entry = metas_[size_];
  MetaRequest* const meta = new (&entry.meta) MetaRequest;
  ParseMetaGet(tokens, clock(), key_buffers_[size_], meta);
  const bool alone = meta->request.Has(kVivify) || !meta->error.empty();
  if (alone && size_ != 0) {
    // It is parsed again, when it is the first.
    return Ready() ? true : Stop(Next::kBlocked);
  }
  if (!meta->error.empty()) {
    if (!Ready()) return Stop(Next::kBlocked);
    at_ = line.next;
    --*budget_;
    return Reply(meta->error);
  }
  entry.begin = at_;
  PutKey(executor_.Locator(), meta->request.key, &lookups_[size_]);
  Add(Series(Kind::kMeta), 1);
  at_ = line.next;
  if (!alone) return true;
  return Drain() ? true : Stop(Next::kBlocked);
}

void Turn::AppendMetaCode(const MetaReply& reply, std::string_view code) {
  output_.Advance(FormatMetaCode(reply, code, output_.Room(kMaxMetaLine)));
}

// ---- Values. ----

Turn::Flow Turn::ReceiveEnd() {
  if (left() < 2) return Stop(Next::kRead);
  if (output_.blocked()) return Stop(Next::kBlocked);
  const std::unique_ptr<PendingStore> store = std::move(s_.pending_);
  s_.state_ = State::kCommand;
  FinishStore(store->request, store->meta ? &store->reply : nullptr,
              store->noreply, store->item, at_);
  at_ += 2;
  return true;
}

Turn::Flow Turn::SwallowLine() {
  const void* feed = at_ == end_ ? nullptr : std::memchr(at_, '\n', left());
  if (feed == nullptr) {
    at_ = end_;
    return Stop(Next::kRead);
  }
  at_ = static_cast<const char*>(feed) + 1;
  s_.state_ = State::kCommand;
  return true;
}

}  // namespace cucache
