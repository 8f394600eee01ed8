// Steps of training, one after the other, with nothing allocated between them.
//   phase 1  for blocks of rows: gather, forward, loss, backward
//   phase 2  for tasks of weights: gradient, update, transpose
// Two barriers a step. Where threads share the first layer's columns (plan.hpp), gather and that
// layer's product are phases before these. Where phase 2 takes long, or the gradient is clipped,
// the updates are a third phase, so that an interruption before it leaves the network whole; a
// constraint on the weights into a unit, which needs all of them, is a phase of its own.
#pragma once

#include "batch.hpp"
#include "norms.hpp"
#include "patience.hpp"
#include "pool.hpp"
#include "trace.hpp"
#include "tree_sum.hpp"

namespace chainrule::CHAINRULE_LEVEL {

constexpr std::int64_t long_step = 1'000'000'000;  // multiply-adds, from which on phase 2 is timed
constexpr double longest_wait = 0.15;              // seconds that can't be interrupted

template <class T>
class LevelTrainer final : public Trainer<T> {
 public:
  LevelTrainer(const Spec& spec, T* theta, std::vector<T*> state, Samples<T> samples, Order order,
               const Update& update, std::int64_t step, Threads threads, Keyframes<T> keyframes)
      : spec_(spec),
        layout_(spec),
        reader_(spec, samples, order),
        seed_(order.seed),
        steps_before_(order.steps_before),
        batch_size_(order.batch_size),
        update_(update),
        rule_(update),
        step_(step),
        keyframes_(keyframes),
        flat_theta_(theta),
        flat_state_(std::move(state)),
        theta_(layout_.size),
        net_(spec_, layout_, theta_.get(), order.batch_size),
        values_(spec, order.batch_size, true, false),
        sample_losses_(static_cast<std::size_t>(order.batch_size)),
        work_(layout_.weights_size * order.batch_size),
        kind_(kind_of_training(spec, sizeof(T), samples.starts != nullptr, order, update)),
        choice_(recall(kind_, threads)),
        gradient_seconds_(choice_.piece_seconds() > 0 ? choice_.piece_seconds()
                                                      : std::numeric_limits<double>::infinity()),
        pool_(choice_.allowed().most) {
    for (std::size_t k = 0; k < flat_state_.size(); ++k) state_.emplace_back(layout_.size);
  }

  std::int64_t step() const override { return step_; }
  std::int64_t rows() const override { return reader_.rows_of(step_); }
  int threads() const override { return choice_.chosen(); }

  std::int64_t advance(const double* rates, std::int64_t count, double* losses,
                       const Interrupted& interrupted) override {
    Patience patience(&interrupted);
    load();
    choice_.resume();
    std::int64_t taken = 0;
    while (taken < count && !patience.ended_after(work_)) {
      begin_step();
      const double loss = batch_loss(values_, &patience);
      if (patience.ended()) break;
      losses[taken] = loss;
      const bool finite = std::isfinite(loss);
      if (finite && !apply(rates[taken], &patience)) break;
      ++taken;
      if (!finite) break;
      ++step_;
      end_step();
      keep_keyframe();
    }
    choice_.pause();
    remember(kind_, choice_);
    save();
    return taken;
  }

  double gradient(T* out, std::int64_t batches, const Interrupted& interrupted) override {
    Patience patience(&interrupted);
    const std::int64_t first = step_;
    load();
    choice_.resume();
    for (; step_ < first + batches && !patience.ended(); ++step_) {
      begin_step();
      const double loss = batch_loss(values_, &patience);
      all_gradients(values_, sum_.leaf(), &patience);
      sum_.add(loss);
      end_step();
    }
    step_ = first;
    choice_.pause();
    remember(kind_, choice_);
    const auto [loss, vector] = sum_.total();
    layout_.unpack(vector, out);
    return loss;
  }

  double step_along(const T* gradient, double rate) override {
    load();
    begin_step();
    layout_.pack(gradient, sum_.leaf());
    penalty_ = penalty_of(spec_, layout_, theta_.get());
    add_penalty(spec_, sum_.leaf(), theta_.get(), layout_.weights_size);
    rule_.begin_step(rate, next_step());
    update_all(sum_.leaf());
    if (update_.constrains()) constrain();
    ++step_;
    choice_.pause();  // it tells nothing about the steps of `advance`
    save();
    return penalty_;
  }

