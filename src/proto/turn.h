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
// Invariant T1: at_ and the session's state say together where to go on. A
// batch that is drained in part puts both back to its first open entry.
// Invariant T2: no reply shows what is older than a reply before it did. A
// batch is found in order, but a touch finds its key again, so what comes
// behind it has to be found again as well.
//
// Thread safety: one thread.

#ifndef CUCACHE_PROTO_TURN_H_
#define CUCACHE_PROTO_TURN_H_

#include <string_view>

#include "cache/assoc.h"
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

  static constexpr size_t kBatch = 32;
  struct Entry {
    Entry() {}  // nothing: most entries are not used
    const char* begin;
    bool is_meta;
    bool ends_command;
    union {
      KeyLine line;      // !is_meta
      MetaRequest meta;  // is_meta
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
  Flow LetIn(std::string_view user, std::string_view password,
             bool possible = true);

  // --- Lines of keys. ---
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

  // --- The batch. ---
  void AddKey(std::string_view key, const KeyLine& line, bool ends_command);
  // Answers what is collected; false if output blocked before the end, and
  // then the input is put back (T1).
  bool Drain();
  static bool Touches(const Entry& entry);
  void PutBack(const Entry& entry);
  // The same, and the output takes another reply.
  bool Ready();
  void AnswerKey(const Entry& entry, const Lookup& lookup);
  Item* TouchKey(const KeyLine& line, const Lookup& lookup);
  void AddMeta(const MetaRequest& meta, const char* next);
  void AnswerMeta(MetaRequest& meta, const Lookup& lookup);

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
  Flow Watch(const Line& line);
  Flow Unknown(const Line& line);

  // --- Stores. ---
  // `meta` is nullptr for the classic commands.
  Flow BeginStore(Request* request, const MetaReply* meta, bool noreply);
  // A set line in its usual form, if the input begins with one; *flow is then
  // what comes of it.
  bool PlainSet(Flow* flow);
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
  Flow ReplyStatus(Status status, bool noreply) {
    return Reply(NameOfText(status), noreply);
  }
  static std::string_view NameOfText(Status status);
  void AppendMetaCode(const MetaReply& reply, std::string_view code);

  int keys_left_;
  size_t size_ = 0;   // entries of the batch
  int commands_ = 0;  // commands that end in it
  union {
    Lookup lookups_[kBatch];  // not initialised: most are not used
  };
  Entry entries_[kBatch];
  char key_buffers_[kBatch][kKeyBuffer];
};

}  // namespace cucache

#endif  // CUCACHE_PROTO_TURN_H_
