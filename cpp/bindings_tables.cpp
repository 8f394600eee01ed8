// The Python face of what models of tables need beside the engine: the encoding of their numbers,
// and the mean of several networks.
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "bindings.hpp"
#include "encoding.hpp"
#include "engine.hpp"

using namespace nanobind::literals;

namespace chainrule {
namespace {

// Columns of numbers, and what they become.
class Encoding {
 public:
  explicit Encoding(std::int64_t width) : width_(width) {}

  void add(double median, double center, double scale, std::vector<double> knots, double height,
           bool flagged, std::int64_t place) {
    const std::size_t pieces = knots.size() > 2 ? knots.size() - 1 : 0;
    const auto inputs = static_cast<std::int64_t>(1 + pieces + flagged);
    if (place < 0 || place + inputs > width_)
      throw std::invalid_argument("the column's " + std::to_string(inputs) + " inputs from " +
                                  std::to_string(place) + " on must be among " +
                                  std::to_string(width_));
    columns_.push_back({median, center, scale, std::move(knots), height, flagged, place});
  }

  template <class T>
  bool encode(const Matrix<const double>& values, const Matrix<T>& inputs) const {
    require_shape(values, values.shape(0), static_cast<std::int64_t>(columns_.size()), "values");
    require_shape(inputs, values.shape(0), width_, "inputs");
    nb::gil_scoped_release released;
    return write(values, inputs.data());
  }

  template <class T>
  bool write(const Matrix<const double>& values, T* inputs) const {
    return encode_rows(columns_, values.data(), static_cast<std::int64_t>(values.shape(0)), inputs,
                       width_);
  }

  std::int64_t columns() const { return static_cast<std::int64_t>(columns_.size()); }
  std::int64_t width() const { return width_; }

 private:
  std::int64_t width_;
  std::vector<EncodedColumn> columns_;
};

// Networks of one shape whose inputs are columns cut into pieces.
template <class T>
class Members {
 public:
  Members(const Spec& spec, const std::vector<Vector<const T>>& thetas,
          const std::vector<std::tuple<std::int64_t, std::int64_t, double>>& pieces)
      : inputs_(spec.sizes.front()), outputs_(spec.sizes.back()) {
    if (thetas.empty()) throw std::invalid_argument("thetas must not be empty");
    std::vector<const T*> starts;
    for (const Vector<const T>& theta : thetas) {
      require_size(theta, parameter_count(spec), "the length of theta");
      starts.push_back(theta.data());
    }
    std::vector<Pieces> columns;
    std::int64_t free = 0;  // from here on
    for (const auto& [place, count, height] : pieces) {
      if (place < free || count < 1 || place + count > inputs_ || !(height > 0))
        throw std::invalid_argument("pieces must be some of the inputs, in their order");
      columns.push_back({place, count, height});
      free = place + count;
    }
    networks_ = engine<T>().make_networks(spec, starts, std::move(columns));
  }

  void mean(const Matrix<const T>& X, const Matrix<T>& outputs) const {
    require_shape(X, X.shape(0), inputs_, "X");
    require_shape(outputs, X.shape(0), outputs_, "outputs");
    nb::gil_scoped_release released;
    networks_->mean(X.data(), static_cast<std::int64_t>(X.shape(0)), outputs.data());
  }

  bool mean_of(const Encoding& encoding, const Matrix<const double>& values,
               const Matrix<T>& outputs) const {
    const auto n = static_cast<std::int64_t>(values.shape(0));
    require(encoding.width() == inputs_, "the width of the encoding",
            static_cast<std::size_t>(inputs_), static_cast<std::size_t>(encoding.width()));
    require_shape(values, values.shape(0), encoding.columns(), "values");
    require_shape(outputs, values.shape(0), outputs_, "outputs");
    nb::gil_scoped_release released;
    std::vector<T> X(static_cast<std::size_t>(n * inputs_));
    const bool finite = encoding.write(values, X.data());
    if (finite) networks_->mean(X.data(), n, outputs.data());
    return finite;
  }

 private:
  const std::int64_t inputs_, outputs_;
  std::unique_ptr<Networks<T>> networks_;
};

template <class T>
void bind_members(nb::module_& m, const char* name) {
  nb::class_<Members<T>>(m, name, "Networks of one shape, of columns that are cut into pieces.")
      .def(nb::init<const Spec&, const std::vector<Vector<const T>>&,
                    const std::vector<std::tuple<std::int64_t, std::int64_t, double>>&>(),
           "spec"_a, "thetas"_a, "pieces"_a)
      .def("mean", &Members<T>::mean, "X"_a.noconvert(), "outputs"_a.noconvert(),
           "Write the mean of their outputs for each row.")
      .def("mean_of", &Members<T>::mean_of, "encoding"_a, "values"_a.noconvert(),
           "outputs"_a.noconvert(),
           "Write the mean for rows of an encoding's values, its other inputs 0; tell whether none "
           "of them is infinite, else nothing is written.");
}

void bind_encoding(nb::module_& m) {
  nb::class_<Encoding>(m, "Encoding", "What columns of numbers become, `width` inputs in all.")
      .def(nb::init<std::int64_t>(), "width"_a)
      .def("add", &Encoding::add, "median"_a, "center"_a, "scale"_a, "knots"_a, "height"_a,
           "flagged"_a, "place"_a, "Add a column, whose inputs begin at a place.")
      .def("encode", &Encoding::encode<float>, "values"_a.noconvert(), "inputs"_a.noconvert(),
           "Write the inputs of each row of values, NaN where missing; tell whether none is "
           "infinite.")
      .def("encode", &Encoding::encode<double>, "values"_a.noconvert(), "inputs"_a.noconvert());
}

}  // namespace

void bind_tables(nb::module_& m) {
  bind_encoding(m);
  bind_members<float>(m, "MembersFloat32");
  bind_members<double>(m, "MembersFloat64");
}

}  // namespace chainrule
