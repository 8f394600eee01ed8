// The gradient, and the update with it: dL/dW^l = A^{l-1}^T Delta^l, Delta times the samples'
// shares in L, cut into tasks of some rows and panels of W. A task sums its entries over the
// samples in a fixed order, adds the penalty's part and, unless told to wait, updates its
// parameters while they are in cache. Tasks share nothing, so their order is free.
#pragma once

#include "optimizers.hpp"
#include "passes.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// Samples whose gradient is summed in one chain; larger batches add up the sums of such groups, so
// that rounding errors grow with the number of groups and not of samples. Part of the promise of
// the same bits: another number is another rounding, whatever the caches would like.
constexpr std::int64_t group_samples = 8192 / vector_bytes;

// The batch as the gradient reads it: the inputs, and each sample's share in L.
template <class T>
struct Batch {
  const T* input;
  std::int64_t input_stride, rows;
  const T* shares;  // of each sample in L: its weight (or 1) over BatchReader::divisor
};

// One range of the parameters: theta, gradient and state at the same place.
struct Range {
  std::int64_t at, size;
};

// Where a panel of a task's weights, or biases, lies in the packed layout.
template <class T>
Range weights_of(const Layout<T>& layout, const GradientTask& task, std::int64_t panel) {
  const Panels<T>& W = layout.weights[task.layer];
  const std::int64_t columns = W.panel_width(panel);
  return {layout.weight_offset[task.layer] + W.offset(panel) + task.first * columns,
          (task.last - task.first) * columns};
}

template <class T>
Range biases_of(const Layout<T>& layout, const GradientTask& task, std::int64_t panel) {
  const Panels<T>& W = layout.weights[task.layer];
  return {layout.bias_offset[task.layer] + W.first_column(panel), W.panel_width(panel)};
}

// Numbers that a thread needs to hold a task's gradient.
template <class T>
constexpr std::int64_t gradient_room = most_panels * task_rows * panel_columns<T>;

// For each panel of a task: finish(place(panel), A^T Delta) over `samples` samples from sample i
// on.
template <class T, class Place, class Finish>
void weight_product(const Values<T>& values, const Batch<T>& batch, const GradientTask& task,
                    std::int64_t i, std::int64_t samples, Place place, Finish finish) {
  const std::int64_t l = task.layer, rows = task.last - task.first;
  const Columns<T> inputs = l == 0
                                ? Columns<T>{batch.input, batch.input_stride}
                                : Columns<T>{values.layers[l - 1].out, values.layers[l - 1].stride};
  const Columns<T> A = inputs.from(task.first, i);
  const Blocks<T> blocks{values.layers[l].input_blocks, values.rows};
  if (values.layers[l].is_narrow())
    return for_units<T>(values.layers[l].stride, [&](auto units) {
      narrow_gradient<T, units>(rows, samples, A, values.layers[l].weighted + i * units,
                                place(task.first_panel), finish);
    });
  const Panels<T>& panels = values.panels[l];
  for (std::int64_t p = task.first_panel; p < task.last_panel; ++p) {
    const std::int64_t columns = panels.panel_width(p);
    const T* delta = values.layers[l].weighted + panels.offset(p) + i * columns;
    const Start<T> zero{zeros<T>, 0};
    if (blocks.at && samples > short_sum && columns == panel_columns<T>) {
      multiply_panel(rows, samples, blocks.from(task.first, i), delta, columns, zero, place(p),
                     columns, finish);
      continue;
    }
    multiply_panel(rows, samples, A, delta, columns, zero, place(p), columns, finish);
  }
}

// Sum of at(i) for i < n, in four running sums.
template <class V, class At>
V sum_rows(std::int64_t n, At at) {
  V sums[4] = {};
  std::int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int r = 0; r < 4; ++r) sums[r] += at(i + r);
  for (; i < n; ++i) sums[0] += at(i);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// The same for `rows` rows, group by group.
