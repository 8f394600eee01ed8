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

// theta with the first layer's W as `read_entries` names its rows: those of inputs that are no
// pieces, and in the place of the m rows of pieces the m + 1 sums S. `summed` has its sizes. On
// lines of the cache, which theta need not be.
template <class T>
Buffer<T> summed_theta(const Spec& spec, const Spec& summed, const std::vector<Pieces>& columns,
                       const T* theta) {
  const std::int64_t inputs = spec.sizes[0], N = spec.sizes[1];
  Buffer<T> result(static_cast<std::int64_t>(parameter_count(summed)));
  T* to = result.get();
  std::vector<double> sum(static_cast<std::size_t>(N));
  std::int64_t k = 0;
  const auto plain = [&](std::int64_t end) {
    to = std::copy(theta + k * N, theta + end * N, to);
    k = end;
  };
  const auto add = [&](double height, std::int64_t piece) {
    for (std::int64_t j = 0; j < N; ++j)
      sum[static_cast<std::size_t>(j)] += height * double(theta[piece * N + j]);
  };
  const auto write = [&] {
    for (const double s : sum) *to++ = static_cast<T>(s);
  };
  for (const Pieces& column : columns) {
    plain(column.place);
    const std::int64_t end = k + column.count;
    std::fill(sum.begin(), sum.end(), 0.0);
    for (std::int64_t i = k; i < end; ++i) add(-column.height / 2, i);
    write();
    for (; k < end; ++k) {
      add(column.height, k);
      write();
    }
  }
  plain(inputs);
  std::copy(theta + inputs * N, theta + parameter_count(spec), to);
  return result;
}

// What a row of inputs reads of such rows: its inputs that are not 0, and of each column's sums
// two.
template <class T>
void read_entries(const std::vector<Pieces>& columns, const T* x, std::int64_t inputs,
                  SomeEntries<T>& entries) {
  entries.entries.reserve(static_cast<std::size_t>(inputs));
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
  PiecedNetworks(const Spec& spec, const std::vector<const T*>& thetas, std::vector<Pieces> columns)
      : inputs_(spec.sizes.front()), columns_(std::move(columns)), summed_(spec) {
    summed_.sizes.front() += static_cast<std::int64_t>(columns_.size());
    for (const T* theta : thetas) thetas_.push_back(summed_theta(spec, summed_, columns_, theta));
  }

  void mean(const T* X, std::int64_t n, T* outputs) const override {
    const std::int64_t blocks = (n + block_rows - 1) / block_rows;
    if (blocks == 1) return mean_of_block(X, n, outputs);
    const std::int64_t units = summed_.sizes.back();
    const int threads = static_cast<int>(std::min<std::int64_t>(blocks, available_cores()));
    Pool(threads).run(blocks, threads, [&](std::int64_t block, int) {
      const std::int64_t first = block * block_rows;
      mean_of_block(X + first * inputs_, std::min(block_rows, n - first), outputs + first * units);
    });
  }

 private:
  static constexpr std::int64_t block_rows = 64;

  // Network by network, so that the weights of each are read from memory once.
  void mean_of_block(const T* X, std::int64_t n, T* outputs) const {
    const RowRoom<T> room(summed_);
    const std::int64_t units = summed_.sizes.back();
    std::vector<SomeEntries<T>> entries(static_cast<std::size_t>(n));
    std::vector<T> one(static_cast<std::size_t>(units));
    for (std::int64_t i = 0; i < n; ++i)
      read_entries(columns_, X + i * inputs_, inputs_, entries[static_cast<std::size_t>(i)]);
    for (std::size_t m = 0; m < thetas_.size(); ++m)
      for (std::int64_t i = 0; i < n; ++i) {
        T* to = m == 0 ? outputs + i * units : one.data();
        forward_row(summed_, thetas_[m].get(), entries[static_cast<std::size_t>(i)],
                    room.values.get(), room.half, to);
        for (std::int64_t j = 0; m > 0 && j < units; ++j)
          outputs[i * units + j] += one[static_cast<std::size_t>(j)];
      }
    for (std::int64_t k = 0; k < n * units; ++k) outputs[k] /= static_cast<T>(thetas_.size());
  }

  const std::int64_t inputs_;
  const std::vector<Pieces> columns_;
  Spec summed_;  // of networks whose inputs are what entries name
  std::vector<Buffer<T>> thetas_;
};

}  // namespace chainrule::CHAINRULE_LEVEL
