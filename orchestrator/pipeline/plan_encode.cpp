// SPDX-License-Identifier: LGPL-2.1-or-later
// Encoders for live use: no look-ahead (it would stall the queues), no B-frames, keyframes exactly on
// schedule.
#include <algorithm>

#include "orchestrator/pipeline/plan_parts.hpp"

namespace auralink::pipeline {
namespace parts {
namespace {

constexpr const char* kH264 = "video/x-h264,stream-format=byte-stream,alignment=au";

std::int64_t keyframe_frames(const Encode& e, unsigned fps) {
  return std::max<std::int64_t>(1, e.keyframe.count() * fps / 1'000'000'000);
}

Properties vpx(const Encode& e, unsigned fps) {
  return {{"deadline", std::int64_t{1}},
          {"cpu-used", std::int64_t{8}},
          {"end-usage", std::string{"cbr"}},
          {"target-bitrate", std::int64_t{e.bitrate}},
          {"keyframe-max-dist", keyframe_frames(e, fps)},
          {"lag-in-frames", std::int64_t{0}},
          {"threads", std::int64_t{2}}};
}

}  // namespace

void add_encoder(Chain& chain, const Encode& e, unsigned fps, unsigned width, const std::string& prefix) {
  const auto encoder = prefix + "encoder";
  const auto coded = prefix + "coded";
  switch (e.codec) {
    case Codec::h264:
      chain
          .node(encoder, "x264enc",
                {{"tune", std::string{"zerolatency"}},
                 {"speed-preset", std::string{"veryfast"}},
                 {"bframes", std::int64_t{0}},
                 {"bitrate", std::int64_t{std::max(1U, e.bitrate / 1000)}},
                 {"key-int-max", keyframe_frames(e, fps)},
                 {"option-string", std::string{"scenecut=0"}}})
          .caps(coded, kH264);
      break;
    case Codec::openh264:
      chain
          .node(encoder, "openh264enc",
                {{"bitrate", std::int64_t{e.bitrate}},
                 {"gop-size", keyframe_frames(e, fps)},
                 {"complexity", std::string{"low"}},
                 {"rate-control", std::string{"bitrate"}},
                 {"scene-change-detection", false}})
          .caps(coded, kH264);
      break;
    case Codec::vp8:
      chain.node(encoder, "vp8enc", vpx(e, fps)).caps(coded, "video/x-vp8");
      break;
    case Codec::vp9: {
      auto properties = vpx(e, fps);
      properties["row-mt"] = true;
      properties["tile-columns"] = std::int64_t{width >= 1920  ? 2
                                                : width >= 640 ? 1
                                                               : 0};  // log2; 256 pixels least
      chain.node(encoder, "vp9enc", std::move(properties)).caps(coded, "video/x-vp9");
      break;
    }
    case Codec::aac:
      chain.node(encoder, "avenc_aac", {{"bitrate", std::int64_t{e.bitrate}}})
          .caps(coded, "audio/mpeg,mpegversion=4,stream-format=raw");
      break;
    case Codec::opus:
      chain.node(encoder, "opusenc", {{"bitrate", std::int64_t{e.bitrate}}}).caps(coded, "audio/x-opus");
      break;
  }
}

}  // namespace parts

Fragment plan_encode(const Description& d, const Stream& stream) {
  using parts::Chain;
  const Encode e = encode_of(d, stream).value();
  const std::string name = stream.name();
  const bool video = media_of(e.codec) == Media::video;
  Fragment f;
  f.name = "encode-" + name;
  Chain chain{f};
  // Half a second of frames absorbs a slow keyframe; when it fills, the mixer waits and then drops by its own
  // clock.
  chain.node("queue", "queue",
             {{"max-size-time", std::uint64_t{500'000'000}},
              {"max-size-bytes", std::int64_t{0}},
              {"max-size-buffers", std::int64_t{0}}});
  if (video) {
    // A participant alone comes in whatever form it has; its pictures are put into the encode's.
    const bool alone = !stream.participant.empty();
    const bool scaled = e.width && e.height && (*e.width != d.video.width || *e.height != d.video.height);
    if (alone)
      chain.node("convert", "videoconvert")
          .node("scale", "videoscale", {{"add-borders", true}})
          .node("rate", "videorate", {{"skip-to-first", true}})
          .caps("size", parts::raw_video_caps(e.width.value_or(d.video.width),
                                              e.height.value_or(d.video.height), d.video.fps));
    else if (scaled)
      chain.node("scale", "videoscale").caps("size", parts::raw_video_caps(*e.width, *e.height, d.video.fps));
    if (!alone) chain.node("convert", "videoconvert");
    parts::add_encoder(chain, e, d.video.fps, e.width.value_or(d.video.width));
  } else {
    chain.node("convert", "audioconvert").node("resample", "audioresample");
    if (!stream.participant.empty())
      chain.caps("format", "audio/x-raw,rate=" + std::to_string(d.audio.rate) +
                               ",channels=" + std::to_string(d.audio.channels));
    parts::add_encoder(chain, e, 0, 0);
  }
  chain.tee("tee");
  const Media media = media_of(e.codec);
  f.inputs.push_back({"raw", media, "queue", "sink"});
  f.outputs.push_back({name, media, "tee", "src_%u"});
  return f;
}

}  // namespace auralink::pipeline
