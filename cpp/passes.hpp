// The forward pass and the backward pass for a block of rows. Rows never mix, so a block
// goes through all layers, to its loss and back, without waiting for any other.
#pragma once

#include <cmath>

#include "activations.hpp"
#include "dots.hpp"
#include "engine.hpp"
#include "layout.hpp"
#include "losses.hpp"
#include "narrow.hpp"
#include "philox.hpp"
#include "plan.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// The values of `rows` rows in every layer; rows are padded to whole vectors, but for a narrow top
// layer's. z shares the buffer of value where it isn't needed later, and out that of value without
// dropout.
template <class T>
struct Values {
  struct Layer {
    T *z, *value, *out;  // pre-activations, phi(z), phi(z) after dropout
    T* mask;             // out / value: 0, or 1 / (1 - rate); null without dropout
    T* delta;            // dl/dz
    T* weighted;         // delta times the sample's share in L, in panels, or where the layer is
                         // narrow row by row; the gradient's factor,
    T* input_blocks;     // and the other: a copy of the layer's inputs, or null where none pays
    std::int64_t stride;

    bool is_narrow() const { return stride < width<T>; }
  };
  const std::int64_t rows;
  std::vector<Layer> layers;
  std::vector<Panels<T>> panels;     // of each layer's `weighted`
  std::vector<PairedValues> paired;  // of each layer, where products are in bfloat16

  Values(const Spec& spec, std::int64_t rows, bool backward, bool keep_z) : rows(rows) {
    const std::int64_t last = spec.layers() - 1;
    for (std::int64_t l = 0; l <= last; ++l) {
      const std::int64_t units = spec.sizes[l + 1];
      const bool is_narrow = l == last && units <= most_narrow<T> && !spec.bfloat16;
      const std::int64_t stride = is_narrow ? units : row_stride<T>(units);
      panels.emplace_back(rows, units, panel_of<T>(spec, l));
      const auto fresh = [&] { return buffers_.emplace_back(rows * stride).get(); };
      Layer layer{};
      layer.stride = stride;
      layer.value = fresh();
      const bool z_read_later = needs_z(spec.activations[l]) && backward;
      const bool z_for_loss = l == last && spec.fused;
      layer.z = z_read_later || z_for_loss || keep_z ? fresh() : layer.value;
      const bool drops = backward && spec.dropout > 0 && l < last;
      layer.out = drops ? fresh() : layer.value;
      layer.mask = drops ? fresh() : nullptr;
      layer.delta = backward ? fresh() : nullptr;
      layer.weighted = backward ? fresh() : nullptr;
      if (spec.bfloat16)
        paired.emplace_back(rows, spec.sizes[l], spec.sizes[l + 1], backward);
      else if (backward && rows > short_sum &&
               reads_blocks(Panels<T>(spec.sizes[l], spec.sizes[l + 1])))
        layer.input_blocks = buffers_.emplace_back(Blocks<T>::size(spec.sizes[l], rows)).get();
      layers.push_back(layer);
    }
  }

 private:
  std::vector<Buffer<T>> buffers_;
};

// Which draws dropout takes: those of this step.
struct DropoutKey {
  std::uint64_t seed;
  std::int64_t step;
};

// The factors of rows [first, last) of hidden layer l, which lie `stride` apart: 0, or
// 1 / (1 - rate). Entry (i, j) takes draw i units + j of its stream.
template <class T>
void draw_mask(double rate, DropoutKey key, std::int64_t l, std::int64_t units, std::int64_t first,
               std::int64_t last, T* mask, std::int64_t stride) {
  constexpr std::size_t at_once = 4;  // blocks
  const Stream stream(key.seed, Purpose::dropout, static_cast<std::uint64_t>(key.step),
                      static_cast<std::uint64_t>(l));
  const T kept = static_cast<T>(1 / (1 - rate));
  // of the 2^53 values that the top bits of a draw have, those below rate
  const auto dropped = static_cast<std::uint64_t>(std::ceil(rate * 0x1p53));
  const std::int64_t begin = first * units, end = last * units;
  for (std::int64_t draw = begin / 4 * 4, i = first, j = 0; draw < end;) {
    T factors[4 * at_once];
    T* to = factors;
    for (const auto& block : stream.blocks<at_once>(static_cast<std::uint64_t>(draw / 4) + 1))
      for (const std::uint64_t bits : block) *to++ = (bits >> 11) < dropped ? T(0) : kept;
    const T* from = factors + std::max<std::int64_t>(begin - draw, 0);
    draw += 4 * at_once;
    for (const T* stop = to - std::max<std::int64_t>(draw - end, 0); from < stop;) {
      const std::int64_t count = std::min<std::int64_t>(units - j, stop - from);
      std::memcpy(mask + i * stride + j, from, static_cast<std::size_t>(count) * sizeof(T));
      from += count;
      j += count;
      if (j == units) j = 0, ++i;
    }
  }
}

