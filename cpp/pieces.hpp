// Networks whose inputs are columns cut into pieces, and their mean. Of m pieces of a column those
// below a value are at +h/2, those above it at -h/2, and one is between them, a share t of its way.
// So their part of z = W x + b is (1 - t) S[j] + t S[j + 1], with S[j] the sum that j pieces at
// +h/2 and m - j at -h/2 make: two rows to read instead of m.
#pragma once

#include "cores.hpp"
#include "engine.hpp"
#include "pool.hpp"
#include "single.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// One network's first layer: rows of W for inputs that are no pieces, in the place of the m rows of
// pieces the m + 1 sums S.
template <class T>
std::vector<T> summed_rows(const Spec& spec, const std::vector<Pieces>& columns, const T* W) {
  const std::int64_t inputs = spec.sizes[0], N = spec.sizes[1];
  std::vector<T> rows;
  std::vector<double> sum(static_cast<std::size_t>(N));
  const auto row = [&](std::int64_t k, std::int64_t j) { return double(W[k * N + j]); };
  auto column = columns.begin();
  for (std::int64_t k = 0; k < inputs;) {
    if (column == columns.end() || k < column->place) {
      rows.insert(rows.end(), W + k * N, W + (k + 1) * N);
      ++k;
      continue;
    }
    std::fill(sum.begin(), sum.end(), 0.0);
    for (std::int64_t i = k; i < k + column->count; ++i)
      for (std::int64_t j = 0; j < N; ++j)
        sum[static_cast<std::size_t>(j)] -= column->height / 2 * row(i, j);
    for (std::int64_t i = k; i <= k + column->count; ++i) {
      for (const double s : sum) rows.push_back(static_cast<T>(s));
      if (i < k + column->count)
        for (std::int64_t j = 0; j < N; ++j)
          sum[static_cast<std::size_t>(j)] += column->height * row(i, j);
    }
    k += column->count;
    ++column;
  }
  return rows;
}

// What a row of inputs reads of such rows: its inputs that are not 0, and of each column's sums
// two.
template <class T>
void read_entries(const std::vector<Pieces>& columns, const T* x, std::int64_t inputs,
                  SomeEntries<T>& entries) {
  std::int64_t k = 0, row = 0;
  const auto plain = [&](std::int64_t end) {
    for (; k < end; ++k, ++row)
      if (x[k] != 0) entries.add(x[k], row);
  };
  for (const Pieces& column : columns) {
    plain(column.place);
    const T h = static_cast<T>(column.height), top = static_cast<T>(column.height * 0.5);
    std::int64_t j = 0;
    while (j < column.count && x[k + j] >= top) ++j;
    const T t = j < column.count ? (x[k + j] + top) / h : T(0);
    entries.add(1 - t, row + j);
    if (t != 0) entries.add(t, row + j + 1);
    k += column.count;
    row += column.count + 1;
  }
  plain(inputs);
}

template <class T>
class PiecedNetworks final : public Networks<T> {
 public:
  PiecedNetworks(const Spec& spec, std::vector<const T*> thetas, std::vector<Pieces> columns)
      : spec_(spec), thetas_(std::move(thetas)), columns_(std::move(columns)) {
    for (const T* theta : thetas_) first_.push_back(summed_rows(spec_, columns_, theta));
  }

  void mean(const T* X, std::int64_t n, T* outputs) const override {
    const std::int64_t blocks = (n + block_rows - 1) / block_rows;
    if (blocks == 1) return mean_of_block(X, n, outputs);
    const std::int64_t inputs = spec_.sizes.front(), units = spec_.sizes.back();
    const int threads = static_cast<int>(std::min<std::int64_t>(blocks, available_cores()));
    Pool(threads).run(blocks, threads, [&](std::int64_t block, int) {
      const std::int64_t first = block * block_rows;
      mean_of_block(X + first * inputs, std::min(block_rows, n - first), outputs + first * units);
    });
  }

 private:
  static constexpr std::int64_t block_rows = 64;

  // Network by network, so that the weights of each are read from memory once.
  void mean_of_block(const T* X, std::int64_t n, T* outputs) const {
    const RowRoom<T> room(spec_);
    const std::int64_t inputs = spec_.sizes.front(), units = spec_.sizes.back();
    std::vector<SomeEntries<T>> entries(static_cast<std::size_t>(n));
    std::vector<T> one(static_cast<std::size_t>(units));
    for (std::int64_t i = 0; i < n; ++i)
      read_entries(columns_, X + i * inputs, inputs, entries[static_cast<std::size_t>(i)]);
    for (std::size_t m = 0; m < thetas_.size(); ++m)
      for (std::int64_t i = 0; i < n; ++i) {
        T* to = m == 0 ? outputs + i * units : one.data();
        forward_row(spec_, first_[m].data(), thetas_[m], entries[static_cast<std::size_t>(i)],
                    room.values.get(), room.half, to);
        for (std::int64_t j = 0; m > 0 && j < units; ++j)
          outputs[i * units + j] += one[static_cast<std::size_t>(j)];
      }
    for (std::int64_t k = 0; k < n * units; ++k) outputs[k] /= static_cast<T>(thetas_.size());
  }

  const Spec spec_;
  const std::vector<const T*> thetas_;
  const std::vector<Pieces> columns_;
  std::vector<std::vector<T>> first_;  // of each network, the rows that entries name
};

}  // namespace chainrule::CHAINRULE_LEVEL
