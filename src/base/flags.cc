// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/flags.h"

#include <gflags/gflags.h>
#include <sysexits.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/argv_front.h"
#include "base/memory_budget.h"
#include "base/network.h"
#include "base/usage.h"

// gflags' type of each codec.
#define CUCACHE_FLAG_Int int32
#define CUCACHE_FLAG_Uint uint32
#define CUCACHE_FLAG_Megabytes int64
#define CUCACHE_FLAG_Kilobytes int32
#define CUCACHE_FLAG_Real2 double
#define CUCACHE_FLAG_Real3 double
#define CUCACHE_FLAG_YesNo bool
#define CUCACHE_FLAG_NoYes bool
#define CUCACHE_FLAG_OffOn bool
#define CUCACHE_FLAG_Text string
#define CUCACHE_FLAG_TextOrNo string
#define CUCACHE_FLAG_TextOrNull string
#define CUCACHE_FLAG_HashName string
#define CUCACHE_FLAG_Char string
#define CUCACHE_FLAG_Octal string
#define CUCACHE_FLAG_Size string
#define CUCACHE_FLAG_ProtocolName string
#define CUCACHE_FLAG_Listen string
#define CUCACHE_FLAG_VerifyMode int32
#define CUCACHE_FLAG_KeyFormat string
#define CUCACHE_FLAG_TlsVersion int32

#define CUCACHE_DEFINE_(type, flag, init, help) DEFINE_##type(flag, init, help)
#define CUCACHE_DEFINE(type, flag, init, help) \
  CUCACHE_DEFINE_(type, flag, init, help)

