// Counter-based random numbers: Philox 4x64-10 (Salmon, Moraes, Dror, Shaw 2011), as in
// NumPy. Addresses and conventions are those of theory/random.py.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace chainrule::CHAINRULE_LEVEL {

enum class Purpose : std::uint64_t { initial_parameters, shuffle, dropout };

// Draws r_0, r_1, ... of one stream, four to a block.
class Stream {
 public:
  Stream(std::uint64_t seed, Purpose purpose, std::uint64_t index, std::uint64_t layer)
      : seed_(seed), address_{0, layer, index, static_cast<std::uint64_t>(purpose)} {}

  // Blocks first, first + 1, ... (from 1) of four draws each: apart, so that their chains of
  // products overlap.
  template <std::size_t count>
  std::array<std::array<std::uint64_t, 4>, count> blocks(std::uint64_t first) const {
    std::array<std::array<std::uint64_t, 4>, count> x;
    for (std::size_t k = 0; k < count; ++k) {
      x[k] = address_;
      x[k][0] = first + k;
    }
    std::uint64_t key0 = seed_, key1 = 0;
    for (int round = 0; round < 10; ++round) {
      for (std::array<std::uint64_t, 4>& block : x) {
        const auto [high0, low0] = product(0xD2E7470EE14C6C93, block[0]);
        const auto [high1, low1] = product(0xCA5A826395121157, block[2]);
        block = {high1 ^ block[1] ^ key0, low1, high0 ^ block[3] ^ key1, low0};
      }
      key0 += 0x9E3779B97F4A7C15;
      key1 += 0xBB67AE8584CAA73B;
    }
    return x;
  }

 private:
  static std::pair<std::uint64_t, std::uint64_t> product(std::uint64_t a, std::uint64_t b) {
    const unsigned __int128 p = static_cast<unsigned __int128>(a) * b;
    return {static_cast<std::uint64_t>(p >> 64), static_cast<std::uint64_t>(p)};
  }

  std::uint64_t seed_;
  std::array<std::uint64_t, 4> address_;
};

// The order of an epoch: Fisher-Yates from the last place to the second.
inline void permute(std::uint64_t seed, std::uint64_t epoch, std::vector<std::int64_t>& order) {
  constexpr std::size_t at_once = 4;  // blocks
  const Stream stream(seed, Purpose::shuffle, epoch, 0);
  const std::uint64_t count = order.size();
  for (std::uint64_t i = 0; i < count; ++i) order[i] = static_cast<std::int64_t>(i);
  std::uint64_t i = count;
  for (std::uint64_t first = 1; i > 1; first += at_once)
    for (const auto& block : stream.blocks<at_once>(first))
      for (const std::uint64_t draw : block) {
        if (i <= 1) return;
        const auto j = static_cast<std::uint64_t>((static_cast<unsigned __int128>(draw) * i) >> 64);
        std::swap(order[--i], order[j]);
      }
}

}  // namespace chainrule::CHAINRULE_LEVEL
