// The engine's Python face. Arrays are taken as they are (C-contiguous, exact dtype) or refused
// with a TypeError, and with a ValueError where their shapes do not fit together; they are
// borrowed, never copied. The GIL is released while the engine works.
#include "bindings.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>

#include "bfloat16.hpp"
#include "engine.hpp"
#include "many.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace chainrule {
namespace {

int index_of(const std::vector<std::string>& names, const std::string& name, const char* kind) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<int>(i);
  throw std::invalid_argument(std::string("the compiled engine has no ") + kind + " '" + name +
                              "'");
}

// The names of the enumerations in spec.hpp, in their order.
const std::vector<std::string> activation_names = {
    "identity",     "sigmoid", "tanh",     "relu",        "leaky_relu", "elu",
    "selu",         "gelu",    "silu",     "mish",        "softplus",   "softsign",
    "hard_sigmoid", "sine",    "gaussian", "exponential", "softmax"};
const std::vector<std::string> loss_names = {
    "squared_error", "absolute_error", "huber",
    "log_cosh",      "poisson",        "quantile",
    "gamma",         "gaussian_nll",   "binary_cross_entropy",
    "cross_entropy", "binary_focal",   "focal"};
const std::vector<std::string> optimizer_names = {"sgd",  "rmsprop", "adagrad",
                                                  "adam", "adamw",   "rprop"};

const std::vector<std::string> thread_uses = {"all", "fastest", "changing"};

Threads make_threads(int most, const std::string& use) {
  return {most, static_cast<ThreadUse>(index_of(thread_uses, use, "use of threads"))};
}

Spec make_spec(std::vector<std::int64_t> sizes, const std::vector<std::string>& activations,
               const std::string& loss, std::vector<double> loss_constants, bool fused, bool sum,
               double l2, double l1, double dropout, bool bfloat16) {
  if (bfloat16 && !bfloat16_unit())
    throw std::invalid_argument("this processor has no unit for products in bfloat16");
  Spec spec{std::move(sizes), {},      Loss{}, std::move(loss_constants), fused, sum, l2, l1,
            dropout,          bfloat16};
  for (const std::string& name : activations)
    spec.activations.push_back(
        static_cast<Activation>(index_of(activation_names, name, "activation")));
  spec.loss = static_cast<Loss>(index_of(loss_names, loss, "loss"));
  return spec;
}

Update make_update(const std::string& name, std::vector<double> constants, double clip_norm,
                   double max_norm, double weight_decay, double averaging) {
  return {static_cast<Optimizer>(index_of(optimizer_names, name, "optimizer")),
          std::move(constants),
          clip_norm,
          max_norm,
          weight_decay,
          averaging};
}

// -- trainers ---------------------------------------------------------------------------------

// One array (rows, units) for each of the first `layers` layers.
template <class T>
std::vector<T*> pointers(std::vector<Matrix<T>>& arrays, const Spec& spec, std::size_t layers,
                         std::size_t rows, const char* what) {
  require(arrays.size() == layers, what, layers, arrays.size());
  std::vector<T*> result;
  for (std::size_t l = 0; l < layers; ++l) {
    require_shape(arrays[l], rows, spec.sizes[l + 1], what);
    result.push_back(arrays[l].data());
  }
  return result;
}

void require_room(const Vector<const double>& rates, const Vector<double>& losses) {
  if (losses.size() < rates.size())
    throw std::invalid_argument("losses must be as long as rates (" + std::to_string(rates.size()) +
                                "), got " + std::to_string(losses.size()));
}

// A trainer of either dtype.
class BoundSteps {
 public:
  virtual ~BoundSteps() = default;
  virtual Steps& steps() const = 0;

  std::int64_t advance(Vector<const double> rates, Vector<double> losses) {
    require_room(rates, losses);
    std::int64_t taken = 0;
    without_gil([&] {
      taken = steps().advance(rates.data(), static_cast<std::int64_t>(rates.shape(0)),
                              losses.data(), signalled);
    });
    return taken;
  }

