// The gradient of a panel with few columns, which a tile computes as wide as a vector. Here the
// lanes of a vector are rows of W instead: its entries of a sample lie side by side, and each
// column is one more multiply-add. The same sums in the same order as in matmul.hpp, so the same
// bits.
#pragma once

#include <type_traits>

#include "lanes.hpp"
#include "tile.hpp"

namespace chainrule::CHAINRULE_LEVEL {

template <class T>
constexpr int most_narrow = std::min(4, width<T> / 2);  // columns

// finish(c, row) for the rows of a square with N columns, padded with zeros.
template <class T, int N, class Finish>
CHAINRULE_INLINE void finish_rows(const Vector<T> (&columns)[N], T* c, Finish finish) {
  Vector<T> square[width<T>] = {};
#pragma GCC unroll 4
  for (int n = 0; n < N; ++n) square[n] = columns[n];
  transpose_square<T>(square);
#pragma GCC unroll 16
  for (int i = 0; i < width<T>; ++i) finish(c + i * width<T>, square[i]);
}

// finish(c[m][n], sum_k A[m][k] b[k][n]) for N columns and as many of M rows as fill vectors;
// returns how many. Rows of b and c are a vector long.
template <class T, int N, class Finish>
std::int64_t narrow_product_of(std::int64_t M, std::int64_t K, Columns<T> A, const T* b, T* c,
                               Finish finish) {
  std::int64_t m = 0;
  const auto next_rows = [&](auto vectors) {
    constexpr int V = vectors;
    Vector<T> sums[V][N] = {};
    const T* at = A.at + m;
    for (std::int64_t k = 0; k < K; ++k, at += A.stride)
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        const Vector<T> entries = load(at + v * width<T>);
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n)
          sums[v][n] = fma(entries, broadcast(b[k * width<T> + n]), sums[v][n]);
      }
    for (int v = 0; v < V; ++v, m += width<T>) finish_rows<T, N>(sums[v], c + m * width<T>, finish);
  };
  constexpr int most = 8 / N;  // vectors at once: 8 sums hide the latency of a multiply-add
  while (m + most * width<T> <= M) next_rows(std::integral_constant<int, most>{});
  while (m + width<T> <= M) next_rows(std::integral_constant<int, 1>{});
  return m;
}

// The same for 1 to N columns.
template <class T, int N = most_narrow<T>, class Finish>
std::int64_t narrow_product(std::int64_t M, std::int64_t K, Columns<T> A, const T* b,
                            std::int64_t columns, T* c, Finish finish) {
  if constexpr (N > 1)
    if (columns < N) return narrow_product<T, N - 1>(M, K, A, b, columns, c, finish);
  return narrow_product_of<T, N>(M, K, A, b, c, finish);
}

}  // namespace chainrule::CHAINRULE_LEVEL
