#include "pool.hpp"

#include <system_error>

namespace chainrule {
namespace {

constexpr int spins = 2000;  // some tens of microseconds, the length of a short phase

// Waits until value differs from `old`: spins, then parks.
template <class N>
void await_change(const std::atomic<N>& value, N old) {
  for (int i = 0; i < spins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

Pool::Pool(int threads) {
  try {
    for (int thread = 1; thread < threads; ++thread)
      helpers_.emplace_back([this, thread] { help(thread); });
  } catch (const std::system_error&) {
    // The system has no more threads to give: those at hand do all the tasks, to the same bits.
  }
}

Pool::~Pool() {
  closing_.store(true, std::memory_order_release);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void Pool::run_all(std::int64_t tasks, const std::function<void(std::int64_t, int)>& work) {
  if (helpers_.empty() || tasks <= 1) {
    for (std::int64_t task = 0; task < tasks; ++task) work(task, 0);
    return;
  }
  work_ = &work;
  tasks_ = tasks;
  next_.store(0, std::memory_order_relaxed);
  busy_.store(static_cast<std::int32_t>(helpers_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  take_tasks(0);
  for (std::int32_t busy; (busy = busy_.load(std::memory_order_acquire)) != 0;)
    await_change(busy_, busy);
}

void Pool::take_tasks(int thread) {
  for (std::int64_t task; (task = next_.fetch_add(1, std::memory_order_relaxed)) < tasks_;)
    (*work_)(task, thread);
}

void Pool::help(int thread) {
  std::uint32_t seen = 0;
  for (;;) {
    await_change(round_, seen);
    ++seen;
    if (closing_.load(std::memory_order_acquire)) return;
    take_tasks(thread);
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_all();
  }
}

}  // namespace chainrule
