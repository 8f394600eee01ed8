// A small thread pool. Each thread has a share of the numbered tasks, from the first on, and when
// it has done these takes the last ones of others' shares; so in a phase that comes again, a task
// mostly stays with the thread whose caches hold its data, and no thread is idle while tasks wait.
// Which thread takes a task never changes its result. The caller waits for tasks, not for
// helpers: one that the system runs late finds nothing left and delays nobody.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace chainrule {

class Pool {
 public:
  // Starts no thread before one is needed.
  explicit Pool(int most_threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Starts the threads that a round on so many will need, if they are not there.
  void prepare(int threads) { start_helpers(threads); }

  // Runs work(task, thread) for every task in [0, tasks), tasks < 2^32, on at most so many threads;
  // thread 0 is the caller. A thread of the round before that was late to see its end may do one of
  // them, too, with its own number. Returns when all are done. When one throws, those not begun are
  // left out, and the exception is the caller's. Not to be called from inside work.
  template <class F>
  void run(std::int64_t tasks, int threads, const F& work) {
    if (threads <= 1 || tasks <= 1) {
      for (std::int64_t task = 0; task < tasks; ++task) work(task, 0);
      return;
    }
    run_all(tasks, threads, std::cref(work));  // a reference fits the function: no allocation
  }

 private:
  using Work = std::function<void(std::int64_t, int)>;

  // Tasks of one thread not yet taken: first in the upper half, end in the lower.
  struct alignas(64) Share {
    std::atomic<std::uint64_t> open{0};
  };

  void run_all(std::int64_t tasks, int threads, const Work& work);
  int start_helpers(int threads);
  void help(int thread);
  void take_tasks(int thread, int threads);
  bool take_one(Share& share, bool own, std::int64_t* task);
  void do_task(std::int64_t task, int thread);

  const std::unique_ptr<Share[]> shares_;  // one a thread
  const int most_threads_;
  int spins_ = 0;  // before a waiting thread parks; written before there are helpers
  std::vector<std::thread> helpers_;
  const Work* work_ = nullptr;
  std::exception_ptr failure_;
  std::atomic<bool> failed_{false}, closing_{false};
  alignas(64) std::atomic<std::uint32_t> round_{0};
  std::atomic<int> active_{1};  // threads of the round; helpers beyond them sleep
  alignas(64) std::atomic<std::int64_t> unfinished_{0};  // tasks of the round
};

}  // namespace chainrule
