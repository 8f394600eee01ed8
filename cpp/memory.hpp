// Memory of buffers. A large one lies on huge pages, where the system gives them: a product that
// walks over many rows would wait for the addresses of small ones. What a large one gives back is
// kept for the next that wants as much, since new pages are dear, above all in a virtual machine;
// the system may take the pages at any time, if it needs them.
#pragma once

#include <cstddef>

namespace chainrule {

constexpr std::size_t huge_page = 1 << 21;  // bytes

// Zero, and aligned to a cache line, or from a huge page's size on to such a page; throws
// std::bad_alloc. From any thread.
void* take_memory(std::size_t bytes);
// What take_memory returned for so many bytes.
void give_back_memory(void* memory, std::size_t bytes) noexcept;

}  // namespace chainrule
