// Whether the caller still waits for the work, or Ctrl-C was pressed.
#pragma once

#include <atomic>
#include <chrono>

#include "engine.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// Asks at most every 50 ms, and looks at the clock only after some work.
class Patience {
 public:
  explicit Patience(const Interrupted* ask) : ask_(ask) {}

  bool ended() const { return ended_; }  // for any thread; the next only for the caller's

  bool ended_after(std::int64_t multiply_adds) {
    work_ += multiply_adds;
    if (!ask_ || ended_ || work_ < (1 << 20)) return ended_;
    work_ = 0;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ >= std::chrono::milliseconds(50)) {
      last_ = now;
      ended_ = (*ask_)();
    }
    return ended_;
  }

 private:
  const Interrupted* ask_;
  std::int64_t work_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  std::atomic<bool> ended_{false};
};

}  // namespace chainrule::CHAINRULE_LEVEL
