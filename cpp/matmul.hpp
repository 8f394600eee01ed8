// The one matrix product. Every entry of the result is a sum of chains of multiply-adds, each over
// the next `chain` entries in the order of k, whatever the tile it falls in: so no result depends
// on how rows are blocked or on the number of threads, and row i has the same bits alone and among
// others; and rounding errors grow with the number of chains, not of entries.
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

// The left factor A of a product, entry (m, k): rows stored one after the other...
template <class T>
struct Rows {
  const T* at;
  std::int64_t stride;

  Rows from(std::int64_t m, std::int64_t k) const { return {at + m * stride + k, stride}; }

  // Walks along k for R rows. One pointer serves three rows, `stride` apart, which is as far as
  // the addressing of a load reaches: so no load waits for an address to be computed.
  template <int R>
  struct Walk {
    const T* at[(R + 2) / 3];
    std::int64_t stride;

    explicit Walk(Rows A) : stride(A.stride) {
#pragma GCC unroll 16
      for (int g = 0; g < (R + 2) / 3; ++g) at[g] = A.at + 3 * g * stride;
    }
    CHAINRULE_INLINE T operator[](int m) const { return at[m / 3][m % 3 * stride]; }
    CHAINRULE_INLINE void next() {
#pragma GCC unroll 16
      for (int g = 0; g < (R + 2) / 3; ++g) ++at[g];
    }
  };
};

// ... or columns, so that the entries of R rows for one k lie side by side.
template <class T>
struct Columns {
  const T* at;
  std::int64_t stride;

  Columns from(std::int64_t m, std::int64_t k) const { return {at + m + k * stride, stride}; }

  template <int R>
  struct Walk {
    const T* at;
    std::int64_t stride;

    explicit Walk(Columns A) : at(A.at), stride(A.stride) {}
    CHAINRULE_INLINE T operator[](int m) const { return at[m]; }
    CHAINRULE_INLINE void next() { at += stride; }
  };
};

// ... or blocks of tile_rows rows, each column by column: a copy of columns that are far apart in
// memory, made where many panels read them. Serves tiles of tile_rows rows only.
template <class T>
struct Blocks {
  const T* at;
  std::int64_t depth;

  Blocks from(std::int64_t m, std::int64_t k) const {
    return {at + m * depth + k * tile_rows, depth};
  }

  template <int R>
  struct Walk {
    const T* at;

    explicit Walk(Blocks A) : at(A.at) {}
    CHAINRULE_INLINE T operator[](int m) const { return at[m]; }
    CHAINRULE_INLINE void next() { at += tile_rows; }
  };

  // Copies A (M, depth) to `to`, which has room for whole blocks and one vector more.
  static Blocks copy(std::int64_t M, std::int64_t depth, Columns<T> A, T* to) {
    for (std::int64_t m = 0; m < M; m += tile_rows) {
      const T* from = A.at + m;
      T* block = to + m * depth;
      const bool whole = m + round_up(tile_rows, width<T>) <= M;  // else a vector leaves A
      for (std::int64_t k = 0; k < depth; ++k, from += A.stride, block += tile_rows) {
        for (std::int64_t v = 0; whole && v < tile_rows; v += width<T>)
          store(block + v, load(from + v));
        for (std::int64_t i = 0; !whole && i < std::min<std::int64_t>(tile_rows, M - m); ++i)
          block[i] = from[i];
      }
    }
    return {to, depth};
  }
};

// What becomes of the sums of a product, while they are in registers.
template <class T>
struct Store {
  CHAINRULE_INLINE void operator()(T* c, Vector<T> sum) const { store(c, sum); }
};
template <class T>
struct Add {
  CHAINRULE_INLINE void operator()(T* c, Vector<T> sum) const { store(c, load(c) + sum); }
};
template <class T>
struct Descend {  // a step of plain gradient descent: c -= eta g
  T eta;
  CHAINRULE_INLINE void operator()(T* c, Vector<T> sum) const { store(c, load(c) - eta * sum); }
};

// Where the sums of a product start: rows `stride` apart, or with stride 0 one row for all.
template <class T>
struct Start {
  const T* at;
  std::int64_t stride;

  Start from(std::int64_t m) const { return {at + m * stride, stride}; }
};

template <class T>
alignas(64) inline constexpr T zeros[panel_columns<T>] = {};

