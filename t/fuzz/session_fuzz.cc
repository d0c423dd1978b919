// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Fuzz target: the bytes of a client against a Session with a real cache.
//
// The first byte chooses how the rest is cut. Checked is that nothing reads or
// writes where it may not (build it with a sanitizer), that what a session
// leaves unconsumed is bounded, and that the replies do not depend on the cuts
// (invariant Q2 of proto/session.h).
//
// With clang, from a build tree:
//   clang++ -std=c++20 -g -fsanitize=fuzzer,address,undefined -I../src
//       ../t/fuzz/session_fuzz.cc lib*.a -lglog -lgflags -lxxhash
//   ./a.out corpus ../t/fuzz/corpus/session
// In make check, replay.cc runs it over the corpus and changes of it.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../unit/session_fixture.h"

namespace cucache {
namespace {

Settings FuzzSettings() {
  Settings settings;
  settings.maxbytes = 8 << 20;
  return settings;
}

// What a fresh server answers to `input` when it comes in pieces.
std::string Converse(std::string_view input, size_t piece) {
  LoneServer server(FuzzSettings());
  LoneConnection connection(server);
  connection.receive_spans = piece % 2 == 0;
  connection.budget = static_cast<int>(1 + piece % 30);
  while (!input.empty() && !connection.closed()) {
    connection.Send(input.substr(0, piece));
    input.remove_prefix(std::min(piece, input.size()));
  }
  // Beyond a piece only a line or a key may wait for its end.
  if (connection.kept() > Session::kMaxLine) {
    std::fprintf(stderr, "%zu bytes are kept\n", connection.kept());
    std::abort();
  }
  return connection.output().Take();
}

// Answers that show the time, or that depend on what else the process did.
bool Repeatable(std::string_view input) {
  for (const char* word : {"stats", "lru_crawler", "flush_all", "watch", "me ",
                           "slabs", "shutdown", "cache_memlimit"}) {
    if (input.find(word) != std::string_view::npos) return false;
  }
  return true;
}

}  // namespace
}  // namespace cucache

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = 1 + data[0];
  const std::string_view input(reinterpret_cast<const char*>(data + 1),
                               size - 1);
  const std::string cut = cucache::Converse(input, piece);
  if (!cucache::Repeatable(input)) return 0;
  const std::string whole = cucache::Converse(input, input.size());
  if (cut != whole) {
    std::fprintf(stderr, "in pieces of %zu:\n%s\nwhole:\n%s\n", piece,
                 cut.c_str(), whole.c_str());
    std::abort();
  }
  return 0;
}
