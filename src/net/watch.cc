// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/watch.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/threads.h"
#include "net/address.h"

namespace cucache {

std::string TlsErrorText(int fd, const std::string& why) {
  return "type=conntlserr fd=" + std::to_string(fd) + " msg=" + why;
}

std::string ConnEventText(const char* type, int fd, const char* reason) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length);
  const bool local = address.ss_family == AF_UNIX;
  std::string host = local ? "unix" : HostText(address);
  // A peer that broke the connection has no address any more.
  if (host.empty()) host = "unknown";
  std::string text = std::string("type=") + type + " rip=" + host +
                     " rport=" + std::to_string(PortOf(address)) +
                     " transport=" + (local ? "local" : "tcp");
  if (reason != nullptr) text.append(" reason=").append(reason);
  return text + " cfd=" + std::to_string(fd);
}

bool Watchers::Start(std::string* error) {
  if (!doorbell_.Open()) {
    *error =
        std::string("cannot make the logger thread: ") + std::strerror(errno);
    return false;
  }
  return StartThread(
      "cu-log", [this] { Loop(); }, &thread_, error);
}

void Watchers::Stop() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mu_);
    stop_ = true;
  }
  doorbell_.Ring();
  thread_.join();
  log_.set_wanted(0);
}

void Watchers::Add(Channel channel, uint32_t kinds,
                   std::function<void()> on_end) {
  {
    MutexLock lock(mu_);
    if (stop_) return;
    Watcher watcher;
    watcher.channel = channel;
    watcher.kinds = kinds;
    watcher.on_end = std::move(on_end);
    inbox_.push_back(std::move(watcher));
  }
  doorbell_.Ring();
}

// --- The logger thread. ---

void Watchers::Loop() {
  int nap = kShortestNap;
  while (TakeInbox()) {
    const size_t events =
        log_.Drain([this](const Event& event, std::string_view payload) {
          Distribute(event, payload);
        });
    for (Watcher& w : watchers_) {
      Send(&w);
      w.stuck = false;
    }
    RemoveGone();
    nap = events != 0 ? kShortestNap : std::min(kLongestNap, nap + 1 + nap / 8);
    Sleep(watchers_.empty() ? -1 : nap);
  }
}

bool Watchers::TakeInbox() {
  std::vector<Watcher> added;
  {
    MutexLock lock(mu_);
    if (stop_) return false;
    added.swap(inbox_);
  }
  if (added.empty()) return true;
  for (Watcher& w : added) {
    w.pending = "OK\r\n";
    w.after_gid = log_.last_gid();
    watchers_.push_back(std::move(w));
  }
  // Before the OK is sent: what the client does then is seen.
  SetWanted();
  return true;
}

void Watchers::SetWanted() {
  uint32_t kinds = 0;
  for (const Watcher& w : watchers_) kinds |= w.kinds;
  log_.set_wanted(kinds);
}

void Watchers::Distribute(const Event& event, std::string_view payload) {
  std::string line;
  for (Watcher& w : watchers_) {
    if ((w.kinds & event.kind) == 0 || event.gid <= w.after_gid) continue;
    if (line.empty()) line = FormatEvent(event, payload);
    Append(&w, line);
  }
}

void Watchers::Append(Watcher* w, std::string_view line) {
  std::string note;
  if (w->skipped != 0) note = "skipped=" + std::to_string(w->skipped) + "\n";
  const auto fits = [&] {
    return w->pending.size() + note.size() + line.size() <= buffer_;
  };
  // A client that took nothing is asked again in the next pass.
  if (!fits() && !w->stuck) {
    Send(w);
    w->stuck = !fits();
  }
  if (!fits() || w->stuck || w->gone) {
    ++w->skipped;
    log_.watcher_skipped().Add();
    return;
  }
  w->skipped = 0;
  w->pending.append(note).append(line);
  log_.watcher_sent().Add();
}

void Watchers::Send(Watcher* w) {
  if (w->pending.empty() || w->gone) return;
  const iovec span = {w->pending.data(), w->pending.size()};
  const ssize_t n = w->channel.Send(&span, 1, false);
  if (n > 0) w->pending.erase(0, static_cast<size_t>(n));
  if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) w->gone = true;
}

void Watchers::ReadEnd(Watcher* w) {
  char ignored[1024];
  const iovec span = {ignored, sizeof(ignored)};
  const ssize_t n = w->channel.Receive(&span, 1);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) {
    w->gone = true;
  }
}

void Watchers::Sleep(int milliseconds) {
  std::vector<pollfd> fds;
  fds.push_back({doorbell_.fd(), POLLIN, 0});
  for (const Watcher& w : watchers_) {
    const short out = w.pending.empty() ? 0 : POLLOUT;
    fds.push_back({w.channel.fd, static_cast<short>(POLLIN | out), 0});
  }
  if (poll(fds.data(), fds.size(), milliseconds) <= 0) return;
  if (fds[0].revents != 0) doorbell_.Clear();
  for (size_t i = 0; i < watchers_.size(); ++i) {
    if ((fds[i + 1].revents & ~POLLOUT) != 0) ReadEnd(&watchers_[i]);
  }
}

void Watchers::RemoveGone() {
  bool any = false;
  for (Watcher& w : watchers_) {
    if (!w.gone) continue;
    any = true;
    log_.ReleaseWatcher();
    w.on_end();
  }
  if (!any) return;
  std::erase_if(watchers_, [](const Watcher& w) { return w.gone; });
  SetWanted();
}

}  // namespace cucache
