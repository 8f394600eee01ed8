// Sums over many numbers, each in an order that is fixed: the loss, the penalty, a norm.
#pragma once

#include <cmath>

#include "layout.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// Eight running sums, added up in a fixed order.
template <class T, class F>
double ordered_sum(const T* x, std::int64_t n, F term) {
  double sums[8] = {};
  for (std::int64_t i = 0; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; ++k) sums[k] += term(static_cast<double>(x[i + k]));
  for (std::int64_t i = n / 8 * 8; i < n; ++i) sums[i % 8] += term(static_cast<double>(x[i]));
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

// 1/2 l2 sum w^2 + l1 sum |w| over the packed weights, whose padding is 0.
template <class T>
double penalty_of(const Spec& spec, const Layout<T>& layout, const T* theta) {
  double penalty = 0;
  if (spec.l2 > 0)
    penalty +=
        0.5 * spec.l2 * ordered_sum(theta, layout.weights_size, [](double w) { return w * w; });
  if (spec.l1 > 0)
    penalty +=
        spec.l1 * ordered_sum(theta, layout.weights_size, [](double w) { return std::abs(w); });
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
