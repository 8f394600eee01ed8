// The losses: one case a row of theory/losses.py. Each row of a batch gives its sample
// loss, summed over the outputs from the first to the last, and dl/da, or dl/dz where the
// loss is fused with its output activation.
#pragma once

#include <cmath>

#include "spec.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// y ln a, with 0 ln 0 = 0.
template <class T>
T y_log(T y, T a) {
  return y > 0 ? y * std::log(a) : T(0);
}

// ln cosh e for e >= 0: the first form doesn't cancel, the second doesn't overflow.
template <class T>
T log_cosh(T e) {
  if (e < 1) return T(0.5) * std::log1p(std::sinh(e) * std::sinh(e));
  return e + std::log1p(std::exp(-2 * e)) - T(0.69314718055994530942);
}

// Term of one output and its derivative by a.
template <class T>
T loss_term(Loss loss, T a, T y, T* derivative) {
  const T e = a - y;
  const T size = std::abs(e);
  switch (loss) {
    case Loss::absolute_error: *derivative = e > 0 ? T(1) : e < 0 ? T(-1) : T(0); return size;
    case Loss::huber:
      *derivative = e > 1 ? T(1) : e < -1 ? T(-1) : e;
      return size <= 1 ? T(0.5) * e * e : size - T(0.5);
    case Loss::log_cosh: *derivative = std::tanh(e); return log_cosh(size);
    case Loss::poisson:
      *derivative = y > 0 ? 1 - y / a : T(1);
      return a - y_log(y, a) + y_log(y, y) - y;
    case Loss::binary_cross_entropy:
    case Loss::cross_entropy:  // always fused, never here
    case Loss::squared_error: break;
  }
  *derivative = e;
  return T(0.5) * e * e;
}

// sum_j y_j (ln sum exp(z) - z_j), for rows y that sum to 1. The largest z is taken out of the
// logarithm with its 1, which would round small others away.
template <class T>
T cross_entropy(const T* z, const T* y, std::int64_t outputs) {
  std::int64_t largest = 0;
  for (std::int64_t j = 1; j < outputs; ++j) largest = z[j] > z[largest] ? j : largest;
  T others = 0;
  for (std::int64_t j = 0; j < outputs; ++j)
    if (j != largest) others += std::exp(z[j] - z[largest]);
  const T log_sum = std::log1p(others);
  T total = 0;
  for (std::int64_t j = 0; j < outputs; ++j)
    total += y[j] != 0 ? y[j] * (log_sum - (z[j] - z[largest])) : T(0);
  return total;
}

// -y ln a - (1 - y) ln(1 - a) of the sigmoid a of z; max(z, 0) - z y first, which is exact where
// they cancel.
template <class T>
T binary_cross_entropy(T z, T y) {
  return (z > 0 ? z : T(0)) - z * y + std::log1p(std::exp(-std::abs(z)));
}

template <class T>
T fused_loss(Loss loss, const T* z, const T* y, std::int64_t outputs) {
  if (loss == Loss::cross_entropy) return cross_entropy(z, y, outputs);
  T total = 0;
  for (std::int64_t j = 0; j < outputs; ++j)
    total += loss == Loss::poisson ? std::exp(z[j]) - y[j] * z[j] + y_log(y[j], y[j]) - y[j]
                                   : binary_cross_entropy(z[j], y[j]);
  return total;
}

// Sample loss of one row; delta (outputs) receives a - y where fused, else dl/da.
template <class T>
T sample_loss(const Spec& spec, const T* z, const T* a, const T* y, T* delta,
              std::int64_t outputs) {
  if (spec.fused) {
    for (std::int64_t j = 0; j < outputs; ++j) delta[j] = a[j] - y[j];
    return fused_loss(spec.loss, z, y, outputs);
  }
  T total = 0;
  for (std::int64_t j = 0; j < outputs; ++j) total += loss_term(spec.loss, a[j], y[j], delta + j);
  return total;
}

}  // namespace chainrule::CHAINRULE_LEVEL
