// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "workload.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <unordered_map>

namespace cucache::sim {
namespace {

constexpr double kTwoPi = 6.283185307179586;

double Uniform(uint64_t seed) {
  return (static_cast<double>(Mix(seed) >> 11) + 0.5) / 9007199254740992.0;
}

// Walker's alias method: a rank drawn with probability ~ 1 / (rank + 1)^s.
class Zipf {
 public:
  Zipf(uint32_t n, double s) : cut_(n), alias_(n) {
    std::vector<double> p(n);
    for (uint32_t i = 0; i < n; ++i) p[i] = std::pow(i + 1.0, -s);
    const double scale = n / std::accumulate(p.begin(), p.end(), 0.0);
    std::vector<uint32_t> low;
    std::vector<uint32_t> high;
    for (uint32_t i = 0; i < n; ++i) {
      p[i] *= scale;
      (p[i] < 1 ? low : high).push_back(i);
    }
    std::fill(cut_.begin(), cut_.end(), 1.0);
    while (!low.empty() && !high.empty()) {
      const uint32_t a = low.back();
      const uint32_t b = high.back();
      low.pop_back();
      cut_[a] = p[a];
      alias_[a] = b;
      p[b] -= 1 - p[a];
      if (p[b] < 1) {
        high.pop_back();
        low.push_back(b);
      }
    }
  }

  [[nodiscard]] uint32_t Draw(uint64_t seed) const {
    const auto i = static_cast<uint32_t>(Mix(seed) % cut_.size());
    return Uniform(seed ^ 0xabcdef) < cut_[i] ? i : alias_[i];
  }

