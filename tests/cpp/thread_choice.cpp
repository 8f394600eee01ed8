// The choice of threads on a simulated machine: a clock that the work moves on.
#include "../../cpp/thread_choice.hpp"

#include <functional>
#include <limits>
#include <random>
#include <set>
#include <vector>

#include "check.hpp"

using chainrule::recall;
using chainrule::remember;
using chainrule::ThreadChoice;
using chainrule::ThreadUse;

namespace {

double now = 0;
double simulated() { return now; }

// Seconds of a piece on so many threads, at that moment.
using Machine = std::function<double(int threads)>;

struct Told {
  double seconds = 0, best = 0;  // spent, and what the fastest number would have taken
  int chosen = 0;
  long switches = 0;
};

// Works for so many seconds, in calls of some pieces with a pause between them.
Told work(ThreadChoice& choice, const Machine& machine, double seconds, int most, int call = 1000) {
  Told told;
  int last = choice.threads();
  while (told.seconds < seconds) {
    choice.resume();
    for (int i = 0; i < call && told.seconds < seconds; ++i) {
      const int threads = choice.threads();
      CHECK(threads >= 1 && threads <= most);
      told.switches += threads != last;
      last = threads;
      double fastest = machine(1);
      for (int t = 2; t <= most; ++t) fastest = std::min(fastest, machine(t));
      const double piece = machine(threads);
      now += piece;
      told.seconds += piece;
      told.best += fastest;
      choice.count(1);
    }
    choice.pause();
    now += 10;  // Python does something else: no part of the work
  }
  told.chosen = choice.chosen();
  return told;
}

ThreadChoice fresh(int most) { return ThreadChoice({most, ThreadUse::fastest}, simulated); }

Machine speed(double alone, std::vector<double> factors) {
  return [=](int threads) { return alone * factors[static_cast<std::size_t>(threads - 1)]; };
}

void finds_the_fastest() {
  for (double alone : {1e-5, 4e-5, 7e-4, 1e-1}) {
    auto choice = fresh(2);
    CHECK(work(choice, speed(alone, {1, 0.55}), 3, 2).chosen == 2);
    choice = fresh(2);
    CHECK(work(choice, speed(alone, {1, 1.8}), 3, 2).chosen == 1);
    choice = fresh(8);  // four are the best of 1, 2, 4, 8
    const Machine four = speed(alone, {1, 0.6, 0.5, 0.4, 0.5, 0.5, 0.5, 0.6});
    CHECK(work(choice, four, 6, 8).chosen == 4);
    choice = fresh(6);  // as many as there are, though no power of two
    CHECK(work(choice, speed(alone, {1, 0.6, 0.5, 0.4, 0.35, 0.3}), 6, 6).chosen == 6);
  }
}

// A trial that something else disturbs would be followed by a long time on one thread. The first
// piece on new threads takes longer than those after it, and is no measure.
void begins_long_pieces_with_all() {
  auto choice = fresh(2);
  work(choice, speed(0.1, {1, 0.55}), 0.1, 2);
  CHECK(choice.threads() == 2 && choice.chosen() == 2);
  const double begun = now;
  const Machine machine = [&](int threads) {
    return threads == 2 ? (now == begun ? 0.11 : 0.055) : 0.1;
  };
  const Told told = work(choice, machine, 5, 2);
  CHECK(told.chosen == 2 && told.switches <= 2);  // one look at one thread, and back
}

// Where other work slows the second core for good, a look at one thread is one piece, not many.
void looks_shortly_at_fewer_for_long_pieces() {
  ThreadChoice choice = fresh(2);
  const Told told = work(choice, speed(0.2, {1, 0.8}), 30, 2, 8);
  CHECK(told.chosen == 2 && told.seconds < 1.01 * told.best);
}

// From fits of 0.2 s up, beyond the 3 % by which a rival must be better.
void costs_less_than_a_hundredth() {
  for (double alone : {1e-5, 3e-5, 1e-4, 1e-3})
    for (double two : {0.6, 0.95, 0.98, 1.02, 1.5, 2.6})
      for (double seconds : {0.2, 2., 20.}) {
        auto choice = fresh(2);
        const Machine machine = speed(alone, {1, two});
        const Told told = work(choice, machine, seconds, 2);
        // until the first trial is over, one thread is all that is known
        const double unknown = two < 0.97 ? 0.025 * (1 - two) : 0;
        const double best = two < 1 && two > 0.97 ? told.best / two : told.best;
        const double lost = told.seconds - best - unknown;
        if (lost > 0.01 * told.seconds)
          std::printf("piece %g s, two threads %g: lost %.4f of %g s\n", alone, two, lost, seconds);
        CHECK(lost <= 0.01 * told.seconds);
      }
}

void never_tries_where_a_piece_is_too_short() {
  auto choice = fresh(2);
  CHECK(work(choice, speed(4e-7, {1, 0.5}), 0.5, 2).switches == 0);
}

void follows_the_machine() {
  auto choice = fresh(2);
  double two = 0.55;
  const Machine machine = [&](int threads) { return threads == 1 ? 1e-4 : two * 1e-4; };
  CHECK(work(choice, machine, 2, 2).chosen == 2);
  two = 1.6;  // another program takes the second core
  CHECK(work(choice, machine, 5, 2).chosen == 1);
  two = 0.55;
  CHECK(work(choice, machine, 5, 2).chosen == 2);
}

// Single pieces that take 20 times as long, as when the system runs something else.
void is_not_misled_by_noise() {
  std::mt19937 random(1);
  for (double two : {0.7, 1.4}) {
    auto choice = fresh(2);
    const Machine machine = [&](int threads) {
      return (threads == 1 ? 1 : two) * 5e-5 * (random() % 100 == 0 ? 20 : 1);
    };
    int right = 0;
    for (int look = 0; look < 50; ++look) {
      right += work(choice, machine, 0.5, 2).chosen == (two < 1 ? 2 : 1);
    }
    CHECK(right >= 45);
  }
}

// Half of the time, for a fifth of a millisecond each, the whole machine is slower by up to 40 %.
void finds_a_small_gain_in_the_noise() {
  for (double two : {0.88, 1.12}) {
    int right = 0;
    for (unsigned machines = 0; machines < 50; ++machines) {
      std::mt19937 random(machines);
      double until = 0, slower = 1;
      const Machine machine = [&](int threads) {
        if (now > until) {
          until = now + 2e-4;
          slower = random() % 2 == 0 ? 1 : 1 + 0.4 * static_cast<double>(random() % 100) / 100;
        }
        return (threads == 1 ? 1 : two) * 15e-6 * slower;
      };
      auto choice = fresh(2);
      right += work(choice, machine, 0.3, 2).chosen == (two < 1 ? 2 : 1);
    }
    CHECK(right >= 47);
  }
}

// Every second or so another program takes the second core for half a second: that is no reason to
// leave it alone from then on.
void outlasts_bursts_of_other_work() {
  for (const double alone : {0.001, 0.008, 0.06}) {
    int right = 0;
    for (unsigned seed = 0; seed < 50; ++seed) {
      std::mt19937 random(seed);
      std::uniform_real_distribution<double> uniform(0, 1);
      double begins = now + uniform(random), ends = begins;
      const Machine machine = [&](int threads) {
        while (now > ends) {
          begins = ends + 0.5 + uniform(random);
          ends = begins + 0.4 + 0.4 * uniform(random);
        }
        return alone * (threads == 1 ? 1 : now < begins ? 0.55 : 1.4);
      };
      ThreadChoice choice = fresh(2);
      work(choice, machine, 2, 2);  // time to find out
      const Told told = work(choice, machine, 10, 2);
      right += told.seconds < 1.15 * told.best;
    }
    CHECK(right >= 40);
  }
}

// A callback after each step: a call of one piece, over and over.
void learns_from_single_pieces() {
  auto choice = fresh(2);
  CHECK(work(choice, speed(1e-3, {1, 0.55}), 1, 2, 1).chosen == 2);
}

void does_as_it_is_told() {
  ThreadChoice all({3, ThreadUse::all}, simulated);
  CHECK(all.threads() == 3);
  CHECK(work(all, speed(1e-4, {1, 2, 3}), 1, 3).switches == 0);
  ThreadChoice one({1, ThreadUse::fastest}, simulated);
  CHECK(work(one, speed(1e-4, {1}), 1, 1).switches == 0);
  ThreadChoice changing({3, ThreadUse::changing}, simulated);
  int seen[4] = {};
  for (int i = 0; i < 30; ++i) {
    ++seen[changing.threads()];
    changing.count(1);
  }
  CHECK(seen[1] == 10 && seen[2] == 10 && seen[3] == 10);
}

void is_remembered() {
  const chainrule::Spec spec{{3, 4, 1}, {}, {}, {}, false, false, 0, 0, 0, false};
  const auto kind = kind_of(chainrule::Work::prediction, spec, 4, 32);
  auto choice = fresh(2);
  CHECK(recall(kind, {2, ThreadUse::fastest}).chosen() == 1);
  work(choice, speed(1e-4, {1, 0.5}), 1, 2);
  remember(kind, choice);
  CHECK(recall(kind, {2, ThreadUse::fastest}).chosen() == 2);
  CHECK(recall(kind, {2, ThreadUse::fastest}).threads() == choice.threads());
  CHECK(recall(kind, {3, ThreadUse::fastest}).chosen() == 1);  // of another number: nothing known
  CHECK(recall(kind, {1, ThreadUse::all}).threads() == 1);
}

// Whatever changes the time of a piece is another kind: what one learned would mislead the other.
void is_remembered_apart() {
  using chainrule::kind_of_training, chainrule::Optimizer, chainrule::Work;
  constexpr double never = std::numeric_limits<double>::infinity();
  const chainrule::Spec spec{{3, 4, 1}, {}, {}, {}, false, false, 0, 0, 0, false};
  chainrule::Spec dropping = spec, penalised = spec;
  dropping.dropout = 0.5;
  penalised.l2 = 0.1;
  const chainrule::Order order{32, false, 1, 0}, shuffled{32, true, 1, 0}, larger{33, false, 1, 0};
  const chainrule::Update sgd{Optimizer::sgd, {0, 0}, never, never, 0, 0};
  const chainrule::Update momentum{Optimizer::sgd, {0.9, 0}, never, never, 0, 0};
  const chainrule::Update adam{Optimizer::adam, {0.9, 0.999, 1e-8}, never, never, 0, 0};
  const chainrule::Update clipped{Optimizer::sgd, {0, 0}, 1, never, 0, 0};
  const chainrule::Update averaged{Optimizer::sgd, {0, 0}, never, never, 0, 0.9};
  const std::vector<std::uint64_t> kinds = {kind_of(Work::prediction, spec, 4, 32),
                                            kind_of(Work::loss, spec, 4, 32),
                                            kind_of_training(spec, 4, false, order, sgd),
                                            kind_of_training(spec, 8, false, order, sgd),
                                            kind_of_training(spec, 4, true, order, sgd),
                                            kind_of_training(spec, 4, false, shuffled, sgd),
                                            kind_of_training(spec, 4, false, larger, sgd),
                                            kind_of_training(spec, 4, false, order, adam),
                                            kind_of_training(spec, 4, false, order, momentum),
                                            kind_of_training(spec, 4, false, order, clipped),
                                            kind_of_training(spec, 4, false, order, averaged),
                                            kind_of_training(dropping, 4, false, order, sgd),
                                            kind_of_training(penalised, 4, false, order, sgd)};
  CHECK(std::set<std::uint64_t>(kinds.begin(), kinds.end()).size() == kinds.size());
}

}  // namespace

int main() {
  finds_the_fastest();
  begins_long_pieces_with_all();
  looks_shortly_at_fewer_for_long_pieces();
  costs_less_than_a_hundredth();
  never_tries_where_a_piece_is_too_short();
  follows_the_machine();
  is_not_misled_by_noise();
  finds_a_small_gain_in_the_noise();
  outlasts_bursts_of_other_work();
  learns_from_single_pieces();
  does_as_it_is_told();
  is_remembered();
  is_remembered_apart();
  return failures;
}
