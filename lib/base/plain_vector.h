// A vector whose resize leaves new numbers as they are in memory: for buffers that are filled at
// once, where writing zeros first would cost as much again.
#pragma once

#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace insightflow {
inline namespace v1 {

template <typename T>
class PlainAllocator : public std::allocator<T> {
 public:
  static_assert(std::is_trivial_v<T>);
  template <typename U>
  struct rebind {
    using other = PlainAllocator<U>;
  };
  using std::allocator<T>::allocator;

  template <typename U>
  void construct(U* at) noexcept {
    ::new (static_cast<void*>(at)) U;
  }
  template <typename U, typename... Arguments>
  void construct(U* at, Arguments&&... arguments) {
    ::new (static_cast<void*>(at)) U(std::forward<Arguments>(arguments)...);
  }
};

template <typename T>
using PlainVector = std::vector<T, PlainAllocator<T>>;

}  // namespace v1
}  // namespace insightflow
