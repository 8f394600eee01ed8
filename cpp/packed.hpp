// Parameters in the packed layout, and what the products read of the weights.
#pragma once

#include "pairs.hpp"

namespace chainrule::CHAINRULE_LEVEL {

template <class T>
struct Packed {
  const Layout<T>& layout;
  T* theta;
  const Bfloat16Unit* unit;                  // of the products in bfloat16; null: they are in T
  std::vector<Panels<T>> transposed_panels;  // of layers 1, 2, ...; the first has no use
  std::vector<Buffer<T>> transposed;         // for the backward pass of more than one row
  std::vector<PairedWeights> paired;         // of each layer, for the unit

  // backward_rows: of a batch that also goes backward; 0 where none does.
  Packed(const Spec& spec, const Layout<T>& layout, T* theta, std::int64_t backward_rows)
      : layout(layout), theta(theta), unit(spec.bfloat16 ? bfloat16_unit() : nullptr) {
    for (std::size_t l = 0; l < layout.weights.size(); ++l) {
      const Panels<T>& W = layout.weights[l];
      if (unit) paired.emplace_back(W.rows, W.columns, backward_rows > 0 && l > 0);
      if (unit || backward_rows <= 1) continue;
      transposed_panels.emplace_back(l == 0 ? 0 : W.columns, l == 0 ? 0 : W.rows);
      transposed.emplace_back(transposed_panels[l].size());
    }
  }

  T* weights(std::int64_t l) const { return theta + layout.weight_offset[l]; }
  T* biases(std::int64_t l) const { return theta + layout.bias_offset[l]; }

  // Takes up what rows [first, last) of a panel of weights have become.
  void refresh(std::int64_t l, std::int64_t panel, std::int64_t first, std::int64_t last) const {
    if constexpr (has_pairs<T>)
      if (unit) return paired[l].refresh(layout.weights[l], weights(l), panel, first, last);
    if (l > 0 && !transposed.empty())
      transpose_rows(layout.weights[l], weights(l), panel, first, last, transposed_panels[l],
                     transposed[l].get());
  }

  void refresh_all() const {
    for (std::size_t l = 0; l < layout.weights.size(); ++l)
      for (std::int64_t p = 0; p < layout.weights[l].count; ++p)
        refresh(static_cast<std::int64_t>(l), p, 0, layout.weights[l].rows);
  }
};

}  // namespace chainrule::CHAINRULE_LEVEL
