// The engine's one door: what the bindings call, for one dtype, at the level of the
// instruction set that dispatch.cpp chose.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "encoded_column.hpp"
#include "keyframes.hpp"
#include "spec.hpp"
#include "thread_choice.hpp"

namespace chainrule {

// Asked about every 50 ms on the calling thread; true ends the work early.
using Interrupted = std::function<bool()>;

// Where the quantities of one step go, in the article's shapes. Null pointers and
// empty vectors are skipped. Owned by the caller.
template <class T>
struct Trace {
  std::vector<T*> pre_activations;  // one a layer, (n, fan_out)
  std::vector<T*> activations;      // likewise, after dropout
  std::vector<T*> deltas;           // likewise, dl/dz of each sample
  std::vector<T*> masks;            // one a hidden layer, (n, fan_out)
  T* sample_losses = nullptr;       // (n,)
  T* gradient = nullptr;            // laid out as theta
  std::int64_t* rows = nullptr;     // (n,): of the data, one a sample
  double loss = 0, penalty = 0;
  double gradient_norm = 0;  // over all weights and biases, before clipping
};

// Steps of training, of either dtype.
class Steps {
 public:
  virtual ~Steps() = default;
  // Takes up to `count` steps, with rates[i] the learning rate of the i-th. Writes the
  // loss before each to losses. Returns how many losses it wrote: fewer when interrupted,
  // or when a loss is not finite (written, its step not taken). theta and the state hold
  // whole steps when it returns.
  virtual std::int64_t advance(const double* rates, std::int64_t count, double* losses,
                               const Interrupted& interrupted) = 0;
  virtual std::int64_t step() const = 0;
  // Of the next step's batch.
  virtual std::int64_t rows() const = 0;
  // As many as were asked for, or the fastest number so far.
  virtual int threads() const = 0;
};

template <class T>
class Trainer : public Steps {
 public:
  // The quantities of the next step, which is not taken.
  virtual void trace(Trace<T>& trace) = 0;
  // The sum of L over the next batches at the present theta, penalty included in each, and of
  // dL/dtheta to `gradient`, laid out as theta; added up in a binary tree (tree_sum.hpp). No step
  // is taken. After an interruption neither is to be used.
  virtual double gradient(T* gradient, std::int64_t batches, const Interrupted& interrupted) = 0;
  // Takes a step along a gradient that was made elsewhere, of L without its penalty, which is added
  // to it; returns the penalty before the step.
  virtual double step_along(const T* gradient, double rate) = 0;
};

// theta and each vector of state: (n_weights + n_biases,), borrowed and written for the
// life of the trainer, as are the keyframes. `step`: how many steps were taken before.
template <class T>
using MakeTrainer = std::unique_ptr<Trainer<T>> (*)(const Spec&, T* theta, std::vector<T*> state,
                                                    Samples<T>, Order, Update, std::int64_t step,
                                                    Threads threads, Keyframes<T>);

// outputs (n, outputs) of X (n, inputs). Row i has the same bits alone and among others.
// Interrupted, this and the next return early, with a result that is not to be used.
template <class T>
using Forward = void (*)(const Spec&, const T* theta, const T* X, std::int64_t n, T* outputs,
                         Threads threads, const Interrupted&);

// L over the samples, penalty included.
template <class T>
using TotalLoss = double (*)(const Spec&, const T* theta, Samples<T>, Threads threads,
                             const Interrupted&);

// A column of numbers that is cut at knots: input `place` is the number, scaled as the knots are;
// of each piece between two of them an input follows, from -height/2 below it to height/2 above it.
struct CutColumn {
  std::int64_t place;
  std::vector<double> knots;
  double height;

  std::int64_t pieces() const { return static_cast<std::int64_t>(knots.size()) - 1; }
};

// Several networks of one shape whose inputs are columns cut into pieces (pieces.hpp).
template <class T>
class Networks {
 public:
  virtual ~Networks() = default;
  // outputs (n, outputs): the mean of theirs for each row of X (n, inputs), added up in their
  // order. A row has the same bits alone and among others.
  virtual void mean(const T* X, std::int64_t n, T* outputs) const = 0;
};

// thetas are copied; columns in the order of their places.
template <class T>
using MakeNetworks = std::unique_ptr<Networks<T>> (*)(const Spec&,
                                                      const std::vector<const T*>& thetas,
                                                      std::vector<CutColumn> columns);

// values (n, columns) become the columns' places in inputs (n, width). Returns whether none of them
// is infinite.
template <class T>
using EncodeRows = bool (*)(const std::vector<EncodedColumn>& columns, const double* values,
                            std::int64_t n, T* inputs, std::int64_t width);

template <class T>
struct Engine {
  MakeTrainer<T> make_trainer;
  Forward<T> forward;
  TotalLoss<T> total_loss;
  MakeNetworks<T> make_networks;
  EncodeRows<T> encode_rows;
};

struct Level {
  const char* name;
  bool (*supported)();
  Engine<float> f32;
  Engine<double> f64;
};

// Every level compiled in, best last; and the one in use.
const std::vector<Level>& all_levels();
const Level& level();

template <class T>
const Engine<T>& engine();

}  // namespace chainrule
