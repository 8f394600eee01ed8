// Norms that may not be larger than allowed: of the gradient, before an update, and of the weights
// into a unit, after it (Srivastava et al. 2014, section 5.1). What is larger is scaled down.
#pragma once

#include <cmath>
#include <limits>

#include "lanes.hpp"
#include "reductions.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// So many units, a unit being a power of two, which changes no digit, so that no square overflows
// or vanishes.
struct Norm {
  double units, unit;
};

// The power of two that x is at least, but less than twice.
inline double power_of_two_in(double x) {
  int exponent = 1;
  if (std::isfinite(x)) std::frexp(x, &exponent);
  return std::ldexp(1.0, exponent - 1);
}

// Of g over all weights and biases.
template <class T>
Norm norm_of(const Layout<T>& layout, const T* g) {
  const T largest = largest_parameter(layout, g);
  const double unit = power_of_two_in(std::max(largest, std::numeric_limits<T>::min()));
  const auto square = [&](double x) { return (x / unit) * (x / unit); };
  return {std::sqrt(sum_of_parameters(layout, g, square)), unit};
}

template <class T>
void clip(const Layout<T>& layout, T* g, double most) {
  const auto [norm, unit] = norm_of(layout, g);
  if (norm <= most / unit) return;
  const T per_unit = static_cast<T>(1 / unit), factor = static_cast<T>(most / norm);
  for (std::int64_t i = 0; i < layout.size; ++i) g[i] = g[i] * per_unit * factor;
}

// The weights into the units of one panel, rows x columns, a row of it after the other. The squares
// of a column are summed in chains of 128, from the first row to the last.
template <class T>
void constrain_columns(T* panel, std::int64_t rows, std::int64_t columns, T most) {
  for (std::int64_t j = 0; j < columns; j += width<T>) {
    Vector<T> squares{};
    for (std::int64_t first = 0; first < rows; first += chain) {
      Vector<T> sum{};
      for (std::int64_t k = first; k < std::min(first + chain, rows); ++k) {
        const Vector<T> w = load(panel + k * columns + j);
        sum += w * w;
      }
      squares += sum;
    }
    const Vector<T> norm = square_root(squares), one = broadcast<T>(1);
    const Vector<T> factor = select<T>(norm > most, most / norm, one);
    if (!any<T>(factor != one)) continue;
    for (std::int64_t k = 0; k < rows; ++k) {
      T* at = panel + k * columns + j;
      store(at, load(at) * factor);
    }
  }
}

}  // namespace chainrule::CHAINRULE_LEVEL
