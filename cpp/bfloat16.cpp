// Chooses the unit for bfloat16, once: the best that the processor has, or the one that
// CHAINRULE_BFLOAT16 names.
#include "bfloat16.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "engine.hpp"

#if defined(CHAINRULE_BFLOAT16_UNITS)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace chainrule {

#if defined(CHAINRULE_BFLOAT16_UNITS)

namespace bfloat16_avx512 {
MultiplyPairs multiply_pairs;
}
namespace bfloat16_amx {
MultiplyPairs multiply_pairs;
}

namespace {

bool has_avx512_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1);
}

// Tiles are state of a thread, for which a process must ask the system.
bool has_amx_bf16() {
  constexpr long request_permission = 0x1023, tile_data = 18;
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1) && (d >> 24 & 1) &&
         syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

}  // namespace

const std::vector<Bfloat16Unit>& all_bfloat16_units() {
  static const std::vector<Bfloat16Unit> units = {
      {"avx512_bf16", has_avx512_bf16, bfloat16_avx512::multiply_pairs},
      {"amx", has_amx_bf16, bfloat16_amx::multiply_pairs}};
  return units;
}

#else

const std::vector<Bfloat16Unit>& all_bfloat16_units() {
  static const std::vector<Bfloat16Unit> units;
  return units;
}

#endif

namespace {

// The pairs that they multiply are made by the level with the widest vectors.
const Bfloat16Unit* choose() {
  const char* asked = std::getenv("CHAINRULE_BFLOAT16");
  const bool any = !asked || !*asked;
  const Bfloat16Unit* best = nullptr;
  std::string names;
  if (&level() != &all_levels().back()) return nullptr;
  for (const Bfloat16Unit& unit : all_bfloat16_units()) {
    if (!unit.supported()) continue;
    names += std::string(names.empty() ? "" : ", ") + unit.name;
    if (any || std::string(asked) == unit.name) best = &unit;
  }
  if (!best && !names.empty())
    throw std::invalid_argument("CHAINRULE_BFLOAT16 must be one of " + names +
                                " on this processor, got '" + asked + "'");
  return best;
}

}  // namespace

const Bfloat16Unit* bfloat16_unit() {
  static const Bfloat16Unit* const chosen = choose();
  return chosen;
}

}  // namespace chainrule
