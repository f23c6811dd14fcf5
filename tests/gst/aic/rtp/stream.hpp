// SPDX-License-Identifier: LGPL-2.1-or-later
// Access units that look like H.264 to RFC 6184, and RTP packets of them, made without the code under test.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "gst/aic/core/codec.hpp"

namespace auralink::aic::rtp::test {

using Wire = std::vector<std::uint8_t>;

inline Wire nal(unsigned header, std::size_t size, std::uint8_t fill) {
  Wire out(size, fill);
  out[0] = static_cast<std::uint8_t>(header);
  return out;
}

/// Slices whose bytes drift from picture to picture, so that a state helps.
class Pictures final {
 public:
  explicit Pictures(unsigned seed) : random_{seed}, content_(6000) {
    for (auto& byte : content_) byte = static_cast<std::uint8_t>(random_());
  }
  AccessUnit next(bool key, std::size_t size, int drift = 20) {
    for (int i = 0; i < drift; ++i)
      content_[random_() % content_.size()] = static_cast<std::uint8_t>(random_());
    AccessUnit unit;
    if (key) {
      unit.add(Wire{0x67, 0x42, 0xC0, 0x1F, 0x8C});
      unit.add(Wire{0x68, 0xCE, 0x3C, 0x80});
    }
    Wire slice{content_.begin(),
               content_.begin() + static_cast<std::ptrdiff_t>(key ? content_.size() : size)};
    slice[0] = key ? 0x65 : 0x61;
    unit.add(slice);
    return unit;
  }

 private:
  std::mt19937 random_;
  Wire content_;
};

struct RtpSpec {
  std::uint8_t type = 96;
  bool marker = false;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0x11223344;
};
inline Wire rtp(const RtpSpec& spec, const Wire& payload) {
  Wire out{0x80, static_cast<std::uint8_t>((spec.marker ? 0x80U : 0U) | spec.type)};
  out.push_back(static_cast<std::uint8_t>(spec.sequence >> 8U));
  out.push_back(static_cast<std::uint8_t>(spec.sequence & 0xFFU));
  for (const std::uint32_t word : {spec.timestamp, spec.ssrc})
    for (const unsigned shift : {24U, 16U, 8U, 0U}) out.push_back(static_cast<std::uint8_t>(word >> shift));
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

/// As RFC 6184 5.6 and 5.8 say, `limit` bytes of payload a packet.
inline std::vector<Wire> payloads(const AccessUnit& unit, std::size_t limit) {
  std::vector<Wire> out;
  for (std::size_t i = 0; i < unit.count(); ++i) {
    const Bytes whole = unit.nal(i);
    if (whole.size() <= limit) {
      out.emplace_back(whole.begin(), whole.end());
      continue;
    }
    for (std::size_t at = 1; at < whole.size(); at += limit - 2) {
      const std::size_t size = std::min(limit - 2, whole.size() - at);
      const bool last = at + size == whole.size();
      Wire piece{
          static_cast<std::uint8_t>((whole[0] & 0xE0U) | 28U),
          static_cast<std::uint8_t>((at == 1 ? 0x80U : 0U) | (last ? 0x40U : 0U) | (whole[0] & 0x1FU))};
      piece.insert(piece.end(), whole.begin() + static_cast<std::ptrdiff_t>(at),
                   whole.begin() + static_cast<std::ptrdiff_t>(at + size));
      out.push_back(piece);
    }
  }
  return out;
}

/// One access unit as consecutive packets; `sequence` moves on.
inline std::vector<Wire> packets(const AccessUnit& unit, std::uint16_t& sequence, std::uint32_t timestamp,
                                 std::size_t limit = 1188, std::uint32_t ssrc = 0x11223344) {
  std::vector<Wire> out = payloads(unit, limit);
  for (Wire& p : out)
    p = rtp({.marker = &p == &out.back(), .sequence = sequence++, .timestamp = timestamp, .ssrc = ssrc}, p);
  return out;
}

}  // namespace auralink::aic::rtp::test
