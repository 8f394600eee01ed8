// Vectors of the level this file is compiled for: GCC/Clang vector extensions, so one
// source serves SSE2, AVX2, AVX-512 and NEON. The multiply-add is written out by
// intrinsics, because -ffp-contract=off leaves no rounding to the compiler's mood.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "bfloat16.hpp"

#define CHAINRULE_INLINE inline __attribute__((always_inline))

namespace chainrule::CHAINRULE_LEVEL {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
constexpr int tile_rows = 8;  // 8 x 2 sums hide the latency; 12 x 2 begin and end too slowly
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
constexpr int tile_rows = 6;  // 6 x 2 accumulators of 16 registers
#elif defined(__aarch64__)
constexpr int vector_bytes = 16;
constexpr int tile_rows = 12;
#else
constexpr int vector_bytes = 16;
constexpr int tile_rows = 4;  // no fused multiply-add: the product needs a register too
#endif
constexpr int tile_vectors = 2;

template <class T>
struct Lane;
template <>
struct Lane<float> {
  using Integer = std::int32_t;
  typedef float Vector __attribute__((vector_size(vector_bytes)));
  typedef std::int32_t Mask __attribute__((vector_size(vector_bytes)));
  typedef float Unaligned __attribute__((vector_size(vector_bytes), aligned(4), may_alias));
};
template <>
struct Lane<double> {
  using Integer = std::int64_t;
  typedef double Vector __attribute__((vector_size(vector_bytes)));
  typedef std::int64_t Mask __attribute__((vector_size(vector_bytes)));
  typedef double Unaligned __attribute__((vector_size(vector_bytes), aligned(8), may_alias));
};

template <>
struct Lane<Pair> {
  using Integer = std::int32_t;
  typedef Pair Vector __attribute__((vector_size(vector_bytes)));
  typedef Pair Unaligned __attribute__((vector_size(vector_bytes), aligned(4), may_alias));
};

template <class T>
using Vector = typename Lane<T>::Vector;
template <class T>
using Mask = typename Lane<T>::Mask;

template <class T>
constexpr int width = vector_bytes / static_cast<int>(sizeof(T));

template <class T>
CHAINRULE_INLINE Vector<T> load(const T* p) {
  return *reinterpret_cast<const typename Lane<T>::Unaligned*>(p);
}

template <class T>
CHAINRULE_INLINE void store(T* p, Vector<T> v) {
  *reinterpret_cast<typename Lane<T>::Unaligned*>(p) = v;
}

// Copies n numbers: whole vectors, the last of which overlaps the one before.
template <class T>
CHAINRULE_INLINE void copy(const T* from, std::int64_t n, T* to) {
  if (n < width<T>) {
    for (std::int64_t i = 0; i < n; ++i) to[i] = from[i];
    return;
  }
  for (std::int64_t i = 0; i + width<T> < n; i += width<T>) store(to + i, load(from + i));
  store(to + n - width<T>, load(from + n - width<T>));
}

template <class T>
CHAINRULE_INLINE Vector<T> broadcast(T x) {
  return x - Vector<T>{};  // x - 0 is x for every x, so the compiler drops it
}

// a b + c, rounded once where the level has a fused multiply-add, else twice.
#if defined(__AVX512F__)
CHAINRULE_INLINE Vector<float> fma(Vector<float> a, Vector<float> b, Vector<float> c) {
  return (Vector<float>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
CHAINRULE_INLINE Vector<double> fma(Vector<double> a, Vector<double> b, Vector<double> c) {
  return (Vector<double>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}
#elif defined(__AVX2__)
CHAINRULE_INLINE Vector<float> fma(Vector<float> a, Vector<float> b, Vector<float> c) {
  return (Vector<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
CHAINRULE_INLINE Vector<double> fma(Vector<double> a, Vector<double> b, Vector<double> c) {
  return (Vector<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
#elif defined(__aarch64__)
CHAINRULE_INLINE Vector<float> fma(Vector<float> a, Vector<float> b, Vector<float> c) {
  return (Vector<float>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
CHAINRULE_INLINE Vector<double> fma(Vector<double> a, Vector<double> b, Vector<double> c) {
  return (Vector<double>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
#else
CHAINRULE_INLINE Vector<float> fma(Vector<float> a, Vector<float> b, Vector<float> c) {
  return a * b + c;
}
CHAINRULE_INLINE Vector<double> fma(Vector<double> a, Vector<double> b, Vector<double> c) {
  return a * b + c;
}
#endif
#if defined(__AVX512BF16__)
// In each lane the products of both numbers are added, one after the other.
CHAINRULE_INLINE Vector<float> fma(Vector<Pair> a, Vector<Pair> b, Vector<float> c) {
  return (Vector<float>)_mm512_dpbf16_ps((__m512)c, (__m512bh)a, (__m512bh)b);
}
#endif

// Rounded correctly, on every level.
CHAINRULE_INLINE Vector<float> square_root(Vector<float> v) {
#if defined(__AVX512F__)
  return (Vector<float>)_mm512_sqrt_ps((__m512)v);
#elif defined(__AVX2__)
  return (Vector<float>)_mm256_sqrt_ps((__m256)v);
#elif defined(__aarch64__)
  return (Vector<float>)vsqrtq_f32((float32x4_t)v);
#else
  return (Vector<float>)_mm_sqrt_ps((__m128)v);
#endif
}
CHAINRULE_INLINE Vector<double> square_root(Vector<double> v) {
#if defined(__AVX512F__)
  return (Vector<double>)_mm512_sqrt_pd((__m512d)v);
#elif defined(__AVX2__)
  return (Vector<double>)_mm256_sqrt_pd((__m256d)v);
#elif defined(__aarch64__)
  return (Vector<double>)vsqrtq_f64((float64x2_t)v);
#else
  return (Vector<double>)_mm_sqrt_pd((__m128d)v);
#endif
}

template <class T>
CHAINRULE_INLINE Vector<T> select(Mask<T> mask, Vector<T> yes, Vector<T> no) {
  return mask ? yes : no;
}

template <class T>
CHAINRULE_INLINE Vector<T> magnitude(Vector<T> v) {
  const Mask<T> all = ~Mask<T>{};
  const Mask<T> sign = all << (8 * static_cast<int>(sizeof(T)) - 1);
  return (Vector<T>)((Mask<T>)v & ~sign);
}

// |x| with the sign of v.
template <class T>
CHAINRULE_INLINE Vector<T> with_sign(Vector<T> x, Vector<T> v) {
  const Mask<T> all = ~Mask<T>{};
  const Mask<T> sign = all << (8 * static_cast<int>(sizeof(T)) - 1);
  return (Vector<T>)(((Mask<T>)x & ~sign) | ((Mask<T>)v & sign));
}

constexpr std::int64_t round_up(std::int64_t n, std::int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

}  // namespace chainrule::CHAINRULE_LEVEL
