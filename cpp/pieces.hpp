// Networks whose inputs are columns cut into pieces, and their mean. From knot to knot all inputs
// of a column, the number and its m pieces, are straight lines, and so is what W makes of them:
// (1 - t) S[j] + t S[j + 1] a share t of the way from knot j to the next, with S[j] the sum at
// knot j. Two rows to read instead of m + 1. Beyond the knots the number alone goes on: its own
// row of W, times how far, is added to S[0] or S[m].
#pragma once

#include "cores.hpp"
#include "engine.hpp"
#include "pool.hpp"
#include "single.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// theta with the first layer's W as `read_entries` names its rows: in the place of the rows of
// pieces the sums S, one more than pieces. `summed` has its sizes. On lines of the cache, which
// theta need not be.
template <class T>
Buffer<T> summed_theta(const Spec& spec, const Spec& summed, const std::vector<CutColumn>& columns,
                       const T* theta) {
  const std::int64_t inputs = spec.sizes[0], N = spec.sizes[1];
  Buffer<T> result(static_cast<std::int64_t>(parameter_count(summed)));
  T* to = result.get();
  std::int64_t k = 0;
  const auto copy = [&](std::int64_t end) {
    to = std::copy(theta + k * N, theta + end * N, to);
    k = end;
  };
  std::vector<double> sum(static_cast<std::size_t>(N));  // of the pieces at a knot
  const auto add = [&](double height, std::int64_t piece) {
    for (std::int64_t u = 0; u < N; ++u)
      sum[static_cast<std::size_t>(u)] += height * double(theta[piece * N + u]);
  };
  for (const CutColumn& column : columns) {
    copy(column.place + 1);
    const T* number = theta + column.place * N;
    std::fill(sum.begin(), sum.end(), 0.0);
    for (std::int64_t j = 0; j < column.pieces(); ++j) add(-column.height / 2, k + j);
    for (const double knot : column.knots) {
      for (std::int64_t u = 0; u < N; ++u)
        *to++ = static_cast<T>(sum[static_cast<std::size_t>(u)] + knot * double(number[u]));
      if (k < column.place + 1 + column.pieces()) add(column.height, k++);
    }
  }
  copy(inputs);
  std::copy(theta + inputs * N, theta + parameter_count(spec), to);
  return result;
}

// What a row of inputs reads of such rows: of each column two sums and, beyond its knots, the
// number's own row; of other inputs those that are not 0.
template <class T>
void read_entries(const std::vector<CutColumn>& columns, const T* x, std::int64_t inputs,
                  SomeEntries<T>& entries) {
  entries.entries.reserve(static_cast<std::size_t>(inputs));
  std::int64_t k = 0, row = 0;
  const auto others = [&](std::int64_t end) {
    for (; k < end; ++k, ++row)
      if (x[k] != 0) entries.add(x[k], row);
  };
  for (const CutColumn& column : columns) {
    others(column.place);
    const T *number = x + k, *piece = number + 1;
    const std::int64_t m = column.pieces(), sums = row + 1;
    const T h = static_cast<T>(column.height), top = static_cast<T>(column.height * 0.5);
    std::int64_t j = 0;
    while (j < m && piece[j] >= top) ++j;
    const T t = j < m ? (piece[j] + top) / h : T(0);
    entries.add(1 - t, sums + j);
    if (t != 0) {
      entries.add(t, sums + j + 1);
    } else if (j == 0 || j == m) {
      const T beyond = *number - static_cast<T>(column.knots[static_cast<std::size_t>(j)]);
      if (beyond != 0) entries.add(beyond, row);
    }
    k += 1 + m;
    row = sums + m + 1;
  }
  others(inputs);
}

template <class T>
class PiecedNetworks final : public Networks<T> {
 public:
  PiecedNetworks(const Spec& spec, const std::vector<const T*>& thetas,
                 std::vector<CutColumn> columns)
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
  const std::vector<CutColumn> columns_;
  Spec summed_;  // of networks whose inputs are what entries name
  std::vector<Buffer<T>> thetas_;
};

}  // namespace chainrule::CHAINRULE_LEVEL
