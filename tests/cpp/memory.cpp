// Large buffers: zero however they come, aligned, kept for the next of their size and no more.
#include "../../cpp/memory.hpp"

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "check.hpp"

using chainrule::give_back_memory;
using chainrule::huge_page;
using chainrule::take_memory;

namespace {

bool is_zero(const void* memory, std::size_t bytes) {
  const auto* at = static_cast<const unsigned char*>(memory);
  for (std::size_t i = 0; i < bytes; ++i)
    if (at[i] != 0) return false;
  return true;
}

void* taken(std::size_t bytes) {
  void* memory = take_memory(bytes);
  CHECK(reinterpret_cast<std::uintptr_t>(memory) % huge_page == 0);
  CHECK(is_zero(memory, bytes));
  std::memset(memory, 0xff, bytes);
  return memory;
}

void check_kept() {
  const std::size_t bytes = 3 * huge_page + 100;
  void* first = taken(bytes);
  void* second = taken(bytes);
  CHECK(first != second);
  give_back_memory(first, bytes);
  void* other = taken(5 * huge_page);  // of another size: not that one
  CHECK(other != first);
  CHECK(taken(bytes - 50) == first);  // as many pages
  give_back_memory(first, bytes);
  give_back_memory(second, bytes);
  give_back_memory(other, 5 * huge_page);
}

// More than is kept: in number, in bytes, and at once.
void check_limits() {
  for (const std::size_t bytes : {huge_page, 20 * huge_page, 200 * huge_page}) {
    std::vector<void*> all;
    for (int i = 0; i < (bytes == huge_page ? 100 : 10); ++i) all.push_back(take_memory(bytes));
    for (void* memory : all) give_back_memory(memory, bytes);
    for (void*& memory : all) memory = taken(bytes > 100 * huge_page ? huge_page : bytes);
    for (void* memory : all) give_back_memory(memory, bytes > 100 * huge_page ? huge_page : bytes);
  }
}

void check_threads() {
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (std::size_t i = 0; i < 50; ++i) {
        const std::size_t bytes = (1 + (t + i) % 3) * huge_page;
        give_back_memory(taken(bytes), bytes);
      }
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main() {
  check_kept();
  check_limits();
  check_threads();
  return failures > 0;
}
