// How many threads a piece of work gets: found by measuring while the work goes on, as no bit
// depends on it. One small object for each trainer, copied freely; used by one thread at a time.
#pragma once

#include <cstdint>

#include "cores.hpp"
#include "spec.hpp"

namespace chainrule {

enum class ThreadUse {
  all,      // as many as given
  fastest,  // the fastest number up to those given
  changing  // another number for each piece of work: for tests
};

struct Threads {
  int most;  // 0: as many as there are cores
  ThreadUse use;
};

// Seconds since some moment.
double steady_seconds();

// Pieces of equal work (steps of training, rows of a prediction) are counted and timed in spells.
// It begins with one thread, and goes on with all where a piece is very long. A trial gives some
// spells to a rival, another number of threads, which is chosen if its seconds a piece are fewer;
// where they are nearly as many, both are timed in turn, and the shortest spell of each counts, as
// what disturbs only adds. After a trial it waits until the time that the trial lost is far below
// 1 % of what has passed since, and looks again, as other programs come and go.
class ThreadChoice {
 public:
  using Clock = double (*)();

  explicit ThreadChoice(Threads threads, Clock clock = steady_seconds);

  Threads allowed() const { return allowed_; }
  int threads() const { return threads_; }                 // of the next piece
  int chosen() const { return chosen_; }                   // the fastest so far
  double piece_seconds() const { return piece_seconds_; }  // on these; 0: not measured yet

  // Around the work: what passes between pause and resume belongs to nobody.
  void resume() { started_ = clock_(); }
  void pause() {
    const double now = clock_();
    spent_ += now - started_;
    started_ = now;
  }

  // So many pieces were done on threads().
  void count(double pieces) {
    if ((left_ -= pieces) <= 0) end_spell();
  }
  // Before the next look at the clock.
  std::int64_t pieces_left() const { return static_cast<std::int64_t>(left_ + 0.999); }

 private:
  void end_spell();
  void settle(double seconds);
  void take_all();
  void begin_trial();
  void judge(double ratio);
  void begin_turn();
  void compare(double piece);
  void decide(double ratio);
  void end_trial(bool succeeded);
  void begin_spell(int threads, double seconds);
  int neighbour(bool more) const;
  bool is_rivals_turn() const { return turn_ % 4 < 2; }
  bool is_timed_turn() const { return turn_ % 2 == 1; }

  enum class Spell { first, second, third, last, close };     // of a trial
  static constexpr double least_pause = 0.1, most_pause = 2;  // seconds between trials

  Threads allowed_;
  Clock clock_;
  int threads_, chosen_;
  int rival_ = 0;           // 0: no trial
  bool tries_more_ = true;  // threads than chosen, in the next trial
  Spell spell_ = Spell::first;
  double ratio_ = 0;  // of the rival's seconds a piece to the chosen's, in the spell before
  int turn_ = 0;      // of a close trial: each number in turn settles and is timed
  double least_rival_ = 0, least_chosen_ = 0;  // seconds a piece of those timed
  double started_ = 0;                         // when the spell, or its last part, began
  double spent_ = 0;                           // seconds of the spell before that
  double pieces_ = 1;                          // of the spell
  double left_ = 1;
  double piece_seconds_ = 0;    // of the chosen number, last measured; 0: unknown
  double since_trial_ = 0;      // seconds of work
  double wait_ = 0;             // seconds of work before the next trial; 0: there was none yet
  double pause_ = least_pause;  // at least, after the next trial
  double lost_ = 0;             // seconds of the trial beyond what the chosen number takes
};

enum class Work { training, prediction, loss };

// A hash of what the time of a piece depends on: the work, the network, the rows of a piece...
std::uint64_t kind_of(Work work, const Spec& spec, std::size_t bytes, std::int64_t rows);
// ... and for steps of training how their batches are made, and what becomes of the gradient.
std::uint64_t kind_of_training(const Spec& spec, std::size_t bytes, bool sparse, const Order& order,
                               const Update& update);

// What was learned of a kind of work, for as long as the process lives. From any thread.
ThreadChoice recall(std::uint64_t kind, Threads threads);
void remember(std::uint64_t kind, const ThreadChoice& choice);

}  // namespace chainrule
