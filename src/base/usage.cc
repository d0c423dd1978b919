// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/usage.h"

#include <algorithm>
#include <string_view>

#include "base/version.h"

namespace cucache {
namespace {

// The same text as the file LICENSE; a test compares them.
constexpr std::string_view kLicense =
    R"LICENSE(
Copyright (c) 2026 The cucache authors. All rights reserved.

Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
   list of conditions and the following disclaimer.

2. Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation
   and/or other materials provided with the distribution.

3. Neither the name of the copyright holder nor the names of its contributors
   may be used to endorse or promote products derived from this software
   without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND
ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED
WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE
FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER
CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY,
OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
)LICENSE";

constexpr size_t kColumn = 26;  // where the help of an option begins
constexpr size_t kWidth = 79;

// `head` in the first column, `text` wrapped in the second.
void PrintWrapped(std::ostream& out, const std::string& head,
                  std::string_view text) {
  const std::string margin(kColumn, ' ');
  std::string line = head;
  if (line.size() + 1 > kColumn) {
    out << line << '\n';
    line.clear();
  }
  line.resize(kColumn, ' ');
  while (!text.empty()) {
    std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (line.size() > kColumn && line.size() + 1 + word.size() > kWidth) {
      out << line << '\n';
      line = margin;
    }
    if (line.size() > kColumn) line += ' ';
    line += word;
  }
  out << line << '\n';
}

std::string HelpText(const OptionInfo& option) {
  std::string text = option.help;
  if (option.state == OptionInfo::State::kNoEffect) {
    text += "; accepted, has no effect here";
  }
  // A help that says what becomes of an option that is not given has said it.
  if (!option.init.empty() && option.letter != 'v' &&
      text.find("not given,") == text.npos) {
    text += " (default: " + option.init + ")";
  }
  return text;
}

std::string LongHead(const OptionInfo& option) {
  std::string head;
  if (option.letter != 0) head = std::string("-") + option.letter + ", ";
  head += LongName(option);
  if (!option.is_switch()) head += std::string("=<") + option.arg + ">";
  return head;
}

std::string ExtendedHead(const OptionInfo& option) {
  return std::string("   - ") + option.flag + ":";
}

void PrintLongOnly(std::ostream& out) {
  PrintWrapped(out, "-h, --help", "print this text and exit");
  PrintWrapped(out, "-i, --license", "print the licence and exit");
  PrintWrapped(out, "-V, --version", "print the version and exit");
  PrintWrapped(out, "--flagfile=<file>",
               "read long options from this file, one per line, as "
               "--memory-limit=64");
  PrintWrapped(out, "--vmodule=<list>",
               "log levels of single source files, as thread=2,conn=2");
  PrintWrapped(out, "-o, --extended=<list>",
               "comma separated list of the words below; a switch is "
               "turned off by no_ before it");
}

}  // namespace

std::string LongName(const OptionInfo& option) {
  std::string name = std::string("--") + option.flag;
  std::replace(name.begin() + 2, name.end(), '_', '-');
  return name;
}

void PrintUsage(std::ostream& out) {
  PrintVersion(out);
  for (const OptionInfo& option : Options()) {
    if (option.state == OptionInfo::State::kRefused) continue;
    if (option.extended()) continue;
    PrintWrapped(out, LongHead(option), HelpText(option));
  }
  PrintLongOnly(out);
  for (const OptionInfo& option : Options()) {
    if (option.state == OptionInfo::State::kRefused) continue;
    if (!option.extended()) continue;
    PrintWrapped(out, ExtendedHead(option), HelpText(option));
  }
  PrintWrapped(out, "   - modern, no_modern:",
               "all of memcached's newer defaults, or those of 1.4");
}

void PrintLicense(std::ostream& out) {
  PrintVersion(out);
  out << kLicense;
}

void PrintVersion(std::ostream& out) {
  out << "cucached " << kFullVersion << '\n';
}

}  // namespace cucache
