// The losses. Each row of a batch gives its sample loss, and dl/da, or dl/dz where the loss is
// fused with its output activation. Outputs are summed lane by lane, and then the lanes, in an
// order that depends on nothing but their number.
#pragma once

#include "lanes.hpp"
#include "loss_terms.hpp"
#include "spec.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// The rows of a batch whose losses are asked for: those of z, a and delta lie `stride` apart,
// padded to whole vectors but where they are narrow; y_of(i) (outputs) is not padded. delta
// receives dl/dz where fused, else dl/da, and is not written beyond the outputs; it may be a.
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
  Term each;

  T row(const T* z, const T* a, const T* y, T* delta, std::int64_t outputs) const {
    Vector<T> sums{}, d;
    std::int64_t j = 0;
    for (; j + width<T> <= outputs; j += width<T>) {
      sums += each.term(load(z + j), load(a + j), load(y + j), d);
      store(delta + j, d);
    }
    T total = j > 0 ? sum_of<T>(sums) : T(0);
    if constexpr (Term::scalar) {
      for (; j < outputs; ++j) total += each.term(z[j], a[j], y[j], delta[j]);
    } else if (const std::int64_t rest = outputs - j; rest > 0) {
      const Vector<T> terms = each.term(load(z + j), load(a + j), load_first(y + j, rest), d);
      store_first<T>(delta + j, d, rest);
      total += sum_of<T>(select<T>(first_lanes<T>(rest), terms, Vector<T>{}));
    }
    return total;
  }

  template <class In, class Out>
  Vector<T> group(const In& z, const In& a, const In& y, const Out& delta,
                  std::int64_t outputs) const {
    Vector<T> total{}, d;
    for (std::int64_t j = 0; j < outputs; ++j) {
      total += each.term(z.column(j), a.column(j), y.column(j), d);
      delta.set_column(j, d);
    }
    return total;
  }
};

// A softmax a of z: its largest entry, and what the others add up to. 1 - a_max has lost their
// digits where a_max is close to 1.
template <class T>
struct Softmax {
  using V = Vector<T>;
  V z_max, a_max, others{};

  CHAINRULE_INLINE void add(V a) { others += select<T>(a < a_max, a, V{}); }
  CHAINRULE_INLINE V beside_max() const { return select<T>(a_max > T(0.75), others, 1 - a_max); }
  // ln sum_k exp(z_k) - z_max = -ln a_max
  CHAINRULE_INLINE V log_sum() const { return log1p<T>(beside_max() / a_max); }

  // Of one row, the same in each lane.
  static Softmax of_row(const T* z, const T* a, std::int64_t outputs) {
    Softmax row{broadcast<T>(largest_of_row(z, outputs)), broadcast<T>(largest_of_row(a, outputs))};
    std::int64_t j = 0;
    for (; j + width<T> <= outputs; j += width<T>) row.add(load(a + j));
    if (j < outputs) row.add(select<T>(first_lanes<T>(outputs - j), load(a + j), row.a_max));
    row.others = broadcast<T>(sum_of<T>(row.others));
    return row;
  }

  // Of a group of rows, one a lane.
  template <class In>
  static Softmax of_group(const In& z, const In& a, std::int64_t outputs) {
    Softmax rows{z.column(0), a.column(0)};
    for (std::int64_t j = 1; j < outputs; ++j) {
      const V z_j = z.column(j), a_j = a.column(j);
      rows.z_max = select<T>(z_j > rows.z_max, z_j, rows.z_max);
      rows.a_max = select<T>(a_j > rows.a_max, a_j, rows.a_max);
    }
    for (std::int64_t j = 0; j < outputs; ++j) rows.add(a.column(j));
    return rows;
  }
};

// sum_j y_j (ln sum_k exp(z_k) - z_j), for rows y that sum to 1.
template <class T>
struct CrossEntropy {
  using V = Vector<T>;
  static constexpr bool grouped = true;

  static V term(const Softmax<T>& of, V z, V y) {
    return select<T>(y != 0, y * (of.z_max - z), V{});
  }

  static T row(const T* z, const T* a, const T* y, T* delta, std::int64_t outputs) {
    const auto of = Softmax<T>::of_row(z, a, outputs);
    V sums{};
    std::int64_t j = 0;
    for (; j + width<T> <= outputs; j += width<T>) {
      sums += term(of, load(z + j), load(y + j));
      store(delta + j, load(a + j) - load(y + j));
    }
    if (const std::int64_t rest = outputs - j; rest > 0) {
      const V last = load_first(y + j, rest);
      sums += term(of, load(z + j), last);
      store_first<T>(delta + j, load(a + j) - last, rest);
    }
    return of.log_sum()[0] + sum_of<T>(sums);
  }

