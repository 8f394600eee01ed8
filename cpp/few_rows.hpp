// Products of few rows, and of few products, where a tile would wait: for the latency of its
// multiply-adds, as it has too few sums to go on with, or for its own beginning and end. The same
// sums in the same order as in matmul.hpp, so the same bits.
#pragma once

#include "tile.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// Panels that R rows are multiplied by at once: 8 vectors of sums, as many as hide the latency.
constexpr std::int64_t panels_at_once(std::int64_t R) { return R == 1 ? 4 : R == 2 ? 2 : 1; }

// As tile(), for R rows and as many panels, which lie `panel_size` apart.
template <class T, int R, class Finish>
void wide_tile(std::int64_t K, Rows<T> A, const T* b, std::int64_t panel_size, Start<Sum<T>> start,
               Sum<T>* c, std::int64_t c_stride, Finish finish) {
  constexpr int panels = panels_at_once(R), C = tile_vectors * panels;
  Vector<Sum<T>> sums[R][C];
#pragma GCC unroll 2
  for (int m = 0; m < R; ++m)
#pragma GCC unroll 8
    for (int v = 0; v < C; ++v)
      sums[m][v] = finish.begin(start.at + m * start.stride + v * width<T>);
  typename Rows<T>::template Walk<R> a(A);
#pragma GCC unroll 2
  for (std::int64_t k = 0; k < K; ++k, b += panel_columns<T>, a.next()) {
#pragma GCC unroll 8
    for (int v = 0; v < C; ++v) {
      const Vector<T> column =
          load(b + v / tile_vectors * panel_size + v % tile_vectors * width<T>);
#pragma GCC unroll 2
      for (int m = 0; m < R; ++m) sums[m][v] = fma(broadcast<T>(a[m]), column, sums[m][v]);
    }
  }
#pragma GCC unroll 2
  for (int m = 0; m < R; ++m)
#pragma GCC unroll 8
    for (int v = 0; v < C; ++v) finish(c + m * c_stride + v * width<T>, sums[m][v]);
}

// As multiply(), of R rows, for as many whole panels as are taken together; returns how many.
template <class T, int R>
std::int64_t multiply_few(Rows<T> A, const T* b, const Panels<T>& B, const Sum<T>* start, Sum<T>* c,
                          std::int64_t c_stride) {
  constexpr std::int64_t together = panels_at_once(R);
  const std::int64_t size = B.rows * panel_columns<T>;
  const std::int64_t whole = B.panel == panel_columns<T> ? B.stride / B.panel : 0;
  std::int64_t p = 0;
  for (; p + together <= whole; p += together, b += together * size) {
    const std::int64_t first = B.first_column(p);
    in_chains(B.rows, start ? start + first : nullptr,
              [&](std::int64_t k, std::int64_t depth, Start<Sum<T>> from, auto finish) {
                wide_tile<T, R>(depth, A.from(0, k), b + k * panel_columns<T>, size, from,
                                c + first, c_stride, finish);
              });
  }
  return p;
}

// As a row of tiles whose sums are of K products only: K rows of b stay in registers, while all
// rows of A pass by.
template <class T, int K, int C, class Left, class Finish>
void short_sums_of(std::int64_t M, Left A, const T* b, Start<Sum<T>> start, Sum<T>* c,
                   std::int64_t c_stride, Finish finish) {
  Vector<T> rows[K][C];
#pragma GCC unroll 12
  for (int k = 0; k < K; ++k)
#pragma GCC unroll 2
    for (int v = 0; v < C; ++v) rows[k][v] = load(b + (k * C + v) * width<T>);
#pragma GCC unroll 2
  for (std::int64_t m = 0; m < M; ++m, c += c_stride, start = start.from(1)) {
    Vector<Sum<T>> sums[C];
#pragma GCC unroll 2
    for (int v = 0; v < C; ++v) sums[v] = finish.begin(start.at + v * width<T>);
#pragma GCC unroll 12
    for (int k = 0; k < K; ++k)
#pragma GCC unroll 2
      for (int v = 0; v < C; ++v)
        sums[v] = fma(broadcast<T>(A.from(m, k).at[0]), rows[k][v], sums[v]);
#pragma GCC unroll 2
    for (int v = 0; v < C; ++v) finish(c + v * width<T>, sums[v]);
  }
}

constexpr std::int64_t short_sum = vector_bytes < 64 ? 4 : 12;  // products, at most: in registers

// The place of K in a tile's arguments has the number of rows here, which may be any.
template <class T, int C, class Left, class Finish, int... K>
constexpr std::array<Tile<T, Left, Finish>, sizeof...(K)> short_sums_for(
    std::integer_sequence<int, K...>) {
  return {&short_sums_of<T, K + 1, C, Left, Finish>...};
}

template <class T, int C, class Left, class Finish>
void short_sums(std::int64_t M, std::int64_t K, Left A, const T* b, Start<Sum<T>> start, Sum<T>* c,
                std::int64_t c_stride, Finish finish) {
  static constexpr auto of =
      short_sums_for<T, C, Left, Finish>(std::make_integer_sequence<int, short_sum>{});
  of[K - 1](M, A, b, start, c, c_stride, finish);
}

}  // namespace chainrule::CHAINRULE_LEVEL
