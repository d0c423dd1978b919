// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What fits into the second level cache (4,000 items) or the third (100,000),
// and the modules that need no items: hashing, slabs, parsers, answers.

#include <cstdio>

#include "proto/meta.h"
#include "proto/text.h"
#include "proto/tokens.h"
#include "t/bench/modules/cuckoo.h"
#include "t/bench/modules/world.h"

namespace cucache::bench {
namespace {

constexpr uint64_t kL2 = 4000;
constexpr uint64_t kL3 = 100000;
// Numbers for incr, above the keys of the others.
constexpr uint64_t kCounters = uint64_t{1} << 32;
constexpr size_t kValue = 32;

std::vector<Side> With(std::vector<Side> sides, Side another) {
  sides.push_back(std::move(another));
  return sides;
}

void TableRows(const Options& o, Pair& pair) {
  auto* const cuckoo = new Cuckoo(kL3, kValue, kL3);
  cuckoo->Insert(0, kL3);
  const unsigned all = o.all_cores;
  const auto get = With(pair.Get(kValue), cuckoo->Get());
  const auto set = With(pair.Set(kValue), cuckoo->Update());
  Register(o, {"get/one_hot_key", 1, OneKey(17), get, AtMost(0.33)});
  Register(o, {"get/one_hot_key", all, OneKey(17), get, AtMost(0.06)});
  Register(o, {"get/one_hot_key", 4, OneKey(17), get});
  Register(o, {"get/L2", 1, Uniform(kL2), get, AtMost(0.30)});
  Register(o, {"get/L2", all, Uniform(kL2), get, AtMost(0.22)});
  Register(o, {"get/L2", 4, Uniform(kL2), get});
  Register(o, {"get/100k_uniform", 1, Uniform(kL3), get});
  Register(o, {"get/100k_uniform", all, Uniform(kL3), get});
  Register(o, {"get/100k_zipf", 1, Zipf(kL3), get});
  Register(o, {"get/100k_zipf", all, Zipf(kL3), get});
  Register(o, {"get_miss/100k", 1, Uniform(kL3, kMissBase),
               With(pair.Get(kValue, 0), cuckoo->Get(false))});
  for (const size_t batch : {24, 100}) {
    Register(o, {"get_batch_" + std::to_string(batch) + "/L2", 1, Uniform(kL2),
                 pair.GetBatch(batch, kValue)});
  }
  Register(o, {"update/L2", 1, Uniform(kL2), set, AtMost(0.25)});
  Register(o, {"update/L2", all, Uniform(kL2), set, AtMost(0.14)});
  Register(o, {"update/L2", 4, Uniform(kL2), set});
  Register(o, {"update/one_hot_key", all, OneKey(17), set});
  Register(o, {"update/100k_zipf", all, Zipf(kL3), set});
}

// Sets a key, then deletes it; the figure is for both.
void ItemRows(const Options& o, Pair& pair) {
  Ours& ours = pair.ours();
  std::vector<Side> both;
  both.push_back({Who::kCucache, [&](unsigned t, const Key* keys, size_t n) {
                    static const std::string value(kValue, 'x');
                    ours.Set(t, keys, n, value);
                    if (ours.Delete(t, keys, n) != n) Fail("delete");
                  }});
  pair.AddPeer(&both, [](void* worker, const Key* keys, size_t n) {
    static const std::string value(kValue, 'x');
    PeerSet(worker, keys->bytes, kKeyBytes, n, value.data(), kValue);
    if (PeerDelete(worker, keys->bytes, kKeyBytes, n) != n) Fail("delete");
  });
  Register(o, {"set_and_delete", 1, Fresh(uint64_t{1} << 33), both});
  Register(o, {"set_and_delete", o.all_cores, Fresh(uint64_t{1} << 33), both});

  std::vector<Side> incr;
  incr.push_back({Who::kCucache, [&](unsigned t, const Key* keys, size_t n) {
                    if (ours.Increment(t, keys, n) != n) Fail("incr");
                  }});
  pair.AddPeer(&incr, [](void* worker, const Key* keys, size_t n) {
    if (PeerIncrement(worker, keys->bytes, kKeyBytes, n) != n) Fail("incr");
  });
  Register(o, {"incr/L2", 1, Uniform(kL2, kCounters), incr});
  Register(o, {"incr/one_hot_key", o.all_cores, OneKey(kCounters), incr});

  std::vector<Side> allocate;
  allocate.push_back(
      {Who::kCucache, [&](unsigned t, const Key* keys, size_t n) {
         if (ours.Allocate(t, keys, n, kValue) != 0) Fail("allocate");
       }});
  pair.AddPeer(&allocate, [](void*, const Key* keys, size_t n) {
    if (PeerAllocate(keys->bytes, kKeyBytes, n, kValue) != 0) Fail("allocate");
  });
  Register(o, {"items/allocate_and_free", 1, Uniform(kL2), allocate});
  Register(o, {"items/allocate_and_free", o.all_cores, Uniform(kL2), allocate});
}

// 16 chunks at a time, which is what a worker's magazine asks for.
void SlabRows(const Options& o, Pair& pair) {
  struct Alone {
    Alone() : slabs({}, epochs, clock) {
      size = slabs.ClassFor(sizeof(Item) + kKeyBytes + kValue);
    }
    Clock clock;
    EpochDomain epochs;
    Slabs slabs;
    int size;
  };
  static constexpr size_t kBatch = 15;
  auto* const alone = new Alone;
  std::vector<Side> chunks;
  chunks.push_back(
      {Who::kCucache, [=](unsigned, const Key*, size_t n) {
         char* at[kBatch];
         for (size_t i = 0; i < n; i += kBatch) {
           size_t got =
               alone->slabs.Take(alone->size, Queue::kMain, at, kBatch);
           if (got == 0) {
             if (!alone->slabs.OpenPage(alone->size, Queue::kMain, 0)) {
               Fail("no page");
             }
             got = alone->slabs.Take(alone->size, Queue::kMain, at, kBatch);
           }
           alone->slabs.Give(at, got);
         }
       }});
  pair.AddPeer(&chunks, [](void*, const Key*, size_t n) {
    for (size_t i = 0; i < n; i += kBatch) {
      if (PeerChunks(110, kBatch) != 0) Fail("no chunk");
    }
  });
  Register(o, {"slabs/take_and_give_15", 1, Uniform(1), chunks});
}

void HashRows(const Options& o, Pair& pair) {
  auto* const hash = new KeyHash(99);
  for (const size_t bytes : {16, 48, 240}) {
    const size_t keys_each = bytes / kKeyBytes;
    std::vector<Side> sides;
    sides.push_back({Who::kCucache, [=](unsigned, const Key* keys, size_t n) {
                       uint64_t sum = 0;
                       for (size_t i = 0; i < n; ++i) {
                         const size_t at = i - i % keys_each;
                         if (at + keys_each > n) break;
                         sum += (*hash)(keys[at].bytes, bytes);
                       }
                       benchmark::DoNotOptimize(sum);
                     }});
    pair.AddPeer(&sides, [=](void*, const Key* keys, size_t n) {
      for (size_t i = 0; i < n; i += n / keys_each) {
        benchmark::DoNotOptimize(PeerHash(keys->bytes, bytes, n / keys_each));
      }
    });
    Register(o, {"hash/" + std::to_string(bytes) + "_bytes", 1, Uniform(kL3),
                 sides});
  }
}

// --- Parsers. ---

// Lines of one length, one per key.
class Lines {
 public:
  Lines(std::string before, std::string after)
      : before_(std::move(before)), after_(std::move(after)) {}
  size_t length() const { return before_.size() + kKeyBytes + after_.size(); }
  void Make(const Key* keys, size_t n, std::string* lines) const {
    lines->clear();
    for (size_t i = 0; i < n; ++i) {
      lines->append(before_).append(keys[i].view()).append(after_);
    }
  }

