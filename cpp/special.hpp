// Sine, cosine and the normal distribution of a vector. Polynomials as in elementary.hpp; the
// quotient of polynomials is minimax too, by least squares reweighted until the peaks of its
// relative error are level (5e-17 for double, 6e-9 for float), computed with 60 digits.
//
// Largest errors in units in the last place: sine and cosine 1.6, z Phi(z) 6.5 for every z whose
// value is a normal number, and its derivative 10 below z = -1.5.
#pragma once

#include <cmath>

#include "elementary.hpp"
#include "lanes.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// sin: (sin(r)/r - 1) / r^2, cos: (cos(r) - 1 + r^2/2) / r^4, both by powers of r^2,
// |r| <= pi/4. mills: Phi(-t) exp(t^2/2) = over / under by powers of t, for 0 <= t <= farthest.
template <class T>
struct SpecialCoefficients;
template <>
struct SpecialCoefficients<float> {
  // pi/2 in parts, of which n times one of the first three is exact for |n| <= 2^10 (float), 2^20
  // (double)
  static constexpr float half_pi[] = {0x1.922p+0f, -0x1.2afp-18f, 0x1.0b48p-34f, -0x1.ee59dap-50f};
  static constexpr float largest = 1600;
  static constexpr float sin[] = {-0.1666665487f, 0.008332173567f, -0.0001951665848f};
  static constexpr float cos[] = {0.04166664675f, -0.001388736148f, 2.443773401e-5f};
  static constexpr float farthest = 14.6f;  // exp(-t^2/2) is 0 from here on
  static constexpr float over[] = {0.5f, 0.4384932757f, 0.1833821781f, 0.04068282727f,
                                   0.004123680855f};
  static constexpr float under[] = {
      1, 1.674871538f, 1.203113655f, 0.4698588352f, 0.1019831045f, 0.01033641695f};
};
template <>
struct SpecialCoefficients<double> {
  static constexpr double half_pi[] = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2ep-69,
                                       0x1.b839a252049c1p-104};
  static constexpr double largest = 1.6e6;
  static constexpr double sin[] = {-0.166666666666666316,    0.00833333333332231449,
                                   -0.000198412698297248194, 2.7557313661953504e-6,
                                   -2.50507532513637513e-8,  1.58965043155449545e-10};
  static constexpr double cos[] = {0.0416666666666665988,  -0.00138888888888739915,
                                   2.48015872893954521e-5, -2.7557314326188199e-7,
                                   2.08757195806270755e-9, -1.13594498314696627e-11};
  static constexpr double farthest = 39;
  static constexpr double over[] = {0.4999999999999999741,     0.7750035348205821223,
                                    0.5942343438080159158,     0.2894671634993947592,
                                    0.097759815924983901,      0.02364092395373381972,
                                    0.004093247920785589987,   0.0004909870970280694106,
                                    0.00003730597668111351858, 1.388012574118652743e-6};
  static constexpr double under[] = {1,
                                     2.347891630444019386,
                                     2.561815169985907712,
                                     1.714982803802662457,
                                     0.7824191755367168551,
                                     0.2551207336377770048,
                                     0.06048277251897108183,
                                     0.01035376317821722267,
                                     0.001234201371649986319,
                                     0.00009351221595950301693,
                                     3.479231563839291496e-6};
};

// The sine of x = n pi/2 + r, or of a quarter turn more, which is the cosine: sin r or cos r by
// the last bit of n, with the sign of the bit before. Where |x| is so large that r would lose
// digits, f, the C library's.
template <class T, class F>
CHAINRULE_INLINE Vector<T> turned_sine(Vector<T> x, int turn, F f) {
  using C = SpecialCoefficients<T>;
  const Nearest<T> nearest(x, T(0.63661977236758134308));
  const auto minus = [&](int part, Vector<T> rest) {
    return fma(nearest.whole, broadcast<T>(-C::half_pi[part]), rest);
  };
  // near is exact; high is rounded, and low takes up what that lost
  const Vector<T> near = minus(0, x), high = minus(1, near);
  const Vector<T> low = minus(3, minus(2, minus(1, near - high))), r = high + low;
  const Vector<T> square = r * r;
  const Vector<T> sin = fma(r * square, polynomial<T>(C::sin, square), r);
  const Vector<T> cos = fma(square * square, polynomial<T>(C::cos, square), 1 - T(0.5) * square);
  const Mask<T> n = nearest.n + turn, sign = (n & 2) << (8 * static_cast<int>(sizeof(T)) - 2);
  Vector<T> value = (Vector<T>)((Mask<T>)select<T>((n & 1) != 0, cos, sin) ^ sign);
  const Mask<T> far = magnitude<T>(x) > C::largest;
  if (any<T>(far)) [[unlikely]]
    for (int i = 0; i < width<T>; ++i) value[i] = far[i] ? f(x[i]) : value[i];
  return value;
}

template <class T>
CHAINRULE_INLINE Vector<T> sine(Vector<T> x) {
  return turned_sine<T>(x, 0, [](T lane) { return std::sin(lane); });
}

template <class T>
CHAINRULE_INLINE Vector<T> cosine(Vector<T> x) {
  return turned_sine<T>(x, 1, [](T lane) { return std::cos(lane); });
}

// Of t = |z|: Mills' ratio Phi(-t) exp(t^2/2) and exp(-t^2/2), whose product is Phi(-t). The
// square of t without its lower digits is exact, so the rest of t^2 is not lost to the exponent.
template <class T>
struct NormalTail {
  Vector<T> t, mills, decay;
  CHAINRULE_INLINE explicit NormalTail(Vector<T> z) {
    using C = SpecialCoefficients<T>;
    t = at_most<T>(magnitude<T>(z), C::farthest);
    mills = polynomial<T>(C::over, t) / polynomial<T>(C::under, t);
    const Mask<T> all = ~Mask<T>{};
    const Vector<T> high = (Vector<T>)((Mask<T>)t & (all << Format<T>::half_mantissa));
    decay = ExpParts<T>(T(-0.5) * high * high, T(0.5) * (t - high) * (t + high)).value();
  }
};

}  // namespace chainrule::CHAINRULE_LEVEL
