// SPDX-License-Identifier: LGPL-2.1-or-later
// Boxes and sample descriptions.
#include <algorithm>
#include <optional>

#include "orchestrator/pipeline/finish_mp4.hpp"

namespace auralink::pipeline::finish::mp4 {
namespace {

constexpr std::size_t kHeader = 8, kLargeHeader = 16;

std::string fourcc(std::uint32_t type) {
  std::string out;
  for (unsigned i = 0; i < 4; ++i) {
    const auto c = static_cast<char>(type >> (24U - 8U * i));
    out.push_back(c >= 0x21 && c < 0x7F ? c : '.');
  }
  return out;
}

/// One descriptor of ISO/IEC 14496-1: tag, length in seven-bit groups, body; advances `at`.
std::optional<View> descriptor(View& at, std::uint8_t tag) {
  if (at.size() < 2 || at[0] != tag) return std::nullopt;
  std::size_t length = 0, used = 1;
  for (bool more = true; more && used < at.size() && used < 5; ++used) {
    length = length << 7U | (at[used] & 0x7FU);
    more = (at[used] & 0x80U) != 0;
  }
  if (length > at.size() - used) return std::nullopt;
  const View body = at.subspan(used, length);
  at = at.subspan(used + length);
  return body;
}

/// esds: the object type decides the codec, the specific info is its configuration.
void describe_mpeg4(View esds, Stream& out) {
  constexpr std::uint8_t kEs = 3, kConfig = 4, kSpecific = 5;
  constexpr std::size_t kEsHead = 3, kConfigHead = 13;
  if (esds.size() < 4) return;
  View at = esds.subspan(4);
  const auto es = descriptor(at, kEs);
  if (!es || es->size() < kEsHead || (*es)[2] != 0) return;  // with flags other fields would follow
  at = es->subspan(kEsHead);
  const auto config = descriptor(at, kConfig);
  if (!config || config->size() < kConfigHead) return;
  const auto object = (*config)[0];
  if (object == 0x6B || object == 0x69) out.codec = "mp3";
  at = config->subspan(kConfigHead);
  const auto specific = descriptor(at, kSpecific);
  if (!specific) return;
  out.config.assign(specific->begin(), specific->end());
  // AudioSpecificConfig knows better than the sample entry: 5 bits type, 4 bits rate, 4 bits channels.
  static constexpr std::array<unsigned, 13> kRates{96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                                   22050, 16000, 12000, 11025, 8000,  7350};
  if (out.codec != "aac" || specific->size() < 2) return;
  const unsigned rate = ((*specific)[0] & 7U) << 1U | (*specific)[1] >> 7U;
  const unsigned channels = (*specific)[1] >> 3U & 15U;
  if (rate < kRates.size()) out.rate = kRates[rate];
  if (channels != 0) out.channels = channels == 7 ? 8 : channels;
}

void describe_video(const Box& entry, Stream& out) {
  constexpr std::size_t kEntry = 78;
  if (entry.body.size() < kEntry) return;
  out.width = static_cast<unsigned>(big<2>(entry.body.subspan(24)));
  out.height = static_cast<unsigned>(big<2>(entry.body.subspan(26)));
  const View boxes = entry.body.subspan(kEntry);
  View config;
  switch (entry.type) {
    case type_of("avc1"):
    case type_of("avc3"):
      out.codec = "h264";
      config = child(boxes, type_of("avcC"));
      break;
    case type_of("hvc1"):
    case type_of("hev1"):
      out.codec = "hevc";
      config = child(boxes, type_of("hvcC"));
      break;
    case type_of("vp08"):
    case type_of("vp09"):
      out.codec = entry.type == type_of("vp08") ? "vp8" : "vp9";
      config = child(boxes, type_of("vpcC"));
      break;
    case type_of("av01"):
      out.codec = "av1";
      config = child(boxes, type_of("av1C"));
      break;
    default:
      out.codec = fourcc(entry.type);
  }
  out.config.assign(config.begin(), config.end());
}

void describe_audio(const Box& entry, Stream& out) {
  constexpr std::size_t kEntry = 28;
  if (entry.body.size() < kEntry) return;
  out.channels = static_cast<unsigned>(big<2>(entry.body.subspan(16)));
  out.rate = static_cast<unsigned>(big<2>(entry.body.subspan(24)));  // 16.16
  // QuickTime's longer entry, which some muxers write even into MP4.
  const auto version = big<2>(entry.body.subspan(8));
  const std::size_t more = version == 1 ? 16 : version == 2 ? 36 : 0;
  if (entry.body.size() < kEntry + more) return;
  const View boxes = entry.body.subspan(kEntry + more);
  switch (entry.type) {
    case type_of("mp4a"):
      out.codec = "aac";
      describe_mpeg4(child(boxes, type_of("esds")), out);
      break;
    case type_of("Opus"): {
      out.codec = "opus";
      out.rate = 48'000;  // what every decoder puts out
      const View config = child(boxes, type_of("dOps"));
      out.config.assign(config.begin(), config.end());
      break;
    }
    case type_of(".mp3"):
      out.codec = "mp3";
      break;
    default:
      out.codec = fourcc(entry.type);
  }
}

}  // namespace

bool next(View& at, Box& box) {
  if (at.size() < kHeader) return false;
  std::uint64_t size = big<4>(at);
  std::size_t header = kHeader;
  if (size == 1) {
    if (at.size() < kLargeHeader) return false;
    size = big<8>(at.subspan(kHeader));
    header = kLargeHeader;
  } else if (size == 0) {
    size = at.size();
  }
  if (size < header || size > at.size()) return false;
  box.type = static_cast<std::uint32_t>(big<4>(at.subspan(4)));
  box.whole = at.first(static_cast<std::size_t>(size));
  box.body = box.whole.subspan(header);
  at = at.subspan(static_cast<std::size_t>(size));
  return true;
}

Box child_box(View body, std::uint32_t type) {
  for (Box box; next(body, box);)
    if (box.type == type) return box;
  return {};
}
View child(View body, std::uint32_t type) { return child_box(body, type).body; }

Stream describe(View stsd, std::uint32_t handler) {
  Stream out;
  out.video = handler == type_of("vide");
  constexpr std::size_t kListHead = 8;
  if (stsd.size() < kListHead) return out;
  View entries = stsd.subspan(kListHead);
  Box entry;
  if (!next(entries, entry)) return out;
  if (out.video)
    describe_video(entry, out);
  else
    describe_audio(entry, out);
  return out;
}

}  // namespace auralink::pipeline::finish::mp4
