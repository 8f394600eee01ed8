// How a step is cut: every weight belongs to one task of the gradient; and where threads share the
// first layer's columns, what a thread begins with are the columns that it had in the forward pass.
#include "../../cpp/plan.hpp"

#include <map>
#include <vector>

#include "check.hpp"

// The products in bfloat16 don't run here.
namespace chainrule {
const Bfloat16Unit* bfloat16_unit() { return nullptr; }
}  // namespace chainrule

using namespace chainrule;
using namespace chainrule::CHAINRULE_LEVEL;

namespace {

Spec spec_of(std::vector<std::int64_t> sizes) {
  Spec spec{};
  spec.activations.resize(sizes.size() - 1);
  spec.sizes = std::move(sizes);
  return spec;
}

template <class T>
void check_every_weight_once(const Layout<T>& layout, const std::vector<GradientTask>& tasks) {
  std::map<std::vector<std::int64_t>, int> seen;  // of (layer, panel, row)
  for (const GradientTask& task : tasks) {
    CHECK(task.last_panel - task.first_panel <= most_panels);
    CHECK(task.last - task.first <= task_rows);
    for (std::int64_t p = task.first_panel; p < task.last_panel; ++p)
      for (std::int64_t k = task.first; k < task.last; ++k) ++seen[{task.layer, p, k}];
  }
  std::size_t entries = 0;
  for (const Panels<T>& W : layout.weights) entries += static_cast<std::size_t>(W.rows * W.count);
  CHECK(seen.size() == entries);
  for (const auto& [entry, times] : seen) CHECK(times == 1);
}

// The tasks of the first layer in each thread's share, as Pool::run cuts them: a few at its border,
// one in a hundred, may be of another's columns.
template <class T>
void check_own_columns(const Layout<T>& layout, const std::vector<GradientTask>& tasks,
                       std::int64_t shared, int threads) {
  const std::int64_t panels = layout.weights[0].count, parts = (panels + shared - 1) / shared;
  const auto count = static_cast<std::int64_t>(tasks.size());
  for (std::int64_t thread = 0; thread < threads; ++thread) {
    int others = 0;
    for (std::int64_t t = count * thread / threads; t < count * (thread + 1) / threads; ++t) {
      const GradientTask& task = tasks[static_cast<std::size_t>(t)];
      if (task.layer > 0) continue;
      const std::int64_t part = task.first_panel / shared;
      others += part * threads / parts != thread;
    }
    CHECK(others <= 1 + count / threads / 100);
  }
}

template <class T>
void check(std::vector<std::int64_t> sizes, std::int64_t rows, int threads, bool own_columns) {
  const Spec spec = spec_of(std::move(sizes));
  const Layout<T> layout(spec);
  const std::int64_t shared = shared_panels(spec, layout.weights[0], rows, threads);
  const std::vector<GradientTask> tasks = gradient_tasks(layout, shared);
  check_every_weight_once(layout, tasks);
  if (!own_columns) return;
  CHECK(shared > 0);
  if (shared > 0) check_own_columns(layout, tasks, shared, threads);
}

// A part of a matrix's panels is a matrix that lies where they lie.
void check_parts() {
  const Panels<float> W(5, 3 * panel_columns<float> + 1);
  const Panels<float> part = W.part(1, 4);
  CHECK(part.rows == 5 && part.count == 3 && part.columns == 2 * panel_columns<float> + 1);
  for (std::int64_t p = 0; p < 3; ++p) {
    CHECK(W.offset(1) + part.offset(p) == W.offset(p + 1));
    CHECK(part.panel_width(p) == W.panel_width(p + 1));
    CHECK(part.columns_of(p) == W.columns_of(p + 1));
  }
}

template <class T>
void check_all() {
  for (const int threads : {1, 2, 3, 8})
    for (const std::int64_t rows : {1, 10, 128, 512})
      for (const std::int64_t units : {1, 7, 30, 100, 128, 257, 1000})
        check<T>({784, units, 10}, rows, threads, false);
  for (const int threads : {2, 4}) {
    check<T>({784, 128, 10}, 1, threads, true);
    check<T>({784, 128, 10}, 32, threads, true);
    check<T>({784, 256, 128, 10}, 128, threads, true);
    check<T>({784, 2048, 2048, 10}, 64, threads, true);
  }
  // one thread shares nothing, nor do columns of few inputs or many rows
  for (const auto& [inputs, rows, threads] :
       {std::array<std::int64_t, 3>{784, 1, 1}, {127, 1, 2}, {784, 197, 2}}) {
    const Panels<T> W(inputs, 256);
    CHECK(shared_panels(spec_of({inputs, 256, 10}), W, rows, static_cast<int>(threads)) == 0);
  }
  // 5 panels for two threads: 3 and 2, which pays for a few rows
  const Spec odd = spec_of({784, 5 * panel_columns<T>, 10});
  const Layout<T> layout(odd);
  CHECK(shared_panels(odd, layout.weights[0], 20, 2) == 3);
  CHECK(shared_panels(odd, layout.weights[0], 21, 2) == 0);
}

}  // namespace

int main() {
  check_parts();
  check_all<float>();
  check_all<double>();
  // at AVX-512 one panel's columns are two panels
  check<float>({784, 30, 10}, 10, 2, true);
  return failures > 0;
}