#define CUCACHE_OPTION(member, mode, Codec, init, stat, state, letter, flag, \
                       arg, check, help)                                     \
  CUCACHE_DEFINE(CUCACHE_FLAG_##Codec, flag, init, help);
#include "base/settings.def"

namespace cucache {
namespace {

// What a Settings row says about the number that was given.
struct Any {
  template <class Flag>
  bool Allows(const Flag&) const {
    return true;
  }
  const char* why = "";
  int exit_code = EXIT_FAILURE;
};

struct Between {
  Between(double l, double m, const char* w, int e)
      : least(l), most(m), why(w), exit_code(e) {}
  bool Allows(double flag) const { return flag >= least && flag <= most; }
  double least;
  double most;
  const char* why;
  int exit_code;
};

bool Complain(const std::string& what, int code, int* exit_code) {
  std::fprintf(stderr, "cucached: %s\n", what.c_str());
  *exit_code = code;
  return false;
}

// "-c 0", "--conn_limit=0" and "-o word=0" are all named by how the usage
// text writes them.
std::string NameOf(const OptionInfo& option) {
  if (option.extended()) return std::string("-o ") + option.flag;
  std::string name = LongName(option);
  return option.letter == 0 ? name : std::string("-") + option.letter;
}

// Also with the value that is the default.
bool IsGiven(const char* flag) {
  return !gflags::GetCommandLineFlagInfoOrDie(flag).is_default;
}

// Any word of -o that begins so.
bool IsAnyGiven(std::string_view prefix) {
  for (const OptionInfo& option : Options()) {
    const bool named = std::string_view(option.flag).starts_with(prefix);
    if (named && option.extended() && IsGiven(option.flag)) return true;
  }
  return false;
}

std::string WhyRefused(const OptionInfo& option) {
  const std::string_view flag = option.flag;
  if (flag == "enable_sasl") {
    return ": this server is not built with SASL support";
  }
  const bool tls = flag.find("ssl") != flag.npos && flag != "ssl_kernel_tls";
  return tls ? " needs TLS, without which this cucached was built"
             : " is not supported yet";
}

// A default is not checked: it may be "let the server choose".
template <class C, class Check, class Field>
bool Apply(const OptionInfo& option, const typename C::Flag& flag,
           const Check& check, Field* field, int* exit_code) {
  if (!IsGiven(option.flag)) return true;
  if (option.state == OptionInfo::State::kRefused) {
    return Complain(NameOf(option) + WhyRefused(option),
                    option.extended() ? EXIT_FAILURE : EX_USAGE, exit_code);
  }
  if (!check.Allows(flag)) {
    return Complain(NameOf(option) + ": " + check.why, check.exit_code,
                    exit_code);
  }
  std::string why;
  std::optional<typename C::Value> value = C::From(flag, &why);
  if (!value) {
    return Complain(NameOf(option) + ": " + why,
                    option.extended() ? EXIT_FAILURE : EX_USAGE, exit_code);
  }
  *field = *value;
  return true;
}

bool ApplyAll(Settings* settings, int* exit_code) {
  const OptionInfo* option = Options().data();
#define CUCACHE_OPTION(member, mode, Codec, init, stat, state, letter, flag,  \
                       arg, check, help)                                      \
  if (!Apply<codec::Codec>(*option++, FLAGS_##flag, check, &settings->member, \
                           exit_code)) {                                      \
    return false;                                                             \
  }
#include "base/settings.def"
  return true;
}

// A string option that is given, but empty, is a slip of the shell.
bool CheckEmpty(int* exit_code) {
  for (const OptionInfo& option : Options()) {
    gflags::CommandLineFlagInfo info =
        gflags::GetCommandLineFlagInfoOrDie(option.flag);
    if (info.type != "string" || info.is_default) continue;
    if (info.current_value.empty()) {
      return Complain(NameOf(option) + ": its argument is empty", EXIT_FAILURE,
                      exit_code);
    }
  }
  return true;
}

bool CheckItemSize(const Settings& s, int* exit_code) {
  if (s.item_size_max < 1024) {
    return Complain("-I: an item must be allowed to have 1024 bytes", EX_USAGE,
                    exit_code);
  }
  if (s.item_size_max > s.maxbytes / 2) {
    return Complain("-I: the largest item is above half of the memory of -m",
                    EX_USAGE, exit_code);
  }
  if (s.item_size_max > (uint64_t{1} << 30)) {
    return Complain("-I: the largest item is above one gigabyte", EX_USAGE,
                    exit_code);
  }
  return true;
}

// memcached insists on sizes that divide each other even where the piece was
// not given; here it is adjusted then.
bool CheckChunkSize(Settings* s, int* exit_code) {
  const uint64_t item_max = s->item_size_max;
  if (!IsGiven("slab_chunk_max")) {
    if (item_max < s->slab_chunk_size_max) s->slab_chunk_size_max = item_max;
    return true;
  }
  const uint64_t chunk_max = s->slab_chunk_size_max;
  if (chunk_max > item_max || item_max % chunk_max != 0) {
    return Complain("-o slab_chunk_max must divide the size of -I", EX_USAGE,
                    exit_code);
  }
  if ((uint64_t{1} << 20) % chunk_max != 0) {
    return Complain("-o slab_chunk_max must divide a megabyte", EX_USAGE,
                    exit_code);
  }
  return true;
}

bool CheckPageSize(const Settings& s, int* exit_code) {
  uint32_t size = s.page_size;
  if (size == 0 || (size >= (64 << 10) && (size & (size - 1)) == 0)) {
    return true;
  }
  return Complain(
      "-o page_size must be 0 or a power of two from 64 to 1024 (kilobytes)",
      EXIT_FAILURE, exit_code);
}

// Numbers with - between them, with memcached's bounds.
bool CheckSlabSizes(const Settings& s, int* exit_code) {
  const auto bad = [&](const std::string& why) {
    return Complain("-o slab_sizes" + why, EX_USAGE, exit_code);
  };
  const char* at = s.slab_sizes.c_str();
  uint64_t last = 0;
  int classes = 0;
  while (*at != '\0') {
    char* end = nullptr;
    const uint64_t size = std::strtoul(at, &end, 10);
    if (*at < '0' || *at > '9' || (*end != '-' && *end != '\0')) {
      return bad(" must be numbers, as 64-128-256");
    }
    const std::string text = ": " + std::to_string(size);
    if (size < static_cast<uint64_t>(s.chunk_size) ||
        size > s.slab_chunk_size_max) {
      return bad(text + " is out of valid range, from -n to slab_chunk_max");
    }
    if (last != 0 && size <= last + 8) {
      return bad(text +
                 " must be more than 8 bytes larger than the one before");
    }
    if (++classes > 62) return bad(" are more than 62");
    last = size;
    at = *end == '-' ? end + 1 : end;
  }
  return true;
}

// -N.
bool CheckNapiIds(const Settings& s, int* exit_code) {
  if (s.num_napi_ids <= s.num_threads) return true;
  return Complain("Number of napi_ids(" + std::to_string(s.num_napi_ids) +
                      ") cannot be greater than number of threads(" +
                      std::to_string(s.num_threads) + ")",
                  EX_USAGE, exit_code);
}

bool CheckQueues(const Settings& s, int* exit_code) {
  if (s.hot_lru_pct + s.warm_lru_pct > 80) {
    return Complain("-o hot_lru_pct and warm_lru_pct are above 80 together",
                    EX_USAGE, exit_code);
  }
  return true;
}

// Each way to say who one is belongs to one protocol.
bool CheckAuthentication(Settings* s, int* exit_code) {
  const bool ascii = !s->auth_file.empty();
  if (!ascii && !s->sasl) return true;
  if (ascii && s->sasl) {
    return Complain("-S and -Y exclude each other", EX_USAGE, exit_code);
  }
  const Protocol needed = ascii ? Protocol::kAscii : Protocol::kBinary;
  if (!IsGiven("protocol")) s->binding_protocol = needed;
  if (s->binding_protocol != needed) {
    return Complain(ascii ? "-Y allows only the ascii protocol (-B ascii)"
                          : "-S allows only the binary protocol (-B binary)",
                    EX_USAGE, exit_code);
  }
  if (s->udpport != 0) {
    return Complain(
        ascii ? "Cannot use UDP with ascii authentication enabled (-U 0 to "
                "disable)"
              : "Cannot enable UDP while using binary SASL authentication.",
        EX_USAGE, exit_code);
  }
  return true;
}

// Datagrams are not encrypted.
bool CheckUdp(const Settings& s, int* exit_code) {
  NetworkList networks;
  std::string bad;
  if (!networks.Parse(s.udp_trust, &bad)) {
    return Complain("-o udp_trust: \"" + bad + "\" is no network as 10.0.0.0/8",
                    EX_USAGE, exit_code);
  }
  if (s.udpport == 0) return true;
  if (s.ssl_enabled) {
    return Complain("Cannot use UDP with TLS enabled (-U 0 to disable)",
                    EX_USAGE, exit_code);
  }
  return true;
}

// A daemon changes its folder, and reads the certificates again.
void MakeAbsolute(std::string* path) {
  if (path->empty()) return;
  std::error_code error;
  const std::filesystem::path absolute =
      std::filesystem::absolute(*path, error);
  // Where the folder is gone, whoever opens the file says so.
  if (!error) *path = absolute.string();
}

bool CheckTls(Settings* s, int* exit_code) {
  for (std::string* path : {&s->ssl_chain_cert, &s->ssl_key, &s->ssl_ca_cert}) {
    MakeAbsolute(path);
  }
  if (!s->ssl_enabled) {
    for (const ListenSpec& spec : s->inter) {
      if (spec.tls == TlsMode::kDefault) continue;
      return Complain("-l " + spec.text + ": this needs -Z", EX_USAGE,
                      exit_code);
    }
    if (!IsAnyGiven("ssl_")) return true;
    std::fprintf(stderr,
                 "cucached: warning: the -o ssl_ options do nothing without "
                 "-Z\n");
    return true;
  }
  if (s->ssl_chain_cert.empty()) {
    return Complain("-Z needs -o ssl_chain_cert=<file>", EX_USAGE, exit_code);
  }
  if (s->port == 0 || !s->socketpath.empty()) {
    return Complain("-Z needs a TCP port", EX_USAGE, exit_code);
  }
  return true;
}

// What one option means for another.
void Derive(Settings* s) {
  if (IsGiven("prefix_delimiter")) s->detail_enabled = true;
  // As memcached, which opens nothing but the unix socket then.
  if (!s->socketpath.empty()) s->udpport = 0;
  if (s->udpport != 0) s->num_threads_per_udp = 1;
  if (s->udpport != 0 && !IsGiven("port")) s->port = s->udpport;
  if (IsGiven("temporary_ttl")) s->temp_lru = true;
}

// The bound of the buffers, and a -m and buffers of sockets that the control
// group has room for.
void FitMemory(Settings* s) {
  // Tests show another group to a program whose name ends in -debug.
  const char* shown = s->debug_commands ? std::getenv("CUCACHE_ROOT") : nullptr;
  const std::string root = shown == nullptr ? "" : shown;
  MemoryBudget budget;
  budget.maxbytes = s->maxbytes;
  budget.maxbytes_given = IsGiven("memory_limit");
  budget.buffers = s->read_buf_mem_limit;
  budget.buffers_given = IsGiven("read_buf_mem_limit");
  budget.threads = s->num_threads;
  budget.connections = s->maxconns;
  budget.socket_reach = SocketReach(root);
  const std::string note = FitBudget(CgroupMemoryLimit(root), &budget);
  if (!note.empty()) std::fprintf(stderr, "cucached: %s\n", note.c_str());
  s->maxbytes = budget.maxbytes;
  s->read_buf_mem_limit = budget.buffers;
  s->socket_buffer = static_cast<uint32_t>(budget.socket_buffer);
  if (s->socket_buffer != 0 && s->verbose > 0) {
    std::fprintf(stderr,
                 "cucached: this control group counts the buffers of sockets: "
                 "they are set to %u bytes\n",
                 s->socket_buffer);
  }
}

bool CheckTogether(Settings* s, int* exit_code) {
  Derive(s);
  FitMemory(s);
  if (s->num_threads > 64) {
    std::fprintf(stderr,
                 "cucached: warning: -t %d is more than most machines have "
                 "cores for\n",
                 s->num_threads);
  }
  return CheckItemSize(*s, exit_code) && CheckChunkSize(s, exit_code) &&
         CheckPageSize(*s, exit_code) && CheckSlabSizes(*s, exit_code) &&
         CheckNapiIds(*s, exit_code) && CheckQueues(*s, exit_code) &&
         CheckTls(s, exit_code) && CheckUdp(*s, exit_code) &&
         CheckAuthentication(s, exit_code);
}

void RunGflags(const char* program, std::vector<std::string> flags) {
  flags.insert(flags.begin(), program);
  std::vector<char*> words;
  for (std::string& flag : flags) words.push_back(flag.data());
  words.push_back(nullptr);
  int count = static_cast<int>(flags.size());
  char** begin = words.data();
  gflags::ParseCommandLineFlags(&count, &begin, /*remove_flags=*/true);
}

void PrintAction(FrontResult::Action action) {
  if (action == FrontResult::Action::kHelp) PrintUsage(std::cout);
  if (action == FrontResult::Action::kLicense) PrintLicense(std::cout);
  if (action == FrontResult::Action::kVersion) PrintVersion(std::cout);
  std::cout.flush();
}

}  // namespace

std::optional<Settings> ParseCommandLine(int argc, const char* const* argv,
                                         int* exit_code) {
  FrontResult front = TranslateArguments({argv + 1, argv + argc});
  if (!front.error.empty()) {
    Complain(front.error, front.exit_code, exit_code);
    return std::nullopt;
  }
  *exit_code = EXIT_SUCCESS;
  if (front.action != FrontResult::Action::kRun) {
    PrintAction(front.action);
    return std::nullopt;
  }
  for (const std::string& warning : front.warnings) {
    std::fprintf(stderr, "cucached: warning: %s\n", warning.c_str());
  }
  RunGflags(argv[0], std::move(front.flags));
  Settings settings;
  settings.debug_commands = std::string_view(argv[0]).ends_with("-debug");
  // As memcached's tests of what does not fit into 32 bits want it.
  const char* malloced = std::getenv("T_MEMD_INITIAL_MALLOC");
  if (settings.debug_commands && malloced != nullptr) {
    settings.debug_malloced = std::strtoull(malloced, nullptr, 10);
  }
  if (!CheckEmpty(exit_code) || !ApplyAll(&settings, exit_code) ||
      !CheckTogether(&settings, exit_code)) {
    return std::nullopt;
  }
  return settings;
}

}  // namespace cucache
