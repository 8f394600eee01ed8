// The one matrix product. Every entry of the result is a sum of chains of multiply-adds, each over
// the next `chain` entries in the order of k, whatever the tile it falls in: so no result depends
// on how rows are blocked or on the number of threads, and row i has the same bits alone and among
// others; and rounding errors grow with the number of chains, not of entries. Only the backward
// product of a batch of one row is another (dots.hpp).
#pragma once

#include "few_rows.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// A matrix of at most so many bytes is taken to stay in a core's own caches.
constexpr std::int64_t near_bytes = 1 << 19;

// Where a prefetch brings a piece of B that is multiplied next: to the first-level cache, unless
// that is full of two pieces, then to the second (3 and 2, as __builtin_prefetch counts).
constexpr int next_level = vector_bytes < 64 ? 3 : 2;

// Memory that is read after a product of M rows: asked for between its tiles, some lines at a time.
class Upcoming {
 public:
  Upcoming(const void* at, std::int64_t bytes, std::int64_t M)
      : at_(static_cast<const char*>(at)),
        bytes_(bytes),
        share_(round_up(bytes * tile_rows / M, 64)) {}

  CHAINRULE_INLINE void fetch_some() {
    const std::int64_t some = std::min(share_, bytes_);
    for (std::int64_t i = 0; i < some; i += 64) __builtin_prefetch(at_ + i, 0, next_level);
    at_ += some;
    bytes_ -= some;
  }

 private:
  const char* at_;
  std::int64_t bytes_;
  const std::int64_t share_;
};

// Nothing that would have to be asked for.
struct NothingUpcoming {
  void fetch_some() const {}
};

// Rows of the next tile where `left` are left. Tiles of fewer than 8 vectors are bound by the
// latency of a multiply-add; so the last two share their rows, where the last would be so small.
template <class Left>
constexpr std::int64_t rows_of_tile(std::int64_t left, std::int64_t vectors) {
  const std::int64_t most = most_rows(vectors), fewest = vectors == 1 ? 8 : 4;
  if (left <= most) return left;
  return Left::any_rows && left < most + fewest ? (left + 1) / 2 : most;
}

// One panel of the result: M rows, `columns` columns (a whole number of vectors).
template <class T, class Left, class Finish, class Next = NothingUpcoming>
void multiply_panel(std::int64_t M, std::int64_t K, Left A, const T* b, std::int64_t columns,
                    Start<Sum<T>> start, Sum<T>* c, std::int64_t c_stride, Finish finish,
                    Next next = {}) {
  const std::int64_t vectors = columns / width<T>;
  if constexpr (Left::any_rows)
    if (K <= short_sum && M > most_rows(vectors))
      return vectors == 1 ? short_sums<T, 1>(M, K, A, b, start, c, c_stride, finish)
                          : short_sums<T, tile_vectors>(M, K, A, b, start, c, c_stride, finish);
  for (std::int64_t m = 0, rows; m < M; m += rows) {
    rows = rows_of_tile<Left>(M - m, vectors);
    next.fetch_some();
    tile_for<T, Left, Finish>(rows, vectors)(K, A.from(m, 0), b, start.from(m), c + m * c_stride,
                                             c_stride, finish);
  }
}

// c (M, B.columns padded, rows c_stride apart) = start + A B from panel p on, B in panels, start
// one row for all, or null: 0. Panel by panel, so that c stays in the first-level cache, and B is
// read in the order in which it lies: next_of(end of a piece) is asked for while the piece is
// multiplied.
template <class T, class NextOf>
void multiply_panels(std::int64_t p, std::int64_t M, Rows<T> A, const T* b, const Panels<T>& B,
                     const Sum<T>* start, Sum<T>* c, std::int64_t c_stride, NextOf next_of) {
  for (; p < B.count; ++p) {
    const std::int64_t columns = B.panel_width(p), first = B.first_column(p);
    in_chains(B.rows, start ? start + first : nullptr,
              [&](std::int64_t k, std::int64_t depth, Start<Sum<T>> from, auto finish) {
                const T* piece = b + B.offset(p) + k * columns;
                multiply_panel(M, depth, A.from(0, k), piece, columns, from, c + first, c_stride,
                               finish, next_of(piece + depth * columns));
              });
  }
}

// c = start + A B, all of it: B is the weights, or backward their transpose.
template <class T>
void multiply(std::int64_t M, Rows<T> A, const T* b, const Panels<T>& B, const Sum<T>* start,
              Sum<T>* c, std::int64_t c_stride) {
  constexpr auto bytes = static_cast<std::int64_t>(sizeof(T));
  std::int64_t p = 0;
  if (M == 1) p = multiply_few<T, 1>(A, b, B, start, c, c_stride);
  if (M == 2) p = multiply_few<T, 2>(A, b, B, start, c, c_stride);
  if (B.size() * bytes <= near_bytes)
    return multiply_panels(p, M, A, b, B, start, c, c_stride,
                           [](const T*) { return NothingUpcoming{}; });
  const T* end = b + B.size();
  multiply_panels(p, M, A, b, B, start, c, c_stride, [&](const T* next) {
    return Upcoming(next, std::min(chain * panel_columns<T>, end - next) * bytes, M);
  });
}

}  // namespace chainrule::CHAINRULE_LEVEL