  template <class In, class Out>
  static V group(const In& z, const In& a, const In& y, const Out& delta, std::int64_t outputs) {
    const auto of = Softmax<T>::of_group(z, a, outputs);
    V sums{};
    for (std::int64_t j = 0; j < outputs; ++j) {
      const V y_j = y.column(j);
      sums += term(of, z.column(j), y_j);
      delta.set_column(j, a.column(j) - y_j);
    }
    return of.log_sum() + sums;
  }
};

// -sum_j y_j (1 - a_j)^gamma ln a_j. With g = (1 - a)^gamma (gamma a ln a / (1 - a) - 1), dl/dz_j
// is y_j g_j - a_j sum_k y_k g_k.
template <class T>
struct Focal {
  using V = Vector<T>;
  static constexpr bool grouped = true;
  T gamma;

  // The term of one output; y g to yg.
  V term(const Softmax<T>& of, V z, V a, V y, V& yg) const {
    const V log_a = z - of.z_max - of.log_sum();
    const V rest = select<T>(a == of.a_max, of.beside_max(), 1 - a);
    const V ratio = select<T>(rest > 0, log_a / rest, broadcast<T>(-1));
    const V power = select<T>(rest > 0, exp<T>(gamma * log<T>(rest)), V{});
    yg = times<T>(y, power * (gamma * a * ratio - 1));
    return times<T>(y, -power * log_a);
  }

  // delta holds y g until their sum is known; where it may be a, nobody reads it.
  T row(const T* z, const T* a, const T* y, T* delta, std::int64_t outputs) const {
    const auto of = Softmax<T>::of_row(z, a, outputs);
    V losses{}, sums{}, yg;
    for (std::int64_t j = 0; j < outputs; j += width<T>) {
      const std::int64_t rest = outputs - j;
      const bool whole = rest >= width<T>;
      losses +=
          term(of, load(z + j), load(a + j), whole ? load(y + j) : load_first(y + j, rest), yg);
      sums += yg;
      whole ? store(delta + j, yg) : store_first<T>(delta + j, yg, rest);
    }
    const V sum = broadcast<T>(sum_of<T>(sums));
    for (std::int64_t j = 0; j < outputs; j += width<T>) {
      const V d = load(delta + j) - load(a + j) * sum;
      outputs - j >= width<T> ? store(delta + j, d) : store_first<T>(delta + j, d, outputs - j);
    }
    return sum_of<T>(losses);
  }

  template <class In, class Out>
  V group(const In& z, const In& a, const In& y, const Out& delta, std::int64_t outputs) const {
    const auto of = Softmax<T>::of_group(z, a, outputs);
    V losses{}, sum{}, yg[width<T>];
    for (std::int64_t j = 0; j < outputs; ++j) {
      losses += term(of, z.column(j), a.column(j), y.column(j), yg[j]);
      sum += yg[j];
    }
    for (std::int64_t j = 0; j < outputs; ++j) delta.set_column(j, yg[j] - a.column(j) * sum);
    return losses;
  }
};

// The pinball loss of several levels: the first belongs to the first outputs / levels outputs.
template <class T>
struct Quantiles {
  static constexpr bool grouped = true;
  const std::vector<double>& levels;

  T row(const T* z, const T* a, const T* y, T* delta, std::int64_t outputs) const {
    const auto targets = outputs / static_cast<std::int64_t>(levels.size());
    T total = 0;
    for (double level : levels) {
      total += SumOf<Pinball<T>, T>{{static_cast<T>(level)}}.row(z, a, y, delta, targets);
      z += targets, a += targets, y += targets, delta += targets;
    }
    return total;
  }

  template <class In, class Out>
  Vector<T> group(const In&, const In& a, const In& y, const Out& delta,
                  std::int64_t outputs) const {
    const auto targets = outputs / static_cast<std::int64_t>(levels.size());
    Vector<T> total{}, d;
    for (std::int64_t j = 0; j < outputs; ++j) {
      const Pinball<T> one{static_cast<T>(levels[static_cast<std::size_t>(j / targets)])};
      total += one.term(d, a.column(j), y.column(j), d);
      delta.set_column(j, d);
    }
    return total;
  }
};

// 1/2 (s + e^2 exp(-s)): the first half of the outputs are means, the second the s of each.
template <class T>
struct GaussianNll {
  using V = Vector<T>;
  static constexpr bool grouped = true;

  static V term(V mean, V s, V y, V& d_mean, V& d_s) {
    const V e = mean - y, w = exp<T>(-s), square = e * e * w;
    d_mean = e * w;
    d_s = T(0.5) * (1 - square);
    return T(0.5) * (s + square);
  }

