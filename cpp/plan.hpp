// How a step is cut into pieces of work for some threads. No cut changes a bit.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "packed.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// Rows of a block: at most 96, fewer where a layer is so wide that their values would leave the
// cache, and an interruption wait; and such that every thread gets as many rows, or in bfloat16 as
// many squares of them.
inline std::int64_t block_rows_of(const Spec& spec, std::int64_t rows, int threads) {
  const std::int64_t widest = *std::max_element(spec.sizes.begin(), spec.sizes.end());
  const std::int64_t most = std::clamp<std::int64_t>((1 << 18) / widest, 1, 96);
  const std::int64_t blocks = round_up((rows + most - 1) / most, threads);
  return round_up((rows + blocks - 1) / blocks, spec.bfloat16 ? square_rows : 1);
}

constexpr std::int64_t most_panels = 8;  // of a piece of work

// Panels of the first layer's W in a part of its columns that one thread multiplies all rows of a
// batch by; 0 where each block of rows has its own product instead. A thread that has those columns
// in the forward pass whose weights it updates need not wait for weights that another core has
// changed. Where there are four times as many inputs as rows, that is more than the values which
// cores send each other instead. Columns that can't be cut evenly leave a thread idle for a part of
// every row: they serve few rows.
template <class T>
std::int64_t shared_panels(const Spec& spec, const Panels<T>& W, std::int64_t rows, int threads) {
  const std::int64_t parts = std::min<std::int64_t>(W.count, threads);
  if (spec.bfloat16 || W.rows < std::max(many_inputs, 4 * rows) || parts <= 1) return 0;
  const std::int64_t panels = (W.count + parts - 1) / parts;
  const std::int64_t beyond = parts * std::min(panels * W.panel, W.stride) - W.stride;
  if (beyond * rows > 4 * W.stride) return 0;
  const std::int64_t pieces = (panels + most_panels - 1) / most_panels;
  return (panels + pieces - 1) / pieces;
}

// A piece of the gradient.
struct GradientTask {
  std::int64_t layer;
  std::int64_t first, last;              // rows of W; with row 0, the biases too
  std::int64_t first_panel, last_panel;  // panels of W
};

constexpr std::int64_t task_rows = 96;  // whole tiles, and whole panels of the transpose
static_assert(task_rows % tile_rows == 0 && task_rows % panel_columns<float> == 0);

// Whether the gradient of W reads its inputs from blocks: where W has the rows of several tasks,
// each of which has many panels that read the same inputs.
template <class T>
bool reads_blocks(const Panels<T>& W) {
  return W.rows > 192 && W.count >= 8;
}

// A layer whose inputs are copied to blocks has tasks of 8 panels, which read their inputs once; a
// smaller one has tasks of 2, enough for some threads; where threads share the first layer's
// columns, its tasks are of the same. The layers' tasks are mixed evenly, so that the share of them
// that a thread begins with has as much of each layer, and of the first its own columns.
template <class T>
std::vector<GradientTask> gradient_tasks(const Layout<T>& layout, std::int64_t shared) {
  std::vector<std::pair<double, GradientTask>> tasks;  // with the place of its middle in W
  for (std::size_t l = 0; l < layout.weights.size(); ++l) {
    const Panels<T>& W = layout.weights[l];
    const std::int64_t panels = l == 0 && shared > 0 ? shared : reads_blocks(W) ? most_panels : 2;
    for (std::int64_t p = 0; p < W.count; p += panels) {
      const std::int64_t q = std::min(p + panels, W.count), columns = W.part(p, q).stride;
      for (std::int64_t k = 0; k < W.rows; k += task_rows) {
        const std::int64_t end = std::min(k + task_rows, W.rows);
        const auto middle = static_cast<double>(W.offset(p) + (k + end) * columns / 2);
        tasks.push_back(
            {middle / static_cast<double>(W.size()), {static_cast<std::int64_t>(l), k, end, p, q}});
      }
    }
  }
  std::stable_sort(tasks.begin(), tasks.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<GradientTask> mixed;
  for (const auto& [place, task] : tasks) mixed.push_back(task);
  return mixed;
}

}  // namespace chainrule::CHAINRULE_LEVEL
