// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The least that a cache can cost over the network: a server that does for each
// request what no server can leave out, and nothing else. One thread waits,
// receives, finds the end of each line, copies the value from a table that is
// indexed by the number in the key, and sends once per batch. No hash, no
// memory management, no limits, no statistics, no second client protocol; it
// trusts its client, which has to be cucache-load.
// `scripts/compare --floor` compiles it and measures it beside the two servers,
// in the rows of text gets and sets.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

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
      number_text_ = " 0 " + std::to_string(size) + "\r\n";
    }
    if (size != size_) std::abort();
    return &bytes_[Number(key) * size_];
  }

  char* Append(char* out, std::string_view key) const {
    if (size_ == 0) return out;
    std::memcpy(out, "VALUE ", 6);
    out += 6;
    std::memcpy(out, key.data(), key.size());
    out += key.size();
    std::memcpy(out, number_text_.data(), number_text_.size());
    out += number_text_.size();
    std::memcpy(out, &bytes_[Number(key) * size_], size_);
    out += size_;
    std::memcpy(out, "\r\n", 2);
    return out + 2;
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
  std::string number_text_;
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
    const size_t end = in->find('\n');
    if (end == in->npos) return false;
    const std::string_view line = in->substr(0, end - 1);
    size_t used = end + 1;
    if (line.starts_with("get ")) {
      for (size_t at = 4; at < line.size();) {
        size_t space = line.find(' ', at);
        if (space == line.npos) space = line.size();
        *out = values_.Append(*out, line.substr(at, space - at));
        at = space + 1;
      }
      Append(out, "END\r\n");
    } else if (line.starts_with("set ")) {
      const bool quiet = line.ends_with(" noreply");
      const std::string_view head = line.substr(0, line.size() - 8 * quiet);
      const char* last = &head[head.rfind(' ', head.size() - 2) + 1];
      const size_t size = std::strtoul(last, nullptr, 10);
      if (in->size() < used + size + 2) return false;
      const std::string_view key = line.substr(4, line.find(' ', 4) - 4);
      std::memcpy(values_.Slot(key, size), in->data() + used, size);
      used += size + 2;
      if (!quiet) Append(out, "STORED\r\n");
    } else {
      Append(out, line == "mn" ? "MN\r\n" : "END\r\n");
    }
    in->remove_prefix(used);
    return true;
  }

  static void Append(char** out, std::string_view text) {
    std::memcpy(*out, text.data(), text.size());
    *out += text.size();
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
