// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "t/bench/load/report.h"

#include <cstdio>

namespace cucache::load {
namespace {

class JsonWriter {
 public:
  void Field(const char* name, const std::string& text) {
    Name(name);
    json_ += '"';
    for (const char c : text) {
      if (c == '"' || c == '\\') json_ += '\\';
      json_ += c >= ' ' ? c : ' ';
    }
    json_ += '"';
  }
  void Field(const char* name, double number) {
    Name(name);
    char text[40];
    std::snprintf(text, sizeof(text), "%.10g", number);
    json_ += text;
  }
  [[nodiscard]] std::string Take() { return json_ + "\n}\n"; }

 private:
  void Name(const char* name) {
    json_ += json_.size() == 1 ? "\n  \"" : ",\n  \"";
    json_ += name;
    json_ += "\": ";
  }

  std::string json_ = "{";
};

void WriteLatency(const Histogram& histogram, JsonWriter* json) {
  json->Field("latency_mean_us", histogram.Mean() / 1e3);
  json->Field("latency_p50_us", histogram.Quantile(0.5) / 1e3);
  json->Field("latency_p90_us", histogram.Quantile(0.9) / 1e3);
  json->Field("latency_p99_us", histogram.Quantile(0.99) / 1e3);
  json->Field("latency_p999_us", histogram.Quantile(0.999) / 1e3);
  json->Field("latency_p9999_us", histogram.Quantile(0.9999) / 1e3);
  json->Field("latency_max_us", histogram.max() / 1e3);
}

void WriteServer(const Findings& findings, JsonWriter* json) {
  const ProcessUsage& before = findings.server_before;
  const ProcessUsage& after = findings.server_after;
  if (after.cpu_ns < before.cpu_ns) return;  // it has ended
  const auto cpu_ns = static_cast<double>(after.cpu_ns - before.cpu_ns);
  const double requests = findings.counts.requests;
  const double user = after.user_ticks - before.user_ticks;
  const double system = after.system_ticks - before.system_ticks;
  const double user_share = user + system > 0 ? user / (user + system) : 0;
  const double per_request = requests > 0 ? cpu_ns / requests : 0;
  json->Field("server_cpu_ns_per_request", per_request);
  json->Field("server_user_ns_per_request", per_request * user_share);
  json->Field("server_system_ns_per_request", per_request * (1 - user_share));
  json->Field("server_cpu_busy", cpu_ns / 1e9 / findings.seconds);
  json->Field("server_voluntary_switches",
              after.voluntary_switches - before.voluntary_switches);
  json->Field("server_involuntary_switches",
              after.involuntary_switches - before.involuntary_switches);
  json->Field("server_rss_kb", after.rss_kb);
}

}  // namespace

std::string ToJson(const Options& options, const Findings& findings) {
  const Counts& counts = findings.counts;
  JsonWriter json;
  json.Field("connections", options.connections);
  json.Field("threads", options.threads);
  json.Field("pipeline", options.pipeline);
  json.Field("rate", options.rate);
  json.Field("seconds", findings.seconds);
  json.Field("requests", counts.requests);
  json.Field("requests_per_second", counts.requests / findings.seconds);
  json.Field("hits", counts.hits);
  json.Field("misses", counts.misses);
  json.Field("stored", counts.stored);
  json.Field("refused", counts.refused);
  json.Field("checked", counts.checked);
  json.Field("wrong", findings.wrong);
  json.Field("bytes_in", counts.bytes_in);
  json.Field("bytes_out", counts.bytes_out);
  WriteLatency(findings.histogram, &json);
  if (options.server_pid > 0) WriteServer(findings, &json);
  json.Field("generator_cpu_busy",
             findings.own_cpu_seconds / findings.seconds / options.threads);
  json.Field("error", findings.error);
  return json.Take();
}

}  // namespace cucache::load
