// What the test programs share: a check that says where it failed; the exit status counts.
#pragma once

#include <cstdio>

inline int failures = 0;

#define CHECK(...)                                                            \
  do {                                                                        \
    if (!(__VA_ARGS__)) {                                                     \
      ++failures;                                                             \
      std::printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #__VA_ARGS__); \
    }                                                                         \
  } while (false)