  void trace(Trace<T>& out) override {
    load();
    const Values<T> values(spec_, batch_size_, true, true);
    choice_.resume();  // what passed since the last step, and this look, belong to no spell
    begin_step();
    out.loss = batch_loss(values, nullptr);
    out.penalty = penalty_;
    if (out.gradient) {
      const Buffer<T> gradient(layout_.size);
      all_gradients(values, gradient.get(), nullptr);
      layout_.unpack(gradient.get(), out.gradient);
      const Norm norm = norm_of(layout_, gradient.get());
      out.gradient_norm = norm.units * norm.unit;
    }
    copy_values(spec_, values, sample_losses_.data(), reader_.batch().rows, out);
    for (std::int64_t i = 0; out.rows && i < reader_.batch().rows; ++i)
      out.rows[i] = reader_.sample(i);
  }

 private:
  // Turns to the batch of the next step, and to the threads that take it.
  void begin_step() {
    reader_.select(step_);
    const int threads = choice_.threads();
    if (is_short() || threads != threads_) choice_.pause();
    const std::int64_t rows = reader_.batch().rows;
    if (threads == threads_ && rows == planned_rows_) return;
    threads_ = threads;
    planned_rows_ = rows;
    block_rows_ = block_rows_of(spec_, rows, threads);
    const std::int64_t shared = shared_panels(spec_, layout_.weights[0], rows, threads);
    if (tasks_.empty() || shared != shared_) tasks_ = gradient_tasks(layout_, shared);
    shared_ = shared;
    while (scratch_.size() < static_cast<std::size_t>(threads))
      scratch_.emplace_back(gradient_room<T>);
    pool_.prepare(threads);
    if (!is_short()) choice_.resume();
  }

  void end_step() { is_short() ? choice_.resume() : choice_.count(1); }

  // An epoch's last batch may be smaller: its step tells nothing about the number of threads.
  bool is_short() const { return reader_.batch().rows < batch_size_; }

  // The time that it takes belongs to no spell.
  void keep_keyframe() {
    const std::int64_t room = keyframes_.room_after(step_);
    if (room < 0) return;
    choice_.pause();
    const std::int64_t parameters = layout_.parameters();
    T* to = keyframes_.vectors + room * parameters * static_cast<std::int64_t>(1 + state_.size());
    layout_.unpack(theta_.get(), to);
    for (const Buffer<T>& vector : state_) layout_.unpack(vector.get(), to += parameters);
    keyframes_.steps[room] = step_;
    choice_.resume();
  }

  void load() {
    layout_.pack(flat_theta_, theta_.get());
    for (std::size_t k = 0; k < state_.size(); ++k) layout_.pack(flat_state_[k], state_[k].get());
    net_.refresh_all();
  }

  void save() {
    layout_.unpack(theta_.get(), flat_theta_);
    for (std::size_t k = 0; k < state_.size(); ++k) layout_.unpack(state_[k].get(), flat_state_[k]);
  }

  // t of the next step: the steps on other samples count.
  std::int64_t next_step() const { return steps_before_ + step_ + 1; }

  // Phase 1 for the rows [first, last) of the batch.
  void pass(const Values<T>& values, std::int64_t first, std::int64_t last) {
    const std::int64_t outputs = spec_.sizes.back();
    const Batch<T>& batch = reader_.batch();
    if (shared_ == 0) reader_.gather(first, last);
    const DropoutKey key{seed_, next_step()};
    const DropoutKey* dropout = spec_.dropout > 0 ? &key : nullptr;
    forward_rows(spec_, net_, values, batch.input, batch.input_stride, first, last, dropout,
                 shared_ > 0);
    const auto& top = values.layers.back();
    const auto y_of = [&](std::int64_t i) { return reader_.targets(first + i); };
    const std::int64_t at = first * top.stride;
    sample_losses(spec_, LossRows<T, decltype(y_of)>{top.z + at, top.value + at, y_of,
                                                     top.delta + at, sample_losses_.data() + first,
                                                     top.stride, last - first, outputs});
    backward_rows(spec_, net_, values, first, last);
    weigh(values, batch.shares, reader_.weights() != nullptr, first, last);
  }

