// The one matrix product. Every entry of the result is a single chain of multiply-adds in
// the order of k, whatever the tile it falls in: so no result depends on how rows are
// blocked or on the number of threads, and row i has the same bits alone and among others.
#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "simd.hpp"

namespace chainrule::CHAINRULE_LEVEL {

template <class T>
constexpr std::int64_t panel_columns = tile_vectors * width<T>;

// A rows x columns matrix stored as panels of columns, each panel row by row. The last
// panel may be one vector wide; its padding is 0. `stride` is the padded number of columns.
template <class T>
struct Panels {
  std::int64_t rows, columns, stride, count;

  Panels(std::int64_t rows, std::int64_t columns)
      : rows(rows),
        columns(columns),
        stride(round_up(columns, width<T>)),
        count((columns + panel_columns<T> - 1) / panel_columns<T>) {}

  std::int64_t size() const { return rows * stride; }
  std::int64_t offset(std::int64_t panel) const { return rows * panel * panel_columns<T>; }
  std::int64_t first_column(std::int64_t panel) const { return panel * panel_columns<T>; }
  std::int64_t panel_width(std::int64_t panel) const {
    return std::min(panel_columns<T>, stride - first_column(panel));
  }
};

// Rows of A are rows of the result; entry (m, k) is at[m * row + k * step].
template <class T>
struct Left {
  const T* at;
  std::int64_t row, step;
};

// c[m][j] = start[m][j] + sum_k A[m][k] b[k][j] for R rows and C vectors of columns, the sums
// held in registers. start may be c itself, a row of biases with start_row = 0, or null: 0.
template <class T, int R, int C>
void tile(std::int64_t K, Left<T> A, const T* b, std::int64_t b_step, const T* start,
          std::int64_t start_row, T* c, std::int64_t c_row) {
  Vector<T> sums[R][C];
#pragma GCC unroll 32
  for (int m = 0; m < R; ++m)
#pragma GCC unroll 4
    for (int v = 0; v < C; ++v)
      sums[m][v] = start ? load(start + m * start_row + v * width<T>) : Vector<T>{};
  for (std::int64_t k = 0; k < K; ++k, b += b_step) {
    Vector<T> columns[C];
#pragma GCC unroll 4
    for (int v = 0; v < C; ++v) columns[v] = load(b + v * width<T>);
#pragma GCC unroll 32
    for (int m = 0; m < R; ++m) {
      const Vector<T> a = broadcast(A.at[m * A.row + k * A.step]);
#pragma GCC unroll 4
      for (int v = 0; v < C; ++v) sums[m][v] = fma(a, columns[v], sums[m][v]);
    }
  }
#pragma GCC unroll 32
  for (int m = 0; m < R; ++m)
#pragma GCC unroll 4
    for (int v = 0; v < C; ++v) store(c + m * c_row + v * width<T>, sums[m][v]);
}

template <class T>
using Tile = void (*)(std::int64_t, Left<T>, const T*, std::int64_t, const T*, std::int64_t, T*,
                      std::int64_t);

template <class T, int C, int... R>
constexpr std::array<Tile<T>, sizeof...(R)> tiles_of(std::integer_sequence<int, R...>) {
  return {&tile<T, R + 1, C>...};
}

// A tile has tile_rows rows, or where the panel is one vector wide as many more as fill the
// registers.
constexpr std::int64_t most_rows(std::int64_t vectors) {
  return vectors == 1 ? tile_rows * tile_vectors : tile_rows;
}

// The tile of `rows` rows (1 to most_rows) and `vectors` vectors of columns.
template <class T>
Tile<T> tile_for(std::int64_t rows, std::int64_t vectors) {
  static constexpr auto narrow = tiles_of<T, 1>(std::make_integer_sequence<int, most_rows(1)>{});
  static constexpr auto full =
      tiles_of<T, tile_vectors>(std::make_integer_sequence<int, tile_rows>{});
  return vectors == 1 ? narrow[rows - 1] : full[rows - 1];
}

// One panel of the result: M rows, `columns` columns (a whole number of vectors).
template <class T>
void multiply_panel(std::int64_t M, std::int64_t K, Left<T> A, const T* b, std::int64_t b_step,
                    std::int64_t columns, const T* start, std::int64_t start_row, T* c,
                    std::int64_t c_row) {
  const std::int64_t vectors = columns / width<T>;
  for (std::int64_t m = 0; m < M; m += most_rows(vectors)) {
    const std::int64_t rows = std::min(most_rows(vectors), M - m);
    tile_for<T>(rows, vectors)(K, {A.at + m * A.row, A.row, A.step}, b, b_step,
                               start ? start + m * start_row : nullptr, start_row, c + m * c_row,
                               c_row);
  }
}

// c (M, B.columns padded, row length c_row) = start + A B, B in panels, start a row or null.
// K runs in blocks, so that a block of a panel (16 KiB) stays in the first-level cache; the
// sums rest in c between.
template <class T>
void multiply(std::int64_t M, Left<T> A, const T* b, const Panels<T>& B, const T* start, T* c,
              std::int64_t c_row) {
  constexpr std::int64_t block = 16384 / (panel_columns<T> * static_cast<std::int64_t>(sizeof(T)));
  for (std::int64_t k = 0; k < B.rows; k += block)
    for (std::int64_t p = 0; p < B.count; ++p) {
      const std::int64_t columns = B.panel_width(p), first = B.first_column(p);
      const T* from = k > 0 ? c + first : start ? start + first : nullptr;
      multiply_panel<T>(M, std::min(block, B.rows - k), {A.at + k * A.step, A.row, A.step},
                        b + B.offset(p) + k * columns, columns, columns, from, k > 0 ? c_row : 0,
                        c + first, c_row);
    }
}

}  // namespace chainrule::CHAINRULE_LEVEL