  std::int64_t step() const { return steps().step(); }
  std::int64_t rows() const { return steps().rows(); }
  int threads() const { return steps().threads(); }
};

std::vector<std::int64_t> bound_advance_many(const std::vector<BoundSteps*>& trainers,
                                             const std::vector<Vector<const double>>& rates,
                                             const std::vector<Vector<double>>& losses,
                                             int threads) {
  require_size(rates, trainers.size(), "the number of rates");
  require_size(losses, trainers.size(), "the number of losses");
  std::vector<Assignment> work;
  for (std::size_t i = 0; i < trainers.size(); ++i) {
    if (!trainers[i]) throw nb::type_error("trainers must not be None");
    require_room(rates[i], losses[i]);
    work.push_back({&trainers[i]->steps(), rates[i].data(),
                    static_cast<std::int64_t>(rates[i].shape(0)), losses[i].data()});
  }
  without_gil([&] { advance_many(work, threads, signalled); });
  std::vector<std::int64_t> written;
  for (const Assignment& one : work) written.push_back(one.written);
  return written;
}

// Holds the arrays that a trainer borrows.
template <class T>
class BoundTrainer final : public BoundSteps {
 public:
  BoundTrainer(const Spec& spec, Vector<T> theta, std::vector<Vector<T>> state, const Rows<T>& X,
               Matrix<const T> y, std::optional<Vector<const T>> weights, std::int64_t batch_size,
               bool shuffle, std::uint64_t seed, std::int64_t steps_before, const Update& update,
               std::int64_t step, Threads threads, std::optional<KeyframeArrays<T>> keyframes)
      : spec_(spec),
        theta_(std::move(theta)),
        state_(std::move(state)),
        X_(X),
        y_(std::move(y)),
        weights_(std::move(weights)),
        keyframes_(std::move(keyframes)) {
    const Samples<T> samples = X_.of(spec, y_, weights_);
    if (batch_size < 1 || batch_size > samples.n)
      throw std::invalid_argument("batch_size must be from 1 to " + std::to_string(samples.n) +
                                  ", the rows of X, got " + std::to_string(batch_size));
    const std::size_t count = parameter_count(spec);
    require_size(theta_, count, "the length of theta");
    require_size(state_, static_cast<std::size_t>(state_vectors(update)), "the vectors of state");
    std::vector<T*> vectors;
    for (Vector<T>& vector : state_) {
      require_size(vector, count, "the length of a vector of state");
      vectors.push_back(vector.data());
    }
    const Keyframes<T> kept = keyframes_ ? keyframes_->of(vectors.size(), count) : Keyframes<T>{};
    trainer_ = engine<T>().make_trainer(spec, theta_.data(), std::move(vectors), samples,
                                        {batch_size, shuffle, seed, steps_before}, update, step,
                                        threads, kept);
  }

  Steps& steps() const override { return *trainer_; }

  double gradient(Vector<T> gradient, std::int64_t batches) {
    require_size(gradient, parameter_count(spec_), "the length of gradient");
    double loss = 0;
    without_gil([&] { loss = trainer_->gradient(gradient.data(), batches, signalled); });
    return loss;
  }

  double step_along(Vector<const T> gradient, double rate) {
    require_size(gradient, parameter_count(spec_), "the length of gradient");
    nb::gil_scoped_release released;
    return trainer_->step_along(gradient.data(), rate);
  }

  // Fills the arrays with the quantities of the next step; returns (loss, penalty, norm of the
  // gradient). Masks are optional.
  std::tuple<double, double, double> trace(std::vector<Matrix<T>> pre_activations,
                                           std::vector<Matrix<T>> activations,
                                           std::vector<Matrix<T>> deltas,
                                           std::vector<Matrix<T>> masks, Vector<T> sample_losses,
                                           Vector<T> gradient, Vector<std::int64_t> rows_of_data) {
    const std::size_t layers = spec_.activations.size();
    const auto rows = static_cast<std::size_t>(trainer_->rows());
    require_size(sample_losses, rows, "the length of sample_losses");
    require_size(gradient, parameter_count(spec_), "the length of gradient");
    require_size(rows_of_data, rows, "the length of rows");
    Trace<T> out{pointers(pre_activations, spec_, layers, rows, "pre_activations"),
                 pointers(activations, spec_, layers, rows, "activations"),
                 pointers(deltas, spec_, layers, rows, "deltas"),
                 pointers(masks, spec_, masks.empty() ? 0 : layers - 1, rows, "masks"),
                 sample_losses.data(),
                 gradient.data(),
                 rows_of_data.data()};
    nb::gil_scoped_release released;
    trainer_->trace(out);
    return {out.loss, out.penalty, out.gradient_norm};
  }

