// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/argv_front.h"

#include <gflags/gflags.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/settings.h"

namespace cucache {
namespace {

// A word of -o that stands for flags (any number, separated by spaces) rather
// than for one of its own name.
struct ExtendedAlias {
  const char* word;
  const char* flags;
  const char* warning;
};

constexpr ExtendedAlias kAliases[] = {
    {"modern", "", ""},
    {"no_modern",
     "--slab_chunk_max=1024 --noslab_reassign --slab_automove=0 "
     "--nomaxconns_fast --nolru_segmented --hash_algorithm=jenkins "
     "--nolru_crawler --nolru_maintainer",
     ""},
    {"lru_maintainer", "--lru_maintainer --lru_segmented", ""},
    {"no_lru_maintainer", "--nolru_maintainer --nolru_segmented", ""},
    {"no_slab_automove", "--slab_automove=0", ""},
    {"no_chunked_items", "--slab_chunk_max=1024", ""},
    {"inline_ascii_resp", "", ""},
    {"no_inline_ascii_resp", "", ""},
    {"resp_obj_mem_limit", "",
     "resp_obj_mem_limit has no use any more, see read_buf_mem_limit"},
};

// Words of -o that cucached will not have: what they begin with, and why.
struct Unsupported {
  const char* prefix;
  const char* why;
};

constexpr Unsupported kUnsupported[] = {
    {"ext_", "there is no storage outside of memory"},
    {"proxy_", "there is no proxy"},
    {"sock_cookie_id", "sockets cannot be marked"},
};

class Front {
 public:
  FrontResult Run(const std::vector<std::string>& args) {
    for (next_ = 0; next_ < args.size() && !done_;) Take(args);
    if (!done_) AddAccumulated();
    return std::move(result_);
  }

 private:
  void Take(const std::vector<std::string>& args) {
    const std::string& word = args[next_++];
    if (word == "--") {
      while (next_ < args.size()) Ignore(args[next_++]);
    } else if (word.starts_with("--")) {
      TakeLong(word.substr(2), args);
    } else if (word.size() > 1 && word[0] == '-') {
      TakeCluster(word, args);
    } else {
      Ignore(word);
    }
  }

  void TakeCluster(const std::string& word,
                   const std::vector<std::string>& args) {
    for (size_t i = 1; i < word.size() && !done_; ++i) {
      char letter = word[i];
      if (TakeAction(letter)) return;
      const OptionInfo* option = ByLetter(letter);
      if (option == nullptr && letter != 'o') {
        return Fail(std::string("unknown option -") + letter);
      }
      if (option != nullptr && option->is_switch()) {
        Switch(*option);
        continue;
      }
      std::string value = word.substr(i + 1);
      if (value.empty() && !NextWord(args, &value)) {
        return Fail(std::string("option -") + letter + " needs an argument");
      }
      return option == nullptr ? Extended(value) : Valued(*option, value);
    }
  }

  void TakeLong(const std::string& text, const std::vector<std::string>& args) {
    size_t equals = text.find('=');
    bool attached = equals != std::string::npos;
    std::string value = attached ? text.substr(equals + 1) : "";
    std::string name = text.substr(0, equals);
    std::replace(name.begin(), name.end(), '-', '_');
    if (!Complete(&name)) return;
    if (name == "help") TakeAction('h');
    if (name == "license") TakeAction('i');
    if (name == "version") TakeAction('V');
    if (done_) return;
    const OptionInfo* option = ByName(name);
    bool is_switch = name != "extended" && IsSwitch(option, name);
    if (option != nullptr && option->letter == 'v') {
      return attached ? SetVerbose(value) : Switch(*option);
    }
    if (!is_switch && !attached && !NextWord(args, &value)) {
      return Fail("option --" + name + " needs an argument");
    }
    if (name == "extended") return Extended(value);
    if (option != nullptr && !is_switch) return Valued(*option, value);
    Add("--" + name + (is_switch && !attached ? "" : "=" + value));
  }

  // A flag of gflags' own or of glog's, which has no row, says it itself.
  static bool IsSwitch(const OptionInfo* option, const std::string& name) {
    if (option != nullptr) return option->is_switch();
    gflags::CommandLineFlagInfo info;
    if (gflags::GetCommandLineFlagInfo(name.c_str(), &info)) {
      return info.type == "bool";
    }
    return true;  // a --noflag: Complete let nothing else through
  }

  // Replaces an abbreviation by the name it can only stand for.
  bool Complete(std::string* name) {
    gflags::CommandLineFlagInfo info;
    if (gflags::GetCommandLineFlagInfo(name->c_str(), &info)) return true;
    if (name->starts_with("no") &&
        gflags::GetCommandLineFlagInfo(name->c_str() + 2, &info) &&
        info.type == "bool") {
      return true;
    }
    std::vector<std::string> candidates;
    for (const std::string_view own :
         {"help", "license", "version", "extended"}) {
      if (*name == own) return true;
      if (own.starts_with(*name)) candidates.emplace_back(own);
    }
    for (const OptionInfo& option : Options()) {
      if (option.extended() ||
          !std::string_view(option.flag).starts_with(*name))
        continue;
      candidates.push_back(option.flag);
    }
    if (candidates.size() == 1) {
      *name = candidates[0];
      return true;
    }
    Fail((candidates.empty() ? "unknown option --" : "ambiguous option --") +
         *name);
    return false;
  }