 private:
  std::vector<double> cut_;
  std::vector<uint32_t> alias_;
};

// Gives dense ids in order of first appearance, as in the shipped traces.
void Renumber(Workload* w) {
  std::unordered_map<uint32_t, uint32_t> ids;
  for (uint32_t& key : w->keys) {
    key = ids.try_emplace(key, static_cast<uint32_t>(ids.size())).first->second;
  }
  w->unique = static_cast<uint32_t>(ids.size());
}

// key [value-bytes [ttl-seconds]]
void AddLine(const char* line, Workload* out) {
  const size_t n = out->keys.size();
  char* end = nullptr;
  const auto number = [&line, &end](uint32_t* to) {
    *to = static_cast<uint32_t>(std::strtoul(line, &end, 10));
    const bool found = end != line;
    line = end;
    return found;
  };
  uint32_t key;
  uint32_t size;
  uint32_t ttl;
  if (!number(&key)) return;
  out->keys.push_back(key);
  if (!number(&size)) return;
  out->trace_size.resize(n);
  out->trace_size.push_back(size);
  if (!number(&ttl)) return;
  out->trace_ttl.resize(n);
  out->trace_ttl.push_back(ttl);
}

bool ReadTrace(const std::string& path, uint64_t limit, Workload* out) {
  const bool packed = path.size() > 3 && path.ends_with(".xz");
  FILE* file = packed ? popen(("xz -dc '" + path + "'").c_str(), "r")
                      : fopen(path.c_str(), "r");
  char line[64];
  while (file != nullptr && out->keys.size() < limit &&
         fgets(line, sizeof(line), file) != nullptr) {
    AddLine(line, out);
  }
  if (file != nullptr) packed ? pclose(file) : fclose(file);
  if (out->keys.empty()) {
    fprintf(stderr, "cannot read a trace from %s\n", path.c_str());
    return false;
  }
  // A line without a column that others have: nothing in it.
  if (!out->trace_size.empty()) out->trace_size.resize(out->keys.size());
  if (!out->trace_ttl.empty()) out->trace_ttl.resize(out->keys.size());
  Renumber(out);
  return true;
}

// A key of the hot set dies and a new one takes its rank every 50 requests.
void Churn(const Zipf& zipf, uint32_t universe, uint64_t n, Workload* out) {
  std::vector<uint32_t> of_rank(universe);
  std::iota(of_rank.begin(), of_rank.end(), 0U);
  uint32_t next = universe;
  for (uint64_t t = 0; t < n; ++t) {
    if (t % 50 == 0) of_rank[zipf.Draw(t ^ (1ull << 60))] = next++;
    out->keys.push_back(of_rank[zipf.Draw(t)]);
  }
}

// 20 % of the requests scan keys that come once; in a loop, 50 % go round
// keys as many as a fifth of the universe.
void Mixed(const Zipf& zipf, uint32_t universe, uint64_t n, bool loop,
           Workload* out) {
  uint32_t next = 0;
  for (uint64_t t = 0; t < n; ++t) {
    const bool scan = Mix(t ^ (3ull << 60)) % 10 < (loop ? 5U : 2U);
    if (scan) {
      out->keys.push_back(universe + next++);
      if (loop) next %= universe / 5;
    } else {
      out->keys.push_back(zipf.Draw(t));
    }
  }
}

// The size of a key's value; negative: there is no such model.
double DrawSize(const std::string& name, uint32_t key) {
  const double u = Uniform(key ^ (5ull << 50));
  const double v = Uniform(key ^ (6ull << 50));
  if (name == "lognormal" || name == "vary") {
    const double z = std::sqrt(-2 * std::log(u)) * std::cos(kTwoPi * v);
    return std::exp(std::log(200.0) + z);
  }
  if (name == "pareto") {
    constexpr double kScale = 214.476, kShape = 0.348238;
    return kScale / kShape * (std::pow(u, -kShape) - 1);
  }
  if (name == "bimodal") return u < 0.05 ? 8192 : 100;
  return -1;
}

}  // namespace

uint32_t Workload::ValueSize(uint32_t key, uint64_t t) const {
  switch (model) {
    case SizeModel::kUnit:
      return 0;
    case SizeModel::kFixed:
      return fixed_size;
    case SizeModel::kByKey:
      return value_size[key];
    case SizeModel::kVary:
      return value_size[Mix(key ^ (t << 32)) % unique];
    case SizeModel::kTrace:
      return trace_size[t];
    case SizeModel::kDrift: {
      const uint64_t phase = 3 * t / (keys.size() + 1);
      const uint32_t base = phase == 0 ? 100 : phase == 1 ? 300 : 900;
      return base - base / 10 + static_cast<uint32_t>(Mix(key) % (base / 5));
    }
  }
  return 0;
}

bool MakeTrace(const std::string& name, uint32_t universe, uint64_t requests,
               Workload* out) {
  const size_t colon = name.find(':');
  const std::string kind = name.substr(0, colon);
  const bool made =
      kind == "zipf" || kind == "churn" || kind == "scan" || kind == "loop";
  if (!made) return ReadTrace(name, requests, out);
  const double s = colon == std::string::npos
                       ? 0.99
                       : std::strtod(name.c_str() + colon + 1, nullptr);
  const Zipf zipf(universe, s);
  out->keys.reserve(requests);
  if (kind == "churn") {
    Churn(zipf, universe, requests, out);
  } else if (kind == "zipf") {
    for (uint64_t t = 0; t < requests; ++t) out->keys.push_back(zipf.Draw(t));
  } else {
    Mixed(zipf, universe, requests, kind == "loop", out);
  }
  Renumber(out);
  return true;
}

bool SetSizes(const std::string& name, Workload* out) {
  if (name == "unit") {
    out->model = SizeModel::kUnit;
  } else if (name.starts_with("fixed:")) {
    out->model = SizeModel::kFixed;
    out->fixed_size =
        static_cast<uint32_t>(std::strtoul(name.c_str() + 6, nullptr, 10));
  } else if (name == "trace") {
    if (out->trace_size.empty()) {
      fprintf(stderr, "this trace has no sizes\n");
      return false;
    }
    out->model = SizeModel::kTrace;
  } else if (name == "drift") {
    out->model = SizeModel::kDrift;
  } else if (DrawSize(name, 0) >= 0) {
    out->model = name == "vary" ? SizeModel::kVary : SizeModel::kByKey;
    out->value_size.resize(out->unique);
    for (uint32_t key = 0; key < out->unique; ++key) {
      out->value_size[key] =
          static_cast<uint32_t>(std::clamp(DrawSize(name, key), 1.0, 10240.0));
    }
  } else {
    fprintf(stderr, "unknown size model %s\n", name.c_str());
    return false;
  }
  return true;
}

}  // namespace cucache::sim
