#include "memory.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <mutex>
#include <new>

namespace chainrule {
namespace {

constexpr std::align_val_t cache_line{64};

struct Block {
  void* at;
  std::size_t bytes;
};

// Whole huge pages.
std::size_t rounded(std::size_t bytes) { return (bytes + huge_page - 1) / huge_page * huge_page; }

// Blocks of whole huge pages that nobody uses, the one given back last at the end.
class Reserve {
 public:
  // The youngest block of this size, or null.
  void* take(std::size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (std::size_t i = count_; i-- > 0;)
      if (blocks_[i].bytes == bytes) return remove(i).at;
    return nullptr;
  }

  void put(Block block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (block.bytes > most_bytes) return unmap(block);
    while (count_ == most_blocks || held_ + block.bytes > most_bytes) unmap(remove(0));
    blocks_[count_++] = block;
    held_ += block.bytes;
  }

  void clear() {
    const std::lock_guard<std::mutex> lock(mutex_);
    while (count_ > 0) unmap(remove(count_ - 1));
  }

 private:
  static constexpr std::size_t most_blocks = 64, most_bytes = std::size_t{1} << 28;

  static void unmap(Block block) { munmap(block.at, block.bytes); }

  Block remove(std::size_t i) {
    const Block block = blocks_[i];
    held_ -= block.bytes;
    --count_;
    std::memmove(blocks_ + i, blocks_ + i + 1, (count_ - i) * sizeof(Block));
    return block;
  }

  std::mutex mutex_;
  Block blocks_[most_blocks];
  std::size_t count_ = 0, held_ = 0;
};

Reserve& reserve() {
  static Reserve& reserve = *new Reserve;  // never destroyed: buffers may outlive what is static
  return reserve;
}

// New memory, zero as the system makes it; null if there is none.
void* map(std::size_t bytes) {
  const std::size_t room = bytes + huge_page;  // to begin with a page
  void* begin = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (begin == MAP_FAILED) return nullptr;
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(begin) % huge_page;
  char* memory = static_cast<char*>(begin) + before;
  if (before > 0) munmap(begin, before);
  munmap(memory + bytes, huge_page - before);
#if defined(MADV_HUGEPAGE)
  madvise(memory, bytes, MADV_HUGEPAGE);  // a wish: may be refused
#endif
  return memory;
}

}  // namespace

void* take_memory(std::size_t bytes) {
  if (bytes < huge_page) return std::memset(::operator new(bytes, cache_line), 0, bytes);
  bytes = rounded(bytes);
  if (void* kept = reserve().take(bytes)) return std::memset(kept, 0, bytes);
  if (void* fresh = map(bytes)) return fresh;
  reserve().clear();
  if (void* fresh = map(bytes)) return fresh;
  throw std::bad_alloc();
}

void give_back_memory(void* memory, std::size_t bytes) noexcept {
  if (bytes < huge_page) return ::operator delete(memory, cache_line);
  bytes = rounded(bytes);
#if defined(MADV_FREE)
  if (madvise(memory, bytes, MADV_FREE) == 0) return reserve().put({memory, bytes});
#endif
  munmap(memory, bytes);
}

}  // namespace chainrule
