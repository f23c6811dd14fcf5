// SPDX-License-Identifier: LGPL-2.1-or-later
// Nanoseconds per binary decision of the lossless engine's coder, for every processor's version and every
// mixing. The decisions are made up: classes as often as in talking heads, contexts of which a few values are
// frequent. Prints rows of a Markdown table; the best of several rounds, since other work only adds time.
#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <limits>
#include <vector>

#include "gst/aic/core/model/coder.hpp"
#include "tests/gst/aic/model/decisions.hpp"
#include "tests/gst/aic/model/random.hpp"

namespace {

using namespace auralink::aic::model;

constexpr int kTableBits = 16;
constexpr std::size_t kElements = 60000;
constexpr int kRounds = 7;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::vector<Decision> talking_head() {
  struct Share {
    Class of;
    std::uint32_t elements;  // in 1/100
    std::uint32_t bits;      // per element, at most
  };
  constexpr std::array kShares{Share{Class::kType, 12, 3},         Share{Class::kMvd, 8, 8},
                               Share{Class::kCbpLuma, 13, 1},      Share{Class::kTotal, 16, 3},
                               Share{Class::kSignificance, 23, 1}, Share{Class::kMagnitude, 14, 2},
                               Share{Class::kSign, 14, 1}};
  Random random{1};
  std::vector<Decision> out(kElements);
  for (Decision& d : out) {
    std::uint32_t ticket = random.below(100);
    const Share* share = kShares.data();
    while (ticket >= share->elements) ticket -= (share++)->elements;
    d.of = share->of;
    const Shape shape = kShapes[static_cast<std::size_t>(d.of)];
    for (std::uint32_t i = 0; i < shape.contexts; ++i)
      d.contexts.push_back(random.below(1 + random.below(1 + random.below(20 * (i + 1)))));
    for (std::uint32_t i = 0; i < shape.inputs; ++i)
      d.inputs.push_back(static_cast<int>(random.below(1024)) - 512);
    for (std::uint32_t i = 0, bits = 1 + random.below(share->bits); i < bits; ++i)
      d.bits.push_back({static_cast<int>(random.below(16)), static_cast<int>(random.below(16)),
                        static_cast<int>(i),
                        ((d.contexts[0] ^ d.contexts[1]) & 1U) != (random.below(6) == 0 ? 1U : 0U)});
  }
  return out;
}

}  // namespace

int main() {
  const std::vector<Decision> decisions = talking_head();
  std::puts("| kernels | mixing | encode, ns | decode, ns |\n|-|-|-:|-:|");
  const KernelList list = available_kernels();
  for (std::size_t k = 0; k < list.count; ++k)
    for (const auto& [mixing, name] : {std::pair{Mixing::kFull, "full"}, {Mixing::kLight, "light"}}) {
      Coder encoder{kTableBits, *list.at[k]};
      Coder decoder = encoder;
      double encode = std::numeric_limits<double>::infinity();
      double decode = encode;
      for (int round = 0; round < kRounds; ++round) {
        std::vector<std::uint8_t> bytes;
        const double start = cpu_seconds();
        encoder.start_encoding(mixing, bytes);
        run<Direction::kEncode>(encoder, decisions);
        encoder.finish_encoding();
        const double middle = cpu_seconds();
        decoder.start_decoding(mixing, bytes);
        if (run<Direction::kDecode>(decoder, decisions) != 0) return 1;
        encode = std::min(encode, (middle - start) / encoder.decisions());
        decode = std::min(decode, (cpu_seconds() - middle) / decoder.decisions());
      }
      std::printf("| %s | %s | %.0f | %.0f |\n", list.at[k]->name, name, encode * 1e9, decode * 1e9);
    }
}
