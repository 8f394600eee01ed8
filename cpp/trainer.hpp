// Steps of training, one after the other, with nothing allocated between them.
//   phase 1  for blocks of rows: gather, forward, loss, backward
//   phase 2  for tasks of weights: gradient, update, transpose
// Two barriers a step. A step that is long, or clips its gradient, has its updates in a third
// phase, so that an interruption before it leaves the network whole.
#pragma once

#include <chrono>
#include <cmath>
#include <limits>

#include "gradient.hpp"
#include "pool.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// Asks at most every 50 ms, and looks at the clock only after some work.
class Patience {
 public:
  explicit Patience(const Interrupted* ask) : ask_(ask) {}

  bool ended() const { return ended_; }  // for any thread; the next only for the caller's

  bool ended_after(std::int64_t multiply_adds) {
    work_ += multiply_adds;
    if (!ask_ || ended_ || work_ < (1 << 20)) return ended_;
    work_ = 0;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ >= std::chrono::milliseconds(50)) {
      last_ = now;
      ended_ = (*ask_)();
    }
    return ended_;
  }

 private:
  const Interrupted* ask_;
  std::int64_t work_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  std::atomic<bool> ended_{false};
};

constexpr std::int64_t threads_pay_from = 2'000'000;  // multiply-adds of a phase, about 50 us
constexpr std::int64_t long_step = 1'000'000'000;     // multiply-adds, about 20 ms

// Rows of a block of phase 1: 48, a multiple of every tile; fewer where a layer is so wide that
// their values would leave the cache, and an interruption wait.
inline std::int64_t block_rows_of(const Spec& spec) {
  const std::int64_t widest = *std::max_element(spec.sizes.begin(), spec.sizes.end());
  return std::clamp<std::int64_t>((1 << 18) / widest, 1, 48);
}

// One thread more for each 50 us of work that a phase has, up to those allowed.
inline int useful_threads(int allowed, std::int64_t multiply_adds) {
  return static_cast<int>(std::min<std::int64_t>(allowed, 1 + multiply_adds / threads_pay_from));
}

// Eight running sums, added up in a fixed order.
template <class T, class F>
double ordered_sum(const T* x, std::int64_t n, F term) {
  double sums[8] = {};
  for (std::int64_t i = 0; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; ++k) sums[k] += term(static_cast<double>(x[i + k]));
  for (std::int64_t i = n / 8 * 8; i < n; ++i) sums[i % 8] += term(static_cast<double>(x[i]));
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

// 1/2 l2 sum w^2 + l1 sum |w| over the packed weights, whose padding is 0.
template <class T>
double penalty_of(const Spec& spec, const Layout<T>& layout, const T* theta) {
  double penalty = 0;
  if (spec.l2 > 0)
    penalty +=
        0.5 * spec.l2 * ordered_sum(theta, layout.weights_size, [](double w) { return w * w; });
  if (spec.l1 > 0)
    penalty +=
        spec.l1 * ordered_sum(theta, layout.weights_size, [](double w) { return std::abs(w); });
  return penalty;
}

// Weighted mean (or sum) of sample losses, from the first to the last.
template <class T>
double reduced_loss(const Spec& spec, const T* sample_losses, const T* weights, std::int64_t n) {
  double total = 0, weight = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double w = weights ? static_cast<double>(weights[i]) : 1.0;
    total += w * static_cast<double>(sample_losses[i]);
    weight += w;
  }
  return spec.sum || weight == 0 ? total : total / weight;
}