 private:
  const Spec spec_;
  Vector<T> theta_;
  std::vector<Vector<T>> state_;
  Rows<T> X_;
  Matrix<const T> y_;
  std::optional<Vector<const T>> weights_;
  std::optional<KeyframeArrays<T>> keyframes_;
  std::unique_ptr<Trainer<T>> trainer_;
};

template <class T>
void bind(nb::module_& m, const char* trainer_name, const char* rows_name,
          const char* keyframes_name) {
  using Bound = BoundTrainer<T>;
  nb::class_<KeyframeArrays<T>>(m, keyframes_name, "Where a trainer keeps keyframes of its run.")
      .def(nb::new_([](Vector<std::int64_t> steps, Vector<std::int64_t> stride,
                       nb::ndarray<T, nb::ndim<3>, nb::c_contig, nb::device::cpu> vectors) {
             return KeyframeArrays<T>{std::move(steps), std::move(stride), std::move(vectors)};
           }),
           "steps"_a.noconvert(), "stride"_a.noconvert(), "vectors"_a.noconvert());
  nb::class_<Rows<T>>(m, rows_name, "X of a trainer: dense, or what isn't 0 of each row.")
      .def(nb::new_([](Matrix<const T> X) { return Rows<T>{std::move(X), {}, {}, {}}; }),
           "X"_a.noconvert())
      .def(nb::new_([](Vector<const T> values, Vector<const std::int32_t> columns,
                       Vector<const std::int64_t> starts) {
             return Rows<T>{{}, std::move(values), std::move(columns), std::move(starts)};
           }),
           "values"_a.noconvert(), "columns"_a.noconvert(), "starts"_a.noconvert());
  nb::class_<Bound, BoundSteps>(m, trainer_name, "A trainer of one dtype.")
      .def(nb::init<const Spec&, Vector<T>, std::vector<Vector<T>>, const Rows<T>&, Matrix<const T>,
                    std::optional<Vector<const T>>, std::int64_t, bool, std::uint64_t, std::int64_t,
                    const Update&, std::int64_t, Threads, std::optional<KeyframeArrays<T>>>(),
           "spec"_a, "theta"_a.noconvert(), "state"_a.noconvert(), "X"_a, "y"_a.noconvert(),
           "sample_weight"_a.none().noconvert(), "batch_size"_a, "shuffle"_a, "seed"_a,
           "steps_before"_a, "update"_a, "step"_a, "threads"_a, "keyframes"_a.none() = nb::none())
      .def("gradient", &Bound::gradient, "gradient"_a.noconvert(), "batches"_a,
           "Fill the sum of the next batches' gradients; return that of their losses.")
      .def("step_along", &Bound::step_along, "gradient"_a.noconvert(), "rate"_a,
           "Take a step along a gradient without the penalty's part; return the penalty.")
      .def("trace", &Bound::trace, "pre_activations"_a.noconvert(), "activations"_a.noconvert(),
           "deltas"_a.noconvert(), "masks"_a.noconvert(), "sample_losses"_a.noconvert(),
           "gradient"_a.noconvert(), "rows"_a.noconvert(),
           "Fill the arrays from the next step; return (loss, penalty, norm of the gradient).");
  m.def(
      "forward",
      [](const Spec& spec, Vector<const T> theta, Matrix<const T> X, Matrix<T> outputs,
         Threads threads) {
        require_size(theta, parameter_count(spec), "the length of theta");
        require_shape(X, X.shape(0), spec.sizes.front(), "X");
        require_shape(outputs, X.shape(0), spec.sizes.back(), "outputs");
        without_gil([&] {
          engine<T>().forward(spec, theta.data(), X.data(), static_cast<std::int64_t>(X.shape(0)),
                              outputs.data(), threads, signalled);
        });
      },
      "spec"_a, "theta"_a.noconvert(), "X"_a.noconvert(), "outputs"_a.noconvert(), "threads"_a,
      "Write the outputs of the network for each row of X.");
  m.def(
      "total_loss",
      [](const Spec& spec, Vector<const T> theta, Matrix<const T> X, Matrix<const T> y,
         std::optional<Vector<const T>> weights, Threads threads) {
        require_size(theta, parameter_count(spec), "the length of theta");
        const Samples<T> samples = samples_of<T>(spec, X, y, weights);
        double loss = 0;
        without_gil([&] {
          loss = engine<T>().total_loss(spec, theta.data(), samples, threads, signalled);
        });
        return loss;
      },
      "spec"_a, "theta"_a.noconvert(), "X"_a.noconvert(), "y"_a.noconvert(),
      "sample_weight"_a.none().noconvert(), "threads"_a,
      "Return L over the samples, penalty included.");
}

}  // namespace
}  // namespace chainrule

