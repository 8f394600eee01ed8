// The losses: one struct a row of theory/losses.py. Each row of a batch gives its sample loss,
// and dl/da, or dl/dz where the loss is fused with its output activation. Outputs are summed lane
// by lane, and then the lanes, in an order that depends on nothing but their number.
#pragma once

#include "elementary.hpp"
#include "lanes.hpp"
#include "spec.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// Each `term` is the loss of the outputs a (of z) for the targets y; d receives its derivative.
// V is a vector, or where `scalar` says so, a number.

template <class T>
struct SquaredError {
  static constexpr bool scalar = true;
  template <class V>
  static V term(V, V a, V y, V& d) {
    d = a - y;
    return T(0.5) * d * d;
  }
};

template <class T>
struct AbsoluteError {
  static constexpr bool scalar = true;
  template <class V>
  static V term(V, V a, V y, V& d) {
    const V e = a - y, zero{}, one = zero + 1;
    d = e > 0 ? one : (e < 0 ? -one : zero);
    return e < 0 ? -e : e;
  }
};

template <class T>
struct Huber {
  static constexpr bool scalar = true;
  template <class V>
  static V term(V, V a, V y, V& d) {
    const V e = a - y, one = V{} + 1, size = e < 0 ? -e : e;
    d = e > 1 ? one : (e < -1 ? -one : e);
    return size <= 1 ? T(0.5) * e * e : size - T(0.5);
  }
};

// With m = exp|e| - 1, cosh e = 1 + m^2 / (2 + 2m), which does not cancel; ln cosh e = |e| - ln 2
// where exp(-2|e|) is nothing beside it.
template <class T>
struct LogCosh {
  using V = Vector<T>;
  static constexpr bool scalar = false;
  static V term(V, V a, V y, V& d) {
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
  static V term(V z, V a, V y, V& d) {
    d = a - y;
    return a - times<T>(y, z) + y_log<T>(y, y) - y;
  }
};

// The mean a = ln(1 + exp(z)). Below 0, where a rounds to 0, ln a = z + ln q and y/a sigmoid(z) =
// y / ((1 + e) q) with e = exp(z) and q = ln(1 + e) / e, which is 1 where e is small.
template <class T>
struct PoissonOfSoftplus {
  using V = Vector<T>;
  static constexpr bool scalar = false;
  static V term(V z, V a, V y, V& d) {
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
  static V term(V z, V a, V y, V& d) {
    d = a - y;
    const V linear = times<T>(1 - y, at_least<T>(z, 0)) - times<T>(y, at_most<T>(z, 0));
    return linear + log1p<T>(exp<T>(-magnitude<T>(z)));
  }
};

// The rows of a batch whose losses are asked for: z, a and delta are padded to whole vectors,
// `stride` apart; y_of(i) (outputs) is not padded. delta receives dl/dz where fused, else dl/da,
// and is not written beyond the outputs; it may be a.
template <class T, class Y>
struct LossRows {
  const T *z, *a;
  Y y_of;
  T *delta, *losses;
  std::int64_t stride, rows, outputs;
};

// The terms of a row, or of each row of a group, summed.
template <class Term, class T>
struct SumOf {
  static constexpr bool grouped = !Term::scalar;

  static T row(const T* z, const T* a, const T* y, T* delta, std::int64_t outputs) {
    Vector<T> sums{}, d;
    std::int64_t j = 0;
    for (; j + width<T> <= outputs; j += width<T>) {
      sums += Term::term(load(z + j), load(a + j), load(y + j), d);
      store(delta + j, d);
    }
    T total = j > 0 ? sum_of<T>(sums) : T(0);
    if constexpr (Term::scalar) {
      for (; j < outputs; ++j) total += Term::term(z[j], a[j], y[j], delta[j]);
    } else if (const std::int64_t rest = outputs - j; rest > 0) {
      const Vector<T> terms = Term::term(load(z + j), load(a + j), load_first(y + j, rest), d);
      store_first<T>(delta + j, d, rest);
      total += sum_of<T>(select<T>(first_lanes<T>(rest), terms, Vector<T>{}));
    }
    return total;
  }

  template <class In, class Out>
  static Vector<T> group(const In& z, const In& a, const In& y, const Out& delta,
                         std::int64_t outputs) {
    Vector<T> total{}, d;
    for (std::int64_t j = 0; j < outputs; ++j) {
      total += Term::term(z.column(j), a.column(j), y.column(j), d);
      delta.set_column(j, d);
    }
    return total;
  }
};

// sum_j y_j (ln sum_k exp(z_k) - z_j), for rows y that sum to 1, from the softmax a of z: the
// logarithm is z_max - ln a_max = z_max + log1p(others / a_max). Where a_max is close to 1, the
// others are summed, as 1 - a_max has lost their digits.
template <class T>
struct CrossEntropy {
  using V = Vector<T>;
  static constexpr bool grouped = true;
  V z_max, a_max, others{}, sums{};

