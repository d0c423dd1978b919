// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// modules_bench: cucache's modules beside memcached's and libcuckoo, in one
// process per world (world.h). Without --world it starts itself once per world
// and joins what they write; with --world it is one of those.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "t/bench/modules/world.h"

namespace cucache::bench {
namespace {

struct World {
  const char* name;
  void (*rows)(const Options&);
  bool in_quick;
};
constexpr World kWorlds[] = {
    {"small", SmallWorld, true},
    {"large", LargeWorld, true},
    {"large200", Large200World, true},
    {"large_small_pages", SmallPagesWorld, false},
    {"evict", EvictWorld, true},
    {"held", HeldWorld, true},
    {"held200", Held200World, true},
    {"cold", ColdWorld, true},
    {"growth", GrowthWorld, true},
};

constexpr const char* kUsage =
    R"(usage: modules_bench [--quick] [--worlds=a,b] [--items=N] [--threads=N]
                     [--out=DIR] [--benchmark_filter=REGEX]
Measures cucache's modules against memcached's (configure
--with-memcached-src=DIR) and libcuckoo's, in turns, and prints a line per row;
DIR/modules.json has all figures (default: .).
  --quick     about a minute: a million items instead of ten, fewer turns
  --items=N   items of the large tables
  --threads=N what "all cores" means (default: the processors there are)
  --worlds=   of small large large200 large_small_pages evict held held200 cold
              growth
  --world=X --json=FILE   one world, in this process
  --instructions          rows of the small world, under
                          valgrind --tool=callgrind --collect-atstart=no
)";

struct Command {
  Options options;
  std::string world, worlds, out = ".", json;
  std::vector<std::string> passed_on;
};

bool Take(const char* word, const char* name, std::string* value) {
  const size_t n = std::strlen(name);
  if (std::strncmp(word, name, n) != 0) return false;
  *value = word + n;
  return true;
}

Command Parse(int argc, char** argv) {
  Command c;
  c.options.all_cores = std::max(2u, std::thread::hardware_concurrency());
  std::string number;
  for (int i = 1; i < argc; ++i) {
    const char* const word = argv[i];
    const bool ours_alone =
        Take(word, "--world=", &c.world) || Take(word, "--json=", &c.json) ||
        Take(word, "--worlds=", &c.worlds) || Take(word, "--out=", &c.out);
    if (ours_alone) continue;
    c.passed_on.push_back(word);
    if (std::strcmp(word, "--quick") == 0) {
      c.options.quick = true;
      c.options.turns = 11;
      c.options.slice = std::chrono::milliseconds(4);
      c.options.large = 1000000;
    } else if (std::strcmp(word, "--instructions") == 0) {
      c.options.instructions = true;
    } else if (Take(word, "--items=", &number)) {
      c.options.large = std::strtoull(number.c_str(), nullptr, 10);
    } else if (Take(word, "--threads=", &number)) {
      c.options.all_cores = static_cast<unsigned>(std::atoi(number.c_str()));
    } else if (std::strncmp(word, "--benchmark_", 12) != 0) {
      std::fputs(kUsage, stderr);
      std::exit(64);
    }
  }
  return c;
}

int RunWorld(const Command& c, const World& world) {
  world.rows(c.options);
  std::vector<std::string> words = {"modules_bench"};
  for (const std::string& word : c.passed_on) {
    if (word.rfind("--benchmark_", 0) == 0) words.push_back(word);
  }
  if (!c.json.empty()) words.push_back("--benchmark_out=" + c.json);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  int argc = static_cast<int>(argv.size());
  benchmark::Initialize(&argc, argv.data());
  Report report(world.name);
  if (c.json.empty()) {
    benchmark::RunSpecifiedBenchmarks(&report);
  } else {
    benchmark::RunSpecifiedBenchmarks(&report, new benchmark::JSONReporter);
  }
  std::fflush(nullptr);
  // memcached's threads go on until the end; nothing here waits for them.
  _exit(0);
}

// This program once more, for one world.
bool Spawn(const Command& c, const World& world, const std::string& json) {
  const pid_t child = fork();
  if (child == 0) {
    std::vector<std::string> words = {"modules_bench",
                                      std::string("--world=") + world.name,
                                      "--json=" + json};
    words.insert(words.end(), c.passed_on.begin(), c.passed_on.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    // memcached's table comes from calloc: 2 MiB pages for it where -L asks
    // for them, that is, for what -L cannot reach.
    if (std::strstr(world.name, "small_pages") == nullptr) {
      setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1);
    }
    execv("/proc/self/exe", argv.data());
    std::perror("modules_bench");
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0;
}

bool Wanted(const Command& c, const World& world) {
  if (c.worlds.empty()) return world.in_quick || !c.options.quick;
  return (',' + c.worlds + ',').find(std::string(",") + world.name + ',') !=
         std::string::npos;
}

int RunAll(const Command& c) {
  if (PeerAvailable() == 0) {
    std::puts(
        "Without memcached: configure --with-memcached-src=DIR names a tree of "
        "it that was\nbuilt (scripts/build-memcached DIR makes one).");
  } else {
    std::printf("Against memcached %s.\n", PeerVersion());
  }
  bool good = true;
  std::string joined;
  for (const World& world : kWorlds) {
    if (!Wanted(c, world)) continue;
    const std::string json = c.out + "/modules-" + world.name + ".json";
    if (!Spawn(c, world, json)) {
      std::fprintf(stderr, "modules_bench: world %s failed\n", world.name);
      good = false;
    }
    std::ifstream file(json);
    std::stringstream text;
    text << file.rdbuf();
    if (text.str().empty()) continue;
    joined += joined.empty() ? "" : ",\n";
    joined += '"' + std::string(world.name) + "\": " + text.str();
    unlink(json.c_str());
  }
  std::ofstream(c.out + "/modules.json")
      << "{\"memcached\": \"" << PeerVersion() << "\",\n"
      << joined << "}\n";
  return good ? 0 : 1;
}

int Main(int argc, char** argv) {
  const Command c = Parse(argc, argv);
  if (c.world.empty() && !c.options.instructions) return RunAll(c);
  const std::string name = c.world.empty() ? "small" : c.world;
  for (const World& world : kWorlds) {
    if (name == world.name) return RunWorld(c, world);
  }
  std::fputs(kUsage, stderr);
  return 64;
}

}  // namespace
}  // namespace cucache::bench

int main(int argc, char** argv) { return cucache::bench::Main(argc, argv); }
