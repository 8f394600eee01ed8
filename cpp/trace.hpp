// What a trace asks for, copied out of the padded rows of a batch.
#pragma once

#include "passes.hpp"

namespace chainrule::CHAINRULE_LEVEL {

template <class T>
void copy_values(const Spec& spec, const Values<T>& values, const T* sample_losses,
                 std::int64_t rows, Trace<T>& out) {
  const auto copy = [&](const std::vector<T*>& to, std::size_t l, const T* from) {
    if (to.empty() || !to[l]) return;
    const auto units = static_cast<std::size_t>(spec.sizes[l + 1]);
    for (std::int64_t i = 0; i < rows; ++i)
      std::memcpy(to[l] + static_cast<std::size_t>(i) * units, from + i * values.layers[l].stride,
                  units * sizeof(T));
  };
  for (std::size_t l = 0; l < values.layers.size(); ++l) {
    copy(out.pre_activations, l, values.layers[l].z);
    copy(out.activations, l, values.layers[l].out);
    copy(out.deltas, l, values.layers[l].delta);
  }
  for (std::size_t l = 0; l < out.masks.size(); ++l) {
    if (values.layers[l].mask)
      copy(out.masks, l, values.layers[l].mask);
    else  // without dropout
      std::fill_n(out.masks[l], rows * spec.sizes[l + 1], T(1));
  }
  if (out.sample_losses) std::copy_n(sample_losses, rows, out.sample_losses);
}

}  // namespace chainrule::CHAINRULE_LEVEL