template <class V, class At>
V sum_groups(std::int64_t rows, At at) {
  V sum{};
  for (std::int64_t i = 0; i < rows; i += group_samples)
    sum +=
        sum_rows<V>(std::min(group_samples, rows - i), [&](std::int64_t k) { return at(i + k); });
  return sum;
}

// Bias gradient of a panel, to g (panel width): the sum over the samples, group by group.
template <class T>
void bias_gradient(const Values<T>& values, const Batch<T>& batch, std::int64_t layer,
                   std::int64_t panel, T* g) {
  const Panels<T>& panels = values.panels[layer];
  const std::int64_t columns = panels.panel_width(panel);
  const T* delta = values.layers[layer].weighted + panels.offset(panel);
  if (values.layers[layer].is_narrow()) {
    const std::int64_t units = values.layers[layer].stride;
    store(g, Vector<T>{});
    for (std::int64_t n = 0; n < units; ++n)
      g[n] = sum_groups<T>(batch.rows, [&](std::int64_t i) { return delta[i * units + n]; });
    return;
  }
  for (std::int64_t j = 0; j < columns; j += width<T>)
    store(g + j, sum_groups<Vector<T>>(
                     batch.rows, [&](std::int64_t i) { return load(delta + i * columns + j); }));
}

// g += l2 w + l1 sign(w)
template <class T>
void add_penalty(const Spec& spec, T* g, const T* w, std::int64_t n) {
  const T l2 = static_cast<T>(spec.l2), l1 = static_cast<T>(spec.l1);
  if (l2 != 0)
    for (std::int64_t i = 0; i < n; ++i) g[i] += l2 * w[i];
  if (l1 != 0)
    for (std::int64_t i = 0; i < n; ++i) g[i] += w[i] > 0 ? l1 : w[i] < 0 ? -l1 : T(0);
}

// For each panel of a task, to place(panel): A^T Delta over the batch, in bfloat16.
template <class T, class Place>
void paired_product(const Bfloat16Unit& unit, const Values<T>& values, const Batch<T>& batch,
                    const GradientTask& task, Place place) {
  if constexpr (has_pairs<T>) {
    const PairedValues& paired = values.paired[task.layer];
    for (std::int64_t p = task.first_panel; p < task.last_panel; ++p) {
      const std::int64_t columns = paired.panels.panel_width(p);
      unit.multiply(task.last - task.first, pairs_of(batch.rows),
                    paired.sample_rows.get() + task.first * paired.sample_stride,
                    paired.sample_stride, paired.weighted.get() + paired.panels.offset(p), columns,
                    nullptr, place(p), columns);
    }
  }
}

// The same in T, group by group of the samples.
template <class T, class Place>
void grouped_product(const Values<T>& values, const Batch<T>& batch, const GradientTask& task,
                     Place place) {
  for (std::int64_t i = 0; i < batch.rows; i += group_samples) {
    const std::int64_t samples = std::min(group_samples, batch.rows - i);
    if (i == 0)
      weight_product(values, batch, task, i, samples, place, Store<T>{});
    else
      weight_product(values, batch, task, i, samples, place, Add<T>{});
  }
}

// Weight gradient of a task, penalty included: of each panel to place(panel).
template <class T, class Place>
void weight_gradient(const Spec& spec, const Packed<T>& net, const Values<T>& values,
                     const Batch<T>& batch, const GradientTask& task, Place place) {
  if (net.unit)
    paired_product(*net.unit, values, batch, task, place);
  else
    grouped_product(values, batch, task, place);
  if (spec.l2 == 0 && spec.l1 == 0) return;
  for (std::int64_t p = task.first_panel; p < task.last_panel; ++p) {
    const Range range = weights_of(net.layout, task, p);
    add_penalty(spec, place(p), net.theta + range.at, range.size);
  }
}

}  // namespace chainrule::CHAINRULE_LEVEL
