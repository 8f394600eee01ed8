// The gradient, and the update with it: dL/dW^l = A^{l-1}^T Delta^l, cut into tasks of a few
// rows of one panel. A task sums its entries over the samples in a fixed order,
// each times its share in L, adds the penalty's part and, unless told to wait, updates its
// parameters while they are in cache. Tasks share nothing, so their order is free.
#pragma once

#include "optimizers.hpp"
#include "passes.hpp"

namespace chainrule::CHAINRULE_LEVEL {

struct GradientTask {
  std::int64_t layer, panel, first, last;  // rows [first, last) of W; with row 0, its biases too
};

template <class T>
constexpr std::int64_t task_rows = round_up(96, panel_columns<T>);

// Samples that are summed in one go: their deltas, a panel of 16 KiB, stay in the first-level
// cache. Larger batches add up the sums of such groups, whose rounding errors grow with the
// number of groups and not of samples.
template <class T>
constexpr std::int64_t group_samples =
    16384 / (panel_columns<T> * static_cast<std::int64_t>(sizeof(T)));

template <class T>
std::vector<GradientTask> gradient_tasks(const Layout<T>& layout) {
  constexpr std::int64_t rows = task_rows<T>;
  std::vector<GradientTask> tasks;
  for (std::size_t l = 0; l < layout.weights.size(); ++l) {
    const Panels<T>& W = layout.weights[l];
    for (std::int64_t p = 0; p < W.count; ++p)
      for (std::int64_t k = 0; k < W.rows; k += rows)
        tasks.push_back({static_cast<std::int64_t>(l), p, k, std::min(k + rows, W.rows)});
  }
  return tasks;
}

// The batch as the gradient reads it: the inputs, and each layer's values.
template <class T>
struct Batch {
  const T* input;
  std::int64_t input_stride, rows;
  const T* shares;  // of each sample in L: 1/n, or its weight over their sum; for a sum, its weight
};

// g += l2 w + l1 sign(w)
template <class T>
void add_penalty(T* g, const T* w, std::int64_t n, T l2, T l1) {
  if (l2 != 0)
    for (std::int64_t i = 0; i < n; ++i) g[i] += l2 * w[i];
  if (l1 != 0)
    for (std::int64_t i = 0; i < n; ++i) g[i] += w[i] > 0 ? l1 : w[i] < 0 ? -l1 : T(0);
}

// One range of the parameters: theta, gradient and state at the same place.
struct Range {
  std::int64_t at, size;
};

// Offset and length in the packed layout of a task's weights.
template <class T>
Range weights_of(const Layout<T>& layout, const GradientTask& task) {
  const Panels<T>& W = layout.weights[task.layer];
  const std::int64_t columns = W.panel_width(task.panel);
  return {layout.weight_offset[task.layer] + W.offset(task.panel) + task.first * columns,
          (task.last - task.first) * columns};
}

template <class T>
Range biases_of(const Layout<T>& layout, const GradientTask& task) {
  const Panels<T>& W = layout.weights[task.layer];
  return {layout.bias_offset[task.layer] + W.first_column(task.panel), W.panel_width(task.panel)};
}

// Weight gradient of a task, to g (rows of the task, panel width).
template <class T>
void weight_gradient(const Spec& spec, const Packed<T>& net, const Values<T>& values,
                     const Batch<T>& batch, const GradientTask& task, T* g) {
  const auto& layer = values.layers[task.layer];
  const T* below = task.layer == 0 ? batch.input : values.layers[task.layer - 1].out;
  const std::int64_t stride =
      task.layer == 0 ? batch.input_stride : values.layers[task.layer - 1].stride;
  const Panels<T>& W = net.layout.weights[task.layer];
  const std::int64_t columns = W.panel_width(task.panel), rows = task.last - task.first;
  const T* delta = layer.delta + W.first_column(task.panel);
  alignas(64) T panel[group_samples<T> * panel_columns<T>];  // deltas times shares of a group
  alignas(64) T partial[task_rows<T> * panel_columns<T>];    // the sums of a group after the first
  for (std::int64_t i = 0; i < batch.rows; i += group_samples<T>) {
    const std::int64_t samples = std::min(group_samples<T>, batch.rows - i);
    for (std::int64_t r = 0; r < samples; ++r)
      for (std::int64_t j = 0; j < columns; j += width<T>)
        store(panel + r * columns + j,
              load(delta + (i + r) * layer.stride + j) * batch.shares[i + r]);
    T* sums = i == 0 ? g : partial;
    multiply_panel<T>(rows, samples, {below + i * stride + task.first, 1, stride}, panel, columns,
                      columns, nullptr, 0, sums, columns);
    for (std::int64_t k = 0; i > 0 && k < rows * columns; k += width<T>)
      store(g + k, load(g + k) + load(partial + k));
  }
  const Range range = weights_of(net.layout, task);
  add_penalty(g, net.theta + range.at, range.size, static_cast<T>(spec.l2),
              static_cast<T>(spec.l1));
}

// Bias gradient of a task's panel, to g (panel width): deltas times shares, over the samples.
template <class T>
void bias_gradient(const Layout<T>& layout, const Values<T>& values, const Batch<T>& batch,
                   const GradientTask& task, T* g) {
  const auto& layer = values.layers[task.layer];
  const Panels<T>& W = layout.weights[task.layer];
  const T* delta = layer.delta + W.first_column(task.panel);
  for (std::int64_t j = 0; j < W.panel_width(task.panel); j += width<T>) {
    Vector<T> sum{};
    for (std::int64_t i = 0; i < batch.rows; i += group_samples<T>) {
      Vector<T> group{};
      for (std::int64_t r = i; r < std::min(i + group_samples<T>, batch.rows); ++r)
        group = fma(load(delta + r * layer.stride + j), broadcast(batch.shares[r]), group);
      sum += group;
    }
    store(g + j, sum);
  }
}

}  // namespace chainrule::CHAINRULE_LEVEL