  // Forward, loss and backward of the next batch; returns L, penalty included.
  double batch_loss(const Values<T>& values, Patience* patience) {
    if (shared_ > 0) multiply_first(values, patience);
    each_block(patience, [&](std::int64_t first, std::int64_t last) { pass(values, first, last); });
    const std::int64_t rows = reader_.batch().rows;
    penalty_ = penalty_of(spec_, layout_, theta_.get());
    const double sum = weighted_sum(sample_losses_.data(), reader_.weights(), rows);
    return sum / reader_.divisor() + penalty_;
  }

  // The batch's rows, all of them, and z^1 of these, in parts of its columns.
  void multiply_first(const Values<T>& values, Patience* patience) {
    const auto gather = [&](std::int64_t begin, std::int64_t end) { reader_.gather(begin, end); };
    if (reader_.gathers()) each_block(patience, gather);
    const Batch<T>& batch = reader_.batch();
    const std::int64_t panels = layout_.weights[0].count;
    each((panels + shared_ - 1) / shared_, patience, [&](std::int64_t part, int) {
      first_product(net_, values, batch.input, batch.input_stride, batch.rows, part * shared_,
                    std::min((part + 1) * shared_, panels));
    });
  }

  // Runs work(i, thread) for i < count, until interrupted.
  template <class F>
  void each(std::int64_t count, Patience* patience, F work) {
    const std::int64_t share = work_ / count;
    pool_.run(count, threads_, [&](std::int64_t i, int thread) {
      const bool ended =
          patience && (thread == 0 ? patience->ended_after(share) : patience->ended());
      if (!ended) work(i, thread);
    });
  }

  // The same for every block of rows, work(first, last)...
  template <class F>
  void each_block(Patience* patience, F work) {
    const std::int64_t rows = reader_.batch().rows, blocks = (rows + block_rows_ - 1) / block_rows_;
    each(blocks, patience, [&](std::int64_t block, int) {
      work(block * block_rows_, std::min((block + 1) * block_rows_, rows));
    });
  }

  // ... and every gradient task, work(task, thread).
  template <class F>
  void each_task(Patience* patience, F work) {
    each(static_cast<std::int64_t>(tasks_.size()), patience,
         [&](std::int64_t t, int thread) { work(tasks_[static_cast<std::size_t>(t)], thread); });
  }

  void all_gradients(const Values<T>& values, T* gradient, Patience* patience) {
    each_task(patience, [&](const GradientTask& task, int) {
      weight_gradient(spec_, net_, values, reader_.batch(), task, [&](std::int64_t panel) {
        return gradient + weights_of(layout_, task, panel).at;
      });
      for (std::int64_t p = task.first_panel; task.first == 0 && p < task.last_panel; ++p)
        bias_gradient(values, reader_.batch(), task.layer, p,
                      gradient + biases_of(layout_, task, p).at);
    });
  }

  // Phase 2, and 3 where the gradient must be whole first. False: interrupted, nothing changed.
  bool apply(double rate, Patience* patience) {
    rule_.begin_step(rate, next_step());
    const bool may_take_long = work_ >= long_step || update_.clips();
    if (may_take_long && !apply_in_time(patience)) return false;
    if (!may_take_long) learn_all();
    if (update_.constrains()) constrain();
    return true;
  }

  // The same where it may take long, or the gradient is clipped.
  bool apply_in_time(Patience* patience) {
    const double began = steady_seconds();
    if (!update_.clips() && gradient_seconds_ <= longest_wait) {
      learn_all();
      gradient_seconds_ = steady_seconds() - began;
      return true;
    }
    all_gradients(values_, sum_.leaf(), patience);
    if (patience->ended()) return false;
    gradient_seconds_ = steady_seconds() - began;
    update_all(sum_.leaf());
    return true;
  }

  void learn_all() {
    each_task(nullptr, [&](const GradientTask& task, int thread) { learn(task, thread); });
  }

  // Every update, by the whole gradient.
  void update_all(T* gradient) {
    if (update_.clips()) clip(layout_, gradient, update_.clip_norm);
    each_task(nullptr, [&](const GradientTask& task, int) {
      for (std::int64_t p = task.first_panel; p < task.last_panel; ++p) {
        const Range weights = weights_of(layout_, task, p), biases = biases_of(layout_, task, p);
        update_range(weights, gradient + weights.at);
        if (task.first == 0) update_range(biases, gradient + biases.at);
      }
      refresh(task);
    });
  }

