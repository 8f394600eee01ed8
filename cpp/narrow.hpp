// A top layer of few units, which a tile would compute as wide as a vector. Its rows are not
// padded, so a vector holds many; and in its products the lanes are rows: of the batch in the
// forward product, of W in the gradient. The same sums in the same order as in matmul.hpp, so the
// same bits.
#pragma once

#include <type_traits>

#include "lanes.hpp"
#include "tile.hpp"

namespace chainrule::CHAINRULE_LEVEL {

template <class T>
constexpr int most_narrow = std::min(4, width<T> / 2);  // units

// product(N), N the number of units as a constant.
template <class T, int N = most_narrow<T>, class Product>
CHAINRULE_INLINE void for_units(std::int64_t units, Product product) {
  if constexpr (N > 1)
    if (units < N) return for_units<T, N - 1>(units, product);
  product(std::integral_constant<int, N>{});
}

// c[i][n] = columns[n][i] for the first `rows` lanes; rows of c are N numbers long.
template <class T, int N>
CHAINRULE_INLINE void store_lanes(const Vector<T> (&columns)[N], std::int64_t rows, T* c) {
  if constexpr (N == 1) {
    rows == width<T> ? store(c, columns[0]) : store_first<T>(c, columns[0], rows);
  } else {
    T lanes[N][width<T>];
    for (int n = 0; n < N; ++n) store(lanes[n], columns[n]);
    for (std::int64_t i = 0; i < rows; ++i)
      for (int n = 0; n < N; ++n) c[i * N + n] = lanes[n][i];
  }
}

// The sums of products k in [first, last) of N units for a vector of rows of A, or `rows` of them:
// a square of A at a time, turned so that each vector has one k of all rows.
template <class T, int N>
CHAINRULE_INLINE void add_products(std::int64_t rows, std::int64_t first, std::int64_t last,
                                   Rows<T> A, const T* b, Vector<T> (&sums)[N]) {
  constexpr std::int64_t w = width<T>;
  for (std::int64_t k = first; k < last; k += w) {
    const std::int64_t depth = std::min(w, last - k);
    Vector<T> square[w] = {};
#pragma GCC unroll 16
    for (int i = 0; i < w; ++i)
      if (i < rows) {
        const T* row = A.from(i, k).at;
        square[i] = depth == w ? load(row) : load_first(row, depth);
      }
    transpose_square<T>(square);
#pragma GCC unroll 16
    for (int i = 0; i < w; ++i)
      if (i < depth)
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n)
          sums[n] = fma(square[i], broadcast(b[(k + i) * w + n]), sums[n]);
  }
}

// c[m][n] = start[n] + sum_k A[m][k] b[k][n] for M rows and N units; rows of b are a vector long,
// and so is start; rows of c are N numbers.
template <class T, int N>
void narrow_sums(std::int64_t M, std::int64_t K, Rows<T> A, const T* b, const T* start, T* c) {
  constexpr std::int64_t w = width<T>;
  std::int64_t m = 0;
  for (std::int64_t rows; (rows = std::min(M - m, w)) >= w / 2; m += rows) {
    Vector<T> totals[N];
    for (std::int64_t first = 0; first < K; first += chain) {
      Vector<T> sums[N];
      for (int n = 0; n < N; ++n) sums[n] = first > 0 ? Vector<T>{} : broadcast(start[n]);
      add_products<T, N>(rows, first, std::min(first + chain, K), A.from(m, 0), b, sums);
      for (int n = 0; n < N; ++n) totals[n] = first > 0 ? totals[n] + sums[n] : sums[n];
    }
    store_lanes<T, N>(totals, rows, c + m * N);
  }
  for (; m < M; ++m) {  // too few to fill lanes: the lanes are units
    const T* row = A.from(m, 0).at;
    Vector<T> total = load(start);
    for (std::int64_t first = 0; first < K; first += chain) {
      Vector<T> sum = first > 0 ? Vector<T>{} : total;
      for (std::int64_t k = first; k < std::min(first + chain, K); ++k)
        sum = fma(broadcast(row[k]), load(b + k * w), sum);
      total = first > 0 ? total + sum : sum;
    }
    store_first<T>(c + m * N, total, N);
  }
}

// finish(c, row) for `rows` rows of a square with N columns, padded with zeros.
template <class T, int N, class Finish>
CHAINRULE_INLINE void finish_rows(const Vector<T> (&columns)[N], std::int64_t rows, T* c,
                                  Finish finish) {
  Vector<T> square[width<T>] = {};
#pragma GCC unroll 4
  for (int n = 0; n < N; ++n) square[n] = columns[n];
  transpose_square<T>(square);
#pragma GCC unroll 16
  for (int i = 0; i < width<T>; ++i)
    if (i < rows) finish(c + i * width<T>, square[i]);
}

// finish(c[m][n], sum_k A[m][k] b[k][n]) for M rows and N units; rows of c are a vector long, those
// of b N numbers.
template <class T, int N, class Finish>
void narrow_gradient(std::int64_t M, std::int64_t K, Columns<T> A, const T* b, T* c,
                     Finish finish) {
  constexpr std::int64_t w = width<T>;
  std::int64_t m = 0;
  const auto next_rows = [&](auto vectors, auto entries_of) {
    constexpr int V = vectors;
    Vector<T> sums[V][N] = {};
    const T* at = A.at + m;
    for (std::int64_t k = 0; k < K; ++k, at += A.stride)
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        const Vector<T> entries = entries_of(at + v * w);
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) sums[v][n] = fma(entries, broadcast(b[k * N + n]), sums[v][n]);
      }
    for (int v = 0; v < V; ++v, m += w)
      finish_rows<T, N>(sums[v], std::min(w, M - m), c + m * w, finish);
  };
  const auto whole = [](const T* at) { return load(at); };
  constexpr int most = 8 / N;  // vectors at once: 8 sums hide the latency of a multiply-add
  while (m + most * w <= M) next_rows(std::integral_constant<int, most>{}, whole);
  while (m + w <= M) next_rows(std::integral_constant<int, 1>{}, whole);
  if (const std::int64_t rest = M - m; rest > 0)
    next_rows(std::integral_constant<int, 1>{},
              [rest](const T* at) { return load_first(at, rest); });
}

}  // namespace chainrule::CHAINRULE_LEVEL
