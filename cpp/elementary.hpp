// exp, expm1, tanh, the sigmoid, log and log1p of a vector. Every polynomial is minimax in the
// relative error of the function it serves: Remez's exchange with 50 digits, then rounded to T.
// That error is at most a tenth of a unit in
// the last place. Polynomials are summed by
// Estrin's scheme: a step of a tiny network waits for one chain of these operations.
//
// Largest errors in units in the last place, at any level of the instruction set: exp 1.1 (1.5
// where the result is subnormal), tanh 1.4, sigmoid 1.95, expm1 2.3, log 1, log1p 1.6.
#pragma once

#include <bit>
#include <limits>

#include "simd.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// How numbers of a type are stored, and where its functions reach their limits.
template <class T>
struct Format;
template <>
struct Format<float> {
  static constexpr float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  static constexpr int magic_bits = 0x4b400000, bias = 127, mantissa = 23, half_mantissa = 12;
  static constexpr float log2_e = 1.44269504f;
  static constexpr float ln2_high = 0.693145751953125f;  // ln 2 in two parts: n * high is exact
  static constexpr float ln2_low = 1.42860682e-6f;
  static constexpr float lowest = -104, highest = 89;  // exp is 0 below, infinite above
  static constexpr float saturates = 10;               // 1 - tanh, and exp(-2x) beside x
  static constexpr float minus_one = -18;              // expm1 is -1 below
  static constexpr int shift = 32;
  static constexpr float one_sigmoid = -20;  // 1 + exp(x) is 1 below
};
template <>
struct Format<double> {
  static constexpr double magic = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr std::int64_t magic_bits = 0x4338000000000000, bias = 1023;
  static constexpr int mantissa = 52, half_mantissa = 27;
  static constexpr double log2_e = 1.4426950408889634;
  static constexpr double ln2_high = 0.693147180369123816490;
  static constexpr double ln2_low = 1.90821492927058770002e-10;
  static constexpr double lowest = -746, highest = 710;
  static constexpr double saturates = 20;
  static constexpr double minus_one = -38;
  static constexpr int shift = 60;
  static constexpr double one_sigmoid = -40;
};

// exp: (exp(r) - 1 - r) / r^2 by powers of r, |r| <= ln(2)/2. tanh: (tanh(x)/x - 1) / x^2 by
// powers of x^2, |x| <= atanh(1/2). log: (2 atanh(s)/s - 2) / s^2 by powers of s^2, for
// s = f / (2 + f), sqrt(1/2) <= 1 + f <= sqrt(2).
template <class T>
struct Coefficients;
template <>
struct Coefficients<float> {
  static constexpr float exp[] = {0.4999999815f, 0.1666654333f, 0.04166720077f, 0.008366559806f,
                                  0.001388253637f};
  static constexpr float tanh[] = {-0.3333331818f, 0.133326066f, -0.05385442141f, 0.02108026176f,
                                   -0.006286257756f};
  static constexpr float log[] = {0.6666677643f, 0.3997753399f, 0.2987195751f};
};
template <>
struct Coefficients<double> {
  static constexpr double exp[] = {0.500000000000000521,   0.166666666666665888,
                                   0.0416666666665763295,  0.00833333333338984297,
                                   0.00138888889317167827, 0.000198412697185080777,
                                   2.48015050788189048e-5, 2.75574078168080563e-6,
                                   2.7626119647930704e-7,  2.5053754725999646e-8};
  static constexpr double tanh[] = {-0.333333333333323679,    0.133333333331761439,
                                    -0.0539682538795689587,   0.0218694860550408059,
                                    -0.00886319554703856955,  0.00359172787939788603,
                                    -0.00145325627180859906,  0.000579251928527053621,
                                    -0.000210486932827966723, 5.11471731597823134e-5};
  static constexpr double log[] = {0.666666666666673451, 0.399999999994139452, 0.285714287425639654,
                                   0.222221985537532557, 0.181835654026204673, 0.153140213737426707,
                                   0.147962574266846528};
};

