// exp, expm1, tanh and the sigmoid of a vector. Cody-Waite reduction x = n ln 2 + r,
// |r| <= ln(2)/2, then Taylor's polynomial of exp(r) - 1, long enough that its remainder
// is below half a unit in the last place. The bounds are tested in tests/engine.
#pragma once

#include "simd.hpp"

namespace chainrule::CHAINRULE_LEVEL {

template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  static constexpr float log2_e = 1.44269504f;
  static constexpr float ln2_high = 0.693145751953125f;  // ln 2 in two parts: n * high is exact
  static constexpr float ln2_low = 1.42860682e-6f;
  static constexpr float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  static constexpr int magic_bits = 0x4b400000, bias = 127, mantissa = 23, terms = 8;
  static constexpr float lowest = -104.0f, highest = 89.0f, saturates = 10.0f, minus_one = -18.0f;
};
template <>
struct ExpConstants<double> {
  static constexpr double log2_e = 1.4426950408889634;
  static constexpr double ln2_high = 0.693147180369123816490;
  static constexpr double ln2_low = 1.90821492927058770002e-10;
  static constexpr double magic = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr std::int64_t magic_bits = 0x4338000000000000, bias = 1023;
  static constexpr int mantissa = 52, terms = 14;
  static constexpr double lowest = -746.0, highest = 710.0, saturates = 20.0, minus_one = -38.0;
};

template <class T>
struct InverseFactorials {
  T of[ExpConstants<T>::terms + 1];
  constexpr InverseFactorials() : of{} {
    double factorial = 1;
    of[0] = 1;
    for (int k = 1; k <= ExpConstants<T>::terms; ++k) of[k] = static_cast<T>(1 / (factorial *= k));
  }
};
template <class T>
inline constexpr InverseFactorials<T> inverse_factorials{};

// x = n ln 2 + r: n as an integer in each lane, r, and q = (exp(r) - 1 - r) / r^2.
template <class T>
struct Reduced {
  Mask<T> n;
  Vector<T> r, q;
};

template <class T>
CHAINRULE_INLINE Reduced<T> reduce(Vector<T> x) {
  using C = ExpConstants<T>;
  const Vector<T> rounded = fma(x, broadcast<T>(C::log2_e), broadcast<T>(C::magic));
  const Mask<T> n = (Mask<T>)rounded - C::magic_bits;
  const Vector<T> whole = rounded - C::magic;
  const Vector<T> r =
      fma(whole, broadcast<T>(-C::ln2_low), fma(whole, broadcast<T>(-C::ln2_high), x));
  // q = 1/2! + r/3! + r^2/4! + ... by Horner
  Vector<T> q = broadcast<T>(inverse_factorials<T>.of[C::terms]);
#pragma GCC unroll 16
  for (int k = C::terms - 1; k >= 2; --k) q = fma(q, r, broadcast<T>(inverse_factorials<T>.of[k]));
  return {n, r, q};
}

// 2^n for n in the range of normal numbers.
template <class T>
CHAINRULE_INLINE Vector<T> power_of_two(Mask<T> n) {
  using C = ExpConstants<T>;
  return (Vector<T>)((n + C::bias) << C::mantissa);
}

// exp(x) for every x; subnormal results are rounded twice.
template <class T>
CHAINRULE_INLINE Vector<T> exp(Vector<T> x) {
  using C = ExpConstants<T>;
  x = select<T>(x < C::lowest, broadcast<T>(C::lowest), x);
  x = select<T>(x > C::highest, broadcast<T>(C::highest), x);
  const Reduced<T> part = reduce<T>(x);
  const Vector<T> sum = 1 + part.r;  // its rounding error is added back to the smaller term
  const Vector<T> power = sum + fma(part.r * part.r, part.q, part.r - (sum - 1));
  const Mask<T> half = part.n >> 1;  // 2^n in two factors, as n may leave the normal range
  return power * power_of_two<T>(half) * power_of_two<T>(part.n - half);
}

// exp(x) - 1 for x up to 88 (float) or 709 (double).
template <class T>
CHAINRULE_INLINE Vector<T> expm1(Vector<T> x) {
  using C = ExpConstants<T>;
  x = select<T>(x < C::minus_one, broadcast<T>(C::minus_one), x);
  const Reduced<T> part = reduce<T>(x);
  const Vector<T> scale = power_of_two<T>(part.n);
  return fma(scale, fma(part.r * part.r, part.q, part.r), scale - 1);
}

// numerator / (x + c), where inverse(y) is 1 / (x + c) told from the quotient y: the rounding
// error of x + c (Knuth's two-sum) is taken out of the quotient.
template <class T, class F>
CHAINRULE_INLINE Vector<T> share(Vector<T> numerator, Vector<T> x, T c, F inverse) {
  const Vector<T> sum = x + c, added = sum - x;
  const Vector<T> lost = (x - (sum - added)) + (c - added), y = numerator / sum;
  return fma(-y * lost, inverse(y), y);
}

// tanh(x) = e / (e + 2) with e = exp(2|x|) - 1; 1 / (e + 2) = (1 - tanh) / 2.
template <class T>
CHAINRULE_INLINE Vector<T> tanh(Vector<T> x) {
  using C = ExpConstants<T>;
  const Vector<T> size = magnitude<T>(x);
  const Vector<T> e =
      expm1<T>(2 * select<T>(size > C::saturates, broadcast<T>(C::saturates), size));
  return with_sign<T>(share<T>(e, e, 2, [](Vector<T> y) { return T(0.5) - T(0.5) * y; }), x);
}

// 1 / (1 + exp(-x)), from e = exp(-|x|), which is at most 1: 1 / (1 + e), or e / (1 + e) for x < 0.
template <class T>
CHAINRULE_INLINE Vector<T> sigmoid(Vector<T> x) {
  const Vector<T> e = exp<T>(-magnitude<T>(x)), one = broadcast<T>(1);
  const Vector<T> numerator = select<T>(x < 0, e, one);
  return share<T>(numerator, e, 1, [&](Vector<T> y) { return select<T>(x < 0, 1 - y, y); });
}

}  // namespace chainrule::CHAINRULE_LEVEL