template <class T>
class LevelTrainer final : public Trainer<T> {
 public:
  LevelTrainer(const Spec& spec, T* theta, std::vector<T*> state, Samples<T> samples, Order order,
               Update update, std::int64_t step, int threads)
      : spec_(spec),
        layout_(spec),
        samples_(samples),
        order_(order),
        update_(std::move(update)),
        step_(step),
        flat_theta_(theta),
        flat_state_(std::move(state)),
        theta_(layout_.size),
        net_(layout_, theta_.get(), true),
        values_(spec, layout_, order.batch_size, true, false),
        tasks_(gradient_tasks(layout_)),
        sample_losses_(static_cast<std::size_t>(order.batch_size)),
        weights_(samples.weights ? sample_losses_.size() : 0),
        shares_(sample_losses_.size()),
        block_rows_(block_rows_of(spec)),
        work_(layout_.weights_size * order.batch_size),
        pool_(useful_threads(threads, work_)) {
    for (std::size_t k = 0; k < flat_state_.size(); ++k) state_.emplace_back(layout_.size);
    if (order.shuffle) {
      permutation_.resize(static_cast<std::size_t>(samples.n));
      gathered_ = Buffer<T>(order.batch_size * row_stride<T>(spec.sizes[0]));
    }
    for (int thread = 0; thread < pool_.threads(); ++thread) {
      std::int64_t largest = 0;
      for (const GradientTask& task : tasks_)
        largest = std::max(largest, weights_of(layout_, task).size);
      scratch_.emplace_back(largest + panel_columns<T>);
    }
  }

  std::int64_t step() const override { return step_; }

  std::int64_t advance(const double* rates, std::int64_t count, double* losses,
                       const Interrupted& interrupted) override {
    Patience patience(&interrupted);
    load();
    std::int64_t taken = 0;
    while (taken < count && !patience.ended_after(work_)) {
      const double loss = batch_loss(values_, &patience);
      if (patience.ended()) break;
      losses[taken++] = loss;
      if (!std::isfinite(loss)) break;
      if (!apply(rates[taken - 1], &patience)) {
        --taken;
        break;
      }
      ++step_;
    }
    save();
    return taken;
  }

  void trace(Trace<T>& out) override {
    load();
    const Values<T> values(spec_, layout_, order_.batch_size, true, true);
    out.loss = batch_loss(values, nullptr);
    out.penalty = penalty_;
    if (out.gradient) {
      const Buffer<T> gradient(layout_.size);
      all_gradients(values, gradient.get(), nullptr);
      layout_.unpack(gradient.get(), out.gradient);
    }
    copy_values(values, out);
  }

 private:
  std::int64_t steps_an_epoch() const {
    return (samples_.n + order_.batch_size - 1) / order_.batch_size;
  }
  std::int64_t first_sample() const { return step_ % steps_an_epoch() * order_.batch_size; }
  std::int64_t batch_rows() const {
    return std::min(order_.batch_size, samples_.n - first_sample());
  }

  void load() {
    layout_.pack(flat_theta_, theta_.get());
    for (std::size_t k = 0; k < state_.size(); ++k) layout_.pack(flat_state_[k], state_[k].get());
    net_.transpose_all();
  }

  void save() {
    layout_.unpack(theta_.get(), flat_theta_);
    for (std::size_t k = 0; k < state_.size(); ++k) layout_.unpack(state_[k].get(), flat_state_[k]);
  }

  std::int64_t sample(std::int64_t i) const {
    const std::int64_t place = first_sample() + i;
    return order_.shuffle ? permutation_[static_cast<std::size_t>(place)] : place;
  }