// finish(c[m][j], start[m][j] + sum_k A[m][k] b[k][j]) for R rows and C vectors of columns, the
// sums held in registers. Rows of b are C vectors long, rows of c `c_stride` apart.
template <class T, int R, int C, class Left, class Finish>
void tile(std::int64_t K, Left A, const T* b, Start<T> start, T* c, std::int64_t c_stride,
          Finish finish) {
  Vector<T> sums[R][C];
#pragma GCC unroll 32
  for (int m = 0; m < R; ++m)
#pragma GCC unroll 4
    for (int v = 0; v < C; ++v) sums[m][v] = load(start.at + m * start.stride + v * width<T>);
  typename Left::template Walk<R> a(A);
  for (std::int64_t k = 0; k < K; ++k, b += C * width<T>, a.next()) {
    Vector<T> columns[C];
#pragma GCC unroll 4
    for (int v = 0; v < C; ++v) columns[v] = load(b + v * width<T>);
#pragma GCC unroll 32
    for (int m = 0; m < R; ++m) {
      const Vector<T> entry = broadcast(a[m]);
#pragma GCC unroll 4
      for (int v = 0; v < C; ++v) sums[m][v] = fma(entry, columns[v], sums[m][v]);
    }
  }
#pragma GCC unroll 32
  for (int m = 0; m < R; ++m)
#pragma GCC unroll 4
    for (int v = 0; v < C; ++v) finish(c + m * c_stride + v * width<T>, sums[m][v]);
}

template <class T, class Left, class Finish>
using Tile = void (*)(std::int64_t, Left, const T*, Start<T>, T*, std::int64_t, Finish);

template <class T, int C, class Left, class Finish, int... R>
constexpr std::array<Tile<T, Left, Finish>, sizeof...(R)> tiles_of(
    std::integer_sequence<int, R...>) {
  return {&tile<T, R + 1, C, Left, Finish>...};
}

// A tile has tile_rows rows, or where the panel is one vector wide as many more as fill the
// registers.
constexpr std::int64_t most_rows(std::int64_t vectors) {
  return vectors == 1 ? tile_rows * tile_vectors : tile_rows;
}

// The tile of `rows` rows (1 to most_rows) and `vectors` vectors of columns.
template <class T, class Left, class Finish>
Tile<T, Left, Finish> tile_for(std::int64_t rows, std::int64_t vectors) {
  static constexpr auto narrow =
      tiles_of<T, 1, Left, Finish>(std::make_integer_sequence<int, most_rows(1)>{});
  static constexpr auto full =
      tiles_of<T, tile_vectors, Left, Finish>(std::make_integer_sequence<int, tile_rows>{});
  return vectors == 1 ? narrow[rows - 1] : full[rows - 1];
}

// One panel of the result: M rows, `columns` columns (a whole number of vectors).
template <class T, class Left, class Finish>
void multiply_panel(std::int64_t M, std::int64_t K, Left A, const T* b, std::int64_t columns,
                    Start<T> start, T* c, std::int64_t c_stride, Finish finish) {
  const std::int64_t vectors = columns / width<T>, most = most_rows(vectors);
  for (std::int64_t m = 0; m < M; m += most) {
    const std::int64_t rows = std::min(most, M - m);
    tile_for<T, Left, Finish>(rows, vectors)(K, A.from(m, 0), b, start.from(m), c + m * c_stride,
                                             c_stride, finish);
  }
}

// Multiply-adds of a chain: so many rows of a panel, 16 KiB at most, stay in the first-level cache.
constexpr std::int64_t chain = 128;

// One chain for every entry of c (M, B.columns padded, rows c_stride apart): A B, B in panels, over
// the rows of B from k on, started from `start` (one row for all, or null: 0).
template <class T, class Finish>
CHAINRULE_INLINE void multiply_chain(std::int64_t M, Rows<T> A, const T* b, const Panels<T>& B,
                                     std::int64_t k, const T* start, T* c, std::int64_t c_stride,
                                     Finish finish) {
  for (std::int64_t p = 0; p < B.count; ++p) {
    const std::int64_t columns = B.panel_width(p), first = B.first_column(p);
    const Start<T> from = {start ? start + first : zeros<T>, 0};
    multiply_panel(M, std::min(chain, B.rows - k), A.from(0, k), b + B.offset(p) + k * columns,
                   columns, from, c + first, c_stride, finish);
  }
}

// c = start + A B: the first chain begins with the start, the others with 0, and they are added up
// in c.
template <class T>
void multiply(std::int64_t M, Rows<T> A, const T* b, const Panels<T>& B, const T* start, T* c,
              std::int64_t c_stride) {
  multiply_chain<T>(M, A, b, B, 0, start, c, c_stride, Store<T>{});
  for (std::int64_t k = chain; k < B.rows; k += chain)
    multiply_chain<T>(M, A, b, B, k, nullptr, c, c_stride, Add<T>{});
}

}  // namespace chainrule::CHAINRULE_LEVEL
