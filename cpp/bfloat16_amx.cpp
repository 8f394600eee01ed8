// AMX's tiles: 16 rows by 16 sums, to which one instruction adds 16 pairs of products each. Four of
// them, 32 rows by a panel, share two tiles of A and two of B.
#include <immintrin.h>

#include "matmul.hpp"

namespace chainrule::CHAINRULE_LEVEL {
namespace {

constexpr std::int64_t tile_lines = 16, rows_at_once = 2 * tile_lines;

// The shape of the eight tiles: 0 to 3 the sums, two above and two below; 4 and 5 of A; 6 and 7
// of B.
struct alignas(64) TileShapes {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t bytes[16] = {};
  std::uint8_t lines[16] = {};

  explicit TileShapes(std::int64_t rows) {
    const auto upper = static_cast<std::uint8_t>(std::min(rows, tile_lines));
    const auto lower = static_cast<std::uint8_t>(std::max<std::int64_t>(rows - tile_lines, 1));
    const std::uint8_t of_tile[] = {upper, upper, lower, lower, upper, lower, 16, 16};
    for (int i = 0; i < 8; ++i) {
      bytes[i] = 64;
      lines[i] = of_tile[i];
    }
  }
};

// Rows of float32 or of pairs, in memory.
template <class T>
struct Lines {
  T* at;
  std::int64_t stride;

  Lines from(std::int64_t row, std::int64_t column) const {
    return {at + row * stride + column, stride};
  }
  std::int64_t bytes() const { return stride * 4; }
};

// Macros, as the number of a tile is part of its instruction.
#define CHAINRULE_TILE_LOAD(tile, lines) _tile_loadd(tile, (lines).at, (lines).bytes())
#define CHAINRULE_TILE_STORE(tile, lines) _tile_stored(tile, (lines).at, (lines).bytes())

// c = start + A B for the rows that the tiles have now: lower, right: whether the second row and
// column of tiles take part.
template <bool lower, bool right>
void multiply_tiles(std::int64_t depth, Lines<const Pair> A, Lines<const Pair> B,
                    Lines<const float> start, Lines<float> c) {
  constexpr std::int64_t next = tile_lines;
  CHAINRULE_TILE_LOAD(0, start);
  if constexpr (right) CHAINRULE_TILE_LOAD(1, start.from(0, next));
  if constexpr (lower) CHAINRULE_TILE_LOAD(2, start.from(next, 0));
  if constexpr (lower && right) CHAINRULE_TILE_LOAD(3, start.from(next, next));
  for (std::int64_t k = 0; k < depth; k += pair_depth) {
    CHAINRULE_TILE_LOAD(6, B.from(k, 0));
    CHAINRULE_TILE_LOAD(4, A.from(0, k));
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (right) {
      CHAINRULE_TILE_LOAD(7, B.from(k, next));
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (lower) {
      CHAINRULE_TILE_LOAD(5, A.from(next, k));
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (right) _tile_dpbf16ps(3, 5, 7);
    }
  }
  CHAINRULE_TILE_STORE(0, c);
  if constexpr (right) CHAINRULE_TILE_STORE(1, c.from(0, next));
  if constexpr (lower) CHAINRULE_TILE_STORE(2, c.from(next, 0));
  if constexpr (lower && right) CHAINRULE_TILE_STORE(3, c.from(next, next));
}

// A piece of a panel for all rows: 32 at a time, then the rest, for which the tiles are cut.
template <bool right>
void multiply_piece(std::int64_t M, std::int64_t depth, Lines<const Pair> A, Lines<const Pair> B,
                    Lines<const float> start, Lines<float> c, Upcoming next) {
  const std::int64_t whole = M / rows_at_once * rows_at_once, rest = M - whole;
  const TileShapes full(rows_at_once), last(rest);
  if (whole > 0) _tile_loadconfig(&full);
  for (std::int64_t m = 0; m < whole; m += rows_at_once) {
    for (std::int64_t i = 0; i < rows_at_once; i += tile_rows) next.fetch_some();
    multiply_tiles<true, right>(depth, A.from(m, 0), B, start.from(m, 0), c.from(m, 0));
  }
  if (rest == 0) return;
  _tile_loadconfig(&last);
  if (rest > tile_lines)
    multiply_tiles<true, right>(depth, A.from(whole, 0), B, start.from(whole, 0), c.from(whole, 0));
  else
    multiply_tiles<false, right>(depth, A.from(whole, 0), B, start.from(whole, 0),
                                 c.from(whole, 0));
}

}  // namespace

// Panel by panel, each in pieces that stay in the first-level cache while all rows pass by; a sum
// goes on in c from piece to piece.
void multiply_pairs(std::int64_t M, std::int64_t depth, const Pair* A, std::int64_t A_stride,
                    const Pair* b, std::int64_t columns, const float* start, float* c,
                    std::int64_t c_stride) {
  const Panels<Pair> B(depth, columns);
  const Pair* end = b + B.size();
  for (std::int64_t p = 0; p < B.count; ++p) {
    const std::int64_t width_of = B.panel_width(p), first = B.first_column(p);
    const Lines<float> to{c + first, c_stride};
    for (std::int64_t k = 0; k < depth; k += chain) {
      const std::int64_t pairs = std::min(chain, depth - k);
      const Pair* piece = b + B.offset(p) + k * width_of;
      const Pair* after = piece + pairs * width_of;
      const Upcoming next(after, std::min(chain * panel_columns<Pair>, end - after) * 4, M);
      const Lines<const float> from =
          k > 0 ? Lines<const float>{to.at, to.stride}
                : Lines<const float>{start ? start + first : zeros<float>, 0};
      const auto product = width_of > width<Pair> ? multiply_piece<true> : multiply_piece<false>;
      product(M, pairs, {A + k, A_stride}, {piece, width_of}, from, to, next);
    }
  }
  _tile_release();
}

}  // namespace chainrule::CHAINRULE_LEVEL
