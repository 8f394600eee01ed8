// The Python face of what models of tables need beside the engine: the encoding of their numbers,
// and the mean of several networks.
#include <nanobind/stl/vector.h>

#include "bindings.hpp"
#include "engine.hpp"

using namespace nanobind::literals;

namespace chainrule {
namespace {

// Columns of a table, and what they become.
class Encoding {
 public:
  explicit Encoding(std::int64_t width) : width_(width) {}

  void add(double median, double center, double scale, std::vector<double> knots, double height,
           bool flagged, std::int64_t place) {
    place_column({median, center, scale, std::move(knots), height, flagged, place});
  }

  void add_categories(std::int64_t count, std::int64_t place) {
    place_column(EncodedColumn::of_categories(count, place));
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
    const auto n = static_cast<std::int64_t>(values.shape(0));
    return engine<T>().encode_rows(columns_, values.data(), n, inputs, width_);
  }

  // Those that are cut and whose inputs are straight lines from knot to knot, none of which is so
  // far away that it is clipped.
  std::vector<CutColumn> cut_columns() const {
    std::vector<CutColumn> result;
    for (const EncodedColumn& column : columns_) {
      if (column.pieces() == 0 || column.height == 0) continue;
      std::vector<double> knots;
      for (const double knot : column.knots) knots.push_back(scaled(column, knot));
      if (knots.front() > -farthest && knots.back() < farthest)
        result.push_back({column.place, std::move(knots), column.height});
    }
    return result;
  }

  std::int64_t columns() const { return static_cast<std::int64_t>(columns_.size()); }
  std::int64_t width() const { return width_; }

 private:
  void place_column(EncodedColumn column) {
    if (column.place < free_ || column.place + column.inputs() > width_)
      throw std::invalid_argument("the column's " + std::to_string(column.inputs()) +
                                  " inputs from " + std::to_string(column.place) +
                                  " on must be among those from " + std::to_string(free_) + " to " +
                                  std::to_string(width_));
    free_ = column.place + column.inputs();
    columns_.push_back(std::move(column));
  }

  std::int64_t width_, free_ = 0;  // inputs in all; from here on no column's yet
  std::vector<EncodedColumn> columns_;
};

// Networks of one shape whose inputs an encoding makes.
template <class T>
class Members {
 public:
  Members(const Spec& spec, const std::vector<Vector<const T>>& thetas, const Encoding& encoding)
      : inputs_(spec.sizes.front()), outputs_(spec.sizes.back()), encoding_(encoding) {
    if (thetas.empty()) throw std::invalid_argument("thetas must not be empty");
    require(encoding.width() == inputs_, "the width of the encoding",
            static_cast<std::size_t>(inputs_), static_cast<std::size_t>(encoding.width()));
    std::vector<const T*> starts;
    for (const Vector<const T>& theta : thetas) {
      require_size(theta, parameter_count(spec), "the length of theta");
      starts.push_back(theta.data());
    }
    networks_ = engine<T>().make_networks(spec, starts, encoding.cut_columns());
  }

  void mean(const Matrix<const T>& X, const Matrix<T>& outputs) const {
    require_shape(X, X.shape(0), inputs_, "X");
    require_shape(outputs, X.shape(0), outputs_, "outputs");
    nb::gil_scoped_release released;
    networks_->mean(X.data(), static_cast<std::int64_t>(X.shape(0)), outputs.data());
  }

  bool mean_of_numbers(const Matrix<const double>& values, const Matrix<T>& outputs) const {
    const auto n = static_cast<std::int64_t>(values.shape(0));
    require_shape(values, values.shape(0), encoding_.columns(), "values");
    require_shape(outputs, values.shape(0), outputs_, "outputs");
    nb::gil_scoped_release released;
    std::vector<T> X(static_cast<std::size_t>(n * inputs_));
    const bool finite = encoding_.write(values, X.data());
    if (finite) networks_->mean(X.data(), n, outputs.data());
    return finite;
  }

 private:
  const std::int64_t inputs_, outputs_;
  const Encoding encoding_;
  std::unique_ptr<Networks<T>> networks_;
};

template <class T>
void bind_members(nb::module_& m, const char* name) {
  nb::class_<Members<T>>(m, name, "Networks of one shape, whose inputs an encoding makes.")
      .def(nb::init<const Spec&, const std::vector<Vector<const T>>&, const Encoding&>(), "spec"_a,
           "thetas"_a, "encoding"_a)
      .def("mean", &Members<T>::mean, "X"_a.noconvert(), "outputs"_a.noconvert(),
           "Write the mean of their outputs for each row.")
      .def(
          "mean_of_numbers", &Members<T>::mean_of_numbers, "values"_a.noconvert(),
          "outputs"_a.noconvert(),
          "Write the mean for rows of the encoding's values, other inputs 0, and tell whether none "
          "of them is infinite; else nothing is written.");
}

void bind_encoding(nb::module_& m) {
  nb::class_<Encoding>(m, "Encoding", "What columns become, `width` inputs in all.")
      .def(nb::init<std::int64_t>(), "width"_a)
      .def("add", &Encoding::add, "median"_a, "center"_a, "scale"_a, "knots"_a, "height"_a,
           "flagged"_a, "place"_a, "Add a column of numbers, whose inputs begin at a place.")
      .def("add_categories", &Encoding::add_categories, "count"_a, "place"_a,
           "Add a column of categories, whose values are their numbers, negative for none.")
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
