// A small thread pool: the caller and its helpers take numbered tasks until none is left.
// Which thread takes a task never changes its result. The caller waits for tasks, not for
// helpers: one that the system runs late finds nothing left and delays nobody.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace chainrule {

class Pool {
 public:
  explicit Pool(int threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return static_cast<int>(helpers_.size()) + 1; }

  // Runs work(task, thread) for every task in [0, tasks), tasks < 2^32; thread 0 is the caller.
  // Returns when all are done. Not to be called from inside work.
  template <class F>
  void run(std::int64_t tasks, const F& work) {
    if (helpers_.empty() || tasks <= 1) {
      for (std::int64_t task = 0; task < tasks; ++task) work(task, 0);
      return;
    }
    run_all(tasks, std::cref(work));  // a reference fits the function: nothing is allocated
  }

 private:
  void run_all(std::int64_t tasks, const std::function<void(std::int64_t, int)>& work);
  void help(int thread);
  void take_tasks(int thread);

  std::vector<std::thread> helpers_;
  const std::function<void(std::int64_t, int)>* work_ = nullptr;
  // Number of the round in the upper half, tasks not yet taken in the lower. Who takes one of a
  // round's tasks keeps the round, and work_, from ending.
  alignas(64) std::atomic<std::uint64_t> open_{0};
  alignas(64) std::atomic<std::int64_t> unfinished_{0};  // tasks of the round
  std::atomic<bool> closing_{false};
};

}  // namespace chainrule
