// Products in bfloat16, which has float32's range and 8 significant bits: two numbers in the place
// of one, and a processor with a unit for them multiplies more of them at once. Both factors of a
// product are rounded, sums stay in float32.
#pragma once

#include <cstdint>
#include <vector>

namespace chainrule {

// Two numbers that follow each other in a sum's factor, the first in the lower half.
using Pair = std::uint32_t;

constexpr std::int64_t pair_depth = 16;  // factors are padded with zeros to so many pairs

// c (M, columns) = start + A B: A in rows of `depth` pairs, `A_stride` apart; B in panels of 16
// lanes (tile.hpp); start one row for all, or null: 0; rows of c whole vectors, `c_stride` apart.
// A sum depends on its own row of A and column of B alone.
using MultiplyPairs = void(std::int64_t M, std::int64_t depth, const Pair* A, std::int64_t A_stride,
                           const Pair* b, std::int64_t columns, const float* start, float* c,
                           std::int64_t c_stride);

// What multiplies pairs; one rounds its sums in another order than another.
struct Bfloat16Unit {
  const char* name;
  bool (*supported)();
  MultiplyPairs* multiply;
};

// Every unit compiled in, best last; and the one in use, null where this processor, or the level in
// use, has none.
const std::vector<Bfloat16Unit>& all_bfloat16_units();
const Bfloat16Unit* bfloat16_unit();

}  // namespace chainrule
