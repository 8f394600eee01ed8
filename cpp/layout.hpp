// The packed layout of parameters: each W in panels of columns, each b padded to whole
// vectors. A vector of gradients or optimizer state has the same layout, so an update is
// one loop over a range. Converted from and to the article's flat theta once a call.
#pragma once

#include <memory>
#include <vector>

#include "lanes.hpp"
#include "matmul.hpp"
#include "memory.hpp"
#include "spec.hpp"

namespace chainrule::CHAINRULE_LEVEL {

constexpr std::int64_t many_inputs = 128;  // of a network: threads may share its first product

// `size` numbers, zero, aligned to a cache line; owned.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::int64_t size) {
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(T) + 64;
    data_ = {static_cast<T*>(take_memory(bytes)), GiveBack{bytes}};
  }
  T* get() const { return data_.get(); }

 private:
  struct GiveBack {
    std::size_t bytes = 0;
    void operator()(T* p) const { give_back_memory(p, bytes); }
  };
  std::unique_ptr<T, GiveBack> data_;
};

// Row length, in whole vectors, of a buffer that is read column by column: never a multiple of
// 512 bytes, so that the entries of a column don't compete for a few sets of the cache.
template <class T>
constexpr std::int64_t row_stride(std::int64_t columns) {
  const std::int64_t stride = round_up(columns, width<T>);
  return stride * static_cast<std::int64_t>(sizeof(T)) % 512 ? stride : stride + width<T>;
}

// Columns of a panel of W^l. A first layer of many inputs whose units would be one panel has two of
// one vector, for two threads; not where a vector is short, as a tile so narrow waits for its
// loads.
template <class T>
std::int64_t panel_of(const Spec& spec, std::int64_t l) {
  const bool is_one_panel = round_up(spec.sizes[l + 1], width<T>) == panel_columns<T>;
  const bool is_shared = l == 0 && spec.sizes[0] >= many_inputs && !spec.bfloat16;
  return is_shared && is_one_panel && vector_bytes == 64 ? width<T> : panel_columns<T>;
}

template <class T>
struct Layout {
  explicit Layout(const Spec& spec) {
    for (std::int64_t l = 0; l < spec.layers(); ++l) {
      weights.emplace_back(spec.sizes[l], spec.sizes[l + 1], panel_of<T>(spec, l));
      weight_offset.push_back(size);
      size += round_up(weights[l].size(), width<T>);
    }
    weights_size = size;
    for (std::int64_t l = 0; l < spec.layers(); ++l) {
      bias_offset.push_back(size);
      size += weights[l].stride;
    }
  }

  std::vector<Panels<T>> weights;
  std::vector<std::int64_t> weight_offset, bias_offset;
  std::int64_t weights_size = 0, size = 0;

  // Numbers in theta, without padding.
  std::int64_t parameters() const {
    std::int64_t count = 0;
    for (const Panels<T>& W : weights) count += (W.rows + 1) * W.columns;
    return count;
  }

  void pack(const T* flat, T* packed) const {
    each_row([&](std::int64_t at, std::int64_t n) {
      std::memcpy(packed + at, flat, static_cast<std::size_t>(n) * sizeof(T));
      flat += n;
    });
  }

  void unpack(const T* packed, T* flat) const {
    each_row([&](std::int64_t at, std::int64_t n) {
      std::memcpy(flat, packed + at, static_cast<std::size_t>(n) * sizeof(T));
      flat += n;
    });
  }

  // Calls f(packed offset, length) for each piece of the weights, in the order of theta; padding
  // belongs to none.
  template <class F>
  void each_row_of_weights(F f) const {
    for (std::size_t l = 0; l < weights.size(); ++l) {
      const Panels<T>& W = weights[l];
      for (std::int64_t k = 0; k < W.rows; ++k)
        for (std::int64_t p = 0; p < W.count; ++p) {
          f(weight_offset[l] + W.offset(p) + k * W.panel_width(p), W.columns_of(p));
        }
    }
  }

  // Likewise for all of theta.
  template <class F>
  void each_row(F f) const {
    each_row_of_weights(f);
    for (std::size_t l = 0; l < weights.size(); ++l) f(bias_offset[l], weights[l].columns);
  }
};

// Copies rows [first, last) of one panel of W into the panels of its transpose, which the
// backward pass multiplies by. first is a multiple of width<T>. A few columns are copied number by
// number, which is less than the shuffles of a square.
template <class T>
void transpose_rows(const Panels<T>& W, const T* w, std::int64_t panel, std::int64_t first,
                    std::int64_t last, const Panels<T>& transposed, T* out) {
  const std::int64_t from = W.panel_width(panel), column = W.first_column(panel);
  const std::int64_t columns = W.columns_of(panel);
  const T* rows = w + W.offset(panel);
  for (std::int64_t k = first; k < last; k += width<T>) {
    const std::int64_t q = k / panel_columns<T>, to = transposed.panel_width(q);
    T* place = out + transposed.offset(q) + column * to + k % panel_columns<T>;
    const std::int64_t height = std::min<std::int64_t>(width<T>, last - k);
    if (columns <= width<T> / 4) {
      for (std::int64_t j = 0; j < columns; ++j)
        for (std::int64_t i = 0; i < height; ++i) place[j * to + i] = rows[(k + i) * from + j];
      continue;
    }
    for (std::int64_t j = 0; j < columns; j += width<T>) {
      Vector<T> square[width<T>];
#pragma GCC unroll 16
      for (int i = 0; i < width<T>; ++i)
        square[i] = i < height ? load(rows + (k + i) * from + j) : Vector<T>{};
      store_columns<T>(square, place + j * to, to, columns - j);
    }
  }
}

}  // namespace chainrule::CHAINRULE_LEVEL
