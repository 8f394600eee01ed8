#include "many.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <queue>

#include "pool.hpp"

namespace chainrule {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double turn_seconds = 0.002;     // of one trainer on one thread, while others wait
constexpr std::int64_t fewest_steps = 16;  // of a turn: each copies the parameters in and out
constexpr std::chrono::milliseconds between_questions{50};

// The trainers that wait for a thread. The one with most work left is next, so that all threads
// are busy to the end; a step's time is what it took in the last turn.
class Turns {
 public:
  Turns(std::vector<Assignment>& assignments, int threads, const Interrupted& interrupted)
      : assignments_(assignments),
        threads_(threads),
        interrupted_(interrupted),
        step_seconds_(assignments.size(), 0.0),
        unfinished_(assignments.size()) {
    for (std::size_t i = 0; i < assignments.size(); ++i) put_back(i);
  }

  // Takes turns until every trainer is done; thread 0 is the caller's, which also asks whether to
  // stop. A thread with nothing to do waits for a trainer that another one puts back.
  void take(int thread) {
    const Interrupted is_over = thread == 0 ? Interrupted([this] { return ask(); })
                                            : Interrupted([this] { return over_.load(); });
    std::unique_lock<std::mutex> lock(mutex_);
    while (unfinished_ > 0 && !over_) {
      if (waiting_.empty()) {
        thread == 0 ? (void)changed_.wait_for(lock, between_questions) : changed_.wait(lock);
      } else {
        const std::size_t i = waiting_.top().second;
        waiting_.pop();
        const std::int64_t steps = steps_of_turn(i);
        lock.unlock();
        const bool finished = advance(i, steps, is_over);
        lock.lock();
        if (!finished) put_back(i);
        if (!finished || --unfinished_ == 0) changed_.notify_all();
      }
      if (thread != 0) continue;
      lock.unlock();
      ask();
      lock.lock();
    }
    changed_.notify_all();
  }

  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::int64_t left(std::size_t i) const { return assignments_[i].count - assignments_[i].written; }

  // With the lock held. Before the first turn of a trainer nothing is known of its steps.
  void put_back(std::size_t i) {
    const double seconds = step_seconds_[i] > 0 ? step_seconds_[i] * static_cast<double>(left(i))
                                                : std::numeric_limits<double>::infinity();
    waiting_.emplace(seconds, i);
  }

  // With the lock held: everything if nobody waits, or there is one thread and nothing to balance;
  // the first turn measures one step.
  std::int64_t steps_of_turn(std::size_t i) const {
    if (waiting_.empty() || threads_ == 1) return left(i);
    if (step_seconds_[i] <= 0) return std::min<std::int64_t>(left(i), 1);
    const double steps = std::min(turn_seconds / step_seconds_[i], 1e9);
    return std::min(left(i), std::max(fewest_steps, static_cast<std::int64_t>(steps)));
  }

  // Returns whether the trainer is done: with its steps, or because a loss was not finite.
  bool advance(std::size_t i, std::int64_t steps, const Interrupted& is_over) {
    Assignment& work = assignments_[i];
    if (steps == 0) return true;
    const std::int64_t before = work.trainer->step();
    const auto start = Clock::now();
    try {
      const std::int64_t written = work.trainer->advance(work.rates + work.written, steps,
                                                         work.losses + work.written, is_over);
      work.written += written;
      const std::int64_t taken = work.trainer->step() - before;
      const std::chrono::duration<double> seconds = Clock::now() - start;
      step_seconds_[i] =
          std::max(seconds.count(), 1e-9) / static_cast<double>(std::max<std::int64_t>(taken, 1));
      return written > taken || left(i) == 0;
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      over_ = true;
      return true;
    }
  }

  // For the caller's thread.
  bool ask() {
    const auto now = Clock::now();
    if (!over_ && now - last_question_ >= between_questions) {
      last_question_ = now;
      if (interrupted_()) over_ = true;
    }
    return over_;
  }

  std::vector<Assignment>& assignments_;
  const int threads_;
  const Interrupted& interrupted_;
  std::vector<double> step_seconds_;  // 0 until known
  std::size_t unfinished_;
  std::priority_queue<std::pair<double, std::size_t>> waiting_;  // by seconds left
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> over_{false};
  std::exception_ptr failure_;
  Clock::time_point last_question_ = Clock::now();
};

}  // namespace

void advance_many(std::vector<Assignment>& assignments, int threads,
                  const Interrupted& interrupted) {
  threads = std::min(threads, static_cast<int>(assignments.size()));
  Pool pool(threads);
  Turns turns(assignments, threads, interrupted);
  pool.run(threads, threads, [&](std::int64_t, int thread) { turns.take(thread); });
  turns.rethrow();
}

}  // namespace chainrule
