// The errors of the elementary functions at one level of the instruction set, in units in the last
// place of the exact value; subnormal values share the unit of the least normal number. Prints
//   function, type, largest error, where
// and exits with 1 where nan, an infinity or a bound is missed.
//   elementary STRIDE
// Every STRIDE-th of all floats for exp, tanh and the sigmoid, in two threads; samples for the
// rest.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <thread>

#include "../../cpp/activations.hpp"

using namespace chainrule::CHAINRULE_LEVEL;

namespace {

bool failed = false;

// The largest error of one function.
template <class T>
struct Worst {
  double error = 0;
  T at = 0;

  // exact is of a wider type, so that its own error is a small part of a unit.
  template <class Wide>
  void add(T x, T found, Wide exact) {
    using Bits = typename Lane<T>::Integer;
    using Limits = std::numeric_limits<T>;
    if (std::isnan(exact)) return take(x, std::isnan(found) ? 0 : Limits::infinity());
    if (std::abs(exact) > Limits::max()) return take(x, found == T(exact) ? 0 : Limits::infinity());
    const T size = std::max(T(std::abs(exact)), Limits::min());
    const Bits mantissa = (Bits(1) << (Limits::digits - 1)) - 1;
    const T unit = std::bit_cast<T>(std::bit_cast<Bits>(size) & ~mantissa) * Limits::epsilon();
    take(x, double(std::abs(found - exact) / unit));
  }
  void take(T x, double e) {
    if (e <= error) return;
    error = std::isnan(e) ? std::numeric_limits<double>::infinity() : e;
    at = x;
  }
  void report(const char* name, double bound) const {
    std::printf("%-10s %s %8.3f at %.17g\n", name, sizeof(T) == 4 ? "float " : "double", error,
                double(at));
    if (error > bound) failed = true;
  }
};

// What a function of floats is compared with: the C library in double. Quicker and no less exact
// are its limits beyond both ends, and its Taylor series: of one term for |x| < 2^-24, of a
// remainder below 2^-53 for |x| < 2^-6.
struct Exact {
  float lowest, highest, below, above, at_zero, slope;
  double (*series)(double);
  double (*value)(double);

  double operator()(float x) const {
    if (x < lowest || x > highest) return x < 0 ? below : above;
    return std::abs(x) < 0x1p-6f ? series(x) : value(x);
  }

