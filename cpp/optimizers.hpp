// The optimizers: one loop a row of theory/optimizers.py, over any range of the parameters.
// theta and the state are overwritten; g is the gradient. No range overlaps another.
#pragma once

#include <cmath>

#include "spec.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// An optimizer at one step: its hyperparameters as T, and what depends on the step.
template <class T>
struct StepConstants {
  Optimizer optimizer;
  T eta;               // learning rate of the step
  T hyper[5];          // in the order of the row
  T rest[5];           // 1 - hyper, subtracted before it is rounded to T
  T m_scale, v_scale;  // 1 - beta1^t, 1 - beta2^t

  StepConstants(const Update& update, double rate, std::int64_t t)
      : optimizer(update.optimizer),
        eta(static_cast<T>(rate)),
        hyper{},
        rest{},
        m_scale(1),
        v_scale(1) {
    for (std::size_t i = 0; i < update.constants.size(); ++i) {
      hyper[i] = static_cast<T>(update.constants[i]);
      rest[i] = static_cast<T>(1 - update.constants[i]);
    }
    if (optimizer == Optimizer::adam || optimizer == Optimizer::adamw) {
      m_scale = static_cast<T>(1 - std::pow(update.constants[0], static_cast<double>(t)));
      v_scale = static_cast<T>(1 - std::pow(update.constants[1], static_cast<double>(t)));
    }
  }
};

template <class T>
void sgd(const StepConstants<T>& s, T* __restrict theta, const T* __restrict g, T* __restrict v,
         std::int64_t n) {
  const T mu = s.hyper[0];
  if (mu == 0) {
    for (std::int64_t i = 0; i < n; ++i) theta[i] -= s.eta * g[i];
  } else if (s.hyper[1] == 0) {
    for (std::int64_t i = 0; i < n; ++i) {
      v[i] = mu * v[i] - s.eta * g[i];
      theta[i] += v[i];
    }
  } else {
    for (std::int64_t i = 0; i < n; ++i) {
      v[i] = mu * v[i] - s.eta * g[i];
      theta[i] += mu * v[i] - s.eta * g[i];
    }
  }
}

template <class T>
void adagrad(const StepConstants<T>& s, T* __restrict theta, const T* __restrict g,
             T* __restrict squares, std::int64_t n) {
  const T epsilon = s.hyper[0];
  for (std::int64_t i = 0; i < n; ++i) {
    squares[i] += g[i] * g[i];
    theta[i] -= s.eta * g[i] / (std::sqrt(squares[i]) + epsilon);
  }
}

template <class T>
void rmsprop(const StepConstants<T>& s, T* __restrict theta, const T* __restrict g,
             T* __restrict mean_square, std::int64_t n) {
  const T decay = s.hyper[0], epsilon = s.hyper[1];
  for (std::int64_t i = 0; i < n; ++i) {
    mean_square[i] = decay * mean_square[i] + s.rest[0] * g[i] * g[i];
    theta[i] -= s.eta * g[i] / (std::sqrt(mean_square[i]) + epsilon);
  }
}

template <class T>
void adam(const StepConstants<T>& s, T* __restrict theta, const T* __restrict g, T* __restrict m,
          T* __restrict v, std::int64_t n) {
  const T beta1 = s.hyper[0], beta2 = s.hyper[1], epsilon = s.hyper[2];
  for (std::int64_t i = 0; i < n; ++i) {
    m[i] = beta1 * m[i] + s.rest[0] * g[i];
    v[i] = beta2 * v[i] + s.rest[1] * g[i] * g[i];
    theta[i] -= s.eta * (m[i] / s.m_scale) / (std::sqrt(v[i] / s.v_scale) + epsilon);
  }
}

template <class T>
void rprop(const StepConstants<T>& s, T* __restrict theta, const T* __restrict g,
           T* __restrict size, T* __restrict previous, std::int64_t n) {
  const T increase = s.hyper[0], decrease = s.hyper[1], smallest = s.hyper[2], largest = s.hyper[3];
  for (std::int64_t i = 0; i < n; ++i) {
    const T product = g[i] * previous[i];
    const T factor = product > 0 ? increase : product < 0 ? decrease : T(1);
    const T grown = size[i] * factor;
    size[i] = grown < smallest ? smallest : grown > largest ? largest : grown;
    previous[i] = product < 0 ? T(0) : g[i];
    const T sign = previous[i] > 0 ? T(1) : previous[i] < 0 ? T(-1) : T(0);
    theta[i] -= sign * size[i];
  }
}

// Moves theta[0..n) by one step; state[k] points at the same range of the k-th vector.
template <class T>
void update(const StepConstants<T>& s, T* theta, const T* g, T* const* state, std::int64_t n) {
  switch (s.optimizer) {
    case Optimizer::sgd: return sgd(s, theta, g, s.hyper[0] == 0 ? nullptr : state[0], n);
    case Optimizer::rmsprop: return rmsprop(s, theta, g, state[0], n);
    case Optimizer::adagrad: return adagrad(s, theta, g, state[0], n);
    case Optimizer::rprop: return rprop(s, theta, g, state[0], state[1], n);
    case Optimizer::adamw:
      for (std::int64_t i = 0; i < n; ++i) theta[i] -= s.eta * s.hyper[3] * theta[i];
      return adam(s, theta, g, state[0], state[1], n);
    case Optimizer::adam: return adam(s, theta, g, state[0], state[1], n);
  }
}

}  // namespace chainrule::CHAINRULE_LEVEL
