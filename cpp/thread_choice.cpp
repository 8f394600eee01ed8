#include "thread_choice.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>
#include <unordered_map>

namespace chainrule {
namespace {

constexpr double certain = 4e-6;        // a shorter piece is done before another thread knows
constexpr double short_piece = 3e-4;    // below it a trial may lose more than it can gain soon
constexpr double first_trial = 0.02;    // seconds of short pieces before it
constexpr double spell_seconds = 2e-4;  // of a trial, at least
constexpr double fewest_pieces = 4;     // likewise; the parameters move from core to core meanwhile
constexpr double long_piece = 5e-4;     // a spell of a trial is one such piece
constexpr double surely_long = 0.02;    // a piece on one thread that all are used for at once
constexpr double no_close_trial = 0.01;  // a piece of which a rival that is slower at all was tried
constexpr double hopeless = 1.6;         // a rival that is slower by this needs no second look
constexpr double worse = 1.25;           // nor one that is by this once it has warmed up
constexpr double better = 0.97;          // a rival must be faster by this to be chosen
constexpr double clear = 0.8;            // one that is by this needs no second look
constexpr double close_seconds = 1e-3;   // of a timed spell of a close trial
constexpr int close_turns = 4 * 4;       // each number settles and is timed so many fourths
constexpr double worth = 200;            // pause to what a trial lost: 0.5 %
constexpr double longest_spell = 1e12;   // pieces

bool learns(Threads threads) { return threads.use == ThreadUse::fastest && threads.most > 1; }

}  // namespace

double steady_seconds() {
  using Seconds = std::chrono::duration<double>;
  return Seconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

ThreadChoice::ThreadChoice(Threads threads, Clock clock)
    : allowed_(threads.most > 0 ? threads : Threads{available_cores(), threads.use}),
      clock_(clock),
      threads_(threads.use == ThreadUse::fastest ? 1 : allowed_.most),
      chosen_(threads_) {
  if (threads.use != ThreadUse::changing && !learns(allowed_)) pieces_ = left_ = longest_spell;
}

void ThreadChoice::end_spell() {
  if (!learns(allowed_)) {
    left_ = allowed_.use == ThreadUse::changing ? 1 : longest_spell;
    if (allowed_.use == ThreadUse::changing) threads_ = threads_ % allowed_.most + 1;
    return;
  }
  const double now = clock_(), seconds = spent_ + (now - started_);
  const double pieces = pieces_ - left_, piece = seconds / pieces;
  started_ = now;
  spent_ = 0;
  if (rival_ == 0) {
    // the least since the last trial: what disturbs only adds, and may just have ended or begun
    piece_seconds_ = since_trial_ > 0 ? std::min(piece_seconds_, piece) : piece;
    settle(seconds);
    return;
  }
  if (threads_ == rival_) lost_ += seconds - piece_seconds_ * pieces;
  spell_ == Spell::close ? compare(piece) : judge(piece / piece_seconds_);
}

// After a spell without a rival: when it is time, and a piece long enough, a trial.
void ThreadChoice::settle(double seconds) {
  since_trial_ += seconds;
  if (wait_ == 0 && chosen_ == 1 && piece_seconds_ > surely_long) return take_all();
  const double first = piece_seconds_ < short_piece ? first_trial : 2 * piece_seconds_;
  const double left = (wait_ > 0 ? wait_ : first) - since_trial_;
  if (piece_seconds_ < certain)
    begin_spell(chosen_, least_pause);
  else if (left <= 0)
    begin_trial();
  else
    begin_spell(chosen_, std::min(left, 2 * seconds));  // twice as long as the last
}

// A long piece gains by threads unless others have the cores, and a trial that is disturbed would
// keep it from them for long. So it begins with all; fewer are tried when it is known how long a
// piece takes on these: the first fills their caches.
void ThreadChoice::take_all() {
  chosen_ = allowed_.most;
  tries_more_ = false;
  wait_ = most_pause;
  since_trial_ = 0;
  begin_spell(chosen_, spell_seconds);
}

int ThreadChoice::neighbour(bool more) const {
  if (more) return chosen_ < allowed_.most ? std::min(2 * chosen_, allowed_.most) : 0;
  int fewer = 1;
  while (2 * fewer < chosen_) fewer *= 2;
  return chosen_ > 1 ? fewer : 0;
}

void ThreadChoice::begin_trial() {
  rival_ = neighbour(tries_more_);
  if (rival_ == 0) {
    tries_more_ = !tries_more_;
    rival_ = neighbour(tries_more_);
  }
  spell_ = Spell::first;
  lost_ = 0;
  begin_spell(rival_, spell_seconds);
}

// A spell of the rival is over, which took so many times the seconds of the chosen number: the
// first, in which threads wake and caches fill; the second, in which they go on to; two that count.
void ThreadChoice::judge(double ratio) {
  const double most = piece_seconds_ > no_close_trial ? 1
                      : spell_ == Spell::first        ? hopeless
                                                      : worse;
  if (ratio > most) return end_trial(false);
  if (spell_ == Spell::last) {
    const double mean = (ratio + ratio_) / 2;
    if (mean < clear) return decide(mean);
    spell_ = Spell::close;
    turn_ = 0;
    least_rival_ = least_chosen_ = std::numeric_limits<double>::infinity();
    return begin_turn();
  }
  ratio_ = ratio;
  const bool skips = spell_ == Spell::first && piece_seconds_ >= long_piece;
  spell_ = static_cast<Spell>(static_cast<int>(spell_) + (skips ? 2 : 1));
  begin_spell(rival_, spell_ == Spell::second ? 2 * spell_seconds : spell_seconds);
}

// The next turn of a close trial: rival settles, rival is timed, chosen settles, chosen is timed.
void ThreadChoice::begin_turn() {
  begin_spell(is_rivals_turn() ? rival_ : chosen_, is_timed_turn() ? close_seconds : spell_seconds);
}

// A turn is over; after the last, the shortest spells that were timed decide.
void ThreadChoice::compare(double piece) {
  double& least = is_rivals_turn() ? least_rival_ : least_chosen_;
  if (is_timed_turn()) least = std::min(least, piece);
  if (++turn_ < close_turns) return begin_turn();
  piece_seconds_ = least_chosen_;
  decide(least_rival_ / least_chosen_);
}

// The trial is over; the rival takes so many times the seconds of the chosen number.
void ThreadChoice::decide(double ratio) {
  if (ratio >= better) return end_trial(false);
  lost_ = 0;
  chosen_ = rival_;
  piece_seconds_ *= ratio;
  pause_ = least_pause;
  if (neighbour(tries_more_) != 0) return begin_trial();  // further the same way
  end_trial(true);
}

void ThreadChoice::end_trial(bool succeeded) {
  if (!succeeded) tries_more_ = !tries_more_;
  rival_ = 0;
  since_trial_ = 0;
  wait_ = std::max(pause_, worth * lost_);
  pause_ = std::min(2 * pause_, most_pause);
  begin_spell(chosen_, spell_seconds);
}

// The next spell: pieces for so many seconds.
void ThreadChoice::begin_spell(int threads, double seconds) {
  threads_ = threads;
  double fewest = rival_ == 0 || piece_seconds_ >= long_piece ? 1 : fewest_pieces;
  if (rival_ != 0 && spell_ == Spell::second) fewest *= 2;
  pieces_ = left_ = std::max(std::ceil(seconds / std::max(piece_seconds_, 1e-9)), fewest);
}

namespace {

// FNV-1a, a number at a time.
class Hash {
 public:
  template <class... N>
  void add(N... numbers) {
    ((value_ = (value_ ^ static_cast<std::uint64_t>(numbers)) * 1099511628211ULL), ...);
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 14695981039346656037ULL;
};

Hash hash_of(Work work, const Spec& spec, std::size_t bytes, std::int64_t rows) {
  Hash hash;
  hash.add(work, bytes, rows, spec.dropout > 0, spec.bfloat16, spec.loss, spec.l2 != 0,
           spec.l1 != 0);
  for (std::int64_t size : spec.sizes) hash.add(size);
  for (Activation activation : spec.activations) hash.add(activation);
  return hash;
}

}  // namespace

std::uint64_t kind_of(Work work, const Spec& spec, std::size_t bytes, std::int64_t rows) {
  return hash_of(work, spec, bytes, rows).value();
}

std::uint64_t kind_of_training(const Spec& spec, std::size_t bytes, bool sparse, const Order& order,
                               const Update& update) {
  Hash hash = hash_of(Work::training, spec, bytes, order.batch_size);
  hash.add(sparse, order.shuffle, update.optimizer, own_vectors(update), update.averaging > 0,
           update.clips(), update.constrains());
  return hash.value();
}

namespace {

constexpr std::size_t most_remembered = 4096;

struct Memory {
  std::mutex mutex;
  std::unordered_map<std::uint64_t, ThreadChoice> choices;
};

Memory& memory() {
  static Memory memory;
  return memory;
}

// Of the same work, with as many threads allowed.
std::uint64_t key_of(std::uint64_t kind, int most) {
  return kind + static_cast<std::uint64_t>(most);
}

}  // namespace

ThreadChoice recall(std::uint64_t kind, Threads threads) {
  const ThreadChoice fresh(threads);
  if (!learns(fresh.allowed())) return fresh;
  const std::lock_guard<std::mutex> lock(memory().mutex);
  const auto found = memory().choices.find(key_of(kind, fresh.allowed().most));
  return found == memory().choices.end() ? fresh : found->second;
}

void remember(std::uint64_t kind, const ThreadChoice& choice) {
  if (!learns(choice.allowed())) return;
  const std::lock_guard<std::mutex> lock(memory().mutex);
  if (memory().choices.size() >= most_remembered) memory().choices.clear();
  memory().choices.insert_or_assign(key_of(kind, choice.allowed().most), choice);
}

}  // namespace chainrule
