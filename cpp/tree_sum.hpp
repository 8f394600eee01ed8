// Numbered vectors, added up in a binary tree: 2k and 2k + 1 first, then such pairs likewise, as
// the digits of a binary number carry. So a whole subtree may be added up elsewhere, and no bit
// tells: it is the tree of chainrule.distributed.sums.
#pragma once

#include <utility>
#include <vector>

#include "layout.hpp"

namespace chainrule::CHAINRULE_LEVEL {

template <class T>
class TreeSum {
 public:
  explicit TreeSum(std::int64_t size) : size_(size) {}

  // Where the vector of the next leaf is to be written.
  T* leaf() {
    if (count_ == roots_.size()) roots_.push_back({0, 0, Buffer<T>(size_)});
    return roots_[count_].vector.get();
  }

  // Adds that leaf, and a number with it.
  void add(double number) {
    leaf();
    roots_[count_].number = number;
    roots_[count_].height = 0;
    ++count_;
    while (count_ > 1 && roots_[count_ - 2].height == roots_[count_ - 1].height) {
      join();
      ++roots_[count_ - 1].height;
    }
  }

  // The sums of all leaves, of which there are some. There are none afterwards; the vector stays
  // until the next is written.
  std::pair<double, const T*> total() {
    leaf();  // none, where there was an interruption
    while (count_ > 1) join();
    count_ = 0;
    return {roots_[0].number, roots_[0].vector.get()};
  }

 private:
  // A whole subtree.
  struct Root {
    double number;
    int height;
    Buffer<T> vector;
  };

  void join() {
    Root& left = roots_[count_ - 2];
    const Root& right = roots_[count_ - 1];
    left.number += right.number;
    T* const sum = left.vector.get();
    const T* const more = right.vector.get();
    for (std::int64_t i = 0; i < size_; ++i) sum[i] += more[i];
    --count_;
  }

  const std::int64_t size_;
  std::vector<Root> roots_;  // the first `count_` are in use
  std::size_t count_ = 0;
};

}  // namespace chainrule::CHAINRULE_LEVEL
