// A small thread pool: the caller and its helpers take numbered tasks until none is left.
// Helpers spin briefly, then park. Which thread takes a task never changes its result.
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

  // Runs work(task, thread) for every task in [0, tasks); thread 0 is the caller. Returns
  // when all are done. Not to be called from inside work.
  template <class F>
  void run(std::int64_t tasks, const F& work) {
    run_all(tasks, std::cref(work));  // a reference fits the function: nothing is allocated
  }

 private:
  void run_all(std::int64_t tasks, const std::function<void(std::int64_t, int)>& work);
  void help(int thread);
  void take_tasks(int thread);

  std::vector<std::thread> helpers_;
  const std::function<void(std::int64_t, int)>* work_ = nullptr;
  std::int64_t tasks_ = 0;
  std::atomic<std::int64_t> next_{0};
  std::atomic<std::uint32_t> round_{0};  // bumped to wake the helpers
  std::atomic<std::int32_t> busy_{0};    // helpers still inside the round
  std::atomic<bool> closing_{false};
};

}  // namespace chainrule
