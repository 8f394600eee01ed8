// The optimizers: one loop a row of theory/optimizers.py, over any range of the parameters
// that is a whole number of vectors. theta and the state are overwritten; g is the gradient.
#pragma once

#include <array>
#include <cmath>
#include <limits>

#include "simd.hpp"
#include "spec.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// beta^t for t = 1, 2, ...: a product of two powers, so that only one step in 64 calls pow. The
// bits depend on t alone.
class Powers {
 public:
  explicit Powers(double beta) : beta_(beta) {
    for (std::size_t i = 0; i < low_.size(); ++i) low_[i] = std::pow(beta, static_cast<double>(i));
  }

  double at(std::int64_t t) {
    const auto [whole, rest] = std::pair{t / 64, t % 64};
    if (whole != whole_) {
      whole_ = whole;
      high_ = std::pow(beta_, static_cast<double>(64 * whole));
    }
    return high_ * low_[static_cast<std::size_t>(rest)];
  }

 private:
  double beta_, high_ = 1;
  std::int64_t whole_ = 0;
  std::array<double, 64> low_;
};

// An optimizer as T: its hyperparameters, and from begin_step() on what belongs to the step.
template <class T>
class Rule {
 public:
  explicit Rule(const Update& update)
      : optimizer(update.optimizer),
        weight_decay(update.weight_decay),
        averaging(static_cast<T>(update.averaging)),
        rest_of_averaging(static_cast<T>(1 - update.averaging)),
        average_vector(own_vectors(update)),
        constants_(update.constants),
        beta1_(0),
        beta2_(0) {
    for (std::size_t i = 0; i < constants_.size(); ++i) {
      hyper[i] = static_cast<T>(constants_[i]);
      rest[i] = static_cast<T>(1 - constants_[i]);
    }
    if (!corrects_bias()) return;
    beta1_ = Powers(constants_[0]);
    beta2_ = Powers(constants_[1]);
  }

  void begin_step(double rate, std::int64_t t) {
    eta = static_cast<T>(rate);
    decay = static_cast<T>(rate * weight_decay);
    if (!corrects_bias()) return;
    eta_m = static_cast<T>(rate / (1 - beta1_.at(t)));
    v_scale = static_cast<T>(1 / (1 - beta2_.at(t)));
  }

  // Gradient descent that is nothing but theta - eta g, and keeps no state.
  bool is_plain() const {
    return optimizer == Optimizer::sgd && hyper[0] == 0 && weight_decay == 0 && averaging == 0;
  }

  const Optimizer optimizer;
  const double weight_decay;
  const T averaging, rest_of_averaging;  // beta of the moving average, and 1 - beta
  const int average_vector;              // which vector of state it is
  T hyper[5] = {};                       // in the order of the row
  T rest[5] = {};                        // 1 - hyper, subtracted before it is rounded to T
  T eta = 0;                             // learning rate of the step
  T eta_m = 0, v_scale = 0;  // Adam's bias corrections: eta / (1 - beta1^t), 1 / (1 - beta2^t)
  T decay = 0;               // decoupled weight decay: its share of theta

 private:
  bool corrects_bias() const {
    return optimizer == Optimizer::adam || optimizer == Optimizer::adamw;
  }

  std::vector<double> constants_;
  Powers beta1_, beta2_;
};

// Optimizer state: what is smaller than the smallest normal number becomes 0. Where a gradient is 0
// for good, as a dead unit's, state decays by a factor a step; left among the denormal numbers, on
// which processors are slow, it would stay there for ever.
template <class T>
CHAINRULE_INLINE Vector<T> normal(Vector<T> v) {
  return (Vector<T>)((Mask<T>)v & ~(magnitude<T>(v) < std::numeric_limits<T>::min()));
}

// Likewise for a sum of squares, which needs no magnitude.
template <class T>
CHAINRULE_INLINE Vector<T> normal_square(Vector<T> v) {
  return (Vector<T>)((Mask<T>)v & ~(v < std::numeric_limits<T>::min()));
}

template <class T>
void sgd(const Rule<T>& s, T* theta, const T* g, T* v, std::int64_t n) {
  const T mu = s.hyper[0];
  if (mu == 0) {
    for (std::int64_t i = 0; i < n; i += width<T>)
      store(theta + i, load(theta + i) - s.eta * load(g + i));
    return;
  }
  const bool nesterov = s.hyper[1] != 0;
  for (std::int64_t i = 0; i < n; i += width<T>) {
    const Vector<T> downhill = s.eta * load(g + i);
    const Vector<T> velocity = normal<T>(mu * load(v + i) - downhill);
    store(v + i, velocity);
    store(theta + i, load(theta + i) + (nesterov ? mu * velocity - downhill : velocity));
  }
}

