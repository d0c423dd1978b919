// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Who may speak text when -Y is given: what a session asks before it lets a
// client in. The server owns the one that there is, and hands it out by
// ServerControl::authenticator(). (Counterpart: authfile_check().)
//
// Thread safety: Check() by any worker at any time.

#ifndef CUCACHE_COMMAND_AUTHENTICATOR_H_
#define CUCACHE_COMMAND_AUTHENTICATOR_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>

namespace cucache {

class Authenticator {
 public:
  // Bytes of a user, a password and the space between them. No longer pair is
  // ever right, so nobody needs to keep one.
  static constexpr size_t kMaxPair = 1024;

  struct Answer {
    bool right = false;
    // It took milliseconds of computing, as the maker of the hash intended, or
    // would have taken them: the caller lets others have their turn before it
    // asks again.
    bool slow = false;
    // Nothing was answered; only when Check() might not be slow.
    bool later = false;
  };

  virtual ~Authenticator() = default;
  virtual Answer Check(std::string_view user, std::string_view password,
                       bool may_be_slow) = 0;
};

// How much of a worker's time slow checks may take: a fifth. Without it, those
// who try passwords would have all of it, one after another. Those who wait get
// it in their order, but a newcomer may be faster.
// Thread safety: one thread.
class LoginPace {
 public:
  using Clock = std::chrono::steady_clock;

  bool MayBeSlow() const { return Clock::now() >= next_; }
  void Took(Clock::duration time) { next_ = Clock::now() + 4 * time; }
  // The same for a check of which nobody says whether it was slow.
  void TookPerhaps(Clock::duration time) {
    if (time >= std::chrono::milliseconds(1)) Took(time);
  }
  // Until it may be slow: not less, a second at most.
  int Milliseconds() const {
    using std::chrono::milliseconds;
    const auto left = std::chrono::ceil<milliseconds>(next_ - Clock::now());
    return static_cast<int>(
        std::clamp(left, milliseconds(0), milliseconds(1000)).count());
  }

 private:
  Clock::time_point next_;
};

}  // namespace cucache

#endif  // CUCACHE_COMMAND_AUTHENTICATOR_H_