template <class T, int first, int count, int size>
CHAINRULE_INLINE Vector<T> estrin(const T (&c)[size], const Vector<T> (&powers)[4]) {
  if constexpr (count == 1) {
    return broadcast<T>(c[first]);
  } else {
    constexpr int log2 = std::bit_width(static_cast<unsigned>(count - 1)) - 1, low = 1 << log2;
    return fma(estrin<T, first + low, count - low>(c, powers), powers[log2],
               estrin<T, first, low>(c, powers));
  }
}

// c[0] + c[1] x + c[2] x^2 + ...: the upper half times a power of x, plus the lower half, and so
// on in each half.
template <class T, int size>
CHAINRULE_INLINE Vector<T> polynomial(const T (&c)[size], Vector<T> x) {
  static_assert(size <= 16);
  const Vector<T> x2 = x * x, x4 = x2 * x2;
  return estrin<T, 0, size>(c, {x, x2, x4, x4 * x4});
}

// The smaller and the larger of each lane and a bound; nan stays nan.
template <class T>
CHAINRULE_INLINE Vector<T> at_most(Vector<T> x, T bound) {
  return select<T>(x > bound, broadcast<T>(bound), x);
}
template <class T>
CHAINRULE_INLINE Vector<T> at_least(Vector<T> x, T bound) {
  return select<T>(x < bound, broadcast<T>(bound), x);
}

// The integer nearest to a b, as an integer and as a number.
template <class T>
struct Nearest {
  Mask<T> n;
  Vector<T> whole;
  CHAINRULE_INLINE Nearest(Vector<T> a, T b) {
    const Vector<T> rounded = fma(a, broadcast<T>(b), broadcast<T>(Format<T>::magic));
    n = (Mask<T>)rounded - Format<T>::magic_bits;
    whole = rounded - Format<T>::magic;
  }
};

// 2^n for n in the range of normal numbers.
template <class T>
CHAINRULE_INLINE Vector<T> power_of_two(Mask<T> n) {
  return (Vector<T>)((n + Format<T>::bias) << Format<T>::mantissa);
}

// exp(x - tail) = 2^n (1 + p), |p| <= 0.42, p = r + r^2 q; tail is small, and x - tail need not
// be a number of the type. Cody and Waite: x = n ln 2 + r.
template <class T>
struct ExpParts {
  Nearest<T> n;
  Vector<T> r, q;
  CHAINRULE_INLINE explicit ExpParts(Vector<T> x, Vector<T> tail = Vector<T>{})
      : n(x, Format<T>::log2_e) {
    r = fma(n.whole, broadcast<T>(-Format<T>::ln2_low),
            fma(n.whole, broadcast<T>(-Format<T>::ln2_high), x)) -
        tail;
    q = polynomial<T>(Coefficients<T>::exp, r);
  }
  // p + c for a small c.
  CHAINRULE_INLINE Vector<T> p_plus(Vector<T> c) const { return fma(r * r, q, r + c); }
  CHAINRULE_INLINE Vector<T> p() const { return fma(r * r, q, r); }
  // 2^n (1 + p), with 2^n in two factors, as n may leave the range of normal numbers; a
  // subnormal result is rounded twice.
  CHAINRULE_INLINE Vector<T> value() const {
    const Mask<T> half = Nearest<T>(n.whole, T(0.5)).n;
    return (1 + p()) * power_of_two<T>(half) * power_of_two<T>(n.n - half);
  }
  // 2^n (1 + p) + c, exact but for the last addition where 2^n + c is.
  CHAINRULE_INLINE Vector<T> plus(T c) const {
    const Vector<T> scale = power_of_two<T>(n.n);
    return fma(scale, p(), scale + c);
  }
};

template <class T>
CHAINRULE_INLINE Vector<T> exp(Vector<T> x) {
  return ExpParts<T>(at_most<T>(at_least<T>(x, Format<T>::lowest), Format<T>::highest)).value();
}

// exp(x) - 1 for x up to 88 (float) or 709 (double).
template <class T>
CHAINRULE_INLINE Vector<T> expm1(Vector<T> x) {
  return ExpParts<T>(at_least<T>(x, Format<T>::minus_one)).plus(-1);
}

