// The batch of a step: which samples it takes, where their rows lie, and each one's share in L.
#pragma once

#include "gradient.hpp"
#include "reductions.hpp"

namespace chainrule::CHAINRULE_LEVEL {

template <class T>
class BatchReader {
 public:
  BatchReader(const Spec& spec, Samples<T> samples, Order order)
      : inputs_(spec.sizes.front()),
        outputs_(spec.sizes.back()),
        sum_(spec.sum),
        samples_(samples),
        mean_weight_(mean_weight(samples)),
        order_(order),
        epoch_steps_((samples.n + order.batch_size - 1) / order.batch_size),
        shares_(static_cast<std::size_t>(order.batch_size)),
        weights_(samples.weights ? shares_.size() : 0) {
    if (order.shuffle) permutation_.resize(static_cast<std::size_t>(samples.n));
    if (gathers()) gathered_ = Buffer<T>(order.batch_size * row_stride<T>(inputs_));
  }

  // Samples in the batch of the step after `step` steps.
  std::int64_t rows_of(std::int64_t step) const {
    return std::min(order_.batch_size, samples_.n - step % epoch_steps_ * order_.batch_size);
  }

  // Turns to the batch of the step after `step` steps.
  void select(std::int64_t step) {
    const std::int64_t epoch = step / epoch_steps_;
    first_ = (step - epoch * epoch_steps_) * order_.batch_size;
    if (order_.shuffle && epoch != permuted_epoch_) {
      permute(order_.seed, static_cast<std::uint64_t>(epoch), permutation_);
      permuted_epoch_ = epoch;
    }
    const std::int64_t rows = std::min(order_.batch_size, samples_.n - first_);
    const bool same_shares = !samples_.weights && rows == batch_.rows;
    batch_ = {gathers() ? gathered_.get() : samples_.X + first_ * inputs_,
              gathers() ? row_stride<T>(inputs_) : inputs_, rows, shares_.data()};
    if (!same_shares) share_out();
  }

  const Batch<T>& batch() const { return batch_; }

  // The batch's loss is the weighted sum of its samples' divided by this: by |B| times the mean
  // weight of all samples, not of the batch's, so that the mean of the batches' losses, weighted by
  // their sizes, is L of all samples, and their gradients' that of L.
  double divisor() const { return divisor_of(sum_, batch_.rows, mean_weight_); }

  const T* weights() const { return samples_.weights ? weights_.data() : nullptr; }
  const T* targets(std::int64_t i) const { return samples_.y + sample(i) * outputs_; }

  // Which of all samples is the batch's i-th.
  std::int64_t sample(std::int64_t i) const {
    return order_.shuffle ? permutation_[static_cast<std::size_t>(first_ + i)] : first_ + i;
  }

  // Whether a batch's rows are brought together: where they don't lie beside each other, dense.
  bool gathers() const { return order_.shuffle || samples_.starts; }

  // Brings rows [first, last) of the batch to their place, and asks for the same rows of the
  // next batch, which arrive from memory while this step computes.
  void gather(std::int64_t first, std::int64_t last) {
    if (samples_.starts) return scatter(first, last);
    if (!order_.shuffle) return;
    for (std::int64_t i = first; i < last; ++i) {
      copy(samples_.X + sample(i) * inputs_, inputs_, gathered_.get() + i * batch_.input_stride);
      if (first_ + i + order_.batch_size >= samples_.n) continue;
      const T* next = samples_.X + sample(i + order_.batch_size) * inputs_;
      for (std::int64_t k = 0; k < inputs_; k += 64 / static_cast<std::int64_t>(sizeof(T)))
        __builtin_prefetch(next + k);
    }
  }

 private:
  // Rows of sparse samples, as dense ones.
  void scatter(std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      T* row = gathered_.get() + i * batch_.input_stride;
      std::fill(row, row + inputs_, T(0));
      const std::int64_t* at = samples_.starts + sample(i);
      for (std::int64_t k = at[0]; k < at[1]; ++k) row[samples_.columns[k]] = samples_.X[k];
    }
  }

  void share_out() {
    for (std::size_t i = 0; i < static_cast<std::size_t>(batch_.rows); ++i) {
      if (weights()) weights_[i] = samples_.weights[sample(static_cast<std::int64_t>(i))];
      shares_[i] = static_cast<T>((weights() ? static_cast<double>(weights_[i]) : 1) / divisor());
    }
  }

  const std::int64_t inputs_, outputs_;
  const bool sum_;
  const Samples<T> samples_;
  const double mean_weight_;
  const Order order_;
  const std::int64_t epoch_steps_;
  std::int64_t first_ = 0;  // place of the batch's first sample in the epoch
  std::int64_t permuted_epoch_ = -1;
  std::vector<std::int64_t> permutation_;
  Buffer<T> gathered_;
  std::vector<T> shares_, weights_;  // of the batch
  Batch<T> batch_{};
};

}  // namespace chainrule::CHAINRULE_LEVEL
