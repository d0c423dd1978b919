// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Runs a fuzz target without a fuzzer: every file of its corpus as it is, then
// a fixed number of random changes and splices of them, always the same ones.
//
// Usage: <program> [directory...]; without one, the corpus in the source tree
// (from $top_srcdir). $FUZZ_RUNS says how many changes.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Random = std::mt19937_64;

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()),
                         input.size());
}

std::vector<std::string> Load(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> inputs;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file),
                        std::istreambuf_iterator<char>());
  }
  return inputs;
}

// One random change.
void Change(Random& random, std::string* s) {
  const size_t at = random() % s->size();
  switch (random() % 6) {
    case 0:
      (*s)[at] = static_cast<char>(random());
      break;
    case 1:
      s->erase(at, 1 + random() % 8);
      break;
    case 2:
      s->insert(at, 1 + random() % 300, (*s)[at]);
      break;
    case 3:
      s->insert(at, s->substr(random() % s->size(), random() % 60));
      break;
    case 4:
      (*s)[at] = " \r\n09-bNqv"[random() % 10];
      break;
    default:
      s->resize(at + 1);
  }
  if (s->empty()) *s = "\n";
}

}  // namespace

int main(int argc, char** argv) {
  const char* top = std::getenv("top_srcdir");
  std::vector<std::string> directories(argv + 1, argv + argc);
  if (directories.empty()) {
    directories.push_back(std::string(top == nullptr ? "." : top) +
                          "/t/fuzz/corpus/session");
  }
  std::vector<std::string> inputs;
  for (const auto& directory : directories) {
    for (auto& input : Load(directory)) inputs.push_back(std::move(input));
  }
  if (inputs.empty()) {
    std::fprintf(stderr, "there is no corpus in %s\n", directories[0].c_str());
    return 1;
  }
  for (const auto& input : inputs) Run(input);
  const char* runs = std::getenv("FUZZ_RUNS");
  const int n = runs == nullptr ? 20000 : std::atoi(runs);
  Random random(11211);
  for (int i = 0; i < n; ++i) {
    std::string input = inputs[random() % inputs.size()];
    if (random() % 2 == 0) input += inputs[random() % inputs.size()].substr(1);
    for (uint64_t k = 1 + random() % 4; k != 0; --k) Change(random, &input);
    Run(input);
  }
  std::printf("%zu inputs, %d changes of them\n", inputs.size(), n);
  return 0;
}
