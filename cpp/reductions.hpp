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

// Weighted mean (or sum) of sample losses, from the first to the last.
template <class T>
double reduced_loss(const Spec& spec, const T* sample_losses, const T* weights, std::int64_t n) {
  double total = 0, weight = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double w = weights ? static_cast<double>(weights[i]) : 1.0;
    total += w * static_cast<double>(sample_losses[i]);
    weight += w;
  }
  return spec.sum || weight == 0 ? total : total / weight;
}

}  // namespace chainrule::CHAINRULE_LEVEL
