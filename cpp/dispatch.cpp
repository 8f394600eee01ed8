// Chooses the level of the instruction set, once: the best that the processor has, or the one
// that CHAINRULE_CPU names.
#include <cstdlib>
#include <stdexcept>

#include "engine.hpp"

namespace chainrule {

#define CHAINRULE_DECLARE(name)    \
  namespace name {                 \
  extern const Engine<float> f32;  \
  extern const Engine<double> f64; \
  }

#if defined(__x86_64__)
CHAINRULE_DECLARE(baseline)
CHAINRULE_DECLARE(avx2)
CHAINRULE_DECLARE(avx512)
#else
CHAINRULE_DECLARE(baseline)
#endif

const std::vector<Level>& all_levels() {
  static const std::vector<Level> levels = {
      {"baseline", [] { return true; }, baseline::f32, baseline::f64},
#if defined(__x86_64__)
      {"avx2", [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); },
       avx2::f32, avx2::f64},
      {"avx512",
       [] { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"); },
       avx512::f32, avx512::f64},
#endif
  };
  return levels;
}

namespace {

const Level& choose() {
  const char* asked = std::getenv("CHAINRULE_CPU");
  const Level* best = nullptr;
  std::string names;
  for (const Level& candidate : all_levels()) {
    if (!candidate.supported()) continue;
    names += std::string(names.empty() ? "" : ", ") + candidate.name;
    if (!asked || !*asked || std::string(asked) == candidate.name) best = &candidate;
  }
  if (!best)
    throw std::invalid_argument("CHAINRULE_CPU must be one of " + names +
                                " on this processor, got '" + asked + "'");
  return *best;
}

}  // namespace

const Level& level() {
  static const Level& chosen = choose();
  return chosen;
}

template <>
const Engine<float>& engine<float>() {
  return level().f32;
}
template <>
const Engine<double>& engine<double>() {
  return level().f64;
}

}  // namespace chainrule
