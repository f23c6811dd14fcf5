// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/h264/nal.hpp"

#include <cstddef>
#include <cstring>

namespace auralink::aic::h264 {
namespace {

using Bytes = std::span<const std::uint8_t>;

void append(std::vector<std::uint8_t>& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// Index of the next zero byte at or after `from`; the size if there is none.
std::size_t next_zero(Bytes bytes, std::size_t from) noexcept {
  if (from >= bytes.size()) return bytes.size();
  const void* found = std::memchr(bytes.data() + from, 0, bytes.size() - from);
  return found == nullptr ? bytes.size()
                          : static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data());
}

/// Index of the next 00 00 01; the size if there is none.
std::size_t next_start_code(Bytes stream, std::size_t from) noexcept {
  for (std::size_t i = next_zero(stream, from); i + 2 < stream.size(); i = next_zero(stream, i + 1))
    if (stream[i + 1] == 0 && stream[i + 2] == 1) return i;
  return stream.size();
}

}  // namespace

void strip_emulation_prevention(Bytes nal, std::vector<std::uint8_t>& out) {
  std::size_t copied = 0;
  std::size_t at = next_zero(nal, 0);
  while (at + 2 < nal.size()) {
    if (nal[at + 1] == 0 && nal[at + 2] == 3 && (at + 3 >= nal.size() || nal[at + 3] <= 3)) {
      append(out, nal.subspan(copied, at + 2 - copied));
      copied = at + 3;
      at = next_zero(nal, copied);
    } else {
      at = next_zero(nal, at + 1);
    }
  }
  append(out, nal.subspan(copied));
}

void insert_emulation_prevention(Bytes payload, std::vector<std::uint8_t>& out) {
  std::size_t copied = 0;
  std::size_t at = next_zero(payload, 0);
  while (at + 1 < payload.size()) {
    if (payload[at + 1] == 0 && at + 2 < payload.size() && payload[at + 2] <= 3) {
      append(out, payload.subspan(copied, at + 2 - copied));
      out.push_back(3);
      copied = at + 2;
      at = next_zero(payload, copied);
    } else {
      at = next_zero(payload, at + 1);
    }
  }
  append(out, payload.subspan(copied));
}

std::vector<Bytes> split_byte_stream(Bytes stream) {
  std::vector<Bytes> nals;
  std::size_t begin = next_start_code(stream, 0);
  while (begin < stream.size()) {
    begin += 3;
    const std::size_t next = next_start_code(stream, begin);
    std::size_t end = next;
    while (end > begin && stream[end - 1] == 0) --end;
    if (end > begin) nals.push_back(stream.subspan(begin, end - begin));
    begin = next;
  }
  return nals;
}

bool begins_access_unit(Bytes nal) noexcept {
  const int type = nal_type(nal);
  if (is_slice(nal)) return nal.size() > 1 && (nal[1] & 0x80U) != 0;  // first_mb_in_slice is ue(0)
  return type >= 6 && type <= 9;
}

}  // namespace auralink::aic::h264
