// SPDX-License-Identifier: LGPL-2.1-or-later
// Input: one byte that chooses a reader (bit 7 is the marker bit), then what it reads: an RTP payload of one
// of five codecs, or the bytes of our own header extensions. No reader may leave its input, and what is told
// must survive its own wire format.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "gst/rtphdrext/core/aic_metadata.hpp"
#include "gst/rtphdrext/core/frame_info/frame_info.hpp"

namespace {

using namespace auralink::rtphdrext;

void require(bool fact) {
  if (!fact) std::abort();
}

void check_payload(Codec codec, Bytes payload, bool marker) {
  const auto fragment = read_fragment(codec, payload);
  if (!fragment) return;
  require(!fragment->temporal_layer || *fragment->temporal_layer < 8);
  require(fragment->end != FrameEnd::kYes || codec == Codec::kVp9);

  FrameTracker tracker;
  const Header header{.timestamp = 1, .marker = marker};
  const FrameInfo first = tracker.next(header, *fragment);
  require(first.key == fragment->key && first.start == fragment->may_start);
  require(!first.end || fragment->end != FrameEnd::kNo);
  require(marker || !first.end || fragment->end == FrameEnd::kYes);
  const FrameInfo second = tracker.next(header, *fragment);
  require(!second.start && second.key == first.key);

  const auto wire = encode(first);
  require(wire.size <= kMaxFrameInfoSize);
  require(decode_frame_info(Bytes{wire.bytes}.first(wire.size)) == first);
}

void check_aic(Bytes wire) {
  const auto metadata = decode_aic(wire);
  if (metadata) require(decode_aic(encode(*metadata)) == metadata);
}

void check_frame_info(Bytes wire) {
  const auto info = decode_frame_info(wire);
  if (!info) return;
  const auto again = encode(*info);
  require(again.size <= wire.size());
  require(decode_frame_info(Bytes{again.bytes}.first(again.size)) == info);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr unsigned kCodecs = 5;
  if (size < 1) return 0;
  const Bytes input{data, size};
  // An allocation of exactly this size lets the sanitizer see every read past the end.
  const std::vector<std::uint8_t> rest{input.begin() + 1, input.end()};
  const unsigned choice = (input[0] & 0x7FU) % (kCodecs + 2);
  if (choice < kCodecs)
    check_payload(static_cast<Codec>(choice), rest, (input[0] & 0x80U) != 0);
  else if (choice == kCodecs)
    check_aic(rest);
  else
    check_frame_info(rest);
  return 0;
}
