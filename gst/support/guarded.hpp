// SPDX-License-Identifier: LGPL-2.1-or-later
// A value that can only be reached through its lock.
#pragma once

#include <mutex>
#include <utility>

namespace auralink::support {

/// Thread-safe. Take a snapshot once per callback; never push, post, signal, unref or do I/O inside `with`.
template <class T>
class Guarded final {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  /// A copy of the value.
  [[nodiscard]] T load() const {
    const std::scoped_lock lock{mutex_};
    return value_;
  }
  void store(T value) {
    const std::scoped_lock lock{mutex_};
    std::swap(value_, value);  // the old value is destroyed outside the lock, with the parameter
  }
  /// Runs `f(value)` under the lock and returns its result by value, so that no reference escapes.
  template <class F>
  auto with(F&& f) {
    const std::scoped_lock lock{mutex_};
    return std::forward<F>(f)(value_);
  }
  template <class F>
  auto with(F&& f) const {
    const std::scoped_lock lock{mutex_};
    return std::forward<F>(f)(value_);
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace auralink::support
