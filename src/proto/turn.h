// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// One call of Session::Process(): the cursor over the input, the look-ups that
// are under way, and a handler per command. It lives on the stack of that
// call, so that a connection that waits keeps nothing of it. (Counterpart:
// process_command_ascii and what it calls; struct mc_resp.)
//
// Look-ups (get, gets, gat, gats, mg) are collected over commands and keys,
// then found together and answered in order. Everything else drains the batch
// first, so effects happen in the order of the input.
//
// Invariant U1: at_ and the session's state say together where to go on. A
// batch that is drained in part puts both back to its first open entry.
// Invariant U2: no reply shows what is older than a reply before it did: the
// keys of a batch are settled (cache/assoc.h) one by one, each when it is
// answered.
//
// Thread safety: one thread.

#ifndef CUCACHE_PROTO_TURN_H_
#define CUCACHE_PROTO_TURN_H_

#include <string_view>

#include "cache/assoc.h"
#include "command/authenticator.h"
#include "proto/meta.h"
#include "proto/text.h"
#include "proto/tokens.h"
#include "proto/turn_base.h"

namespace cucache {

// A store whose value has not come whole. It owns copies of what the answer
// shows, because the line is gone by then.
struct PendingStore {
  Request request;
  MetaReply reply;
  bool meta = false;
  bool noreply = false;
  uint32_t received = 0;
  Item* item = nullptr;
  char key[kMaxKeyLength];
  char opaque[kMaxOpaque];  // meta's; of a binary packet, the header
};

class Turn : private TurnBase {
 public:
  Turn(Session& session, const char* data, size_t n, Output& output,
       int* budget);

  Session::Step Run();

  // What a name in the table of commands does with its line.
  using Flow = TurnBase::Flow;
  using Handler = Flow (Turn::*)(const Line& line);

 private:
  friend struct CommandTable;
  using KeyLine = Session::KeyLine;

  static constexpr size_t kBatch = Assoc::kLookupGroup;
  enum class Kind : uint8_t {
    kKey,      // of get and gets
    kTouched,  // of gat and gats
    kShown,    // mg whose flags only say what is shown
    kMeta,     // any mg
  };
  // Look-ups of a batch that stand one after another and are answered alike.
  struct Series {
    explicit Series(Kind meta) : kind(meta) {}
    Series(bool ends, const KeyLine& its_line)
        : line(its_line),
          kind(its_line.touch ? Kind::kTouched : Kind::kKey),
          ends_command(ends) {}
    bool of_keys() const { return kind <= Kind::kTouched; }
    KeyLine line;  // of keys
    Kind kind;
    bool ends_command = true;  // each of them does
    uint8_t n = 0;
  };
  struct MetaEntry {
    MetaEntry() {}
    const char* begin;
    union {
      MetaReply shown;   // kShown
      MetaRequest meta;  // kMeta
    };
  };

  // --- States. ---
  Flow Advance();
  Flow Command();
  Flow Keys();
  Flow ReceiveEnd();
  Flow SwallowLine();
  // Before the client is let in (turn_auth.cc).
  Flow AuthLine();
  Flow AuthToken();
  Flow AuthLong();
  Authenticator::Answer Ask(std::string_view user, std::string_view password);
  Flow LetIn(bool right);

  // --- Lines of keys. ---
  // How many single-key commands may be collected now.
  int Collectable() const;
  // Takes commands of the form "get <key>\r\n" as far as the batch goes;
  // false if there is none.
  bool CollectGets();
  // The same for "mg <key>" with flags that only say what is shown.
  bool CollectMetaGets();
  // True if the input begins with one; *flow is then what comes of it.
  bool BeginKeyCommand(Flow* flow);
  Flow BeginKeys(size_t name_length, bool with_cas);
  Flow BeginTouchKeys(size_t name_length, bool with_cas);
  Flow RefuseKeys(std::string_view error, const char* next);
  Flow EndKeys(const char* next);
  // Takes the keys of a line that has begun, as far as the batch goes; true if
  // the last was among them.
  bool CollectKeys();

