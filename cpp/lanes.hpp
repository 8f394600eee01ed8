// Parts of a vector: f across its lanes, its first lanes, a row that ends within it, lanes that
// are rows, a square of vectors.
#pragma once

#include <algorithm>
#include <type_traits>
#include <utility>

#include "simd.hpp"

namespace chainrule::CHAINRULE_LEVEL {

template <class L, int lanes>
struct Lanes {
  typedef L Vector __attribute__((vector_size(lanes * sizeof(L))));
};

template <class L, int lanes>
struct Halves {
  typename Lanes<L, lanes / 2>::Vector low, high;
  CHAINRULE_INLINE explicit Halves(typename Lanes<L, lanes>::Vector v) {
    std::memcpy(&low, &v, sizeof low);
    std::memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof low, sizeof high);
  }
};

// f of all lanes of v, f(a, b) being defined for vectors and for lanes: of the lower and the upper
// half, and so on until one lane is left.
template <class L, int lanes, class F>
CHAINRULE_INLINE L across(typename Lanes<L, lanes>::Vector v, F f) {
  if constexpr (lanes == 2) {
    return f(v[0], v[1]);
  } else {
    const Halves<L, lanes> half(v);
    return across<L, lanes / 2>(f(half.low, half.high), f);
  }
}

template <class T>
CHAINRULE_INLINE T sum_of(Vector<T> v) {
  return across<T, width<T>>(v, [](auto a, auto b) { return a + b; });
}

template <class T>
CHAINRULE_INLINE T largest_of(Vector<T> v) {
  return across<T, width<T>>(v, [](auto a, auto b) { return a > b ? a : b; });
}

template <class T>
CHAINRULE_INLINE bool any(Mask<T> mask) {
  return across<typename Lane<T>::Integer, width<T>>(mask, [](auto a, auto b) { return a | b; });
}

// The first `count` lanes.
template <class T>
CHAINRULE_INLINE Mask<T> first_lanes(std::int64_t count) {
  Mask<T> lane;
  for (int i = 0; i < width<T>; ++i) lane[i] = i;
  return lane < static_cast<typename Lane<T>::Integer>(count);
}

// The largest of n numbers in a row padded to whole vectors; nan is passed over.
template <class T>
CHAINRULE_INLINE T largest_of_row(const T* row, std::int64_t n) {
  Vector<T> largest = broadcast<T>(row[0]);
  for (std::int64_t j = 0; j < n; j += width<T>) {
    const Vector<T> v = load(row + j);
    largest = select<T>((v > largest) & first_lanes<T>(n - j), v, largest);
  }
  return largest_of<T>(largest);
}

// The first `count` < width numbers at p, then zeros; nothing else is read.
template <class T>
CHAINRULE_INLINE Vector<T> load_first(const T* p, std::int64_t count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return (Vector<T>)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1 << count) - 1), p);
  else
    return (Vector<T>)_mm512_maskz_loadu_pd(static_cast<__mmask8>((1 << count) - 1), p);
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4)
    return (Vector<T>)_mm256_maskload_ps(p, (__m256i)first_lanes<T>(count));
  else
    return (Vector<T>)_mm256_maskload_pd(p, (__m256i)first_lanes<T>(count));
#else
  Vector<T> v{};
  for (int i = 0; i < width<T> - 1; ++i)
    if (i < count) v[i] = p[i];
  return v;
#endif
}

// The first `count` < lanes lanes of v to p; nothing else is written.
template <class T, int lanes = width<T>>
CHAINRULE_INLINE void store_first(T* p, typename Lanes<T, lanes>::Vector v, std::int64_t count) {
  if constexpr (lanes == 2) {
    if (count > 0) *p = v[0];
  } else {
    const Halves<T, lanes> half(v);
    if (count < lanes / 2) return store_first<T, lanes / 2>(p, half.low, count);
    std::memcpy(p, &half.low, sizeof half.low);
    store_first<T, lanes / 2>(p + lanes / 2, half.high, count - lanes / 2);
  }
}

