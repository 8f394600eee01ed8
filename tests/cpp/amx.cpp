// The kernel for AMX on tiles made of arrays, for processors that have none: its sums, against
// plain loops, and that it reads and writes nothing but its own memory.
#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "check.hpp"

namespace {

struct Tile {
  int lines, bytes;
  std::uint32_t at[16][16];
};
Tile tiles[8];

struct Memory {
  const char *begin, *end;
};
std::vector<Memory> readable, writable;

bool within(const std::vector<Memory>& all, const char* at, int bytes) {
  return std::any_of(all.begin(), all.end(), [&](const Memory& one) {
    return at >= one.begin && at + bytes <= one.end;
  });
}

void configure(const void* shapes) {
  const auto* bytes = static_cast<const unsigned char*>(shapes);
  CHECK(bytes[0] == 1);
  for (int t = 0; t < 8; ++t) {
    tiles[t] = {bytes[48 + t], bytes[16 + 2 * t] + 256 * bytes[17 + 2 * t], {}};
    CHECK(tiles[t].lines >= 1 && tiles[t].lines <= 16 && tiles[t].bytes == 64);
  }
}

void load_tile(int t, const void* base, std::int64_t stride) {
  const auto* at = static_cast<const char*>(base);
  for (int i = 0; i < tiles[t].lines; ++i, at += stride) {
    CHECK(within(readable, at, 64));
    std::memcpy(tiles[t].at[i], at, 64);
  }
}

void store_tile(int t, void* base, std::int64_t stride) {
  auto* at = static_cast<char*>(base);
  for (int i = 0; i < tiles[t].lines; ++i, at += stride) {
    CHECK(within(writable, at, 64));
    std::memcpy(at, tiles[t].at[i], 64);
  }
}

float number(std::uint32_t upper_half) {
  float x = 0;
  std::memcpy(&x, &upper_half, 4);
  return x;
}

void multiply_tile(int c, int a, int b) {
  CHECK(tiles[c].lines == tiles[a].lines && tiles[b].lines == 16);
  for (int m = 0; m < tiles[c].lines; ++m)
    for (int n = 0; n < 16; ++n) {
      float even = 0, odd = 0, sum = 0;
      for (int k = 0; k < 16; ++k) {
        const std::uint32_t x = tiles[a].at[m][k], y = tiles[b].at[k][n];
        even += number(x << 16) * number(y << 16);
        odd += number(x & 0xffff0000) * number(y & 0xffff0000);
      }
      std::memcpy(&sum, &tiles[c].at[m][n], 4);
      sum += even + odd;
      std::memcpy(&tiles[c].at[m][n], &sum, 4);
    }
}

}  // namespace

#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#define _tile_loadconfig configure
#define _tile_loadd load_tile
#define _tile_stored store_tile
#define _tile_dpbf16ps multiply_tile
#define _tile_release() std::memset(tiles, 0, sizeof tiles)

#include "../../cpp/bfloat16_amx.cpp"

namespace {

using namespace chainrule::CHAINRULE_LEVEL;

// Numbers of few bits, so that every sum of products is exact in whatever order it is taken.
std::vector<chainrule::Pair> some_pairs(std::int64_t count, std::mt19937& random) {
  std::vector<chainrule::Pair> all(static_cast<std::size_t>(count));
  const auto half = [&] {
    const float x = static_cast<float>(static_cast<int>(random() % 17) - 8);
    std::uint32_t bits = 0;
    std::memcpy(&bits, &x, 4);
    return bits >> 16;
  };
  for (auto& pair : all) pair = half() | half() << 16;
  return all;
}

template <class T>
Memory memory_of(const std::vector<T>& of) {
  const auto* begin = reinterpret_cast<const char*>(of.data());
  return {begin, begin + of.size() * sizeof(T)};
}

void compare(std::int64_t M, std::int64_t depth, std::int64_t columns, bool from_start) {
  std::mt19937 random(static_cast<unsigned>(M + 1000 * depth + columns));
  const Panels<chainrule::Pair> B(depth, columns);
  const std::int64_t A_stride = depth + 16, c_stride = B.stride + 16;
  const auto a = some_pairs(M * A_stride - 16, random), b = some_pairs(B.size(), random);
  std::vector<float> c(static_cast<std::size_t>(M * c_stride), -1);
  std::vector<float> start(static_cast<std::size_t>(B.stride), 0);
  for (std::size_t j = 0; from_start && j < start.size(); ++j) start[j] = static_cast<float>(j);
  const auto* zero = reinterpret_cast<const char*>(zeros<float>);
  readable = {memory_of(a), memory_of(b), memory_of(start), memory_of(c),
              {zero, zero + sizeof zeros<float>}};
  writable = {memory_of(c)};
  multiply_pairs(M, depth, a.data(), A_stride, b.data(), columns,
                 from_start ? start.data() : nullptr, c.data(), c_stride);
  for (std::int64_t m = 0; m < M; ++m)
    for (std::int64_t j = 0; j < c_stride; ++j) {
      float expected = j < B.stride ? start[static_cast<std::size_t>(j)] : -1;
      const std::int64_t panel = std::min(j, B.stride - 1) / panel_columns<chainrule::Pair>;
      for (std::int64_t k = 0; k < depth && j < B.stride; ++k) {
        const auto x = a[static_cast<std::size_t>(m * A_stride + k)];
        const auto y = b[static_cast<std::size_t>(B.offset(panel) + k * B.panel_width(panel) + j -
                                                  B.first_column(panel))];
        expected += number(x << 16) * number(y << 16) +
                    number(x & 0xffff0000) * number(y & 0xffff0000);
      }
      CHECK(c[static_cast<std::size_t>(m * c_stride + j)] == expected);
    }
}

}  // namespace

int main() {
  for (const std::int64_t M : {1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 96, 100})
    for (const std::int64_t depth : {16, 32, 128, 144, 400})
      for (const std::int64_t columns : {1, 16, 17, 32, 33, 50, 96})
        compare(M, depth, columns, (M + columns) % 2 == 0);
  return failures > 0;
}
