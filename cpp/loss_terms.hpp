// The losses whose terms are each of one output: one struct a row of theory/losses.py.
#pragma once

#include "elementary.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// Each `term` is the loss of the outputs a (of z) for the targets y; d receives its derivative.
// V is a vector, or where `scalar` says so, a number. Its members are the options of the row.

template <class T>
struct SquaredError {
  static constexpr bool scalar = true;
  template <class V>
  V term(V, V a, V y, V& d) const {
    d = a - y;
    return T(0.5) * d * d;
  }
};

template <class T>
struct AbsoluteError {
  static constexpr bool scalar = true;
  template <class V>
  V term(V, V a, V y, V& d) const {
    const V e = a - y, zero{}, one = zero + 1;
    d = e > 0 ? one : (e < 0 ? -one : zero);
    return e < 0 ? -e : e;
  }
};

template <class T>
struct Huber {
  static constexpr bool scalar = true;
  T threshold;
  template <class V>
  V term(V, V a, V y, V& d) const {
    const V e = a - y, most = V{} + threshold, size = e < 0 ? -e : e;
    d = e > most ? most : (e < -most ? -most : e);
    return size <= most ? T(0.5) * e * e : threshold * (size - T(0.5) * threshold);
  }
};

// Of one level; Quantiles gives the outputs of each level theirs.
template <class T>
struct Pinball {
  static constexpr bool scalar = true;
  T level;
  template <class V>
  V term(V, V a, V y, V& d) const {
    const V e = y - a, zero{}, low = zero - level, high = low + 1;
    d = e > 0 ? low : (e < 0 ? high : zero);
    return e > 0 ? level * e : (level - 1) * e;
  }
};

// With m = exp|e| - 1, cosh e = 1 + m^2 / (2 + 2m), which does not cancel; ln cosh e = |e| - ln 2
// where exp(-2|e|) is nothing beside it.
template <class T>
struct LogCosh {
  using V = Vector<T>;
  static constexpr bool scalar = false;
  V term(V, V a, V y, V& d) const {
    const V e = a - y, size = magnitude<T>(e);
    const V m = expm1<T>(at_most<T>(size, Format<T>::saturates));
    d = tanh<T>(e);
    return select<T>(size < Format<T>::saturates, log1p<T>(m * m / (2 + 2 * m)),
                     size - T(0.69314718055994530942));
  }
};

// y x, and 0 where y is 0, whatever x is.
template <class T>
CHAINRULE_INLINE Vector<T> times(Vector<T> y, Vector<T> x) {
  return select<T>(y != 0, y * x, Vector<T>{});
}

// y ln a, with 0 ln 0 = 0.
template <class T>
CHAINRULE_INLINE Vector<T> y_log(Vector<T> y, Vector<T> a) {
  return times<T>(y, log<T>(a));
}

// The mean a = exp(z).
template <class T>
struct PoissonOfExponential {
  using V = Vector<T>;
  static constexpr bool scalar = false;
  V term(V z, V a, V y, V& d) const {
    d = a - y;
    return a - times<T>(y, z) + y_log<T>(y, y) - y;
  }
};

// exp(u) - 1 - u of u = ln y - z.
template <class T>
struct GammaOfExponential {
  using V = Vector<T>;
  static constexpr bool scalar = false;
  V term(V z, V, V y, V& d) const {
    const V u = log<T>(y) - z;
    const V rise = select<T>(u < 1, expm1<T>(at_most<T>(u, 1)), exp<T>(u) - 1);
    d = -rise;
    return rise - u;
  }
};

// The mean a = ln(1 + exp(z)). Below 0, where a rounds to 0, ln a = z + ln q and y/a sigmoid(z) =
// y / ((1 + e) q) with e = exp(z) and q = ln(1 + e) / e, which is 1 where e is small.
template <class T>
struct PoissonOfSoftplus {
  using V = Vector<T>;
  static constexpr bool scalar = false;
  V term(V z, V a, V y, V& d) const {
    const V slope = sigmoid<T>(z), e = exp<T>(at_most<T>(z, 0)), one = broadcast<T>(1);
    const V q = select<T>(e < std::numeric_limits<T>::epsilon(), one, log1p<T>(e) / e);
    d = slope - y * select<T>(z < 0, 1 / ((1 + e) * q), slope / a);
    const V log_a = select<T>(z < 0, z, V{}) + log<T>(select<T>(z < 0, q, a));
    return a - times<T>(y, log_a) + y_log<T>(y, y) - y;
  }
};

// -y ln a - (1 - y) ln(1 - a) of the sigmoid a of z.
template <class T>
struct BinaryCrossEntropy {
  using V = Vector<T>;
  static constexpr bool scalar = false;
  V term(V z, V a, V y, V& d) const {
    d = a - y;
    const V linear = times<T>(1 - y, at_least<T>(z, 0)) - times<T>(y, at_most<T>(z, 0));
    return linear + log1p<T>(exp<T>(-magnitude<T>(z)));
  }
};

// Of the sigmoid a of z, with softplus(z) = -ln(1 - a) and softplus(-z) = -ln a.
template <class T>
struct BinaryFocal {
  using V = Vector<T>;
  static constexpr bool scalar = false;
  T gamma;
  V term(V z, V a, V y, V& d) const {
    const V small = log1p<T>(exp<T>(-magnitude<T>(z))), b = sigmoid<T>(-z);
    const V plus = at_least<T>(z, 0) + small, minus = at_least<T>(-z, 0) + small;
    const V rise = exp<T>(-gamma * plus), fall = exp<T>(-gamma * minus);
    d = (1 - y) * fall * (gamma * b * plus + a) - y * rise * (gamma * a * minus + b);
    return times<T>(y, rise * minus) + times<T>(1 - y, fall * plus);
  }
};

}  // namespace chainrule::CHAINRULE_LEVEL
