// Sums over many numbers, each in an order that is fixed: the loss, the penalty, a norm.
#pragma once

#include <cmath>

#include "layout.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// Sums of many terms: eight running sums, added up in a fixed order.
class OrderedSum {
 public:
  // The terms of x[0..n), in the order of x.
  template <class T, class F>
  void add(const T* x, std::int64_t n, F term) {
    std::int64_t i = 0;
    for (; i + 8 <= n; i += 8)
      for (int k = 0; k < 8; ++k) sums_[k] += term(static_cast<double>(x[i + k]));
    for (; i < n; ++i) sums_[i % 8] += term(static_cast<double>(x[i]));
  }

  double total() const {
    double total = 0;
    for (double sum : sums_) total += sum;
    return total;
  }

 private:
  double sums_[8] = {};
};

template <class T, class F>
double sum_of_weights(const Layout<T>& layout, const T* packed, F term) {
  OrderedSum sum;
  layout.each_row_of_weights(
      [&](std::int64_t at, std::int64_t n) { sum.add(packed + at, n, term); });
  return sum.total();
}

template <class T, class F>
double sum_of_parameters(const Layout<T>& layout, const T* packed, F term) {
  OrderedSum sum;
  layout.each_row([&](std::int64_t at, std::int64_t n) { sum.add(packed + at, n, term); });
  return sum.total();
}

// The largest |x| of the parameters; nan is passed over.
template <class T>
T largest_parameter(const Layout<T>& layout, const T* packed) {
  T largest = 0;
  layout.each_row([&](std::int64_t at, std::int64_t n) {
    for (std::int64_t i = at; i < at + n; ++i) largest = std::max(largest, std::abs(packed[i]));
  });
  return largest;
}

// 1/2 l2 sum w^2 + l1 sum |w|.
template <class T>
double penalty_of(const Spec& spec, const Layout<T>& layout, const T* theta) {
  double penalty = 0;
  if (spec.l2 > 0)
    penalty += 0.5 * spec.l2 * sum_of_weights(layout, theta, [](double w) { return w * w; });
  if (spec.l1 > 0)
    penalty += spec.l1 * sum_of_weights(layout, theta, [](double w) { return std::abs(w); });
  return penalty;
}

// The mean of the samples' weights, from the first to the last; 1 without any.
template <class T>
double mean_weight(Samples<T> samples) {
  if (!samples.weights || samples.n == 0) return 1;
  double total = 0;
  for (std::int64_t i = 0; i < samples.n; ++i) total += static_cast<double>(samples.weights[i]);
  return total / static_cast<double>(samples.n);
}

// What the weighted sum of the losses of n samples is divided by to give L, a mean or their sum.
inline double divisor_of(bool sum, std::int64_t n, double mean_weight) {
  const double total = static_cast<double>(n) * mean_weight;
  return sum || total == 0 ? 1 : total;
}

// The sum of the losses of n samples times their weights, from the first to the last; a sample of
// weight 0 counts nothing, whatever its loss.
template <class T>
double weighted_sum(const T* losses, const T* weights, std::int64_t n) {
  double total = 0;
  for (std::int64_t i = 0; !weights && i < n; ++i) total += static_cast<double>(losses[i]);
  for (std::int64_t i = 0; weights && i < n; ++i)
    if (weights[i] != 0) total += static_cast<double>(weights[i]) * static_cast<double>(losses[i]);
  return total;
}

}  // namespace chainrule::CHAINRULE_LEVEL
