// The forward pass of a few rows, from theta as it lies: to pack the weights would take longer
// than to read them once. Each output is the same sum of chains of multiply-adds as in matmul.hpp,
// from the bias on in the order of k, so a row has the same bits here and there.
#pragma once

#include "activations.hpp"
#include "layout.hpp"

namespace chainrule::CHAINRULE_LEVEL {

constexpr std::int64_t single_rows = 4;  // more are worth packing

// z[0..C vectors) = bias + sum_k a[k] W[k], rows of W `stride` apart.
template <class T, int C>
void row_tile(std::int64_t K, const T* a, const T* W, std::int64_t stride, const T* bias, T* z) {
  Vector<T> totals[C];
  for (std::int64_t first = 0; first < K; first += chain) {
    Vector<T> sums[C];
#pragma GCC unroll 8
    for (int v = 0; v < C; ++v) sums[v] = first > 0 ? Vector<T>{} : load(bias + v * width<T>);
    for (std::int64_t k = first; k < std::min(first + chain, K); ++k, W += stride) {
      const Vector<T> entry = broadcast(a[k]);
#pragma GCC unroll 8
      for (int v = 0; v < C; ++v) sums[v] = fma(entry, load(W + v * width<T>), sums[v]);
    }
#pragma GCC unroll 8
    for (int v = 0; v < C; ++v) totals[v] = first > 0 ? totals[v] + sums[v] : sums[v];
  }
#pragma GCC unroll 8
  for (int v = 0; v < C; ++v) store(z + v * width<T>, totals[v]);
}

// The same for fewer columns than a vector has.
template <class T>
void narrow_row(std::int64_t K, const T* a, const T* W, std::int64_t columns, const T* bias, T* z) {
  Vector<T> sums[width<T>], totals[width<T>];
  for (std::int64_t first = 0; first < K; first += chain) {
    for (std::int64_t j = 0; j < columns; ++j) sums[j] = broadcast(first > 0 ? T(0) : bias[j]);
    for (std::int64_t k = first; k < std::min(first + chain, K); ++k, W += columns)
      for (std::int64_t j = 0; j < columns; ++j)
        sums[j] = fma(broadcast(a[k]), broadcast(W[j]), sums[j]);
    for (std::int64_t j = 0; j < columns; ++j)
      totals[j] = first > 0 ? totals[j] + sums[j] : sums[j];
  }
  for (std::int64_t j = 0; j < columns; ++j) z[j] = totals[j][0];
}

// z = a W + b for one row: blocks of 8 vectors, which hide the multiply-add's latency, then fewer;
// the last vector overlaps the one before.
template <class T>
void multiply_row(std::int64_t K, std::int64_t N, const T* a, const T* W, const T* bias, T* z) {
  constexpr std::int64_t w = width<T>;
  if (N < w) return narrow_row(K, a, W, N, bias, z);
  std::int64_t j = 0;
  for (; j + 8 * w <= N; j += 8 * w) row_tile<T, 8>(K, a, W + j, N, bias + j, z + j);
  if (j + 4 * w <= N) row_tile<T, 4>(K, a, W + j, N, bias + j, z + j), j += 4 * w;
  if (j + 2 * w <= N) row_tile<T, 2>(K, a, W + j, N, bias + j, z + j), j += 2 * w;
  if (j + w <= N) row_tile<T, 1>(K, a, W + j, N, bias + j, z + j), j += w;
  if (j < N) row_tile<T, 1>(K, a, W + N - w, N, bias + N - w, z + N - w);
}

// outputs (n, outputs) of X (n, inputs), row by row.
template <class T>
void forward_single(const Spec& spec, const T* theta, const T* X, std::int64_t n, T* outputs) {
  const std::int64_t widest = *std::max_element(spec.sizes.begin(), spec.sizes.end());
  const std::int64_t room = round_up(widest, width<T>), units = spec.sizes.back();
  const Buffer<T> buffers(2 * room);
  std::int64_t weights = 0;
  for (std::int64_t l = 0; l < spec.layers(); ++l) weights += spec.sizes[l] * spec.sizes[l + 1];
  for (std::int64_t i = 0; i < n; ++i) {
    const T *W = theta, *b = theta + weights, *a = X + i * spec.sizes[0];
    for (std::int64_t l = 0; l < spec.layers(); ++l) {
      const std::int64_t K = spec.sizes[l], N = spec.sizes[l + 1];
      T* z = buffers.get() + l % 2 * room;
      multiply_row(K, N, a, W, b, z);
      activate(spec.activations[l], z, z, 1, N, round_up(N, width<T>));
      a = z;
      W += K * N;
      b += N;
    }
    std::memcpy(outputs + i * units, a, static_cast<std::size_t>(units) * sizeof(T));
  }
}

}  // namespace chainrule::CHAINRULE_LEVEL
