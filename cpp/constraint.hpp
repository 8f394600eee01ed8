// The constraint on the weights into a unit, after an update (Srivastava et al. 2014, section 5.1):
// a column of W whose norm is larger than allowed is scaled down to it.
#pragma once

#include "gradient.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// Scales the columns of one panel, rows x columns, a row of it after the other. The squares of a
// column are summed in chains of 128, from the first row to the last.
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