// x + x^3 P(x^2) up to |tanh(x)| = 1/2, then ±(1 - 2 / (exp(2|x|) + 1)), where the subtraction
// halves the error of the quotient.
template <class T>
CHAINRULE_INLINE Vector<T> tanh(Vector<T> x) {
  const Vector<T> size = magnitude<T>(x), square = x * x, one = broadcast<T>(1);
  const Vector<T> near = fma(x * square, polynomial<T>(Coefficients<T>::tanh, square), x);
  const ExpParts<T> e(at_most<T>(size + size, 2 * Format<T>::saturates));
  const Vector<T> far = with_sign<T>(one, x) - with_sign<T>(2 * one, x) / e.plus(1);
  return select<T>(size < T(0.549306144), near, far);
}

// 1 / (1 + exp(-x)) = 2^-n / (2^-n + 1 + p), both multiplied by 2^shift, as 2^-n may be
// subnormal. What 2^-n + 1 rounds away is added to p.
template <class T>
CHAINRULE_INLINE Vector<T> sigmoid(Vector<T> x) {
  using F = Format<T>;
  constexpr T unit = T(std::uint64_t(1) << F::shift);
  const ExpParts<T> e(at_least<T>(at_most<T>(-x, -F::lowest), F::one_sigmoid));
  const Vector<T> power = power_of_two<T>(F::shift - e.n.n), sum = power + unit;
  const Vector<T> lost = power - (sum - unit);
  return power / fma(broadcast<T>(unit), e.p_plus(lost * (1 / unit)), sum);
}

// x = 2^k m with sqrt(1/2) <= m < sqrt(2), for x positive and normal.
template <class T>
struct Split {
  Mask<T> k;
  Vector<T> m;
  CHAINRULE_INLINE explicit Split(Vector<T> x) {
    constexpr auto root = std::bit_cast<typename Lane<T>::Integer>(T(0.70710678118654752440));
    k = ((Mask<T>)x - root) >> Format<T>::mantissa;
    m = (Vector<T>)((Mask<T>)x - (k << Format<T>::mantissa));
  }
};

// k ln 2 + ln(1 + f), sqrt(1/2) <= 1 + f < sqrt(2). ln(1 + f) = 2 atanh(s), s = f / (2 + f),
// and 2s = f - f s, so that the first term is exact.
template <class T>
CHAINRULE_INLINE Vector<T> log_of_parts(Mask<T> k, Vector<T> f) {
  using F = Format<T>;
  const Vector<T> whole = (Vector<T>)(k + F::magic_bits) - F::magic;
  const Vector<T> s = f / (2 + f), square = s * s;
  const Vector<T> rest = square * polynomial<T>(Coefficients<T>::log, square);
  const Vector<T> small = fma(whole, broadcast<T>(-F::ln2_low), s * (f - rest));
  return fma(whole, broadcast<T>(F::ln2_high), f - small);
}

// ln x; -infinity at 0, nan below.
template <class T>
CHAINRULE_INLINE Vector<T> log(Vector<T> x) {
  using Limits = std::numeric_limits<T>;
  constexpr int up = Format<T>::mantissa + 1;  // makes the least subnormal a normal number
  const Mask<T> subnormal = x < Limits::min();
  const Split<T> part(select<T>(subnormal, x * T(std::uint64_t(1) << up), x));
  const Vector<T> value = log_of_parts<T>(part.k + (subnormal & -up), part.m - 1);
  const Vector<T> outside = select<T>(x == 0, broadcast<T>(-Limits::infinity()),
                                      select<T>(x < 0, broadcast<T>(Limits::quiet_NaN()), x));
  return select<T>((x > 0) & (x <= Limits::max()), value, outside);
}

// ln(1 + x) for 0 <= x < 2^100, and nan of nan. What 1 + x rounds away is added to f.
template <class T>
CHAINRULE_INLINE Vector<T> log1p(Vector<T> x) {
  const Vector<T> sum = 1 + x, lost = x - (sum - 1);
  const Split<T> part(sum);
  return log_of_parts<T>(part.k, fma(lost, power_of_two<T>(-part.k), part.m - 1));
}

}  // namespace chainrule::CHAINRULE_LEVEL
