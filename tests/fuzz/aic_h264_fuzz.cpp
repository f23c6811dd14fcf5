// SPDX-License-Identifier: LGPL-2.1-or-later
// A byte stream of H.264 from anybody: what is read exactly is written exactly, and nothing else happens.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "gst/aic/core/h264/nal.hpp"
#include "gst/aic/core/h264/slice_data.hpp"

namespace h264 = auralink::aic::h264;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  h264::ParameterSets sets;
  h264::MacroblockMap picture;
  std::vector<std::uint8_t> scratch;
  std::int32_t slice = 0;
  for (const auto nal : h264::split_byte_stream({data, size})) {
    sets.take(nal);
    if (!h264::is_slice(nal)) continue;
    if (h264::begins_access_unit(nal)) {
      picture.begin_picture();
      slice = 0;
    }
    h264::ReadSlice read;
    if (h264::read_exactly(nal, sets, slice++, picture, read, scratch) != h264::Refusal::kNone) continue;
    // A second reading of what was written says the same.
    std::vector<std::uint8_t> again;
    h264::MacroblockMap second;
    h264::ReadSlice other;
    second.resize(picture.width, picture.height);
    if (h264::read_exactly(scratch, sets, 0, second, other, again) != h264::Refusal::kNone ||
        again != scratch)
      std::abort();
  }
  return 0;
}
