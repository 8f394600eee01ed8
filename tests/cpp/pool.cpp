// The thread pool: each task done once, exceptions carried to the caller, short lives, idle helpers.
#include "../../cpp/pool.hpp"

#include <stdexcept>
#include <string>

#include "check.hpp"

using chainrule::Pool;

namespace {

void each_task_once() {
  Pool pool(5);
  for (int threads : {1, 2, 5, 3, 1, 4, 5, 9})
    for (int tasks : {0, 1, 2, 3, 7, 100, 1000}) {
      std::vector<std::atomic<int>> done(static_cast<std::size_t>(tasks));
      std::atomic<int> strangers{0};
      pool.run(tasks, threads, [&](std::int64_t task, int thread) {
        ++done[static_cast<std::size_t>(task)];
        if (thread < 0 || thread >= 5) ++strangers;
      });
      for (const auto& one : done) CHECK(one == 1);
      CHECK(strangers == 0);
    }
}

// A helper is given time to take part: it must, as the caller's task waits for it.
void two_threads_at_once() {
  Pool pool(2);
  std::atomic<int> begun{0};
  pool.run(2, 2, [&](std::int64_t, int) {
    ++begun;
    while (begun < 2) std::this_thread::yield();
  });
  CHECK(begun == 2);
}

// In a round for fewer threads than the pool has, the others have no part.
void only_so_many_threads() {
  Pool pool(4);
  const auto all = [](std::atomic<int>& begun, int wanted) {
    ++begun;
    while (begun < wanted) std::this_thread::yield();
  };
  std::atomic<int> begun{0};
  pool.run(4, 4, [&](std::int64_t, int) { all(begun, 4); });
  int with_others = 0;
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> highest{0};
    pool.run(50, 2, [&](std::int64_t, int thread) {
      for (int seen = highest; thread > seen && !highest.compare_exchange_weak(seen, thread);) {
      }
    });
    with_others += highest >= 2;
  }
  CHECK(with_others <= 2);  // each of the two may have been about to take one task
}

// Thrown by the caller's own task or a helper's, with tasks left over; then the pool goes on.
void exceptions_reach_the_caller() {
  Pool pool(3);
  for (int round = 0; round < 300; ++round) {
    std::atomic<int> done{0};
    std::string caught;
    const int bad = round % 10, threads = round % 3 + 1;
    try {
      pool.run(10, threads, [&](std::int64_t task, int) {
        if (task == bad) throw std::runtime_error("task " + std::to_string(task));
        ++done;
      });
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    CHECK(caught == "task " + std::to_string(bad));
    CHECK(done < 10);
    std::atomic<int> after{0};
    pool.run(10, threads, [&](std::int64_t, int) { ++after; });
    CHECK(after == 10);
  }
}

void all_throw() {
  Pool pool(4);
  int caught = 0;
  for (int round = 0; round < 100; ++round) try {
      pool.run(50, 4, [](std::int64_t, int) { throw 1; });
    } catch (int) {
      ++caught;
    }
  CHECK(caught == 100);
}

// A helper that starts while its pool closes must see that it closes.
void short_lives() {
  for (int i = 0; i < 20000; ++i) {
    Pool pool(3);
    if (i % 2) pool.run(i % 5, 3, [](std::int64_t, int) {});
  }
}

}  // namespace

int main() {
  each_task_once();
  two_threads_at_once();
  only_so_many_threads();
  exceptions_reach_the_caller();
  all_throw();
  short_lives();
  return failures;
}
