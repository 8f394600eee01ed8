// AVX512_BF16's dot product of pairs, in the tile of all other products.
#include "matmul.hpp"

namespace chainrule::CHAINRULE_LEVEL {

void multiply_pairs(std::int64_t M, std::int64_t depth, const Pair* A, std::int64_t A_stride,
                    const Pair* b, std::int64_t columns, const float* start, float* c,
                    std::int64_t c_stride) {
  multiply<Pair>(M, {A, A_stride}, b, Panels<Pair>(depth, columns), start, c, c_stride);
}

}  // namespace chainrule::CHAINRULE_LEVEL
