// The whole engine at one level of the instruction set: compiled once for each, with
// CHAINRULE_LEVEL naming the namespace and the compiler's flags choosing the vectors.
#include "single.hpp"
#include "trainer.hpp"

namespace chainrule::CHAINRULE_LEVEL {
namespace {

// A flat theta, packed for forward passes.
template <class T>
struct Loaded {
  const Layout<T> layout;
  const Buffer<T> theta;
  const Packed<T> net;

  Loaded(const Spec& spec, const T* flat)
      : layout(spec), theta(layout.size), net(layout, theta.get(), false) {
    layout.pack(flat, theta.get());
  }
};

// Forward passes of X in blocks of rows; f(values, first, last) reads each block's results,
// which start at row 0 of the values. Each thread has values of its own.
template <class T, class F>
void each_forward_block(const Spec& spec, const Loaded<T>& loaded, const T* X, std::int64_t n,
                        int threads, const Interrupted& interrupted, F f) {
  const Layout<T>& layout = loaded.layout;
  Pool pool(useful_threads(threads, n * layout.weights_size));
  const std::int64_t block = block_rows_of(spec, n, pool.threads()), inputs = spec.sizes[0];
  std::vector<Values<T>> values;
  for (int thread = 0; thread < pool.threads(); ++thread)
    values.emplace_back(spec, block, false, false);
  Patience patience(&interrupted);
  pool.run((n + block - 1) / block, [&](std::int64_t task, int thread) {
    if (patience.ended() || (thread == 0 && patience.ended_after(block * layout.weights_size)))
      return;
    const std::int64_t first = task * block, last = std::min(first + block, n);
    const Values<T>& mine = values[static_cast<std::size_t>(thread)];
    forward_rows<T>(spec, loaded.net, mine, X + first * inputs, inputs, 0, last - first, nullptr);
    f(mine, first, last);
  });
}

template <class T>
void forward(const Spec& spec, const T* theta, const T* X, std::int64_t n, T* outputs, int threads,
             const Interrupted& interrupted) {
  const std::int64_t units = spec.sizes.back();
  if (n <= single_rows) return forward_single<T>(spec, theta, X, n, outputs);
  each_forward_block<T>(spec, Loaded<T>(spec, theta), X, n, threads, interrupted,
                        [&](const Values<T>& values, std::int64_t first, std::int64_t last) {
                          const auto& top = values.layers.back();
                          for (std::int64_t i = first; i < last; ++i)
                            std::memcpy(outputs + i * units, top.out + (i - first) * top.stride,
                                        static_cast<std::size_t>(units) * sizeof(T));
                        });
}

template <class T>
double total_loss(const Spec& spec, const T* flat_theta, Samples<T> samples, int threads,
                  const Interrupted& interrupted) {
  const std::int64_t outputs = spec.sizes.back();
  const Loaded<T> loaded(spec, flat_theta);
  std::vector<T> losses(static_cast<std::size_t>(samples.n));
  each_forward_block<T>(
      spec, loaded, samples.X, samples.n, threads, interrupted,
      [&](const Values<T>& values, std::int64_t first, std::int64_t last) {
        const auto& top = values.layers.back();
        std::vector<T> unused(static_cast<std::size_t>((last - first) * top.stride));
        const auto y_of = [&](std::int64_t i) { return samples.y + (first + i) * outputs; };
        sample_losses(spec, LossRows<T, decltype(y_of)>{top.z, top.value, y_of, unused.data(),
                                                        losses.data() + first, top.stride,
                                                        last - first, outputs});
      });
  return reduced_loss(spec, losses.data(), samples.weights, samples.n) +
         penalty_of(spec, loaded.layout, loaded.theta.get());
}

template <class T>
std::unique_ptr<Trainer<T>> make_trainer(const Spec& spec, T* theta, std::vector<T*> state,
                                         Samples<T> samples, Order order, Update update,
                                         std::int64_t step, int threads) {
  return std::make_unique<LevelTrainer<T>>(spec, theta, std::move(state), samples, order, update,
                                           step, threads);
}

}  // namespace

extern const Engine<float> f32;
extern const Engine<double> f64;
const Engine<float> f32{make_trainer<float>, forward<float>, total_loss<float>};
const Engine<double> f64{make_trainer<double>, forward<double>, total_loss<double>};

}  // namespace chainrule::CHAINRULE_LEVEL
