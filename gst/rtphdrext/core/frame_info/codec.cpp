// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <array>

#include "gst/rtphdrext/core/frame_info/fragment.hpp"

namespace auralink::rtphdrext {
namespace {

struct CodecName {
  std::string_view name;
  Codec codec;
};
// The last three are drafts' names, which GStreamer still accepts and makes.
constexpr std::array kNames{CodecName{"H264", Codec::kH264},
                            CodecName{"H265", Codec::kH265},
                            CodecName{"VP8", Codec::kVp8},
                            CodecName{"VP9", Codec::kVp9},
                            CodecName{"AV1", Codec::kAv1},
                            CodecName{"VP8-DRAFT-IETF-01", Codec::kVp8},
                            CodecName{"VP9-DRAFT-IETF-01", Codec::kVp9},
                            CodecName{"AV1X", Codec::kAv1}};

char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

}  // namespace

std::optional<Codec> codec_from_encoding_name(std::string_view name) noexcept {
  const auto* const found = std::find_if(kNames.begin(), kNames.end(), [&](const CodecName& known) {
    return std::equal(known.name.begin(), known.name.end(), name.begin(), name.end(),
                      [](char a, char b) { return a == upper(b); });
  });
  return found != kNames.end() ? std::optional{found->codec} : std::nullopt;
}

std::optional<Fragment> read_fragment(Codec codec, Bytes payload) noexcept {
  switch (codec) {
    case Codec::kH264:
      return read_h264(payload);
    case Codec::kH265:
      return read_h265(payload);
    case Codec::kVp8:
      return read_vp8(payload);
    case Codec::kVp9:
      return read_vp9(payload);
    case Codec::kAv1:
      return read_av1(payload);
  }
  return std::nullopt;
}

}  // namespace auralink::rtphdrext
