// SPDX-License-Identifier: LGPL-2.1-or-later
// Reproducible random numbers of 32 bits.
#pragma once

#include <cstdint>
#include <random>

namespace auralink::aic::model {

class Random {
 public:
  explicit Random(unsigned seed) : engine_{seed} {}
  std::uint32_t operator()() { return static_cast<std::uint32_t>(engine_()); }
  std::uint32_t below(std::uint32_t n) { return (*this)() % n; }
  bool flip() { return ((*this)() & 1U) != 0; }

 private:
  std::mt19937 engine_;
};

}  // namespace auralink::aic::model
