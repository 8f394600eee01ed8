// Many trainers advanced at once, each by one thread at a time.
#pragma once

#include <vector>

#include "engine.hpp"

namespace chainrule {

// What one trainer is to do, as arguments of Steps::advance; borrowed.
struct Assignment {
  Steps* trainer;
  const double* rates;
  std::int64_t count;
  double* losses;
  std::int64_t written = 0;  // the result: what advance would have returned
};

// Advances every trainer, each to the bits that it would reach alone. No trainer may come twice,
// or share what it writes with another. One whose loss is not finite ends alone. `interrupted` is
// asked on the calling thread only; when it says true, every trainer ends after a whole step.
void advance_many(std::vector<Assignment>& assignments, int threads,
                  const Interrupted& interrupted);

}  // namespace chainrule
