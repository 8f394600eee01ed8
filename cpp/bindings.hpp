// Arrays from Python as the engine reads them: taken as they are (C-contiguous, exact dtype), and
// refused with a ValueError where their shapes do not fit together; borrowed, never copied.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "keyframes.hpp"
#include "spec.hpp"

namespace chainrule {

namespace nb = nanobind;

template <class T>
using Vector = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Matrix = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

inline void require(bool holds, const char* what, std::size_t expected, std::size_t got) {
  if (!holds)
    throw std::invalid_argument(std::string(what) + " must be " + std::to_string(expected) +
                                ", got " + std::to_string(got));
}

template <class Array>
void require_size(const Array& array, std::size_t expected, const char* what) {
  require(array.size() == expected, what, expected, array.size());
}

template <class T>
void require_shape(const Matrix<T>& array, std::size_t rows, std::int64_t columns,
                   const char* what) {
  const auto wanted = static_cast<std::size_t>(columns);
  if (array.shape(0) == rows && array.shape(1) == wanted) return;  // before any text is made
  require(array.shape(0) == rows, (std::string("the rows of ") + what).c_str(), rows,
          array.shape(0));
  require(false, (std::string("the columns of ") + what).c_str(), wanted, array.shape(1));
}

template <class T>
Samples<T> samples_of(const Spec& spec, const Matrix<const T>& X, const Matrix<const T>& y,
                      const std::optional<Vector<const T>>& weights) {
  const std::size_t n = X.shape(0);
  require_shape(X, n, spec.sizes.front(), "X");
  require_shape(y, n, spec.sizes.back(), "y");
  if (weights) require_size(*weights, n, "the length of sample_weight");
  return {X.data(), y.data(), weights ? weights->data() : nullptr, static_cast<std::int64_t>(n)};
}

// Samples whose X is sparse: as many values as columns.
template <class T>
Samples<T> sparse_samples_of(const Spec& spec, const Vector<const T>& values,
                             const Vector<const std::int32_t>& columns,
                             const Vector<const std::int64_t>& starts, const Matrix<const T>& y,
                             const std::optional<Vector<const T>>& weights) {
  const std::size_t n = y.shape(0);
  require_size(columns, values.size(), "the length of columns");
  require_size(starts, n + 1, "the length of starts");
  require_shape(y, n, spec.sizes.back(), "y");
  if (weights) require_size(*weights, n, "the length of sample_weight");
  return {values.data(),
          y.data(),
          weights ? weights->data() : nullptr,
          static_cast<std::int64_t>(n),
          columns.data(),
          starts.data()};
}

// X, dense; or its values, columns and starts.
template <class T>
struct Rows {
  std::optional<Matrix<const T>> dense;
  std::optional<Vector<const T>> values;
  std::optional<Vector<const std::int32_t>> columns;
  std::optional<Vector<const std::int64_t>> starts;

  Samples<T> of(const Spec& spec, const Matrix<const T>& y,
                const std::optional<Vector<const T>>& weights) const {
    return dense ? samples_of<T>(spec, *dense, y, weights)
                 : sparse_samples_of<T>(spec, *values, *columns, *starts, y, weights);
  }
};

// Keyframes as Python has them: steps (rooms,), stride (1,), vectors (rooms, vectors, parameters).
template <class T>
struct KeyframeArrays {
  Vector<std::int64_t> steps, stride;
  nb::ndarray<T, nb::ndim<3>, nb::c_contig, nb::device::cpu> vectors;

  Keyframes<T> of(std::size_t vectors_of_state, std::size_t parameters) const {
    require_size(stride, 1, "the length of stride");
    require(vectors.shape(0) == steps.size(), "the rooms of keyframes", steps.size(),
            vectors.shape(0));
    require(vectors.shape(1) == 1 + vectors_of_state, "the vectors of a keyframe",
            1 + vectors_of_state, vectors.shape(1));
    require(vectors.shape(2) == parameters, "the length of a keyframe's vectors", parameters,
            vectors.shape(2));
    if (stride(0) < 1) throw std::invalid_argument("the stride of keyframes must be at least 1");
    return {steps.data(), static_cast<std::int64_t>(steps.size()), stride.data(), vectors.data()};
  }
};

// Asks Python whether a signal (Ctrl-C) is pending; its exception stays set.
inline bool signalled() {
  nb::gil_scoped_acquire gil;
  return PyErr_CheckSignals() != 0;
}

// Works without the GIL; then raises what a signal handler raised meanwhile.
template <class F>
void without_gil(F work) {
  {
    nb::gil_scoped_release released;
    work();
  }
  if (PyErr_Occurred()) throw nb::python_error();
}

// Adds the outputs of a network for an array of rows.
void bind_outputs(nb::module_& m);

// Adds what models of tables need beside the engine.
void bind_tables(nb::module_& m);

}  // namespace chainrule