  // --- The batch. ---
  CUCACHE_ALWAYS_INLINE static void PutKey(const Cache::Locator& locate,
                                           std::string_view key,
                                           Lookup* lookup) {
    lookup->key = key;
    locate(lookup);
  }
  // To what was put behind the batch's end: it is in.
  inline void Add(const Series& series, int n);
  // Answers what is collected; false if output blocked before the end, and
  // then the input is put back (U1).
  bool Drain() { return size_ == 0 || AnswerBatch(); }
  bool AnswerBatch();
  // Goes back to look-up i, of this series.
  void PutBack(const Series& series, size_t i);
  // Answers the look-ups from i on, up to `end`, while the output takes them;
  // returns the first that was not answered.
  size_t Answer(const Series& series, size_t i, size_t end,
                Executor::Batch* batch);
  template <Kind kind>
  inline size_t AnswerAs(const Series& series, size_t i, size_t end,
                         Executor::Batch* batch);
  // The same, and the output takes another reply.
  bool Ready() { return Drain() && !output_.blocked(); }
  // With the item that was found for it, or nullptr.
  inline void AnswerKey(const Series& series, const Lookup& lookup, Item* item);
  Item* TouchKey(const KeyLine& line, const Lookup& lookup);
  inline void AnswerShown(const MetaReply& shown, const Lookup& lookup,
                          Executor::Batch* batch);
  void AnswerMeta(MetaRequest& meta, const Lookup& lookup);
  // The line of a meta get that gave `result`; `hides` a value that was asked
  // for.
  void AnswerMetaGet(const MetaReply& reply, const Result& result, bool hides);

  // --- Commands. ---
  Flow Dispatch(const Line& line);
  Flow MetaGet(const Line& line);
  Flow MetaSet(const Line& line);
  Flow MetaDelete(const Line& line);
  Flow MetaArithmetic(const Line& line);
  Flow MetaDebug(const Line& line);
  Flow MetaNoop(const Line& line);
  Flow KeysWithoutKey(const Line& line);
  template <StoreMode mode, bool with_cas>
  Flow Store(const Line& line);
  Flow Delete(const Line& line);
  template <bool decrement>
  Flow Arithmetic(const Line& line);
  Flow Touch(const Line& line);
  Flow Quit(const Line& line);
  Flow Admin(const Line& line);
  Flow Unknown(const Line& line);

  // --- Stores. ---
  // `meta` is nullptr for the classic commands.
  Flow BeginStore(Request* request, const MetaReply* meta, bool noreply);
  // The long way: an item is reserved, and its value may come later.
  Flow StoreReserved(const Request& request, const MetaReply* meta,
                     bool noreply);
  // Sets (ms, if `meta`) with lines of the usual form, if the input begins with
  // one; *flow is then what comes of the last.
  template <bool meta>
  bool PlainSets(Flow* flow);
  // A set that is all there and does what sets nearly always do; false if it
  // has to go the long way.
  bool StoreAtOnce(const Request& request, const MetaReply* meta, bool noreply);
  void AnswerStore(const Result& result, const MetaReply* meta, bool noreply);
  Flow ReceiveLater(const Request& request, const MetaReply* meta, bool noreply,
                    Item* item);
  void FinishStore(const Request& request, const MetaReply* meta, bool noreply,
                   Item* item, const char* end_of_value);
  Flow RefuseStore(uint64_t value_length);

  // --- Small things. ---
  Flow Reply(std::string_view line, bool noreply = false) {
    if (!noreply) output_.Append(line);
    return true;
  }
  // The same for a text whose length is known here.
  template <const std::string_view& line>
  Flow Say() {
    char* const to = output_.Room(line.size());
    std::memcpy(to, line.data(), line.size());
    output_.Advance(to + line.size());
    return true;
  }
  Flow ReplyStatus(Status status, bool noreply) {
    return Reply(NameOfText(status), noreply);
  }
  static std::string_view NameOfText(Status status);
  void AppendMetaCode(const MetaReply& reply, std::string_view code);

  int keys_left_;
  size_t size_ = 0;  // look-ups of the batch
  size_t series_count_ = 0;
  int commands_ = 0;  // commands that end in it
  union {
    // None of these is initialised: most are not used.
    Lookup lookups_[kBatch];
  };
  union {
    Series series_[kBatch];
  };
  union {
    MetaEntry metas_[kBatch];
  };
  char key_buffers_[kBatch][kKeyBuffer];
};

}  // namespace cucache

#endif  // CUCACHE_PROTO_TURN_H_