// to = from * mask, for rows of whole vectors.
template <class T>
void apply_mask(const T* from, const T* mask, std::int64_t size, T* to) {
  for (std::int64_t k = 0; k < size; k += width<T>) store(to + k, load(from + k) * load(mask + k));
}

// z = a W^l + b^l for rows [first, last); `input` is row 0 of a.
template <class T>
void forward_product(const Packed<T>& net, const Values<T>& values, std::int64_t l, const T* input,
                     std::int64_t input_stride, std::int64_t first, std::int64_t last) {
  const std::int64_t rows = last - first, stride = values.layers[l].stride;
  T* z = values.layers[l].z + first * stride;
  if constexpr (has_pairs<T>)
    if (net.unit) {
      const PairedValues& to = values.paired[l];
      const PairedWeights& W = net.paired[l];
      pair_rows(input, input_stride, to.inputs, first, last, to.input_rows.get(), to.input_stride);
      if (to.needs_backward())
        pair_samples(input, input_stride, to.inputs, first, last, to.sample_rows.get(),
                     to.sample_stride);
      return net.unit->multiply(rows, W.forward.rows, to.input_rows.get() + first * to.input_stride,
                                to.input_stride, W.by_inputs.get(), W.forward.columns,
                                net.biases(l), z, stride);
    }
  const Rows<T> A{input + first * input_stride, input_stride};
  if (values.layers[l].is_narrow())
    return for_units<T>(stride, [&](auto units) {
      narrow_sums<T, units>(rows, net.layout.weights[l].rows, A, net.weights(l), net.biases(l), z);
    });
  multiply<T>(rows, A, net.weights(l), net.layout.weights[l], net.biases(l), z, stride);
}

// z^1 = x W^1 + b^1 in the columns of the panels [first, last), for all rows of a batch.
template <class T>
void first_product(const Packed<T>& net, const Values<T>& values, const T* input,
                   std::int64_t input_stride, std::int64_t rows, std::int64_t first,
                   std::int64_t last) {
  const Panels<T>& W = net.layout.weights[0];
  const auto& layer = values.layers[0];
  const std::int64_t column = W.first_column(first);
  multiply<T>(rows, {input, input_stride}, net.weights(0) + W.offset(first), W.part(first, last),
              net.biases(0) + column, layer.z + column, layer.stride);
}

// delta^{l+1} W^{l+1}^T for rows [first, last), to the place of delta^l.
template <class T>
void backward_product(const Packed<T>& net, const Values<T>& values, std::int64_t l,
                      std::int64_t first, std::int64_t last) {
  const auto &layer = values.layers[l], &above = values.layers[l + 1];
  const std::int64_t rows = last - first;
  T* delta = layer.delta + first * layer.stride;
  if constexpr (has_pairs<T>)
    if (net.unit) {
      const PairedValues& from = values.paired[l + 1];
      const PairedWeights& W = net.paired[l + 1];
      pair_rows(above.delta, above.stride, from.outputs, first, last, from.delta_rows.get(),
                from.delta_stride);
      return net.unit->multiply(
          rows, W.backward.rows, from.delta_rows.get() + first * from.delta_stride,
          from.delta_stride, W.by_outputs.get(), W.backward.columns, nullptr, delta, layer.stride);
    }
  if (net.transposed.empty())  // one row
    return multiply_transposed(above.delta, net.weights(l + 1), net.layout.weights[l + 1], delta);
  multiply<T>(rows, {above.delta + first * above.stride, above.stride}, net.transposed[l + 1].get(),
              net.transposed_panels[l + 1], nullptr, delta, layer.stride);
}

