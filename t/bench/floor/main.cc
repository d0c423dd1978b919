// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The least that a cache can cost over the network: a server that does for each
// request what no server can leave out, and nothing else. One thread waits,
// receives, finds the end of each line, copies the value from a table that is
// indexed by the number in the key, and sends once per batch. No hash, no
// memory management, no limits, no statistics, no errors; it trusts its client,
// which has to be cucache-load.
// `scripts/compare --floor` compiles it and measures it beside the two servers,
// in the rows of gets and sets, text, meta and binary.

#include <endian.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

// What is there of the binary protocol.
constexpr size_t kHeader = 24, kGetExtras = 4, kSetExtras = 8;
constexpr uint8_t kRequest = 0x80, kResponse = 0x81;
constexpr uint8_t kGet = 0x00, kSet = 0x01, kGetQ = 0x09, kNoOp = 0x0a;

constexpr size_t kInput = 64 << 10, kOutput = 4 << 20, kDigits = 10;
constexpr size_t kTable = 1
                          << 30;  // its pages are untouched until they are set

// Values of one size, found by the number at the end of a key.
class Values {
 public:
  char* Slot(std::string_view key, size_t size) {
    if (size_ == 0) {
      size_ = size;
      bytes_ = static_cast<char*>(std::calloc(1, kTable));
      slots_ = kTable / size;
      text_ = " 0 " + std::to_string(size) + "\r\n";
      meta_ = "VA " + std::to_string(size);
    }
    if (size != size_) std::abort();
    return &bytes_[Number(key) * size_];
  }

  void AppendText(char** out, std::string_view key) const {
    if (size_ == 0) return;
    Put(out, "VALUE ");
    Put(out, key);
    Put(out, text_);
    Put(out, Of(key));
    Put(out, "\r\n");
  }

  void AppendMeta(char** out, std::string_view key, bool with_key) const {
    Put(out, meta_);
    if (with_key) {
      Put(out, " k");
      Put(out, key);
    }
    Put(out, "\r\n");
    Put(out, Of(key));
    Put(out, "\r\n");
  }

  std::string_view Of(std::string_view key) const {
    return {&bytes_[Number(key) * size_], size_};
  }

  static void Put(char** out, std::string_view bytes) {
    std::memcpy(*out, bytes.data(), bytes.size());
    *out += bytes.size();
  }

 private:
  size_t Number(std::string_view key) const {
    size_t number = 0;
    for (const char c : key.substr(key.size() - kDigits)) {
      number = number * 10 + static_cast<size_t>(c - '0');
    }
    return number % slots_;
  }

  size_t size_ = 0, slots_ = 0;
  char* bytes_ = nullptr;
  std::string text_, meta_;  // of a line with a value: its constant part
};

class Floor {
 public:
  explicit Floor(int listener)
      : listener_(listener), epoll_(epoll_create1(0)), input_(kInput) {
    output_.resize(kOutput);
    Watch(listener_);
  }

  void Run() {
    epoll_event events[64];
    for (;;) {
      const int n = epoll_wait(epoll_, events, 64, -1);
      for (int i = 0; i < n; ++i) {
        const int fd = events[i].data.fd;
        if (fd == listener_) {
          Accept();
        } else {
          Serve(fd);
        }
      }
    }
  }

 private:
  void Watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void Accept() {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const auto index = static_cast<size_t>(fd);
    if (rests_.size() <= index) rests_.resize(index + 64);
    rests_[index].clear();
    Watch(fd);
  }

  void Serve(int fd) {
    const ssize_t n = recv(fd, input_.data(), input_.size(), 0);
    if (n <= 0) {
      close(fd);
      return;
    }
    std::string& rest = rests_[static_cast<size_t>(fd)];
    std::string_view in(input_.data(), static_cast<size_t>(n));
    if (!rest.empty()) in = rest.append(in);
    const char* const begin = in.data();
    bool more = true;
    while (more) {
      char* out = output_.data();
      while (out < output_.data() + kOutput / 2 && more) {
        more = Answer(&in, &out);
      }
      Send(fd, out);
    }
    if (in.empty()) {
      rest.clear();
    } else if (rest.empty()) {
      rest = in;
    } else {
      rest.erase(0, static_cast<size_t>(in.data() - begin));
    }
  }

