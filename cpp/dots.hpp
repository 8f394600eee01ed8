// The backward product of a batch of one row, delta W^T, with W as it lies: every entry is the dot
// product of delta and a row of W. A copy of W^T, which other batches multiply by, would have to be
// made anew at each step and read once. The sums have an order of their own: products whose j
// leaves the same remainder by a vector's lanes, then the lanes by halves; as many chains as lanes
// keep rounding errors smaller than one.
#pragma once

#include "lanes.hpp"
#include "tile.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// sums[i] += the products of row row_of(i) of a panel with a, of which `columns` numbers count.
template <class T, std::size_t N, class RowOf>
CHAINRULE_INLINE void add_dots(const T* rows, std::int64_t stride, const T* a, std::int64_t columns,
                               RowOf row_of, Vector<T> (&sums)[N]) {
  const auto add = [&](std::int64_t j, auto load_some) {
    const Vector<T> factors = load_some(a + j);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < N; ++i)
      sums[i] = fma(load_some(rows + row_of(i) * stride + j), factors, sums[i]);
  };
  std::int64_t j = 0;
  for (; j + width<T> <= columns; j += width<T>) add(j, [](const T* p) { return load(p); });
  if (const std::int64_t rest = columns - j; rest > 0)
    add(j, [rest](const T* p) { return load_first(p, rest); });
}

// c[k] = sum_j a[j] B[k][j] for all rows of B, which is in panels; c is padded with zeros.
template <class T>
void multiply_transposed(const T* a, const T* b, const Panels<T>& B, T* c) {
  constexpr std::int64_t w = width<T>;
  for (std::int64_t k = 0; k < B.rows; k += w) {
    Vector<T> sums[w] = {};
    const std::int64_t height = std::min(w, B.rows - k);
    for (std::int64_t p = 0; p < B.count; ++p) {
      const std::int64_t stride = B.panel_width(p), columns = B.columns_of(p);
      const T *rows = b + B.offset(p) + k * stride, *factors = a + B.first_column(p);
      if (height == w)
        add_dots(rows, stride, factors, columns, [](std::int64_t i) { return i; }, sums);
      else
        add_dots(
            rows, stride, factors, columns,
            [height](std::int64_t i) { return std::min(i, height - 1); }, sums);
    }
    const Vector<T> dots = sums_of_rows<T>(sums);
    store(c + k, select<T>(first_lanes<T>(height), dots, Vector<T>{}));
  }
}

}  // namespace chainrule::CHAINRULE_LEVEL