// a^l = phi(a^{l-1} W^l + b^l) for rows [first, last), layer after layer. `input` is row 0 of
// the batch, rows `input_stride` apart. dropout may be null. has_first: z^1 is there already.
template <class T>
void forward_rows(const Spec& spec, const Packed<T>& net, const Values<T>& values, const T* input,
                  std::int64_t input_stride, std::int64_t first, std::int64_t last,
                  const DropoutKey* dropout, bool has_first) {
  const std::int64_t rows = last - first;
  for (std::int64_t l = 0; l < spec.layers(); ++l) {
    const auto& layer = values.layers[l];
    const std::int64_t stride = layer.stride, at = first * stride;
    if (layer.input_blocks)
      Blocks<T>::copy(spec.sizes[l], {input, input_stride}, first, last, layer.input_blocks,
                      values.rows);
    if (l > 0 || !has_first) forward_product(net, values, l, input, input_stride, first, last);
    activate(spec.activations[l], layer.z + at, layer.value + at, rows, spec.sizes[l + 1], stride);
    if (dropout && layer.mask) {
      draw_mask(spec.dropout, *dropout, l, spec.sizes[l + 1], first, last, layer.mask, stride);
      apply_mask(layer.value + at, layer.mask + at, rows * stride, layer.out + at);
    }
    input = layer.out;
    input_stride = stride;
  }
}

// delta^L from the loss, delta^l = (delta^{l+1} W^{l+1}^T) phi'(z^l) below it.
template <class T>
void backward_rows(const Spec& spec, const Packed<T>& net, const Values<T>& values,
                   std::int64_t first, std::int64_t last) {
  const std::int64_t rows = last - first, top = spec.layers() - 1;
  for (std::int64_t l = top; l >= 0; --l) {
    const auto& layer = values.layers[l];
    const std::int64_t stride = layer.stride, at = first * stride;
    if (l < top) {
      backward_product(net, values, l, first, last);
      if (layer.mask)
        apply_mask(layer.delta + at, layer.mask + at, rows * stride, layer.delta + at);
    }
    if (l < top || !spec.fused)
      pull_back(spec.activations[l], layer.z + at, layer.value + at, layer.delta + at, rows,
                spec.sizes[l + 1], stride);
  }
}

// weighted = weigh(delta, share in L), which is their product, for the rows [first, last) of a
// narrow layer...
template <class T, class Weigh>
void weigh_narrow_rows(const typename Values<T>::Layer& layer, const T* shares, std::int64_t first,
                       std::int64_t last, Weigh weigh) {
  for_units<T>(layer.stride, [&](auto units) {
    for (std::int64_t i = first; i < last; ++i)
      for (std::int64_t n = i * units; n < (i + 1) * units; ++n)
        layer.weighted[n] = weigh(layer.delta[n], shares[i]);
  });
}

// ... and of every layer.
template <class T, class Weigh>
void weigh_rows(const Values<T>& values, const T* shares, std::int64_t first, std::int64_t last,
                Weigh weigh) {
  for (std::size_t l = 0; l < values.layers.size(); ++l) {
    const auto& layer = values.layers[l];
    if (layer.is_narrow()) {
      weigh_narrow_rows(layer, shares, first, last, weigh);
      continue;
    }
    const Panels<T>& panels = values.panels[l];
    for (std::int64_t p = 0; p < panels.count; ++p) {
      const std::int64_t columns = panels.panel_width(p), stride = layer.stride;
      const T* from = layer.delta + panels.first_column(p);
      T* to = layer.weighted + panels.offset(p);
      for (std::int64_t i = first; i < last; ++i)
        for (std::int64_t j = 0; j < columns; j += width<T>)
          store(to + i * columns + j, weigh(load(from + i * stride + j), shares[i]));
      if constexpr (has_pairs<T>)
        if (!values.paired.empty()) {
          const PairedValues& paired = values.paired[l];
          pair_panel(to, columns, first, last, paired.weighted.get() + paired.panels.offset(p));
        }
    }
  }
}

// The same by samples' shares in L, some of which may be 0: they count nothing, whatever delta.
template <class T>
void weigh(const Values<T>& values, const T* shares, bool some_are_0, std::int64_t first,
           std::int64_t last) {
  if (some_are_0)
    weigh_rows(values, shares, first, last,
               [](auto delta, T share) { return share == 0 ? decltype(delta){} : delta * share; });
  else
    weigh_rows(values, shares, first, last, [](auto delta, T share) { return delta * share; });
}

}  // namespace chainrule::CHAINRULE_LEVEL
