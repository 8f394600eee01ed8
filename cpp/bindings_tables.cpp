// The Python face of what models of tables need beside the engine: the encoding of their numbers,
// and single rows through several networks.
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

  void add(double median, double center, double scale, std::vector<double> knots, bool flagged,
           std::int64_t place) {
    const std::size_t pieces = knots.size() > 2 ? knots.size() - 1 : 0;
    const auto inputs = static_cast<std::int64_t>(1 + pieces + flagged);
    if (place < 0 || place + inputs > width_)
      throw std::invalid_argument("the column's " + std::to_string(inputs) + " inputs from " +
                                  std::to_string(place) + " on must be among " +
                                  std::to_string(width_));
    columns_.push_back({median, center, scale, std::move(knots), flagged, place});
  }

  template <class T>
  void encode(const Matrix<const double>& values, const Matrix<T>& inputs) const {
    require_shape(values, values.shape(0), static_cast<std::int64_t>(columns_.size()), "values");
    require_shape(inputs, values.shape(0), width_, "inputs");
    nb::gil_scoped_release released;
    encode_rows(columns_, values.data(), static_cast<std::int64_t>(values.shape(0)), inputs.data(),
                width_);
  }

 private:
  std::int64_t width_;
  std::vector<EncodedColumn> columns_;
};

// Networks of one shape, kept for predictions of single rows.
template <class T>
class Members {
 public:
  Members(const Spec& spec, std::vector<Vector<const T>> thetas)
      : spec_(spec), thetas_(std::move(thetas)) {
    if (thetas_.empty()) throw std::invalid_argument("thetas must not be empty");
    for (const Vector<const T>& theta : thetas_) {
      require_size(theta, parameter_count(spec), "the length of theta");
      starts_.push_back(theta.data());
    }
  }

  void mean_of_row(const Matrix<const T>& row, const Matrix<T>& outputs) const {
    require_shape(row, 1, spec_.sizes.front(), "row");
    require_shape(outputs, 1, spec_.sizes.back(), "outputs");
    engine<T>().mean_of_row(spec_, starts_, row.data(), outputs.data());
  }

 private:
  const Spec spec_;
  std::vector<Vector<const T>> thetas_;
  std::vector<const T*> starts_;
};

template <class T>
void bind_members(nb::module_& m, const char* name) {
  nb::class_<Members<T>>(m, name, "Networks of one shape, whose weights are finite.")
      .def(nb::init<const Spec&, std::vector<Vector<const T>>>(), "spec"_a, "thetas"_a)
      .def("mean_of_row", &Members<T>::mean_of_row, "row"_a.noconvert(), "outputs"_a.noconvert(),
           "Write the mean of their outputs for one row.");
}

void bind_encoding(nb::module_& m) {
  nb::class_<Encoding>(m, "Encoding", "What columns of numbers become, `width` inputs in all.")
      .def(nb::init<std::int64_t>(), "width"_a)
      .def("add", &Encoding::add, "median"_a, "center"_a, "scale"_a, "knots"_a, "flagged"_a,
           "place"_a, "Add a column, whose inputs begin at a place.")
      .def("encode", &Encoding::encode<float>, "values"_a.noconvert(), "inputs"_a.noconvert(),
           "Write the inputs of each row of values, NaN where one is missing.")
      .def("encode", &Encoding::encode<double>, "values"_a.noconvert(), "inputs"_a.noconvert());
}

}  // namespace

void bind_tables(nb::module_& m) {
  bind_members<float>(m, "MembersFloat32");
  bind_members<double>(m, "MembersFloat64");
  bind_encoding(m);
}

}  // namespace chainrule
