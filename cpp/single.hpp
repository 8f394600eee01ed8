// The forward pass of a few rows, from theta as it lies: to pack the weights would take longer
// than to read them once. Each output is the same sum of chains of multiply-adds as in matmul.hpp,
// from the bias on in the order of k, so a row has the same bits here and there.
#pragma once

#include <array>
#include <utility>

#include "activations.hpp"
#include "layout.hpp"

namespace chainrule::CHAINRULE_LEVEL {

constexpr std::int64_t single_rows = 4;  // more are worth packing
constexpr std::int64_t soon = 8;         // rows of W ahead, to be fetched from memory

// Vectors of a line of the cache, 64 bytes; at least one.
template <class T>
constexpr int line = std::max<int>(1, 64 / static_cast<int>(sizeof(T) * width<T>));

// The entries of a row that a sum of products runs over: all of them...
template <class T>
struct AllEntries {
  const T* values;
  std::int64_t count;

  std::int64_t size() const { return count; }

  // Calls f(entry, its row of W, a row that will be read soon) for those of [first, first + chain),
  // in their order.
  template <class F>
  CHAINRULE_INLINE void each(std::int64_t first, F f) const {
    for (std::int64_t k = first; k < std::min(first + chain, count); ++k)
      f(values[k], k, std::min(k + soon, count - 1));
  }
};

// ... or some of them, each with its row of W.
template <class T>
struct SomeEntries {
  struct Entry {
    T value;
    std::int64_t row;
  };
  std::vector<Entry> entries;

  std::int64_t size() const { return static_cast<std::int64_t>(entries.size()); }
  void add(T value, std::int64_t row) { entries.push_back({value, row}); }

  template <class F>
  CHAINRULE_INLINE void each(std::int64_t first, F f) const {
    const Entry* all = entries.data();
    for (std::int64_t i = first; i < std::min(first + chain, size()); ++i)
      f(all[i].value, all[i].row, all[std::min(i + soon, size() - 1)].row);
  }
};

// z = bias + sum_k a[k] W[k] for N columns, rows of W `stride` apart, in C vectors: whole ones, or
// the last overlaps the one before.
template <class T, int C, bool whole, class Entries>
void row_tile(const Entries& a, const T* W, std::int64_t stride, std::int64_t N, const T* bias,
              T* z) {
  const std::int64_t last = whole ? (C - 1) * width<T> : N - width<T>;
  const auto at = [last](int v) { return v < C - 1 ? v * width<T> : last; };
  Vector<T> totals[C];
  for (std::int64_t first = 0; first < a.size(); first += chain) {
    Vector<T> sums[C];
#pragma GCC unroll 8
    for (int v = 0; v < C; ++v) sums[v] = first > 0 ? Vector<T>{} : load(bias + at(v));
    a.each(first, [&](T value, std::int64_t k, std::int64_t later) {
      const Vector<T> entry = broadcast(value);
      const T* row = W + k * stride;
      for (int v = 0; v < C; v += line<T>) __builtin_prefetch(W + later * stride + v * width<T>);
#pragma GCC unroll 8
      for (int v = 0; v < C; ++v) sums[v] = fma(entry, load(row + at(v)), sums[v]);
    });
#pragma GCC unroll 8
    for (int v = 0; v < C; ++v) totals[v] = first > 0 ? totals[v] + sums[v] : sums[v];
  }
#pragma GCC unroll 8
  for (int v = 0; v < C; ++v) store(z + at(v), totals[v]);
}

// The same for fewer columns than a vector has lanes.
template <class T, class Entries>
void narrow_row(const Entries& a, const T* W, std::int64_t columns, const T* bias, T* z) {
  Vector<T> total = load_first(bias, columns);
  for (std::int64_t first = 0; first < a.size(); first += chain) {
    Vector<T> sum = first > 0 ? Vector<T>{} : total;
    a.each(first, [&](T value, std::int64_t k, std::int64_t) {
      sum = fma(broadcast(value), load_first(W + k * columns, columns), sum);
    });
    total = first > 0 ? total + sum : sum;
  }
  store_first<T>(z, total, columns);
}

template <class T, class Entries, int... C>
constexpr auto last_row_tiles(std::integer_sequence<int, C...>) {
  return std::array{&row_tile<T, C + 1, false, Entries>...};
}

// z = a W + b for one row: blocks of 8 vectors, which hide the multiply-add's latency, and one of
// what is left.
template <class T, class Entries>
void multiply_row(const Entries& a, std::int64_t N, const T* W, const T* bias, T* z) {
  static constexpr auto last = last_row_tiles<T, Entries>(std::make_integer_sequence<int, 8>{});
  constexpr std::int64_t w = width<T>, block = 8 * w;
  if (N < w) return narrow_row(a, W, N, bias, z);
  std::int64_t j = 0;
  for (; j + block <= N; j += block) row_tile<T, 8, true>(a, W + j, N, block, bias + j, z + j);
  // a last block of less than a vector is a whole one that begins earlier
  if (j < N) {
    j = std::min(j, N - w);
    last[(N - j - 1) / w](a, W + j, N, N - j, bias + j, z + j);
  }
}

// The outputs of one row whose entries are given. `room` holds two layers' values, `half` apart.
template <class T, class Entries>
void forward_row(const Spec& spec, const T* theta, const Entries& input, T* room, std::int64_t half,
                 T* outputs) {
  const T *W = theta, *b = theta, *a = nullptr;
  for (std::int64_t l = 0; l < spec.layers(); ++l) b += spec.sizes[l] * spec.sizes[l + 1];
  for (std::int64_t l = 0; l < spec.layers(); ++l) {
    const std::int64_t K = spec.sizes[l], N = spec.sizes[l + 1];
    T* z = room + l % 2 * half;
    if (l == 0)
      multiply_row(input, N, W, b, z);
    else
      multiply_row(AllEntries<T>{a, K}, N, W, b, z);
    activate(spec.activations[l], z, z, 1, N, round_up(N, width<T>));
    a = z;
    W += K * N;
    b += N;
  }
  std::memcpy(outputs, a, static_cast<std::size_t>(spec.sizes.back()) * sizeof(T));
}

// Two layers' values of a row.
template <class T>
struct RowRoom {
  const std::int64_t half;
  const Buffer<T> values;

  explicit RowRoom(const Spec& spec)
      : half(round_up(*std::max_element(spec.sizes.begin() + 1, spec.sizes.end()), width<T>)),
        values(2 * half) {}
};

// outputs (n, outputs) of X (n, inputs), row by row.
template <class T>
void forward_single(const Spec& spec, const T* theta, const T* X, std::int64_t n, T* outputs) {
  const RowRoom<T> room(spec);
  const std::int64_t inputs = spec.sizes[0], units = spec.sizes.back();
  for (std::int64_t i = 0; i < n; ++i)
    forward_row(spec, theta, AllEntries<T>{X + i * inputs, inputs}, room.values.get(), room.half,
                outputs + i * units);
}

}  // namespace chainrule::CHAINRULE_LEVEL