  CHAINRULE_INLINE void add(V z, V a, V y) {
    others += select<T>(a < a_max, a, V{});
    sums += select<T>(y != 0, y * (z_max - z), V{});
  }
  CHAINRULE_INLINE V log_sum() const {
    return log1p<T>(select<T>(a_max > T(0.75), others, 1 - a_max) / a_max);
  }

  static T row(const T* z, const T* a, const T* y, T* delta, std::int64_t outputs) {
    CrossEntropy row{broadcast<T>(largest_of_row(z, outputs)),
                     broadcast<T>(largest_of_row(a, outputs))};
    std::int64_t j = 0;
    for (; j + width<T> <= outputs; j += width<T>) {
      row.add(load(z + j), load(a + j), load(y + j));
      store(delta + j, load(a + j) - load(y + j));
    }
    if (const std::int64_t rest = outputs - j; rest > 0) {
      const V last = load_first(y + j, rest);
      row.add(load(z + j), load(a + j), last);
      store_first<T>(delta + j, load(a + j) - last, rest);
    }
    row.others = broadcast<T>(sum_of<T>(row.others));
    return row.log_sum()[0] + sum_of<T>(row.sums);
  }

  template <class In, class Out>
  static V group(const In& z, const In& a, const In& y, const Out& delta, std::int64_t outputs) {
    CrossEntropy rows{z.column(0), a.column(0)};
    for (std::int64_t j = 1; j < outputs; ++j) {
      const V z_j = z.column(j), a_j = a.column(j);
      rows.z_max = select<T>(z_j > rows.z_max, z_j, rows.z_max);
      rows.a_max = select<T>(a_j > rows.a_max, a_j, rows.a_max);
    }
    for (std::int64_t j = 0; j < outputs; ++j) {
      const V a_j = a.column(j), y_j = y.column(j);
      rows.add(z.column(j), a_j, y_j);
      delta.set_column(j, a_j - y_j);
    }
    return rows.log_sum() + rows.sums;
  }
};

// The losses of all rows; of groups of rows, where they have fewer outputs than a vector lanes.
template <class Sum, class T, class Y>
void each_loss(const LossRows<T, Y>& of) {
  const auto at = [&](auto* p) { return [=, &of](std::int64_t i) { return p + i * of.stride; }; };
  if (!Sum::grouped || of.outputs >= width<T>) {
    for (std::int64_t i = 0; i < of.rows; ++i)
      of.losses[i] = Sum::row(at(of.z)(i), at(of.a)(i), of.y_of(i), at(of.delta)(i), of.outputs);
    return;
  }
  for (std::int64_t i = 0; i < of.rows; i += width<T>) {
    const std::int64_t n = std::min<std::int64_t>(of.rows - i, width<T>), first = i * of.stride;
    const auto y_of = [&](std::int64_t k) { return of.y_of(i + k); };
    using In = RowGroup<const T>;
    using One = SingleRow<const T>;
    const Vector<T> losses =
        n == 1 ? Sum::group(One{of.z + first}, One{of.a + first}, One{y_of(0)},
                            SingleRow<T>{of.delta + first}, of.outputs)
               : Sum::group(In(n, at(of.z + first)), In(n, at(of.a + first)), In(n, y_of),
                            RowGroup<T>(n, at(of.delta + first)), of.outputs);
    for (std::int64_t k = 0; k < n; ++k) of.losses[i + k] = losses[k];
  }
}

template <class T, class Y>
void sample_losses(const Spec& spec, const LossRows<T, Y>& of) {
  const auto sums = [&](auto term) { each_loss<SumOf<decltype(term), T>>(of); };
  switch (spec.loss) {
    case Loss::absolute_error: return sums(AbsoluteError<T>{});
    case Loss::huber: return sums(Huber<T>{});
    case Loss::log_cosh: return sums(LogCosh<T>{});
    case Loss::poisson:
      return spec.activations.back() == Activation::softplus ? sums(PoissonOfSoftplus<T>{})
                                                             : sums(PoissonOfExponential<T>{});
    case Loss::binary_cross_entropy: return sums(BinaryCrossEntropy<T>{});
    case Loss::cross_entropy: return each_loss<CrossEntropy<T>>(of);
    case Loss::squared_error: break;
  }
  sums(SquaredError<T>{});
}

}  // namespace chainrule::CHAINRULE_LEVEL
