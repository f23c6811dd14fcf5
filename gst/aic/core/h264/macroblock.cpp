// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/h264/macroblock.hpp"

namespace auralink::aic::h264 {

void Macroblock::clear(std::int32_t in_slice, MbType of_type, std::uint8_t at_qp) noexcept {
  slice = in_slice;
  type = of_type;
  intra16_mode = chroma_mode = cbp = 0;
  qp = at_qp;
  qp_delta = 0;
  sub = {};
  ref = {};
  intra4_symbol = {};
  mvd = {};
  intra4_mode = {};
  mv = {};
  total = {};
  chroma_total = {};
  dc_total = 0;
  chroma_dc_total = {};
}

std::uint8_t Macroblock::pcm_sample(std::size_t i) const noexcept {
  const auto pair = static_cast<std::uint16_t>(i < 256 * 2 ? luma[(i / 2) / 16][(i / 2) % 16] : 0);
  return static_cast<std::uint8_t>((i & 1U) != 0 ? pair >> 8U : pair & 0xFFU);
}

void Macroblock::set_pcm_sample(std::size_t i, std::uint8_t value) noexcept {
  std::int16_t& pair = luma[(i / 2) / 16][(i / 2) % 16];
  const auto old = static_cast<std::uint16_t>(pair);
  const unsigned byte = value;
  pair = static_cast<std::int16_t>((i & 1U) != 0 ? (old & 0x00FFU) | byte << 8U : (old & 0xFF00U) | byte);
}

void MacroblockMap::resize(int new_width, int new_height) {
  if (new_width == width && new_height == height) return;
  width = new_width;
  height = new_height;
  at.assign(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), Macroblock{});
}

void MacroblockMap::begin_picture() noexcept {
  for (Macroblock& one : at) one.slice = -1;
}

const Macroblock* MacroblockMap::left(int address) const noexcept {
  if (address % width == 0) return nullptr;
  const Macroblock* here = at.data() + address;
  return here[-1].slice == here->slice ? here - 1 : nullptr;
}

const Macroblock* MacroblockMap::above(int address) const noexcept {
  if (address < width) return nullptr;
  const Macroblock* here = at.data() + address;
  return (here - width)->slice == here->slice ? here - width : nullptr;
}

Partitions partitions_of(const Macroblock& mb) noexcept {
  Partitions parts;
  const auto add = [&parts](int x, int y, int width, int height, int eighth) {
    parts.at[static_cast<std::size_t>(parts.count++)] = {
        static_cast<std::uint8_t>(x), static_cast<std::uint8_t>(y), static_cast<std::uint8_t>(width),
        static_cast<std::uint8_t>(height), static_cast<std::uint8_t>(eighth)};
  };
  switch (mb.type) {
    case MbType::kSkip:
    case MbType::k16x16:
      add(0, 0, 4, 4, 0);
      break;
    case MbType::k16x8:
      add(0, 0, 4, 2, 0), add(0, 2, 4, 2, 2);
      break;
    case MbType::k8x16:
      add(0, 0, 2, 4, 0), add(2, 0, 2, 4, 1);
      break;
    case MbType::k8x8:
    case MbType::k8x8Ref0:
      for (int i = 0; i < 4; ++i) {
        const int x = (i & 1) * 2;
        const int y = (i >> 1) * 2;
        switch (mb.sub[static_cast<std::size_t>(i)]) {
          case 0:
            add(x, y, 2, 2, i);
            break;
          case 1:
            add(x, y, 2, 1, i), add(x, y + 1, 2, 1, i);
            break;
          case 2:
            add(x, y, 1, 2, i), add(x + 1, y, 1, 2, i);
            break;
          default:
            for (int k = 0; k < 4; ++k) add(x + (k & 1), y + (k >> 1), 1, 1, i);
        }
      }
      break;
    case MbType::kIntra4x4:
    case MbType::kIntra16x16:
    case MbType::kPcm:
      break;
  }
  return parts;
}

}  // namespace auralink::aic::h264