  bool TakeAction(char letter) {
    using Action = FrontResult::Action;
    if (letter == 'h') result_.action = Action::kHelp;
    if (letter == 'i') result_.action = Action::kLicense;
    if (letter == 'V') result_.action = Action::kVersion;
    if (result_.action != Action::kRun) done_ = true;
    return done_;
  }

  // The comma-separated list of -o.
  void Extended(const std::string& list) {
    std::string_view rest = list;
    while (!rest.empty() && !done_) {
      size_t comma = rest.find(',');
      std::string_view one = rest.substr(0, comma);
      rest = comma == std::string_view::npos ? std::string_view()
                                             : rest.substr(comma + 1);
      // Only behind the last comma may there be nothing.
      if (one.empty()) return Fail("an empty word in -o " + list);
      ExtendedWord(one);
    }
  }

  void ExtendedWord(std::string_view text) {
    size_t equals = text.find('=');
    std::string name(text.substr(0, equals));
    for (const ExtendedAlias& alias : kAliases) {
      if (name == alias.word) return Expand(alias);
    }
    for (const Unsupported& word : kUnsupported) {
      if (name.starts_with(word.prefix)) {
        return Fail("-o " + name + ": " + word.why);
      }
    }
    bool negated = name.starts_with("no_");
    const OptionInfo* option = ByExtendedName(negated ? name.substr(3) : name);
    if (option == nullptr || (negated && !option->is_switch())) {
      return Fail("unknown word in -o: " + name);
    }
    if (option->is_switch()) {
      return Add(std::string(negated ? "--no" : "--") + option->flag);
    }
    bool has_value = equals != std::string_view::npos;
    if (!has_value && option->arg[0] != '[') {
      return Fail("-o " + name + " needs a value: " + name + "=<value>");
    }
    Valued(*option,
           has_value ? std::string(text.substr(equals + 1)) : std::string("1"));
  }

  void Expand(const ExtendedAlias& alias) {
    if (*alias.warning != '\0') result_.warnings.push_back(alias.warning);
    std::string_view rest = alias.flags;
    while (!rest.empty()) {
      size_t space = rest.find(' ');
      Add(std::string(rest.substr(0, space)));
      rest = space == std::string_view::npos ? std::string_view()
                                             : rest.substr(space + 1);
    }
  }

  void Switch(const OptionInfo& option) {
    if (option.letter == 'v') {
      ++verbose_;
    } else {
      Add(std::string("--") + option.flag);
    }
  }

  void SetVerbose(const std::string& level) {
    const char* end = level.data() + level.size();
    auto [stop, error] = std::from_chars(level.data(), end, verbose_);
    if (error != std::errc() || stop != end || verbose_ < 0) {
      Fail("--verbose=" + level + ": this is no level");
    }
  }

  void Valued(const OptionInfo& option, std::string value) {
    value.erase(0, value.find_first_not_of(" \t"));
    if (option.letter == 'l') {
      if (value.empty()) return Fail("-l: its argument is empty");
      // A configuration and a command line may both name it.
      if (("," + listen_ + ",").find("," + value + ",") != std::string::npos) {
        return;
      }
      if (!listen_.empty()) listen_ += ',';
      listen_ += value;
    } else {
      Add(std::string("--") + option.flag + "=" + value);
    }
  }

  void AddAccumulated() {
    if (verbose_ > 0) Add("--verbose=" + std::to_string(verbose_));
    if (!listen_.empty()) Add("--listen=" + listen_);
  }

  bool NextWord(const std::vector<std::string>& args, std::string* value) {
    if (next_ >= args.size()) return false;
    *value = args[next_++];
    return true;
  }

  static const OptionInfo* ByLetter(char letter) {
    for (const OptionInfo& option : Options()) {
      if (option.letter == letter && !option.extended()) return &option;
    }
    return nullptr;
  }

  static const OptionInfo* ByName(const std::string& name) {
    for (const OptionInfo& option : Options()) {
      if (name == option.flag) return &option;
    }
    return nullptr;
  }

  static const OptionInfo* ByExtendedName(const std::string& name) {
    const OptionInfo* option = ByName(name);
    return option != nullptr && option->extended() ? option : nullptr;
  }

  void Add(std::string flag) { result_.flags.push_back(std::move(flag)); }

  // As getopt does; the user is told, because it was hardly meant.
  void Ignore(const std::string& word) {
    result_.warnings.push_back("ignoring the argument '" + word + "'");
  }

  void Fail(std::string error) {
    result_.error = std::move(error);
    result_.exit_code = 1;
    done_ = true;
  }

  FrontResult result_;
  size_t next_ = 0;  // the word of args that comes next
  bool done_ = false;
  int verbose_ = 0;
  std::string listen_;
};

}  // namespace

FrontResult TranslateArguments(const std::vector<std::string>& args) {
  return Front().Run(args);
}

}  // namespace cucache
