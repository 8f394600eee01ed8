// The forward pass of a few rows, from theta as it lies: to pack the weights would take longer
// than to read them once. Each output is the same sum of chains of multiply-adds as in matmul.hpp,
// from the bias on in the order of k, so a row has the same bits here and there.
#pragma once

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

// z[0..C vectors) = bias + sum_k a[k] W[k], rows of W `stride` apart.
template <class T, int C, class Entries>
void row_tile(const Entries& a, const T* W, std::int64_t stride, const T* bias, T* z) {
  Vector<T> totals[C];
  for (std::int64_t first = 0; first < a.size(); first += chain) {
    Vector<T> sums[C];
#pragma GCC unroll 8
    for (int v = 0; v < C; ++v) sums[v] = first > 0 ? Vector<T>{} : load(bias + v * width<T>);
    a.each(first, [&](T value, std::int64_t k, std::int64_t later) {
      const Vector<T> entry = broadcast(value);
      const T* row = W + k * stride;
      for (int v = 0; v < C; v += line<T>) __builtin_prefetch(W + later * stride + v * width<T>);
#pragma GCC unroll 8
      for (int v = 0; v < C; ++v) sums[v] = fma(entry, load(row + v * width<T>), sums[v]);
    });
#pragma GCC unroll 8
    for (int v = 0; v < C; ++v) totals[v] = first > 0 ? totals[v] + sums[v] : sums[v];
  }
#pragma GCC unroll 8
  for (int v = 0; v < C; ++v) store(z + v * width<T>, totals[v]);
}

// The same for fewer columns than a vector has.
template <class T, class Entries>
void narrow_row(const Entries& a, const T* W, std::int64_t columns, const T* bias, T* z) {
  Vector<T> sums[width<T>], totals[width<T>];
  for (std::int64_t first = 0; first < a.size(); first += chain) {
    for (std::int64_t j = 0; j < columns; ++j) sums[j] = broadcast(first > 0 ? T(0) : bias[j]);
    a.each(first, [&](T value, std::int64_t k, std::int64_t) {
      for (std::int64_t j = 0; j < columns; ++j)
        sums[j] = fma(broadcast(value), broadcast(W[k * columns + j]), sums[j]);
    });
    for (std::int64_t j = 0; j < columns; ++j)
      totals[j] = first > 0 ? totals[j] + sums[j] : sums[j];
  }
  for (std::int64_t j = 0; j < columns; ++j) z[j] = totals[j][0];
}

// z = a W + b for one row: blocks of 8 vectors, which hide the multiply-add's latency, then fewer;
// the last vector overlaps the one before.
template <class T, class Entries>
void multiply_row(const Entries& a, std::int64_t N, const T* W, const T* bias, T* z) {
  constexpr std::int64_t w = width<T>;
  if (N < w) return narrow_row(a, W, N, bias, z);
  std::int64_t j = 0;
  for (; j + 8 * w <= N; j += 8 * w) row_tile<T, 8>(a, W + j, N, bias + j, z + j);
  if (j + 4 * w <= N) row_tile<T, 4>(a, W + j, N, bias + j, z + j), j += 4 * w;
  if (j + 2 * w <= N) row_tile<T, 2>(a, W + j, N, bias + j, z + j), j += 2 * w;
  if (j + w <= N) row_tile<T, 1>(a, W + j, N, bias + j, z + j), j += w;
  if (j < N) row_tile<T, 1>(a, W + N - w, N, bias + N - w, z + N - w);
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
