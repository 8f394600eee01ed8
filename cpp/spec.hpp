// What the engine is told: the network, the optimizer, the data. Plain values and
// borrowed pointers; every array is C-contiguous and was checked by the caller.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace chainrule {

enum class Activation {
  identity,
  sigmoid,
  tanh,
  relu,
  leaky_relu,
  elu,
  selu,
  gelu,
  silu,
  mish,
  softplus,
  softsign,
  hard_sigmoid,
  sine,
  gaussian,
  exponential,
  softmax
};

enum class Loss {
  squared_error,
  absolute_error,
  huber,
  log_cosh,
  poisson,
  quantile,
  gamma,
  gaussian_nll,
  binary_cross_entropy,
  cross_entropy,
  binary_focal,
  focal
};

enum class Optimizer { sgd, rmsprop, adagrad, adam, adamw, rprop };

struct Spec {
  std::vector<std::int64_t> sizes;      // units of the input, each hidden layer, the output
  std::vector<Activation> activations;  // one a layer of weights
  Loss loss;
  std::vector<double> loss_constants;  // in the order of the loss's row in theory/losses.py
  bool fused;                          // the loss is taken from z of the output, and gives dl/dz
  bool sum;                            // L is the sum of the sample losses instead of their mean
  double l2, l1, dropout;
  bool bfloat16;  // the factors of all products are rounded to it (bfloat16.hpp)

  std::int64_t layers() const { return static_cast<std::int64_t>(activations.size()); }
};

// Of theta.
inline std::size_t parameter_count(const Spec& spec) {
  std::int64_t count = 0;
  for (std::size_t l = 0; l + 1 < spec.sizes.size(); ++l)
    count += (spec.sizes[l] + 1) * spec.sizes[l + 1];
  return static_cast<std::size_t>(count);
}

// Hyperparameters in the order of the optimizer's row in theory/optimizers.py, and those that
// every optimizer has.
struct Update {
  Optimizer optimizer;
  std::vector<double> constants;
  double clip_norm;     // of the gradient; infinity: never
  double max_norm;      // of the weights into a unit, after the update; infinity: never
  double weight_decay;  // lambda: theta loses eta lambda theta before the update
  double averaging;     // beta of the moving average of theta, the last vector of state; 0: none

  bool clips() const { return clip_norm < std::numeric_limits<double>::infinity(); }
  bool constrains() const { return max_norm < std::numeric_limits<double>::infinity(); }
};

// Vectors of state that the optimizer keeps itself.
inline int own_vectors(const Update& update) {
  switch (update.optimizer) {
    case Optimizer::sgd: return update.constants[0] > 0 ? 1 : 0;  // the momentum
    case Optimizer::rmsprop:
    case Optimizer::adagrad: return 1;
    case Optimizer::adam:
    case Optimizer::adamw:
    case Optimizer::rprop: return 2;
  }
  return 0;
}

inline int state_vectors(const Update& update) {
  return own_vectors(update) + (update.averaging > 0 ? 1 : 0);
}

// n samples: X (n, inputs), y (n, outputs), and their weights (n,) or nullptr. Where `starts` is
// given, X holds only what isn't 0: row i from starts[i] to starts[i + 1], columns[k] its columns.
template <class T>
struct Samples {
  const T* X;
  const T* y;
  const T* weights;
  std::int64_t n;
  const std::int32_t* columns = nullptr;
  const std::int64_t* starts = nullptr;
};

// The order in which steps visit the samples.
struct Order {
  std::int64_t batch_size;
  bool shuffle;
  std::uint64_t seed;         // of the shuffles and of dropout
  std::int64_t steps_before;  // of the optimizer, on other samples: its t and dropout go on from it
};

}  // namespace chainrule
