// Keyframes of a run: theta and the optimizer's state after some steps, from which any other step
// can be reached again. They are as far apart as the run is long: where all rooms are taken, every
// second one is given up and the distance doubles, so a room is found in any run, and between half
// of them and all are in use.
#pragma once

#include <cstdint>

namespace chainrule {

// The rooms, borrowed: the trainers that take a run's steps one after the other share them.
template <class T>
struct Keyframes {
  std::int64_t* steps;   // (rooms,): after which step each was filled, -1 for none
  std::int64_t rooms;    // 0: none are kept
  std::int64_t* stride;  // a step is kept where it is a multiple of this
  T* vectors;            // (rooms, one for theta and one each for the state, parameters)

  // The room to fill after a step, or -1 where that is not to be kept.
  std::int64_t room_after(std::int64_t step) const {
    if (rooms == 0 || step % *stride != 0) return -1;
    if (const std::int64_t room = free_room(); room >= 0) return room;
    *stride *= 2;
    for (std::int64_t room = 0; room < rooms; ++room)
      if (steps[room] % *stride != 0) steps[room] = -1;
    return step % *stride == 0 ? free_room() : -1;
  }

 private:
  std::int64_t free_room() const {
    for (std::int64_t room = 0; room < rooms; ++room)
      if (steps[room] < 0) return room;
    return -1;
  }
};

}  // namespace chainrule