  // Points batch_ at the rows of the next step and gives each sample its share in L.
  void select_batch() {
    const std::int64_t epoch = step_ / steps_an_epoch(), rows = batch_rows();
    if (order_.shuffle && epoch != permuted_epoch_) {
      permute(order_.seed, static_cast<std::uint64_t>(epoch), permutation_);
      permuted_epoch_ = epoch;
    }
    const std::int64_t inputs = spec_.sizes[0];
    batch_ = {order_.shuffle ? gathered_.get() : samples_.X + first_sample() * inputs,
              order_.shuffle ? row_stride<T>(inputs) : inputs, rows, shares_.data()};
    double total = spec_.sum ? 1 : static_cast<double>(rows);
    if (samples_.weights) total = gather_weights(rows);
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i)
      shares_[i] =
          static_cast<T>((samples_.weights ? static_cast<double>(weights_[i]) : 1) / total);
  }

  // The weights of the batch's samples; returns what a share of L is divided by.
  double gather_weights(std::int64_t rows) {
    double total = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
      weights_[i] = samples_.weights[sample(static_cast<std::int64_t>(i))];
      total += static_cast<double>(weights_[i]);
    }
    return spec_.sum || total == 0 ? 1 : total;
  }

  // Copies row i of the batch to its place, and asks for the same row of the next batch, which
  // arrives from memory while this step computes.
  void gather(std::int64_t i) {
    const std::int64_t inputs = spec_.sizes[0], place = first_sample() + i;
    std::memcpy(gathered_.get() + i * batch_.input_stride, samples_.X + sample(i) * inputs,
                static_cast<std::size_t>(inputs) * sizeof(T));
    if (place + order_.batch_size >= samples_.n) return;
    const T* next = samples_.X + sample(i + order_.batch_size) * inputs;
    for (std::int64_t k = 0; k < inputs; k += 64 / static_cast<std::int64_t>(sizeof(T)))
      __builtin_prefetch(next + k);
  }

  // Phase 1 for the rows [first, last) of the batch.
  void pass(const Values<T>& values, std::int64_t first, std::int64_t last) {
    const std::int64_t outputs = spec_.sizes.back();
    if (order_.shuffle)
      for (std::int64_t i = first; i < last; ++i) gather(i);
    const DropoutKey key{order_.seed, step_ + 1};
    const DropoutKey* dropout = spec_.dropout > 0 ? &key : nullptr;
    forward_rows(spec_, net_, values, batch_.input, batch_.input_stride, first, last, dropout);
    const auto& top = values.layers.back();
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t at = i * top.stride;
      sample_losses_[static_cast<std::size_t>(i)] =
          sample_loss(spec_, top.z + at, top.value + at, samples_.y + sample(i) * outputs,
                      top.delta + at, outputs);
    }
    backward_rows(spec_, net_, values, first, last, dropout);
  }

  // Forward, loss and backward of the next batch; returns L, penalty included.
  double batch_loss(const Values<T>& values, Patience* patience) {
    select_batch();
    const std::int64_t blocks = (batch_.rows + block_rows_ - 1) / block_rows_;
    pool_.run(blocks, [&](std::int64_t block, int thread) {
      if (patience && thread == 0 && patience->ended_after(work_ / blocks)) return;
      if (patience && patience->ended()) return;
      pass(values, block * block_rows_, std::min((block + 1) * block_rows_, batch_.rows));
    });
    penalty_ = penalty_of(spec_, layout_, theta_.get());
    return reduced_loss(spec_, sample_losses_.data(), samples_.weights ? weights_.data() : nullptr,
                        batch_.rows) +
           penalty_;
  }

  // Phase 2 for one task; its gradient goes to g_weights and g_biases.
  void task_gradient(const Values<T>& values, const GradientTask& task, T* g_weights, T* g_biases) {
    weight_gradient(spec_, net_, values, batch_, task, g_weights);
    if (task.first == 0) bias_gradient(layout_, values, batch_, task, g_biases);
  }

  void all_gradients(const Values<T>& values, T* gradient, Patience* patience) {
    const auto tasks = static_cast<std::int64_t>(tasks_.size());
    pool_.run(tasks, [&](std::int64_t t, int thread) {
      if (patience && thread == 0 && patience->ended_after(work_ / tasks)) return;
      if (patience && patience->ended()) return;
      const GradientTask& task = tasks_[static_cast<std::size_t>(t)];
      task_gradient(values, task, gradient + weights_of(layout_, task).at,
                    gradient + biases_of(layout_, task).at);
    });
  }

  void update_range(const StepConstants<T>& constants, Range range, const T* g) {
    T* state[2] = {};
    for (std::size_t k = 0; k < state_.size(); ++k) state[k] = state_[k].get() + range.at;
    update(constants, theta_.get() + range.at, g, state, range.size);
  }

  void update_task(const StepConstants<T>& constants, const GradientTask& task, const T* g_weights,
                   const T* g_biases) {
    update_range(constants, weights_of(layout_, task), g_weights);
    if (task.first == 0) update_range(constants, biases_of(layout_, task), g_biases);
    net_.transpose(task.layer, task.panel, task.first, task.last);
  }

  // Phase 2, and 3 where the gradient must be whole first. False: interrupted, nothing changed.
  bool apply(double rate, Patience* patience) {
    const StepConstants<T> constants(update_, rate, step_ + 1);
    const auto tasks = static_cast<std::int64_t>(tasks_.size());
    const bool clips = update_.clip_norm < std::numeric_limits<double>::infinity();
    if (!clips && work_ < long_step) {
      pool_.run(tasks, [&](std::int64_t t, int thread) {
        const GradientTask& task = tasks_[static_cast<std::size_t>(t)];
        T* g = scratch_[static_cast<std::size_t>(thread)].get();
        T* g_biases = g + weights_of(layout_, task).size;
        task_gradient(values_, task, g, g_biases);
        update_task(constants, task, g, g_biases);
      });
      return true;
    }
    if (!gradient_.get()) gradient_ = Buffer<T>(layout_.size);
    T* g = gradient_.get();
    all_gradients(values_, g, patience);
    if (patience->ended()) return false;
    if (clips) clip(g);
    pool_.run(tasks, [&](std::int64_t t, int) {
      const GradientTask& task = tasks_[static_cast<std::size_t>(t)];
      update_task(constants, task, g + weights_of(layout_, task).at,
                  g + biases_of(layout_, task).at);
    });
    return true;
  }

  // Scales g down to the largest norm allowed.
  void clip(T* g) const {
    const double norm = std::sqrt(ordered_sum(g, layout_.size, [](double x) { return x * x; }));
    if (norm <= update_.clip_norm) return;
    const T factor = static_cast<T>(update_.clip_norm / norm);
    for (std::int64_t i = 0; i < layout_.size; ++i) g[i] *= factor;
  }

  // Copies the values of the batch out of their padded rows.
  void copy_values(const Values<T>& values, Trace<T>& out) const {
    const auto copy = [&](const std::vector<T*>& to, std::size_t l, const T* from) {
      if (to.empty() || !to[l]) return;
      const auto units = static_cast<std::size_t>(spec_.sizes[l + 1]);
      for (std::int64_t i = 0; i < batch_.rows; ++i)
        std::memcpy(to[l] + static_cast<std::size_t>(i) * units, from + i * values.layers[l].stride,
                    units * sizeof(T));
    };
    for (std::size_t l = 0; l < values.layers.size(); ++l) {
      copy(out.pre_activations, l, values.layers[l].z);
      copy(out.activations, l, values.layers[l].out);
      copy(out.deltas, l, values.layers[l].delta);
    }
    const DropoutKey key{order_.seed, step_ + 1};
    for (std::size_t l = 0; l < out.masks.size(); ++l) {
      const std::int64_t units = spec_.sizes[l + 1];
      each_mask<T>(
          spec_.dropout, key, static_cast<std::int64_t>(l), units, 0, batch_.rows,
          [&](std::int64_t i, std::int64_t j, T mask) { out.masks[l][i * units + j] = mask; });
    }
    if (out.sample_losses)
      std::memcpy(out.sample_losses, sample_losses_.data(),
                  static_cast<std::size_t>(batch_.rows) * sizeof(T));
  }

  const Spec spec_;
  const Layout<T> layout_;
  const Samples<T> samples_;
  const Order order_;
  const Update update_;
  std::int64_t step_;  // steps taken
  T* const flat_theta_;
  const std::vector<T*> flat_state_;
  const Buffer<T> theta_;
  Packed<T> net_;
  const Values<T> values_;
  const std::vector<GradientTask> tasks_;
  std::vector<Buffer<T>> state_, scratch_;  // optimizer state; each thread's gradient
  Buffer<T> gradient_, gathered_;           // where the update waits; where rows are shuffled
  std::vector<T> sample_losses_, weights_, shares_;  // of the batch
  std::vector<std::int64_t> permutation_;
  std::int64_t permuted_epoch_ = -1;
  Batch<T> batch_{};
  double penalty_ = 0;
  const std::int64_t block_rows_;
  const std::int64_t work_;  // multiply-adds of one phase
  Pool pool_;
};

}  // namespace chainrule::CHAINRULE_LEVEL