  // Takes one request off `in`, if it is there as a whole.
  bool Answer(std::string_view* in, char** out) {
    if (in->empty()) return false;
    const bool binary = static_cast<uint8_t>(in->front()) == kRequest;
    return binary ? AnswerBinary(in, out) : AnswerLine(in, out);
  }

  bool AnswerLine(std::string_view* in, char** out) {
    const size_t end = in->find('\n');
    if (end == in->npos) return false;
    const std::string_view line = in->substr(0, end - 1);
    size_t used = end + 1;
    if (line.starts_with("get ")) {
      for (size_t at = 4; at < line.size();) {
        size_t space = line.find(' ', at);
        if (space == line.npos) space = line.size();
        values_.AppendText(out, line.substr(at, space - at));
        at = space + 1;
      }
      Values::Put(out, "END\r\n");
    } else if (line.starts_with("mg ")) {
      values_.AppendMeta(out, line.substr(3, line.find(' ', 3) - 3),
                         line.ends_with('q'));
    } else if (line.starts_with("set ") || line.starts_with("ms ")) {
      const bool quiet = line.ends_with(" noreply") || line.ends_with('q');
      const bool meta = line.front() == 'm';
      const size_t key_at = line.find(' ') + 1;
      const size_t key_end = line.find(' ', key_at);
      const char* size_at = &line[key_end + 1];
      if (!meta)
        size_at = &line[line.find(' ', line.find(' ', key_end + 1) + 1)];
      const size_t size = std::strtoul(size_at, nullptr, 10);
      if (in->size() < used + size + 2) return false;
      const std::string_view key = line.substr(key_at, key_end - key_at);
      std::memcpy(values_.Slot(key, size), in->data() + used, size);
      used += size + 2;
      if (!quiet) Values::Put(out, meta ? "HD\r\n" : "STORED\r\n");
    } else {
      Values::Put(out, line == "mn" ? "MN\r\n" : "END\r\n");
    }
    in->remove_prefix(used);
    return true;
  }

  bool AnswerBinary(std::string_view* in, char** out) {
    if (in->size() < kHeader) return false;
    uint32_t body;
    std::memcpy(&body, &(*in)[8], sizeof(body));
    body = be32toh(body);
    if (in->size() < kHeader + body) return false;
    const auto opcode = static_cast<uint8_t>((*in)[1]);
    const bool get = opcode == kGet || opcode == kGetQ;
    const auto key_size = static_cast<size_t>((*in)[3]);
    const std::string_view rest = in->substr(kHeader, body);
    std::string_view value;
    if (get) {
      value = values_.Of(rest);
    } else if (opcode != kNoOp) {
      const size_t size = body - kSetExtras - key_size;
      std::memcpy(values_.Slot(rest.substr(kSetExtras, key_size), size),
                  &rest[kSetExtras + key_size], size);
    }
    if (get || opcode == kSet || opcode == kNoOp) {
      char* const head = *out;
      std::memset(head, 0, kHeader + kGetExtras);
      head[0] = static_cast<char>(kResponse);
      head[1] = static_cast<char>(opcode);
      head[4] = get ? kGetExtras : 0;
      const uint32_t length =
          htobe32(static_cast<uint32_t>(value.size()) + (get ? kGetExtras : 0));
      std::memcpy(head + 8, &length, sizeof(length));
      std::memcpy(head + 12, &(*in)[12], sizeof(uint32_t));  // the opaque
      *out += kHeader + (get ? kGetExtras : 0);
      Values::Put(out, value);
    }
    in->remove_prefix(kHeader + body);
    return true;
  }

  void Send(int fd, const char* end) {
    for (const char* at = output_.data(); at != end;) {
      const ssize_t n =
          send(fd, at, static_cast<size_t>(end - at), MSG_NOSIGNAL);
      if (n <= 0) return;
      at += n;
    }
  }

  const int listener_, epoll_;
  std::vector<char> input_, output_;
  std::vector<std::string> rests_;  // beginnings of requests, by descriptor
  Values values_;
};

}  // namespace

// Takes memcached's arguments, of which it looks at -p.
int main(int argc, char** argv) {
  int port = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "-p" && i + 1 < argc) {
      port = std::atoi(argv[i + 1]);
    }
  }
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address),
           sizeof(address)) != 0 ||
      listen(listener, 1024) != 0) {
    std::perror("cucache-floor");
    return 1;
  }
  Floor(listener).Run();
}