  static T row(const T*, const T* a, const T* y, T* delta, std::int64_t outputs) {
    const std::int64_t half = outputs / 2;
    V total{}, d_mean, d_s;
    for (std::int64_t j = 0; j < half; j += width<T>) {
      const std::int64_t rest = half - j;
      if (rest >= width<T>) {
        total += term(load(a + j), load(a + half + j), load(y + j), d_mean, d_s);
        store(delta + j, d_mean);
        store(delta + half + j, d_s);
      } else {
        const V terms = term(load_first(a + j, rest), load_first(a + half + j, rest),
                             load_first(y + j, rest), d_mean, d_s);
        total += select<T>(first_lanes<T>(rest), terms, V{});
        store_first<T>(delta + j, d_mean, rest);
        store_first<T>(delta + half + j, d_s, rest);
      }
    }
    return sum_of<T>(total);
  }

  template <class In, class Out>
  static V group(const In&, const In& a, const In& y, const Out& delta, std::int64_t outputs) {
    const std::int64_t half = outputs / 2;
    V total{}, d_mean, d_s;
    for (std::int64_t j = 0; j < half; ++j) {
      total += term(a.column(j), a.column(half + j), y.column(j), d_mean, d_s);
      delta.set_column(j, d_mean);
      delta.set_column(half + j, d_s);
    }
    return total;
  }
};

// Those of `n` rows from row i on, together; each of one output, which lie side by side.
template <class Sum, class T, class Y>
Vector<T> losses_of_numbers(const Sum& sum, const LossRows<T, Y>& of, std::int64_t i,
                            std::int64_t n) {
  using In = NumberRows<const T>;
  T y[width<T>];
  for (std::int64_t k = 0; k < n; ++k) y[k] = *of.y_of(i + k);
  return sum.group(In{of.z + i, n}, In{of.a + i, n}, In{y, n}, NumberRows<T>{of.delta + i, n}, 1);
}

// The losses of all rows; of groups of rows, where they have fewer outputs than a vector lanes.
template <class Sum, class T, class Y>
void each_loss(const Sum& sum, const LossRows<T, Y>& of) {
  if (of.stride == 1) {
    for (std::int64_t i = 0; i < of.rows; i += width<T>) {
      const std::int64_t n = std::min<std::int64_t>(of.rows - i, width<T>);
      NumberRows<T>{of.losses + i, n}.set_column(0, losses_of_numbers(sum, of, i, n));
    }
    return;
  }
  const auto at = [&](auto* p) { return [=, &of](std::int64_t i) { return p + i * of.stride; }; };
  if (!Sum::grouped || of.outputs >= width<T>) {
    for (std::int64_t i = 0; i < of.rows; ++i)
      of.losses[i] = sum.row(at(of.z)(i), at(of.a)(i), of.y_of(i), at(of.delta)(i), of.outputs);
    return;
  }
  for (std::int64_t i = 0; i < of.rows; i += width<T>) {
    const std::int64_t n = std::min<std::int64_t>(of.rows - i, width<T>), first = i * of.stride;
    const auto y_of = [&](std::int64_t k) { return of.y_of(i + k); };
    using In = RowGroup<const T>;
    using One = SingleRow<const T>;
    const Vector<T> losses =
        n == 1 ? sum.group(One{of.z + first}, One{of.a + first}, One{y_of(0)},
                           SingleRow<T>{of.delta + first}, of.outputs)
               : sum.group(In(n, at(of.z + first)), In(n, at(of.a + first)), In(n, y_of),
                           RowGroup<T>(n, at(of.delta + first)), of.outputs);
    for (std::int64_t k = 0; k < n; ++k) of.losses[i + k] = losses[k];
  }
}

template <class T, class Y>
void sample_losses(const Spec& spec, const LossRows<T, Y>& of) {
  const auto terms = [&](auto term) { each_loss(SumOf<decltype(term), T>{term}, of); };
  const auto option = [&] { return static_cast<T>(spec.loss_constants[0]); };
  switch (spec.loss) {
    case Loss::absolute_error: return terms(AbsoluteError<T>{});
    case Loss::huber: return terms(Huber<T>{option()});
    case Loss::log_cosh: return terms(LogCosh<T>{});
    case Loss::poisson:
      return spec.activations.back() == Activation::softplus ? terms(PoissonOfSoftplus<T>{})
                                                             : terms(PoissonOfExponential<T>{});
    case Loss::quantile: return each_loss(Quantiles<T>{spec.loss_constants}, of);
    case Loss::gamma: return terms(GammaOfExponential<T>{});
    case Loss::gaussian_nll: return each_loss(GaussianNll<T>{}, of);
    case Loss::binary_cross_entropy: return terms(BinaryCrossEntropy<T>{});
    case Loss::cross_entropy: return each_loss(CrossEntropy<T>{}, of);
    case Loss::binary_focal: return terms(BinaryFocal<T>{option()});
    case Loss::focal: return each_loss(Focal<T>{option()}, of);
    case Loss::squared_error: break;
  }
  terms(SquaredError<T>{});
}

}  // namespace chainrule::CHAINRULE_LEVEL