NB_MODULE(_core, m) {
  using namespace chainrule;
  // What a thread of the user's still holds when Python ends is no leak to be told on the terminal.
  nb::set_leak_warnings(false);
  m.doc() = "The compiled engine. Use it through chainrule.engine.compiled.";
  nb::class_<Spec>(m, "Spec", "A network, as the engine reads it.")
      .def(nb::new_(&make_spec), "sizes"_a, "activations"_a, "loss"_a, "loss_constants"_a,
           "fused"_a, "sum"_a, "l2"_a, "l1"_a, "dropout"_a, "bfloat16"_a = false);
  nb::class_<Update>(m, "Update", "An optimizer, as the engine reads it.")
      .def(nb::new_(&make_update), "name"_a, "constants"_a, "clip_norm"_a, "max_norm"_a,
           "weight_decay"_a, "averaging"_a);
  nb::class_<Threads>(m, "Threads", "How many threads, 0 for every core; and whether all of them.")
      .def(nb::new_(&make_threads), "most"_a, "use"_a)
      .def_prop_ro("most", [](const Threads& t) { return t.most ? t.most : available_cores(); });
  nb::class_<BoundSteps>(m, "Trainer", "Steps of training on borrowed arrays.")
      .def("advance", &BoundSteps::advance, "rates"_a.noconvert(), "losses"_a.noconvert(),
           "Take one step a rate; write the loss before each; return how many were written.")
      .def_prop_ro("step", &BoundSteps::step, "Steps taken.")
      .def_prop_ro("rows", &BoundSteps::rows, "Samples of the next step.")
      .def_prop_ro("threads", &BoundSteps::threads, "As many as asked for, or the fastest so far.");
  bind<float>(m, "TrainerFloat32", "RowsFloat32", "KeyframesFloat32");
  bind<double>(m, "TrainerFloat64", "RowsFloat64", "KeyframesFloat64");
  bind_outputs(m);
  bind_tables(m);
  m.def("advance_many", &bound_advance_many, "trainers"_a, "rates"_a.noconvert(),
        "losses"_a.noconvert(), "threads"_a,
        "Advance every trainer by its rates, as its advance does, many at a time.");
  m.def(
      "level", [] { return std::string(level().name); },
      "Name of the instruction-set level in use.");
  m.def(
      "bfloat16_unit",
      [] {
        return bfloat16_unit() ? std::optional<std::string>(bfloat16_unit()->name) : std::nullopt;
      },
      "Name of the unit in use for products in bfloat16, or None.");
  m.def(
      "supported_levels",
      [] {
        std::vector<std::string> names;
        for (const Level& candidate : all_levels())
          if (candidate.supported()) names.emplace_back(candidate.name);
        return names;
      },
      "Names of the levels that this processor can run.");
}
