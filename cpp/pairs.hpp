// What the products in bfloat16 (bfloat16.hpp) read: weights and values, rounded, two numbers that
// follow each other in a sum side by side. All three products are one: rows of pairs times panels
// of pairs.
//   forward   rows: pairs of inputs       panels: pairs of inputs by outputs
//   backward  rows: pairs of outputs      panels: pairs of outputs by inputs
//   gradient  rows: pairs of samples      panels: pairs of samples by outputs
#pragma once

#include "layout.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// Whether products of T can be taken in bfloat16.
template <class T>
constexpr bool has_pairs = std::is_same_v<T, float>;

constexpr std::int64_t pairs_of(std::int64_t numbers) {
  return round_up((numbers + 1) / 2, pair_depth);
}

// The bfloat16 nearest to each number, of two the even one, in the upper half of its lane. What is
// smaller than the smallest normal number counts as 0 in a product.
CHAINRULE_INLINE Vector<Pair> rounded(Vector<float> v) {
  const Vector<Pair> bits = (Vector<Pair>)v, nearest = bits + 0x7fff + (bits >> 16 & 1);
  return (v == v ? nearest : bits | 0x400000) & 0xffff0000;  // nan stays nan
}

CHAINRULE_INLINE Vector<Pair> pairs(Vector<float> first, Vector<float> second) {
  return rounded(first) >> 16 | rounded(second);
}

// The next vector of a row of `left` numbers; beyond them 0.
CHAINRULE_INLINE Vector<float> load_some(const float* row, std::int64_t left) {
  if (left >= width<float>) return load(row);
  return left > 0 ? load_first(row, left) : Vector<float>{};
}

template <std::size_t... lane>
CHAINRULE_INLINE Vector<Pair> neighbours(Vector<float> low, Vector<float> high,
                                         std::index_sequence<lane...>) {
  return pairs(__builtin_shufflevector(low, high, (2 * lane)...),
               __builtin_shufflevector(low, high, (2 * lane + 1)...));
}

// A vector of pairs of neighbours in a row of `left` numbers.
CHAINRULE_INLINE Vector<Pair> row_pairs(const float* row, std::int64_t left) {
  return neighbours(load_some(row, left), load_some(row + width<float>, left - width<float>),
                    std::make_index_sequence<width<float>>{});
}

// Rows [first, last) of `columns` numbers, as rows of pairs.
inline void pair_rows(const float* from, std::int64_t stride, std::int64_t columns,
                      std::int64_t first, std::int64_t last, Pair* to, std::int64_t to_stride) {
  for (std::int64_t i = first; i < last; ++i)
    for (std::int64_t j = 0; j < columns; j += 2 * width<float>)
      store(to + i * to_stride + j / 2, row_pairs(from + i * stride + j, columns - j));
}

constexpr std::int64_t square_rows = 2 * pair_depth;  // of numbers, in a square of pairs

// Rows [first, last) of a panel, as pairs of rows; first is a multiple of square_rows, and what
// follows the last row 0.
inline void pair_panel(const float* panel, std::int64_t columns, std::int64_t first,
                       std::int64_t last, Pair* to) {
  for (std::int64_t k = first; k < round_up(last, square_rows); k += 2)
    for (std::int64_t j = 0; j < columns; j += width<float>) {
      const float* at = panel + k * columns + j;
      store(to + k / 2 * columns + j, pairs(k < last ? load(at) : Vector<float>{},
                                            k + 1 < last ? load(at + columns) : Vector<float>{}));
    }
}

// Rows [first, last) of numbers, which are samples, as one row of pairs of samples for each of the
// columns; first is a multiple of square_rows, and what follows the last one 0.
inline void pair_samples(const float* from, std::int64_t stride, std::int64_t columns,
                         std::int64_t first, std::int64_t last, Pair* to, std::int64_t to_stride) {
  constexpr int w = width<float>;
  for (std::int64_t i = first; i < round_up(last, square_rows); i += 2 * w)
    for (std::int64_t j = 0; j < columns; j += w) {
      const auto row = [&](std::int64_t sample) {
        return load_some(from + sample * stride + j, sample < last ? columns - j : 0);
      };
      Vector<Pair> square[w];
#pragma GCC unroll 16
      for (int r = 0; r < w; ++r) square[r] = pairs(row(i + 2 * r), row(i + 2 * r + 1));
      store_columns<Pair>(square, to + j * to_stride + i / 2, to_stride, columns - j);
    }
}

// The weights of a layer.
struct PairedWeights {
  Panels<Pair> forward, backward;
  Buffer<Pair> by_inputs, by_outputs;  // in the one and in the other

  PairedWeights(std::int64_t inputs, std::int64_t outputs, bool needs_backward)
      : forward(pairs_of(inputs), outputs),
        backward(needs_backward ? pairs_of(outputs) : 0, needs_backward ? inputs : 0),
        by_inputs(forward.size()),
        by_outputs(backward.size()) {}

  // Takes up rows [first, last) of one panel of W; first is a multiple of square_rows.
  void refresh(const Panels<float>& W, const float* w, std::int64_t panel, std::int64_t first,
               std::int64_t last) const {
    const std::int64_t columns = W.panel_width(panel);
    const float* rows = w + W.offset(panel);
    pair_panel(rows, columns, first, last, by_inputs.get() + forward.offset(panel));
    if (backward.size() > 0) transpose(rows, columns, first, last, W.first_column(panel) / 2);
  }

 private:
  // Pairs of neighbours in the rows [first, last) of a panel, from pair `at` of the outputs on.
  void transpose(const float* rows, std::int64_t columns, std::int64_t first, std::int64_t last,
                 std::int64_t at) const {
    constexpr int w = width<float>;
    for (std::int64_t k = first; k < last; k += w) {
      Vector<Pair> square[w];
#pragma GCC unroll 16
      for (int r = 0; r < w; ++r)
        square[r] = row_pairs(rows + (k + r) * columns, k + r < last ? columns : 0);
      const std::int64_t panel = k / panel_columns<Pair>, to = backward.panel_width(panel);
      Pair* place = by_outputs.get() + backward.offset(panel) + at * to + k % panel_columns<Pair>;
      store_columns<Pair>(square, place, to, columns / 2);
    }
  }
};

// The values of a layer's inputs and outputs for `rows` samples.
struct PairedValues {
  std::int64_t inputs, outputs;
  std::int64_t input_stride, sample_stride, delta_stride;
  Panels<Pair> panels;
  Buffer<Pair> input_rows, sample_rows;  // left factors, forward and of the gradient
  Buffer<Pair> delta_rows;               // left factor, backward
  Buffer<Pair> weighted;                 // in panels: right factor of the gradient

  PairedValues(std::int64_t rows, std::int64_t inputs, std::int64_t outputs, bool backward)
      : inputs(inputs),
        outputs(outputs),
        input_stride(row_stride<Pair>(pairs_of(inputs))),
        sample_stride(row_stride<Pair>(pairs_of(rows))),
        delta_stride(row_stride<Pair>(pairs_of(outputs))),
        panels(backward ? pairs_of(rows) : 0, outputs),
        input_rows(rows * input_stride),
        sample_rows(backward ? inputs * sample_stride : 0),
        delta_rows(backward ? rows * delta_stride : 0),
        weighted(panels.size()) {}

  bool needs_backward() const { return panels.size() > 0; }
};

}  // namespace chainrule::CHAINRULE_LEVEL
