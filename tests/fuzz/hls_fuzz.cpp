// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as what mp4mux writes: they are cut or refused, and no duration is negative.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "orchestrator/pipeline/hls.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::size_t begun = 0, ended = 0, bytes = 0;
  const auto check = [](bool ok) {
    if (!ok) std::abort();
  };
  using auralink::pipeline::HlsCutter;
  const bool both = size > 1 && data[1] % 2 != 0;
  HlsCutter cutter{500'000'000,
                   {.init = [&](auto b) { check(begun == 0 && !b.empty()); },
                    .begin = [&](std::int64_t) { check(++begun == ended + 1); },
                    .data = [&](auto b) { bytes += b.size(), check(begun == ended + 1); },
                    .end = [&](std::int64_t d, bool) { check(d >= 0 && ++ended == begun); }},
                   both ? HlsCutter::Straddling::both : HlsCutter::Straddling::once};
  const std::size_t piece = size > 0 ? 1 + data[0] % 97U : 1;
  for (std::size_t at = 0; at < size; at += piece)
    if (!cutter.feed({data + at, size - at < piece ? size - at : piece})) break;
  cutter.finish();
  check(bytes <= (both ? 2 * size : size));
  return 0;
}
