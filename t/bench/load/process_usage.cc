// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "t/bench/load/process_usage.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace cucache::load {
namespace {

uint64_t Field(const std::string& status, const std::string& name) {
  const size_t at = status.find(name + ":");
  if (at == std::string::npos) return 0;
  return std::strtoull(status.c_str() + at + name.size() + 1, nullptr, 10);
}

std::string Slurp(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

ProcessUsage ReadProcessUsage(int pid) {
  ProcessUsage usage;
  if (pid <= 0) return usage;
  const std::string root = "/proc/" + std::to_string(pid);
  std::error_code error;
  const std::filesystem::directory_iterator tasks(root + "/task", error);
  for (const auto& task : tasks) {
    const std::string path = task.path().string();
    usage.cpu_ns +=
        std::strtoull(Slurp(path + "/schedstat").c_str(), nullptr, 10);
    const std::string status = Slurp(path + "/status");
    usage.voluntary_switches += Field(status, "\nvoluntary_ctxt_switches");
    usage.involuntary_switches += Field(status, "nonvoluntary_ctxt_switches");
  }
  usage.rss_kb = Field(Slurp(root + "/status"), "VmRSS");
  // The name in parentheses may hold anything: count fields from its end.
  const std::string stat = Slurp(root + "/stat");
  const size_t name_end = stat.rfind(')');
  if (name_end != std::string::npos) {
    std::sscanf(stat.c_str() + name_end + 1,
                " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                &usage.user_ticks, &usage.system_ticks);
  }
  return usage;
}

}  // namespace cucache::load