// Two rows of a square, `far` apart, exchange the blocks of `far` lanes that are on the wrong side
// of its diagonal.
template <class T, int far, std::size_t... lane>
CHAINRULE_INLINE void exchange(Vector<T>& upper, Vector<T>& lower, std::index_sequence<lane...>) {
  constexpr int w = width<T>;
  const Vector<T> a = upper, b = lower;
  upper = __builtin_shufflevector(a, b, (lane & far ? w + lane - far : lane)...);
  lower = __builtin_shufflevector(a, b, (lane & far ? w + lane : lane + far)...);
}

// Transposes a square of width<T> rows: blocks of half the width first, single lanes last.
template <class T, int far = width<T> / 2>
CHAINRULE_INLINE void transpose_square(Vector<T> (&rows)[width<T>]) {
#pragma GCC unroll 16
  for (int i = 0; i < width<T>; ++i)
    if (!(i & far)) exchange<T, far>(rows[i], rows[i + far], std::make_index_sequence<width<T>>{});
  if constexpr (far > 1) transpose_square<T, far / 2>(rows);
}

// The sum of the lanes of each row of a square, row i's in lane i; the rows are used up.
template <class T, int far = width<T> / 2>
CHAINRULE_INLINE Vector<T> sums_of_rows(Vector<T> (&rows)[width<T>]) {
#pragma GCC unroll 8
  for (int i = 0; i < far; ++i) {
    exchange<T, far>(rows[i], rows[i + far], std::make_index_sequence<width<T>>{});
    rows[i] += rows[i + far];
  }
  if constexpr (far > 1)
    return sums_of_rows<T, far / 2>(rows);
  else
    return rows[0];
}

// The first `count` columns of a square, as rows that lie `stride` apart.
template <class T>
CHAINRULE_INLINE void store_columns(Vector<T> (&square)[width<T>], T* to, std::int64_t stride,
                                    std::int64_t count) {
  transpose_square<T>(square);
#pragma GCC unroll 16
  for (int i = 0; i < width<T>; ++i)
    if (i < count) store(to + i * stride, square[i]);
}

// Up to a vector of rows that are shorter than a vector: lane i is row i, so that rows share the
// operations. Lanes beyond the rows repeat the last row.
template <class P>
struct RowGroup {
  using T = std::remove_const_t<P>;
  P* row[width<T>];
  std::int64_t rows;

  // row_of(i) for i < n is the pointer to a row.
  template <class F>
  CHAINRULE_INLINE RowGroup(std::int64_t n, F row_of) : rows(n) {
    for (int i = 0; i < width<T>; ++i) row[i] = row_of(i < n ? i : n - 1);
  }
  CHAINRULE_INLINE Vector<T> column(std::int64_t j) const {
    Vector<T> v;
    for (int i = 0; i < width<T>; ++i) v[i] = row[i][j];
    return v;
  }
  CHAINRULE_INLINE void set_column(std::int64_t j, Vector<T> v) const {
#pragma GCC unroll 16
    for (int i = 0; i < width<T>; ++i)
      if (i < rows) row[i][j] = v[i];
  }
};

// A group of rows of one number each, which lie side by side.
template <class P>
struct NumberRows {
  using T = std::remove_const_t<P>;
  P* at;
  std::int64_t rows;

  CHAINRULE_INLINE Vector<T> column(std::int64_t) const {
    return rows == width<T> ? load(at) : load_first(at, rows);
  }
  CHAINRULE_INLINE void set_column(std::int64_t, Vector<T> v) const {
    rows == width<T> ? store(at, v) : store_first<T>(at, v, rows);
  }
};

// A group of one row, for less work.
template <class P>
struct SingleRow {
  using T = std::remove_const_t<P>;
  P* row;

  CHAINRULE_INLINE Vector<T> column(std::int64_t j) const { return broadcast<T>(row[j]); }
  CHAINRULE_INLINE void set_column(std::int64_t j, Vector<T> v) const { row[j] = v[0]; }
};

}  // namespace chainrule::CHAINRULE_LEVEL
