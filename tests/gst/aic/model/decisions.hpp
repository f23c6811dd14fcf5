// SPDX-License-Identifier: LGPL-2.1-or-later
// Random decisions of all classes, whose bits depend on their contexts, for tests of the coder. The same seed
// gives the same decisions, so that a decoder can be asked the questions that an encoder answered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gst/aic/core/model/coder.hpp"
#include "tests/gst/aic/model/random.hpp"

namespace auralink::aic::model {

struct Decision {
  Class of{};
  int first_node = 0;
  std::vector<std::uint32_t> contexts;
  std::vector<int> inputs;
  struct Bit {
    int first, second, node;
    bool value;
  };
  std::vector<Bit> bits;
};

inline std::vector<Decision> random_decisions(unsigned seed, std::size_t count) {
  Random random{seed};
  const auto below = [&random](std::uint32_t n) { return random.below(n); };
  std::vector<Decision> out(count);
  for (Decision& d : out) {
    const std::size_t c = below(kClasses);
    d.of = static_cast<Class>(c);
    // Now and then fewer than the class has, as cheaper profiles do.
    const std::uint32_t contexts = below(8) == 0 ? 1 + below(kShapes[c].contexts) : kShapes[c].contexts;
    for (std::uint32_t i = 0; i < contexts; ++i)
      d.contexts.push_back(below(4) == 0 ? random() : below(3 + i * 20));
    const std::uint32_t inputs = below(8) == 0 ? below(kShapes[c].inputs + 1U) : kShapes[c].inputs;
    for (std::uint32_t i = 0; i < inputs; ++i) d.inputs.push_back(static_cast<int>(below(4095)) - 2047);
    d.first_node = static_cast<int>(below(Coder::kNodes));
    for (std::uint32_t i = 0, bits = 1 + below(5); i < bits; ++i) {
      const auto node = static_cast<int>((static_cast<std::uint32_t>(d.first_node) + i) % Coder::kNodes);
      const bool likely = ((d.contexts[0] + static_cast<std::uint32_t>(node)) & 1U) != 0;
      d.bits.push_back(
          {static_cast<int>(below(64)), static_cast<int>(below(8)), node, likely != (below(10) == 0)});
    }
  }
  return out;
}

/// Codes them all; when decoding, the number of bits that came out wrong.
template <Direction D>
std::size_t run(Coder& coder, const std::vector<Decision>& decisions) {
  std::size_t wrong = 0;
  for (const Decision& d : decisions) {
    coder.begin(d.of, d.first_node);
    for (const std::uint32_t c : d.contexts) coder.add(c);
    for (const int i : d.inputs) coder.input(i);
    for (const Decision::Bit& b : d.bits) {
      coder.select(b.first, b.second);
      const bool got = coder.code<D>(D == Direction::kEncode && b.value, b.node);
      wrong += got != b.value ? 1U : 0U;
    }
  }
  return wrong;
}

}  // namespace auralink::aic::model
