// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/estimate.hpp"

#include <algorithm>
#include <set>

#include "orchestrator/pipeline/description_parts.hpp"

namespace auralink::pipeline {
namespace {

// Processors per 1280x720 at 30 frames per second (x264 and compositor measured with GStreamer 1.22 on easy
// content; the others by their ratio to x264 in the same settings).
constexpr double kCompose = 0.05, kComposePerTile = 0.02;
constexpr double kH264 = 0.24, kOpenH264 = 0.22, kVp8 = 0.30, kVp9 = 0.45;
constexpr double kDecode = 0.06;  // of one participant's picture
constexpr double kVoice = 0.005;  // decode, resample and mix one voice
constexpr double kSoundEncode = 0.015;
constexpr double kBase = 0.02;  // a worker that only keeps time

double pictures(unsigned width, unsigned height, unsigned fps) {
  return static_cast<double>(width) * height * fps / (1280.0 * 720.0 * 30.0);
}

double cost_of(Codec codec) {
  switch (codec) {
    case Codec::h264:
      return kH264;
    case Codec::openh264:
      return kOpenH264;
    case Codec::vp8:
      return kVp8;
    case Codec::vp9:
      return kVp9;
    case Codec::aac:
    case Codec::opus:
      break;
  }
  return kSoundEncode;
}

}  // namespace

double estimated_cpus(const Description& d) {
  if (d.custom) return 0;
  double sum = kBase;
  const auto people = static_cast<double>(parts::participant_count(d.source));
  if (d.video.mode == VideoMode::compositor)
    sum += pictures(d.video.width, d.video.height, d.video.fps) * (kCompose + kComposePerTile * people) +
           people * kDecode;
  if (d.audio.mode == AudioMode::mixer) sum += people * kVoice;
  std::set<std::string> counted;  // branches share encoders
  for (const auto& [name, branch] : d.branches)
    for (const Stream& stream : streams_of(d, branch)) {
      const auto encode = encode_of(d, stream);
      if (!encode || !counted.insert(stream.name()).second) continue;
      const bool video = stream.media == Media::video;
      sum += cost_of(encode->codec) * (video ? pictures(encode->width.value_or(d.video.width),
                                                        encode->height.value_or(d.video.height), d.video.fps)
                                             : 1);
    }
  return sum;
}

}  // namespace auralink::pipeline
