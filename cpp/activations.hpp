// The activation functions: one struct a row of theory/activations.py, value beside
// derivative. a is value(z); derivative may use either. Those with z_free = true need a
// only, so z need not be kept for the backward pass. Softmax, which mixes a row, is below.
#pragma once

#include "spec.hpp"
#include "special.hpp"

namespace chainrule::CHAINRULE_LEVEL {

template <class T>
struct Identity {
  using V = Vector<T>;
  static constexpr bool z_free = true;
  static V value(V z) { return z; }
  static V derivative(V, V) { return broadcast<T>(1); }
};

template <class T>
struct Sigmoid {
  using V = Vector<T>;
  static constexpr bool z_free = true;
  static V value(V z) { return sigmoid<T>(z); }
  static V derivative(V, V a) { return a * (1 - a); }
};

template <class T>
struct Tanh {
  using V = Vector<T>;
  static constexpr bool z_free = true;
  static V value(V z) { return tanh<T>(z); }
  static V derivative(V, V a) { return 1 - a * a; }
};

template <class T>
struct Relu {
  using V = Vector<T>;
  static constexpr bool z_free = true;
  static V value(V z) { return select<T>(z <= 0, V{}, z); }  // nan stays nan
  static V derivative(V, V a) { return select<T>(a > 0, broadcast<T>(1), V{}); }
};

template <class T>
struct LeakyRelu {
  using V = Vector<T>;
  static constexpr T slope = T(0.01);
  static constexpr bool z_free = false;  // slope * z may round to 0
  static V value(V z) { return select<T>(z > 0, z, slope * z); }
  static V derivative(V z, V) { return select<T>(z > 0, broadcast<T>(1), broadcast<T>(slope)); }
};

template <class T>
struct Elu {
  using V = Vector<T>;
  static constexpr bool z_free = false;  // exp(z) is closer from z than from a + 1
  static V value(V z) { return select<T>(z > 0, z, expm1<T>(z)); }
  static V derivative(V z, V) { return select<T>(z > 0, broadcast<T>(1), exp<T>(z)); }
};

template <class T>
struct Selu {
  using V = Vector<T>;
  static constexpr T scale = T(1.0507009873554804934193349852946);
  static constexpr T alpha = T(1.6732632423543772848170429916717);
  static constexpr bool z_free = false;
  static V value(V z) { return scale * select<T>(z > 0, z, alpha * expm1<T>(z)); }
  static V derivative(V z, V) {
    return scale * select<T>(z > 0, broadcast<T>(1), alpha * exp<T>(z));
  }
};

// z Phi(z) = max(z, 0) - t Phi(-t) with t = |z|; the derivative is g = Phi(-t) - t phi(t) below 0,
// and 1 - g above.
template <class T>
struct Gelu {
  using V = Vector<T>;
  static constexpr bool z_free = false;
  static V value(V z) {
    const NormalTail<T> tail(z);
    return select<T>(z <= 0, V{}, z) - tail.t * tail.mills * tail.decay;
  }
  static V derivative(V z, V) {
    const NormalTail<T> tail(z);
    const V g = (tail.mills - tail.t * T(0.39894228040143267794)) * tail.decay;
    return select<T>(z > 0, 1 - g, g);
  }
};

// -+infinity as the largest numbers, whose product with a 0 is 0, the limit, and not nan.
template <class T>
CHAINRULE_INLINE Vector<T> finite(Vector<T> z) {
  return at_most<T>(at_least<T>(z, std::numeric_limits<T>::lowest()),
                    std::numeric_limits<T>::max());
}

template <class T>
struct Silu {
  using V = Vector<T>;
  static constexpr bool z_free = false;
  static V value(V z) { return at_least<T>(z, std::numeric_limits<T>::lowest()) * sigmoid<T>(z); }
  static V derivative(V z, V) {
    const V s = sigmoid<T>(z);
    return s * (1 + finite<T>(z) * (1 - s));
  }
};

// With e = exp(z) and n = e (e + 2): tanh(ln(1 + e)) = n / (n + 2), which is 1 from z = 20 on,
// and its derivative 4 e (e + 1) / (n + 2)^2.
template <class T>
struct Mish {
  using V = Vector<T>;
  static constexpr bool z_free = false;
  static V value(V z) {
    const V e = exp<T>(at_most<T>(z, 20)), n = e * (e + 2);
    const V at = at_least<T>(z, std::numeric_limits<T>::lowest());
    return at * select<T>(z > 20, broadcast<T>(1), n / (n + 2));
  }
  static V derivative(V z, V) {
    const V e = exp<T>(at_most<T>(z, 20)), n = e * (e + 2), share = 1 / (n + 2);
    return select<T>(z > 20, broadcast<T>(1),
                     share * (n + 4 * e * (e + 1) * (finite<T>(z) * share)));
  }
};

template <class T>
struct Softplus {
  using V = Vector<T>;
  static constexpr bool z_free = false;
  static V value(V z) { return select<T>(z <= 0, V{}, z) + log1p<T>(exp<T>(-magnitude<T>(z))); }
  static V derivative(V z, V) { return sigmoid<T>(z); }
};

template <class T>
struct Softsign {
  using V = Vector<T>;
  static constexpr bool z_free = false;
  static V value(V z) { return finite<T>(z) / (1 + magnitude<T>(finite<T>(z))); }
  static V derivative(V z, V) {
    const V s = 1 / (1 + magnitude<T>(z));
    return s * s;
  }
};

template <class T>
struct HardSigmoid {
  using V = Vector<T>;
  static constexpr bool z_free = false;
  static V value(V z) {
    const V line = (z + 3) / 6;  // exact at both ends, where z/6 + 1/2 cancels
    return select<T>(z <= -3, V{}, select<T>(z >= 3, broadcast<T>(1), line));
  }
  static V derivative(V z, V) {
    return select<T>(magnitude<T>(z) < 3, broadcast<T>(T(1) / 6), V{});
  }
};

template <class T>
struct Sine {
  using V = Vector<T>;
  static constexpr bool z_free = false;
  static V value(V z) { return sine<T>(z); }
  static V derivative(V z, V) { return cosine<T>(z); }
};

template <class T>
struct Gaussian {
  using V = Vector<T>;
  static constexpr bool z_free = false;
  static V value(V z) { return exp<T>(-z * z); }
  static V derivative(V z, V a) { return -2 * (finite<T>(z) * a); }
};

template <class T>
struct Exponential {
  using V = Vector<T>;
  static constexpr bool z_free = true;
  static V value(V z) { return exp<T>(z); }
  static V derivative(V, V a) { return a; }
};

// Calls f with the struct of an elementwise activation.
template <class T, class F>
auto with_activation(Activation activation, F f) {
  switch (activation) {
    case Activation::sigmoid: return f(Sigmoid<T>{});
    case Activation::tanh: return f(Tanh<T>{});
    case Activation::relu: return f(Relu<T>{});
    case Activation::leaky_relu: return f(LeakyRelu<T>{});
    case Activation::elu: return f(Elu<T>{});
    case Activation::selu: return f(Selu<T>{});
    case Activation::gelu: return f(Gelu<T>{});
    case Activation::silu: return f(Silu<T>{});
    case Activation::mish: return f(Mish<T>{});
    case Activation::softplus: return f(Softplus<T>{});
    case Activation::softsign: return f(Softsign<T>{});
    case Activation::hard_sigmoid: return f(HardSigmoid<T>{});
    case Activation::sine: return f(Sine<T>{});
    case Activation::gaussian: return f(Gaussian<T>{});
    case Activation::exponential: return f(Exponential<T>{});
    case Activation::identity:
    case Activation::softmax: break;  // softmax, which mixes a row, is never asked for here
  }
  return f(Identity<T>{});
}

// Softmax of one row of `units`, in a buffer padded to whole vectors; the padding of a is 0.
// Each row is summed lane by lane, then across the lanes.
template <class T>
void softmax_row(const T* z, T* a, std::int64_t units) {
  const T largest = largest_of_row(z, units);
  Vector<T> sums{};
  for (std::int64_t j = 0; j < units; j += width<T>) {
    const Vector<T> e = exp<T>(load(z + j) - largest);
    const Vector<T> kept = select<T>(first_lanes<T>(units - j), e, Vector<T>{});
    store(a + j, kept);
    sums += kept;
  }
  const T sum = sum_of<T>(sums);
  for (std::int64_t j = 0; j < units; j += width<T>) store(a + j, load(a + j) / sum);
}

// The same for a group of rows of fewer units than a vector has lanes, each summed from the first
// unit to the last.
template <class T>
CHAINRULE_INLINE void softmax_group(const RowGroup<const T>& z, const RowGroup<T>& a,
                                    std::int64_t units) {
  Vector<T> largest = z.column(0), sum{}, e[width<T>];
  for (std::int64_t j = 1; j < units; ++j) {
    const Vector<T> z_j = z.column(j);
    largest = select<T>(z_j > largest, z_j, largest);
  }
  for (std::int64_t j = 0; j < units; ++j) sum += e[j] = exp<T>(z.column(j) - largest);
  for (std::int64_t j = 0; j < units; ++j) a.set_column(j, e[j] / sum);
}

template <class T>
void softmax(const T* z, T* a, std::int64_t rows, std::int64_t units, std::int64_t stride) {
  if (units >= width<T>) {
    for (std::int64_t i = 0; i < rows; ++i) softmax_row(z + i * stride, a + i * stride, units);
    return;
  }
  for (std::int64_t i = 0; i < rows; i += width<T>) {
    const std::int64_t n = std::min<std::int64_t>(rows - i, width<T>);
    softmax_group<T>(RowGroup<const T>(n, [&](auto k) { return z + (i + k) * stride; }),
                     RowGroup<T>(n, [&](auto k) { return a + (i + k) * stride; }), units);
  }
}

// n numbers to `to`, a vector at a time: f(at), where at(p) is the vector of p at that place. The
// last may end within a vector; beyond it nothing is read or written.
template <class T, class F>
CHAINRULE_INLINE void each_vector(std::int64_t n, T* to, F f) {
  std::int64_t i = 0;
  for (; i + width<T> <= n; i += width<T>)
    store(to + i, f([i](const T* p) { return load(p + i); }));
  if (const std::int64_t rest = n - i; rest > 0)
    store_first<T>(to + i, f([=](const T* p) { return load_first(p + i, rest); }), rest);
}

// a = activation(z) for `rows` rows of a buffer of row length `stride`. z and a may be the same
// buffer.
template <class T>
void activate(Activation activation, const T* z, T* a, std::int64_t rows, std::int64_t units,
              std::int64_t stride) {
  if (activation == Activation::softmax) return softmax(z, a, rows, units, stride);
  if (activation == Activation::identity && z == a) return;
  with_activation<T>(activation, [&](auto row) {
    each_vector(rows * stride, a, [&](auto at) { return row.value(at(z)); });
  });
}

// delta = a_k (delta_k - sum_j a_j delta_j) for one row.
template <class T>
void pull_back_softmax_row(const T* a, T* delta, std::int64_t units) {
  Vector<T> sums{};
  std::int64_t j = 0;
  for (; j + width<T> <= units; j += width<T>) sums += load(a + j) * load(delta + j);
  if (j < units) sums += load_first(a + j, units - j) * load_first(delta + j, units - j);
  const T inner = sum_of<T>(sums);
  each_vector(units, delta, [&](auto at) { return at(a) * (at(delta) - inner); });
}

// delta, which holds dl/da, becomes dl/dz: multiplied by the derivative, or for softmax
// a_k (dl/da_k - sum_j a_j dl/da_j).
template <class T>
void pull_back(Activation activation, const T* z, const T* a, T* delta, std::int64_t rows,
               std::int64_t units, std::int64_t stride) {
  if (activation == Activation::identity) return;
  if (activation == Activation::softmax) {
    for (std::int64_t i = 0; i < rows; ++i)
      pull_back_softmax_row(a + i * stride, delta + i * stride, units);
    return;
  }
  with_activation<T>(activation, [&](auto row) {
    each_vector(rows * stride, delta,
                [&](auto at) { return at(delta) * row.derivative(at(z), at(a)); });
  });
}

// Whether the backward pass reads z, which otherwise may share its buffer with a.
inline bool needs_z(Activation activation) {
  return activation != Activation::softmax &&
         with_activation<float>(activation, [](auto row) { return !decltype(row)::z_free; });
}

}  // namespace chainrule::CHAINRULE_LEVEL
