#include "pool.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "cores.hpp"

namespace chainrule {
namespace {

// How often a waiting thread looks before it parks. To be woken takes as long as a short phase: so
// patiently where every thread has a core, and hastily where the one waited for may need this core.
constexpr int patient = 20'000, hasty = 1'000;

// Waits until value differs from `old`: spins, then parks.
template <class N>
void await_change(const std::atomic<N>& value, N old, int spins) {
  for (int i = 0; i < spins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  value.wait(old, std::memory_order_acquire);
}

constexpr std::uint64_t range(std::int64_t first, std::int64_t end) {
  return static_cast<std::uint64_t>(first) << 32 | static_cast<std::uint64_t>(end);
}

}  // namespace

Pool::Pool(int most_threads)
    : shares_(new Share[static_cast<std::size_t>(std::max(most_threads, 1))]),
      most_threads_(std::max(most_threads, 1)) {}

Pool::~Pool() {
  closing_.store(true, std::memory_order_relaxed);
  active_.store(most_threads_, std::memory_order_release);
  round_.fetch_add(1, std::memory_order_release);
  active_.notify_all();
  round_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

// Returns how many threads there are, at most so many as asked.
int Pool::start_helpers(int threads) {
  threads = std::min(threads, most_threads_);
  if (threads > 1 && helpers_.empty())  // a pool of one thread asks the system nothing
    spins_ = most_threads_ <= available_cores() ? patient : hasty;
  try {
    for (auto next = static_cast<int>(helpers_.size()) + 1; next < threads; ++next)
      helpers_.emplace_back([this, next] { help(next); });
  } catch (const std::system_error&) {
    // The system has no more threads to give: those at hand do all the tasks, to the same bits.
  }
  return std::min(threads, static_cast<int>(helpers_.size()) + 1);
}

void Pool::run_all(std::int64_t tasks, int threads, const Work& work) {
  threads = start_helpers(threads);
  work_ = &work;
  unfinished_.store(tasks, std::memory_order_relaxed);
  const bool wakes = active_.load(std::memory_order_relaxed) < threads;
  active_.store(threads, std::memory_order_release);
  for (int thread = 0; thread < threads; ++thread)
    shares_[static_cast<std::size_t>(thread)].open.store(
        range(tasks * thread / threads, tasks * (thread + 1) / threads), std::memory_order_release);
  round_.fetch_add(1, std::memory_order_release);
  if (wakes) active_.notify_all();
  round_.notify_all();
  take_tasks(0, threads);
  for (std::int64_t left; (left = unfinished_.load(std::memory_order_acquire)) != 0;)
    await_change(unfinished_, left, spins_);
  if (failed_.load(std::memory_order_relaxed)) {
    failed_.store(false, std::memory_order_relaxed);
    std::rethrow_exception(std::exchange(failure_, nullptr));
  }
}

// The first of the thread's own share, or the last of another's.
bool Pool::take_one(Share& share, bool own, std::int64_t* task) {
  std::uint64_t seen = share.open.load(std::memory_order_acquire);
  for (;;) {
    const auto first = static_cast<std::int64_t>(seen >> 32);
    const auto end = static_cast<std::int64_t>(seen & 0xffffffff);
    if (first == end) return false;
    const std::uint64_t rest = own ? range(first + 1, end) : range(first, end - 1);
    if (!share.open.compare_exchange_weak(seen, rest, std::memory_order_acquire)) continue;
    *task = own ? first : end - 1;
    return true;
  }
}

// A helper that is beyond the threads of a new round notices it after one task at most.
void Pool::take_tasks(int thread, int threads) {
  const auto belongs = [&] { return thread < active_.load(std::memory_order_acquire); };
  for (int i = 0; i < threads; ++i) {
    Share& share = shares_[static_cast<std::size_t>((thread + i) % threads)];
    for (std::int64_t task; belongs() && take_one(share, i == 0, &task);) do_task(task, thread);
  }
}

// Who holds a task keeps the round, and work_, from ending.
void Pool::do_task(std::int64_t task, int thread) {
  try {
    if (!failed_.load(std::memory_order_relaxed)) (*work_)(task, thread);
  } catch (...) {
    if (!failed_.exchange(true, std::memory_order_relaxed)) failure_ = std::current_exception();
  }
  if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished_.notify_all();
}

void Pool::help(int thread) {
  for (;;) {
    const std::uint32_t round = round_.load(std::memory_order_acquire);
    const int threads = active_.load(std::memory_order_acquire);
    if (closing_.load(std::memory_order_acquire)) return;  // set before the last round
    if (thread < threads) {
      take_tasks(thread, threads);
      await_change(round_, round, spins_);
    } else {
      active_.wait(threads, std::memory_order_acquire);
    }
  }
}

}  // namespace chainrule