  // Scales the weights into each unit down to the largest norm allowed, panel by panel.
  void constrain() {
    each_task(nullptr, [&](const GradientTask& task, int) {
      const Panels<T>& W = layout_.weights[task.layer];
      for (std::int64_t p = task.first_panel; task.first == 0 && p < task.last_panel; ++p) {
        GradientTask whole = task;
        whole.last = W.rows;
        const Range weights = weights_of(layout_, whole, p), biases = biases_of(layout_, whole, p);
        constrain_columns(theta_.get() + weights.at, W.rows, W.panel_width(p),
                          static_cast<T>(update_.max_norm));
        net_.refresh(task.layer, p, 0, W.rows);
        average_range(weights);
        average_range(biases);
      }
    });
  }

  // Gradient and update of one task. Plain gradient descent updates from the registers that
  // hold the gradient; the others from a scratch that is still in cache.
  void learn(const GradientTask& task, int thread) {
    const Batch<T>& batch = reader_.batch();
    const bool in_registers = rule_.is_plain() && batch.rows <= group_samples && !net_.unit &&
                              spec_.l2 == 0 && spec_.l1 == 0;
    if (in_registers) {
      weight_product(
          values_, batch, task, 0, batch.rows,
          [&](std::int64_t p) { return theta_.get() + weights_of(layout_, task, p).at; },
          Descend<T>{rule_.eta});
    } else {
      const auto place = [&](std::int64_t panel) {
        return scratch_[static_cast<std::size_t>(thread)].get() +
               (panel - task.first_panel) * task_rows * panel_columns<T>;
      };
      weight_gradient(spec_, net_, values_, batch, task, place);
      for (std::int64_t p = task.first_panel; p < task.last_panel; ++p)
        update_range(weights_of(layout_, task, p), place(p));
    }
    alignas(64) T g[panel_columns<T>];
    for (std::int64_t p = task.first_panel; task.first == 0 && p < task.last_panel; ++p) {
      bias_gradient(values_, batch, task.layer, p, g);
      update_range(biases_of(layout_, task, p), g);
    }
    refresh(task);
  }

  void update_range(Range range, const T* g) {
    T* state[3] = {};
    for (std::size_t k = 0; k < state_.size(); ++k) state[k] = state_[k].get() + range.at;
    update(rule_, theta_.get() + range.at, g, state, range.size);
    if (!update_.constrains()) average_range(range);
  }

  void average_range(Range range) {
    if (rule_.averaging == 0) return;
    T* to = state_[static_cast<std::size_t>(rule_.average_vector)].get() + range.at;
    average(rule_, theta_.get() + range.at, to, range.size);
  }

  void refresh(const GradientTask& task) {
    for (std::int64_t p = task.first_panel; p < task.last_panel; ++p)
      net_.refresh(task.layer, p, task.first, task.last);
  }

  const Spec spec_;
  const Layout<T> layout_;
  BatchReader<T> reader_;
  const std::uint64_t seed_;
  const std::int64_t steps_before_, batch_size_;
  const Update update_;
  Rule<T> rule_;
  std::int64_t step_;  // steps taken
  const Keyframes<T> keyframes_;
  T* const flat_theta_;
  const std::vector<T*> flat_state_;
  const Buffer<T> theta_;
  Packed<T> net_;
  const Values<T> values_;
  std::vector<Buffer<T>> state_, scratch_;  // optimizer state; each thread's gradient of a task
  TreeSum<T> sum_{layout_.size};            // of gradients; where an update waits
  std::vector<T> sample_losses_;            // of the batch
  double penalty_ = 0;
  const std::int64_t work_;   // multiply-adds of one phase
  const std::uint64_t kind_;  // of work, to remember the choice of threads by
  ThreadChoice choice_;
  double gradient_seconds_;  // of the last long step; before it, of one like it, or unknown
  int threads_ = 0;          // of the step
  std::int64_t planned_rows_ = 0, block_rows_ = 0;  // of its batch, and of a block
  std::int64_t shared_ = 0;                         // panels of a part of the first layer
  std::vector<GradientTask> tasks_;
  Pool pool_;
};

}  // namespace chainrule::CHAINRULE_LEVEL
