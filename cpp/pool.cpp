#include "pool.hpp"

#include <system_error>

namespace chainrule {
namespace {

constexpr int spins = 4000;  // some tens of microseconds, the length of a short phase
constexpr std::uint64_t count_mask = 0xffffffff, one_round = count_mask + 1;

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
  open_.fetch_add(one_round, std::memory_order_release);
  open_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void Pool::run_all(std::int64_t tasks, const std::function<void(std::int64_t, int)>& work) {
  work_ = &work;
  unfinished_.store(tasks, std::memory_order_relaxed);
  const std::uint64_t round = (open_.load(std::memory_order_relaxed) | count_mask) + 1;
  open_.store(round | static_cast<std::uint64_t>(tasks), std::memory_order_release);
  open_.notify_all();
  take_tasks(0);
  for (std::int64_t left; (left = unfinished_.load(std::memory_order_acquire)) != 0;)
    await_change(unfinished_, left);
}

// Takes the tasks of the open round from the last to the first.
void Pool::take_tasks(int thread) {
  std::uint64_t seen = open_.load(std::memory_order_acquire);
  while (seen & count_mask) {
    if (!open_.compare_exchange_weak(seen, seen - 1, std::memory_order_acquire)) continue;
    (*work_)(static_cast<std::int64_t>(seen & count_mask) - 1, thread);
    if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished_.notify_all();
    seen = open_.load(std::memory_order_acquire);
  }
}

void Pool::help(int thread) {
  for (;;) {
    const std::uint64_t seen = open_.load(std::memory_order_acquire);
    if (closing_.load(std::memory_order_acquire)) return;  // set before the last change of open_
    if (seen & count_mask)
      take_tasks(thread);
    else
      await_change(open_, seen);
  }
}

}  // namespace chainrule
