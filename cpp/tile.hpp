// The tile that every matrix product is made of: some rows by one or two vectors of columns, whose
// sums stay in registers. What differs is how it walks along the left factor, and what becomes of
// the sums.
#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "simd.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// What products of two T are summed in.
template <class T>
struct SumType {
  using Type = T;
};
template <>
struct SumType<Pair> {
  using Type = float;
};
template <class T>
using Sum = typename SumType<T>::Type;

template <class T>
constexpr std::int64_t panel_columns = tile_vectors * width<T>;

// A rows x columns matrix stored as panels of `panel` columns, each panel row by row. The last
// panel may be one vector wide; its padding is 0. `stride` is the padded number of columns.
template <class T>
struct Panels {
  std::int64_t rows, columns, panel, stride, count;

  Panels(std::int64_t rows, std::int64_t columns, std::int64_t panel = panel_columns<T>)
      : rows(rows),
        columns(columns),
        panel(panel),
        stride(round_up(columns, width<T>)),
        count((columns + panel - 1) / panel) {}

  std::int64_t size() const { return rows * stride; }
  std::int64_t offset(std::int64_t p) const { return rows * first_column(p); }
  std::int64_t first_column(std::int64_t p) const { return p * panel; }
  std::int64_t panel_width(std::int64_t p) const {
    return std::min(panel, stride - first_column(p));
  }
  // Without padding.
  std::int64_t columns_of(std::int64_t p) const {
    return std::min(panel, columns - first_column(p));
  }
  // The panels [first, last), a matrix of their own, which begins at offset(first).
  Panels part(std::int64_t first, std::int64_t last) const {
    return {rows, std::min(columns, first_column(last)) - first_column(first), panel};
  }
};

// The left factor A of a product, entry (m, k): rows stored one after the other...
template <class T>
struct Rows {
  static constexpr bool any_rows = true;  // of a tile
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
  static constexpr bool any_rows = true;
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
// memory, made where many panels read them. Serves tiles that begin with a block.
template <class T>
struct Blocks {
  static constexpr bool any_rows = false;
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

  // Numbers of blocks for M rows.
  static constexpr std::int64_t size(std::int64_t M, std::int64_t depth) {
    return round_up(M, tile_rows) * depth;
  }

  // Copies the columns [first, last) of M rows of A to blocks that begin at `to`.
  static void copy(std::int64_t M, Columns<T> A, std::int64_t first, std::int64_t last, T* to,
                   std::int64_t depth) {
    for (std::int64_t m = 0; m < M; m += tile_rows) {
      const T* from = A.at + m + first * A.stride;
      T* block = to + m * depth + first * tile_rows;
      for (std::int64_t k = first; k < last; ++k, from += A.stride, block += tile_rows)
        if (m + tile_rows <= M)
          std::memcpy(block, from, tile_rows * sizeof(T));  // of a length known here: two moves
        else
          std::copy_n(from, M - m, block);
    }
  }
};

// What sums of a product begin with, and what becomes of them while they are in registers.
template <class T>
struct Store {
  CHAINRULE_INLINE Vector<T> begin(const T* start) const { return load(start); }
  CHAINRULE_INLINE void operator()(T* c, Vector<T> sum) const { store(c, sum); }
};
template <class T>
struct Add {
  CHAINRULE_INLINE Vector<T> begin(const T*) const { return Vector<T>{}; }
  CHAINRULE_INLINE void operator()(T* c, Vector<T> sum) const { store(c, load(c) + sum); }
};
template <class T>
struct Descend {  // a step of plain gradient descent: c -= eta g
  T eta;
  CHAINRULE_INLINE Vector<T> begin(const T*) const { return Vector<T>{}; }
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
alignas(64) inline constexpr T zeros[4 * panel_columns<T>] = {};

// finish(c[m][j], begin[m][j] + sum_k A[m][k] b[k][j]) for R rows and C vectors of columns, the
// sums held in registers. Rows of b are C vectors long, rows of c `c_stride` apart.
template <class T, int R, int C, class Left, class Finish>
void tile(std::int64_t K, Left A, const T* b, Start<Sum<T>> start, Sum<T>* c, std::int64_t c_stride,
          Finish finish) {
  Vector<Sum<T>> sums[R][C];
#pragma GCC unroll 32
  for (int m = 0; m < R; ++m)
#pragma GCC unroll 4
    for (int v = 0; v < C; ++v)
      sums[m][v] = finish.begin(start.at + m * start.stride + v * width<T>);
  typename Left::template Walk<R> a(A);
#pragma GCC unroll 4  // fewer instructions beside the multiply-adds
  for (std::int64_t k = 0; k < K; ++k, b += C * width<T>, a.next()) {
    Vector<T> columns[C];
#pragma GCC unroll 4
    for (int v = 0; v < C; ++v) columns[v] = load(b + v * width<T>);
#pragma GCC unroll 32
    for (int m = 0; m < R; ++m) {
      const Vector<T> entry = broadcast<T>(a[m]);
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
using Tile = void (*)(std::int64_t, Left, const T*, Start<Sum<T>>, Sum<T>*, std::int64_t, Finish);

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

// Multiply-adds of a chain: so many rows of a panel, 16 KiB at most, stay in the first-level cache.
constexpr std::int64_t chain = 128;

// Calls product(k, depth, from, finish) for each chain of a sum over k < K: the first begins with
// the start (null: 0), the others with 0, and they are added up in c.
template <class T, class Product>
CHAINRULE_INLINE void in_chains(std::int64_t K, const T* start, Product product) {
  product(0, std::min(chain, K), Start<T>{start ? start : zeros<T>, 0}, Store<T>{});
  for (std::int64_t k = chain; k < K; k += chain)
    product(k, std::min(chain, K - k), Start<T>{zeros<T>, 0}, Add<T>{});
}

}  // namespace chainrule::CHAINRULE_LEVEL