 private:
  const std::string before_, after_;
};

// Bytes of input behind a line, as there usually are.
constexpr size_t kBehind = 64;

// memcached's parser finds the tokens and leaves numbers and flags to the
// command; ours has them too.
void ParserRows(const Options& o, Pair& pair) {
  auto* const clock = new Clock;
  struct Form {
    const char* name;
    Lines lines;
    std::function<bool(std::string_view)> parse;
  };
  const auto plain = [clock](std::string_view line) {
    Request out;
    const char* const end = line.data() + line.size() + 2 + kBehind;
    bool noreply;
    return ParsePlainSet(line.data() + 4, end, *clock, &out, &noreply) !=
           nullptr;
  };
  const auto delta = [](std::string_view line) {
    TextRequest out;
    ParseArithmeticLine(Tokens(line), false, &out);
    return out.error.empty();
  };
  const auto meta = [clock](std::string_view line) {
    MetaRequest out;
    char buffer[kKeyBuffer];
    ParseMetaGet(Tokens(line), *clock, buffer, &out);
    return out.error.empty();
  };
  const auto meta_set = [clock](std::string_view line) {
    MetaRequest out;
    char buffer[kKeyBuffer];
    ParseMetaSet(Tokens(line), *clock, buffer, &out);
    return out.error.empty();
  };
  const Form forms[] = {
      {"parse/set", {"set ", " 0 0 32\r\n"}, plain},
      {"parse/incr", {"incr ", " 1\r\n"}, delta},
      {"parse/mg", {"mg ", " v t f k\r\n"}, meta},
      {"parse/ms", {"ms ", " 32 T0 F5 c\r\n"}, meta_set},
  };
  for (const Form& form : forms) {
    const size_t length = form.lines.length();
    std::vector<Side> sides;
    sides.push_back({Who::kCucache, [=](unsigned, const Key* keys, size_t n) {
                       // One line, again and again; its key was written long
                       // ago.
                       static std::string text;
                       form.lines.Make(keys, 1, &text);
                       text.append(kBehind, ' ');
                       for (size_t i = 0; i < n; ++i) {
                         benchmark::DoNotOptimize(text.data());
                         if (!form.parse({text.data(), length - 2}))
                           Fail("parse");
                       }
                     }});
    pair.AddPeer(&sides, [=](void*, const Key* keys, size_t n) {
      static std::string text;
      form.lines.Make(keys, 1, &text);
      for (size_t i = 0; i < n; ++i) {
        benchmark::DoNotOptimize(text.data());
        if (PeerParse(text.data(), length, 1) != 1) Fail("parse");
      }
    });
    Register(o, {form.name, 1, Uniform(kL2), sides});
  }
}

// --- Whole commands: parse, execute, answer; no system call. ---

// What a client sends for `n` keys.
using Write = std::function<void(const Key* keys, size_t n, std::string* out)>;

Write PerKey(std::string before, std::string after) {
  return [lines = Lines(std::move(before), std::move(after))](
             const Key* keys, size_t n, std::string* out) {
    lines.Make(keys, n, out);
  };
}
// In lines of so many keys each.
Write Multiget(size_t keys_of_line) {
  return [=](const Key* keys, size_t n, std::string* out) {
    out->clear();
    for (size_t i = 0; i < n; ++i) {
      if (i % keys_of_line == 0) out->append("get");
      out->append(" ").append(keys[i].view());
      if ((i + 1) % keys_of_line == 0) out->append("\r\n");
    }
  };
}
std::string Packet(uint8_t opcode, uint8_t extras, uint32_t value) {
  std::string header(24, '\0');
  header[0] = '\x80';
  header[1] = static_cast<char>(opcode);
  header[3] = kKeyBytes;
  header[4] = static_cast<char>(extras);
  header[11] = static_cast<char>(extras + kKeyBytes + value);
  return header + std::string(extras, '\0');
}

// One request after the other would only measure the ends of calls: `batch`
// keys arrive together. The bytes are made before; both sides get their own,
// and the replies have to be of one length.
void Wire(const Options& o, Pair& pair, const std::string& name, bool binary,
          size_t batch, const Write& write) {
  struct State {
    std::unique_ptr<Session> session;
    PeerConn* conn = nullptr;
    std::vector<std::string> requests;
    size_t replied = 0, peer_replied = 0;
  };
  auto* const state = new State;
  state->session = pair.ours().Connect(0);
  if (pair.has_peer()) state->conn = PeerConnect(pair.worker(0), binary);
  KeySource source = Uniform(kL2)(7);
  std::vector<Key> keys(batch);
  for (int i = 0; i < 64; ++i) {
    for (Key& key : keys) key = Key(source());
    write(keys.data(), batch, &state->requests.emplace_back());
  }
  const auto request = [state](size_t i) -> std::string& {
    return state->requests[i % state->requests.size()];
  };
  Ours* const ours = &pair.ours();
  std::vector<Side> sides;
  sides.push_back({Who::kCucache, [=](unsigned, const Key*, size_t n) {
                     for (size_t i = 0; i < n / batch; ++i) {
                       const std::string& bytes = request(i);
                       state->replied = ours->Process(
                           0, *state->session, bytes.data(), bytes.size());
                     }
                   }});
  pair.AddPeer(&sides, [=](void*, const Key*, size_t n) {
    for (size_t i = 0; i < n / batch; ++i) {
      std::string& bytes = request(i);
      state->peer_replied =
          PeerProcess(state->conn, bytes.data(), bytes.size());
    }
    if (state->replied != state->peer_replied) {
      Fail("replies of " + std::to_string(state->replied) + " and " +
           std::to_string(state->peer_replied) + " bytes");
    }
  });
  Register(o, {name, 1, Uniform(kL2), sides});
}

void WireRows(const Options& o, Pair& pair) {
  const std::string value(kValue, 'z');
  const std::string set = Packet(0x01, 8, kValue);
  Wire(o, pair, "answer/get", false, 1, PerKey("get ", "\r\n"));
  Wire(o, pair, "answer/get_pipelined_50", false, 50, PerKey("get ", "\r\n"));
  Wire(o, pair, "answer/get_miss_50", false, 50, PerKey("get _", "\r\n"));
  Wire(o, pair, "answer/multiget_24", false, 24, Multiget(24));
  Wire(o, pair, "answer/multiget_100", false, 100, Multiget(100));
  Wire(o, pair, "answer/multiget_2_by_25", false, 50, Multiget(2));
  Wire(o, pair, "answer/mg_pipelined_50", false, 50, PerKey("mg ", " v\r\n"));
  Wire(o, pair, "answer/mg_flags_50", false, 50,
       PerKey("mg ", " s f t v k O123\r\n"));
  Wire(o, pair, "answer/set_pipelined_50", false, 50,
       PerKey("set ", " 0 0 32\r\n" + value + "\r\n"));
  Wire(o, pair, "answer/set_noreply_50", false, 50,
       PerKey("set ", " 0 0 32 noreply\r\n" + value + "\r\n"));
  Wire(o, pair, "answer/ms_pipelined_50", false, 50,
       PerKey("ms ", " 32\r\n" + value + "\r\n"));
  Wire(o, pair, "answer/add_refused_50", false, 50,
       PerKey("add ", " 0 0 32\r\n" + value + "\r\n"));
  Wire(o, pair, "answer/gat_50", false, 50, PerKey("gat 0 ", "\r\n"));
  Wire(o, pair, "answer/touch_50", false, 50, PerKey("touch ", " 0\r\n"));
  Wire(o, pair, "answer/binary_get_50", true, 50, PerKey(Packet(0, 0, 0), ""));
  Wire(o, pair, "answer/binary_set_50", true, 50, PerKey(set, value));
}

}  // namespace

void SmallWorld(const Options& o) {
  Shape shape;
  shape.workers = std::max(4u, o.all_cores);
  auto* const pair = new Pair(shape);
  pair->FillAll(kL3, kValue);
  const std::string number = "1000000000";
  std::vector<Key> counters;
  for (uint64_t i = 0; i < kL2; ++i) counters.emplace_back(kCounters + i);
  pair->ours().Set(0, counters.data(), counters.size(), number);
  if (pair->has_peer()) {
    PeerEnter(pair->worker(0));
    PeerSet(pair->worker(0), counters[0].bytes, kKeyBytes, counters.size(),
            number.data(), number.size());
    PeerLeave();
  }
  TableRows(o, *pair);
  ItemRows(o, *pair);
  SlabRows(o, *pair);
  HashRows(o, *pair);
  ParserRows(o, *pair);
  WireRows(o, *pair);
}

}  // namespace cucache::bench