  // Whether all of x are there, and found is what is expected.
  bool is_quickly_seen(Vector<float> x, Vector<float> found) const {
    const Mask<float> low = x<lowest, high = x> highest, near = magnitude<float>(x) < 0x1p-24f;
    const Vector<float> limit = select<float>(low, broadcast(below), broadcast(above));
    const Vector<float> expected = select<float>(near, at_zero + slope * x, limit);
    return !any<float>(~(low | high | near)) && !any<float>(found != expected);
  }
};

// Every stride-th bit pattern of one sign.
template <class F>
Worst<float> floats_of_sign(std::uint64_t sign, std::uint32_t stride, F f, const Exact& exact) {
  Worst<float> worst;
  const std::uint64_t count = std::uint64_t(1) << 31, step = std::uint64_t(stride) * width<float>;
  Mask<float> bits;
  for (int i = 0; i < width<float>; ++i) bits[i] = i * static_cast<int>(stride);
  for (std::uint64_t first = 0; first < count; first += step, bits += static_cast<int>(step)) {
    const Vector<float> x = (Vector<float>)(bits | (static_cast<int>(sign) << 31)), found = f(x);
    if (exact.is_quickly_seen(x, found)) continue;
    for (int i = 0; i < width<float>; ++i) worst.add(x[i], found[i], exact(x[i]));
  }
  return worst;
}

// nan and the infinities are among them.
template <class F>
void all_floats(const char* name, double bound, std::uint32_t stride, F f, const Exact& exact) {
  Worst<float> negative, positive;
  std::thread other([&] { negative = floats_of_sign(1, stride, f, exact); });
  positive = floats_of_sign(0, stride, f, exact);
  other.join();
  (negative.error > positive.error ? negative : positive).report(name, bound);
}

// Uniform between the ends, and of every magnitude within them.
template <class T, class F, class G>
void sampled(const char* name, double bound, T low, T high, F f, G exact) {
  using Wide = std::conditional_t<sizeof(T) == 4, double, long double>;
  if (std::numeric_limits<Wide>::digits < std::numeric_limits<T>::digits + 8) return;
  Worst<T> worst;
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform(low, high), exponent(-60, 10), half(-1, 1);
  for (int k = 0; k < 400'000; k += width<T>) {
    Vector<T> x;
    for (int i = 0; i < width<T>; ++i) {
      const double tiny = std::copysign(std::exp2(exponent(random)), half(random));
      x[i] = T(k % 2000 < 1000 && tiny >= low && tiny <= high ? tiny : uniform(random));
    }
    const Vector<T> found = f(x);
    for (int i = 0; i < width<T>; ++i) worst.add(x[i], found[i], exact(Wide(x[i])));
  }
  worst.report(name, bound);
}

template <class T>
void specials() {
  using Limits = std::numeric_limits<T>;
  const T nan = Limits::quiet_NaN(), inf = Limits::infinity();
  const auto expect = [](const char* name, T found, T value) {
    if (found == value || (std::isnan(found) && std::isnan(value))) return;
    std::printf("%s: %g, expected %g\n", name, double(found), double(value));
    failed = true;
  };
  const auto at = [](T x) { return broadcast<T>(x) + (x - x == 0 ? T(0) : x); };
  expect("log nan", log<T>(at(nan))[0], nan);
  expect("log inf", log<T>(at(inf))[0], inf);
  expect("log 0", log<T>(at(0))[0], -inf);
  expect("log 1", log<T>(at(1))[0], 0);
  expect("log -1", log<T>(at(-1))[0], nan);
  expect("log -inf", log<T>(at(-inf))[0], nan);
  expect("log1p nan", log1p<T>(at(nan))[0], nan);
  expect("log1p 0", log1p<T>(at(0))[0], 0);
  expect("expm1 nan", expm1<T>(at(nan))[0], nan);
  expect("expm1 -inf", expm1<T>(at(-inf))[0], -1);
  for (const auto f : {sine<T>, cosine<T>}) {
    expect("sine nan", f(at(nan))[0], nan);
    expect("sine inf", f(at(inf))[0], nan);
  }
  for (const T x : {T(1e7), T(-1e20), Limits::max()}) {
    expect("sine, far", sine<T>(at(x))[0], std::sin(x));
    expect("cosine, far", cosine<T>(at(x))[0], std::cos(x));
  }
  expect("gelu nan", Gelu<T>::value(at(nan))[0], nan);
  expect("gelu inf", Gelu<T>::value(at(inf))[0], inf);
  expect("gelu -inf", Gelu<T>::value(at(-inf))[0], 0);
  expect("gelu' inf", Gelu<T>::derivative(at(inf), at(inf))[0], 1);
  expect("gelu' -inf", Gelu<T>::derivative(at(-inf), at(0))[0], 0);
}

// Phi(z), accurate far below 0.
template <class Wide>
Wide normal(Wide z) {
  return std::erfc(-z / std::sqrt(Wide(2))) / 2;
}

// From `lowest` on, exp and Phi are normal numbers.
template <class T>
void others(T lowest, T highest, T tail, T turns) {
  sampled<T>("exp", 1.1, lowest, highest, exp<T>, [](auto x) { return std::exp(x); });
  sampled<T>("expm1", 2.3, -40, highest, expm1<T>, [](auto x) { return std::expm1(x); });
  sampled<T>("tanh", 1.4, -20, 20, tanh<T>, [](auto x) { return std::tanh(x); });
  sampled<T>("sigmoid", 1.95, lowest, 40, sigmoid<T>,
             [](auto x) { return 1 / (1 + std::exp(-x)); });
  sampled<T>("log", 1, 0, 4, log<T>, [](auto x) { return std::log(x); });
  sampled<T>("log", 1, 0, std::numeric_limits<T>::max(), log<T>,
             [](auto x) { return std::log(x); });
  sampled<T>("log1p", 1.6, 0, 2, log1p<T>, [](auto x) { return std::log1p(x); });
  sampled<T>("log1p", 1.6, 0, T(1e30), log1p<T>, [](auto x) { return std::log1p(x); });
  for (const T far : {T(10), turns}) {
    sampled<T>("sine", 1.6, -far, far, sine<T>, [](auto x) { return std::sin(x); });
    sampled<T>("cosine", 1.6, -far, far, cosine<T>, [](auto x) { return std::cos(x); });
  }
  for (const T far : {T(4), tail})
    sampled<T>("gelu", 6.5, -far, far, Gelu<T>::value, [](auto z) { return z * normal(z); });
  sampled<T>(
      "gelu'", 10, -tail, T(-1.5), [](Vector<T> z) { return Gelu<T>::derivative(z, z); },
      [](auto z) {
        const auto density = std::exp(-z * z / 2) / std::sqrt(2 * std::acos(decltype(z)(-1)));
        return normal(z) + z * density;
      });
  sampled<T>("softplus", 1.7, lowest, 40, Softplus<T>::value,
             [](auto z) { return std::log1p(std::exp(z)); });
}

}  // namespace

int main(int count, char** arguments) {
  const auto stride = static_cast<std::uint32_t>(count > 1 ? std::atoi(arguments[1]) : 1);
  const float inf = std::numeric_limits<float>::infinity();
  const auto e = [](double x) {
    return 1 + x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6)))));
  };
  const auto t = [](double x) {
    const double u = x * x;
    return x - x * u * (1 / 3. - u * (2 / 15. - u * (17 / 315.)));
  };
  const auto s = [](double x) {
    const double u = x * x;
    return 0.5 + x * (0.25 - u * (1 / 48. - u * (1 / 480.)));
  };
  all_floats("exp", 1.1, stride, exp<float>,
             {-104, 88.8f, 0, inf, 1, 1, e, [](double x) { return std::exp(x); }});
  all_floats("tanh", 1.4, stride, tanh<float>,
             {-9.1f, 9.1f, -1, 1, 0, 1, t, [](double x) { return std::tanh(x); }});
  all_floats("sigmoid", 1.95, stride, sigmoid<float>,
             {-104, 17.5f, 0, 1, 0.5, 0.25, s, [](double x) { return 1 / (1 + std::exp(-x)); }});
  others<float>(-87, 88, 12.9f, 1600);
  others<double>(-708, 709, 37.4, 1.6e6);
  specials<float>();
  specials<double>();
  return failed ? 1 : 0;
}
