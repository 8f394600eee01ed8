// The shortest way from an array in Python to a network's outputs: one row of a small network is
// computed in less time than the general way takes to look at three arrays. Through NumPy's own
// interface, as it needs no copy of what an array says of itself.
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>

#include "bindings.hpp"
#include "engine.hpp"

namespace chainrule {
namespace {

// Whether x is an array as the engine reads it, with so many dimensions.
bool is_ready(PyObject* x, int dimensions) {
  if (!PyArray_CheckExact(x)) return false;
  const auto* array = reinterpret_cast<PyArrayObject*>(x);
  return PyArray_NDIM(array) == dimensions && PyArray_ISCARRAY_RO(array);
}

template <class T>
void write_outputs(const Spec& spec, PyArrayObject* theta, PyArrayObject* X, PyArrayObject* to,
                   Threads threads) {
  const std::int64_t n = PyArray_DIM(X, 0);
  without_gil([&] {
    engine<T>().forward(spec, static_cast<const T*>(PyArray_DATA(theta)),
                        static_cast<const T*>(PyArray_DATA(X)), n,
                        static_cast<T*>(PyArray_DATA(to)), threads, signalled);
  });
}

// The outputs, or None where theta and X are not as the engine reads them.
nb::object outputs(const Spec& spec, nb::handle theta, nb::handle X, Threads threads) {
  if (!is_ready(theta.ptr(), 1) || !is_ready(X.ptr(), 2)) return nb::none();
  auto* const parameters = reinterpret_cast<PyArrayObject*>(theta.ptr());
  auto* const rows = reinterpret_cast<PyArrayObject*>(X.ptr());
  const int type = PyArray_TYPE(parameters);
  if ((type != NPY_FLOAT32 && type != NPY_FLOAT64) || PyArray_TYPE(rows) != type ||
      PyArray_DIM(rows, 1) != spec.sizes.front())
    return nb::none();
  const auto size = static_cast<std::size_t>(PyArray_SIZE(parameters));
  require(size == parameter_count(spec), "the length of theta", parameter_count(spec), size);
  npy_intp shape[2] = {PyArray_DIM(rows, 0), static_cast<npy_intp>(spec.sizes.back())};
  nb::object result = nb::steal(PyArray_SimpleNew(2, shape, type));
  if (!result.is_valid()) throw nb::python_error();
  auto* const to = reinterpret_cast<PyArrayObject*>(result.ptr());
  if (type == NPY_FLOAT32)
    write_outputs<float>(spec, parameters, rows, to, threads);
  else
    write_outputs<double>(spec, parameters, rows, to, threads);
  return result;
}

}  // namespace

void bind_outputs(nb::module_& m) {
  if (_import_array() < 0) throw nb::python_error();
  using namespace nb::literals;
  m.def("outputs", &outputs, "spec"_a, "theta"_a, "X"_a.none(), "threads"_a,
        nb::sig("def outputs(spec: Spec, theta: object, X: object, threads: Threads) -> "
                "NDArray[numpy.float32] | NDArray[numpy.float64] | None"),
        "Return the outputs for each row of X, or None unless both arrays are as the engine reads "
        "them.");
}

}  // namespace chainrule