template <class T>
void adagrad(const Rule<T>& s, T* theta, const T* g, T* squares, std::int64_t n) {
  const T epsilon = s.hyper[0];
  for (std::int64_t i = 0; i < n; i += width<T>) {
    const Vector<T> gradient = load(g + i);
    const Vector<T> sum = normal_square<T>(load(squares + i) + gradient * gradient);
    store(squares + i, sum);
    store(theta + i, load(theta + i) - s.eta * gradient / (square_root(sum) + epsilon));
  }
}

template <class T>
void rmsprop(const Rule<T>& s, T* theta, const T* g, T* mean_square, std::int64_t n) {
  const T decay = s.hyper[0], epsilon = s.hyper[1];
  for (std::int64_t i = 0; i < n; i += width<T>) {
    const Vector<T> gradient = load(g + i);
    const Vector<T> mean =
        normal_square<T>(decay * load(mean_square + i) + s.rest[0] * gradient * gradient);
    store(mean_square + i, mean);
    store(theta + i, load(theta + i) - s.eta * gradient / (square_root(mean) + epsilon));
  }
}

// The learning rate takes up m's bias correction, and v's is multiplied: one division a parameter.
template <class T>
void adam(const Rule<T>& s, T* theta, const T* g, T* m, T* v, std::int64_t n) {
  const T beta1 = s.hyper[0], beta2 = s.hyper[1], epsilon = s.hyper[2];
  const T rest1 = s.rest[0], rest2 = s.rest[1];  // in registers, as stores might change s
  const T eta_m = s.eta_m, v_scale = s.v_scale, decay = s.decay;
  for (std::int64_t i = 0; i < n; i += width<T>) {
    const Vector<T> gradient = load(g + i), before = load(theta + i);
    const Vector<T> mean = normal<T>(beta1 * load(m + i) + rest1 * gradient);
    const Vector<T> square = normal_square<T>(beta2 * load(v + i) + rest2 * gradient * gradient);
    store(m + i, mean);
    store(v + i, square);
    const Vector<T> descent = eta_m * mean / (square_root(square * v_scale) + epsilon);
    store(theta + i, before - decay * before - descent);
  }
}

template <class T>
void rprop(const Rule<T>& s, T* theta, const T* g, T* size, T* previous, std::int64_t n) {
  const T smallest = s.hyper[2], largest = s.hyper[3];
  const Vector<T> increase = broadcast(s.hyper[0]), decrease = broadcast(s.hyper[1]);
  const Vector<T> zero{}, one = broadcast<T>(1);
  for (std::int64_t i = 0; i < n; i += width<T>) {
    const Vector<T> gradient = load(g + i), product = gradient * load(previous + i);
    Vector<T> grown = load(size + i) * select<T>(product > 0, increase, one);
    grown = select<T>(product < 0, load(size + i) * decrease, grown);
    grown = select<T>(grown < smallest, broadcast(smallest), grown);
    grown = select<T>(grown > largest, broadcast(largest), grown);
    const Vector<T> kept = select<T>(product < 0, zero, gradient);
    store(size + i, normal<T>(grown));
    store(previous + i, normal<T>(kept));
    const Vector<T> sign = select<T>(kept > 0, one, select<T>(kept < 0, -one, zero));
    store(theta + i, load(theta + i) - sign * grown);
  }
}

// The sum average <- beta average + (1 - beta) theta, which is a mean once divided by 1 - beta^t.
template <class T>
void average(const Rule<T>& s, const T* theta, T* average, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += width<T>)
    store(average + i,
          normal<T>(s.averaging * load(average + i) + s.rest_of_averaging * load(theta + i)));
}

// Moves theta[0..n) by one step; state[k] points at the same range of the k-th vector.
template <class T>
void update(const Rule<T>& s, T* theta, const T* g, T* const* state, std::int64_t n) {
  const bool is_adam = s.optimizer == Optimizer::adam || s.optimizer == Optimizer::adamw;
  for (std::int64_t i = 0; !is_adam && s.decay != 0 && i < n; i += width<T>)
    store(theta + i, load(theta + i) - s.decay * load(theta + i));
  switch (s.optimizer) {
    case Optimizer::sgd: return sgd(s, theta, g, state[0], n);
    case Optimizer::rmsprop: return rmsprop(s, theta, g, state[0], n);
    case Optimizer::adagrad: return adagrad(s, theta, g, state[0], n);
    case Optimizer::rprop: return rprop(s, theta, g, state[0], state[1], n);
    case Optimizer::adamw:
    case Optimizer::adam: return adam(s, theta, g, state[0], state[1], n);
  }
}

}  // namespace chainrule::CHAINRULE_LEVEL
