// The whole engine at one level of the instruction set: compiled once for each, with
// CHAINRULE_LEVEL naming the namespace and the compiler's flags choosing the vectors.
#include "encoding.hpp"
#include "pieces.hpp"
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
      : layout(spec), theta(layout.size), net(spec, layout, theta.get(), 0) {
    layout.pack(flat, theta.get());
    net.refresh_all();
  }
};

// Forward passes of X in blocks of rows, on threads that are chosen on the way.
template <class T>
class BlockPasses {
 public:
  BlockPasses(Work work, const Spec& spec, const T* theta, const T* X, std::int64_t n,
              Threads threads, const Interrupted& interrupted)
      : spec_(spec),
        loaded_(spec, theta),
        X_(X),
        n_(n),
        unit_(unit_of(n)),
        kind_(kind_of(work, spec, sizeof(T), unit_)),
        choice_(recall(kind_, threads)),
        patience_(&interrupted),
        pool_(choice_.allowed().most) {}

  const Loaded<T>& loaded() const { return loaded_; }

  // f(values, first, last) reads each block's results, which start at row 0 of the values. Each
  // thread has values of its own.
  template <class F>
  void each(F f) {
    choice_.resume();
    for (std::int64_t first = 0; first < n_ && !patience_.ended();) {
      const std::int64_t last = first + std::min(n_ - first, choice_.pieces_left() * unit_);
      pass(first, last, f);
      choice_.count(static_cast<double>(last - first) / static_cast<double>(unit_));
      first = last;
    }
    choice_.pause();
    remember(kind_, choice_);
  }

 private:
  // A power of two, so that calls of about as many rows are one kind of work; at most some blocks.
  static std::int64_t unit_of(std::int64_t n) {
    std::int64_t unit = 1;
    while (unit < std::min<std::int64_t>(n, 1024)) unit *= 2;
    return unit;
  }

  template <class F>
  void pass(std::int64_t begin, std::int64_t end, F f) {
    const int threads = choice_.threads();
    const std::int64_t block = block_rows_of(spec_, end - begin, threads);
    // never fewer than before: a thread of the last round may take part in this one
    const std::size_t count = std::max(values_.size(), static_cast<std::size_t>(threads));
    if (block > room_) {
      values_.clear();
      room_ = block;
    }
    while (values_.size() < count) values_.emplace_back(spec_, room_, false, false);
    const std::int64_t inputs = spec_.sizes[0], work = block * loaded_.layout.weights_size;
    pool_.run((end - begin + block - 1) / block, threads, [&](std::int64_t task, int thread) {
      if (patience_.ended() || (thread == 0 && patience_.ended_after(work))) return;
      const std::int64_t first = begin + task * block, last = std::min(first + block, end);
      const Values<T>& mine = values_[static_cast<std::size_t>(thread)];
      forward_rows<T>(spec_, loaded_.net, mine, X_ + first * inputs, inputs, 0, last - first,
                      nullptr, false);
      f(mine, first, last);
    });
  }

  const Spec& spec_;
  const Loaded<T> loaded_;
  const T* const X_;
  const std::int64_t n_, unit_;  // rows, and those of a piece of work
  const std::uint64_t kind_;
  ThreadChoice choice_;
  Patience patience_;
  std::int64_t room_ = 0;  // rows of the values
  std::vector<Values<T>> values_;
  Pool pool_;
};

template <class T>
void forward(const Spec& spec, const T* theta, const T* X, std::int64_t n, T* outputs,
             Threads threads, const Interrupted& interrupted) {
  const std::int64_t units = spec.sizes.back();
  if (n <= single_rows && !spec.bfloat16) return forward_single<T>(spec, theta, X, n, outputs);
  BlockPasses<T> passes(Work::prediction, spec, theta, X, n, threads, interrupted);
  passes.each([&](const Values<T>& values, std::int64_t first, std::int64_t last) {
    const auto& top = values.layers.back();
    for (std::int64_t i = first; i < last; ++i)
      std::memcpy(outputs + i * units, top.out + (i - first) * top.stride,
                  static_cast<std::size_t>(units) * sizeof(T));
  });
}

template <class T>
double total_loss(const Spec& spec, const T* theta, Samples<T> samples, Threads threads,
                  const Interrupted& interrupted) {
  const std::int64_t outputs = spec.sizes.back();
  BlockPasses<T> passes(Work::loss, spec, theta, samples.X, samples.n, threads, interrupted);
  std::vector<T> losses(static_cast<std::size_t>(samples.n));
  passes.each([&](const Values<T>& values, std::int64_t first, std::int64_t last) {
    const auto& top = values.layers.back();
    const auto y_of = [&](std::int64_t i) { return samples.y + (first + i) * outputs; };
    sample_losses(
        spec, LossRows<T, decltype(y_of)>{top.z, top.value, y_of, top.value, losses.data() + first,
                                          top.stride, last - first, outputs});
  });
  const Loaded<T>& loaded = passes.loaded();
  return weighted_sum(losses.data(), samples.weights, samples.n) /
             divisor_of(spec.sum, samples.n, mean_weight(samples)) +
         penalty_of(spec, loaded.layout, loaded.theta.get());
}

template <class T>
std::unique_ptr<Trainer<T>> make_trainer(const Spec& spec, T* theta, std::vector<T*> state,
                                         Samples<T> samples, Order order, Update update,
                                         std::int64_t step, Threads threads,
                                         Keyframes<T> keyframes) {
  return std::make_unique<LevelTrainer<T>>(spec, theta, std::move(state), samples, order, update,
                                           step, threads, keyframes);
}

template <class T>
std::unique_ptr<Networks<T>> make_networks(const Spec& spec, const std::vector<const T*>& thetas,
                                           std::vector<CutColumn> columns) {
  return std::make_unique<PiecedNetworks<T>>(spec, thetas, std::move(columns));
}

}  // namespace

extern const Engine<float> f32;
extern const Engine<double> f64;
const Engine<float> f32{make_trainer<float>, forward<float>, total_loss<float>,
                        make_networks<float>, encode_rows<float>};
const Engine<double> f64{make_trainer<double>, forward<double>, total_loss<double>,
                         make_networks<double>, encode_rows<double>};

}  // namespace chainrule::CHAINRULE_LEVEL
