// SPDX-License-Identifier: LGPL-2.1-or-later
// Branches: what takes coded media out of the conference. Each begins with its own leaky queue, so that a
// slow disk costs this branch its frames and nobody else theirs.
#include "orchestrator/pipeline/plan_parts.hpp"

namespace auralink::pipeline {
namespace {

using parts::Chain;
using parts::Properties;

struct Input {
  std::string name;
  Media media;
  std::optional<Codec> format;  ///< absent in passthrough of files: known once it flows
};

Input input_of(const Description& d, const std::string& name) {
  if (const auto it = d.encode.find(name); it != d.encode.end())
    return {name, media_of(it->second.codec), format_of(it->second.codec)};
  const Media media = name == "video" ? Media::video : Media::audio;
  if (const auto* rtp = std::get_if<RtpSource>(&d.source); rtp != nullptr && !rtp->participants.empty()) {
    const auto& p = rtp->participants.front();
    const auto& stream = media == Media::video ? p.video : p.audio;
    if (stream && stream->codec == RtpCodec::h264) return {name, media, Codec::h264};
    if (stream && stream->codec == RtpCodec::opus) return {name, media, Codec::opus};
  }
  return {name, media, std::nullopt};
}

/// Muxers want H.264 as avc with codec data, which a parser makes of what an encoder or depayloader gives.
const char* parser_for(const Input& input) {
  if (input.format == Codec::h264) return "h264parse";
  if (input.format == Codec::aac) return "aacparse";
  if (input.format == Codec::opus) return "opusparse";
  return nullptr;
}

Node muxer(Container container) {
  switch (container) {
    case Container::webm:
      return {"mux", "webmmux", {}};
    case Container::mkv:
      return {"mux", "matroskamux", {}};
    default:
      // Quarter-second fragments survive a crash (measured: 0.2 s lost of 5); a clean end rewrites them as
      // one plain, seekable MP4.
      return {"mux",
              "mp4mux",
              {{"fragment-duration", std::int64_t{250}},
               {"fragment-mode", std::string{"first-moov-then-finalise"}}}};
  }
}

Node segmenter(const FileBranch& branch, const std::string& folder) {
  return {"mux",
          "splitmuxsink",
          {{"muxer-factory", std::string{"mp4mux"}},
           // Properties by name reach the muxer only when each segment gets a new one.
           {"async-finalize", true},
           {"muxer-properties", std::string{"properties,fragment-duration=(uint)250,"
                                            "fragment-mode=(int)1"}},  // 1: first-moov-then-finalise
           {"sink-properties",
            std::string{"properties,async=(boolean)false,sync=(boolean)false,buffer-mode=(int)2"}},
           {"location", folder + "/%05d.mp4"},
           {"max-size-time", static_cast<std::uint64_t>(branch.segment.count())},
           {"send-keyframe-requests", true}}};
}

Fragment plan_file(const Description& d, const std::string& name, const FileBranch& branch,
                   const std::string& path) {
  Fragment f;
  f.name = "branch-" + name;
  const bool segments = branch.container == Container::segments;
  f.nodes.push_back(segments ? segmenter(branch, path) : muxer(branch.container));
  for (const auto& input_name : branch.inputs) {
    const auto input = input_of(d, input_name);
    const std::string prefix = input.media == Media::video ? "video" : "audio";
    Chain chain{f};
    chain.node(prefix + "-queue", "queue",
               {{"max-size-time", std::uint64_t{10'000'000'000}},
                {"max-size-bytes", std::int64_t{0}},
                {"max-size-buffers", std::int64_t{0}},
                {"leaky", std::string{"downstream"}}});
    f.inputs.push_back({input_name, input.media, chain.last(), "sink"});
    if (const auto* parser = parser_for(input)) chain.node(prefix + "-parse", parser);
    if (segments)
      chain.into("mux", input.media == Media::video ? "video" : "audio_%u");
    else
      chain.into("mux", input.media == Media::video ? "video_%u" : "audio_%u");
  }
  if (!segments)
    Chain{f, "mux"}.node("sink", "filesink",
                         {{"location", path},
                          {"async", false},
                          {"sync", false},
                          // What is only in a process's buffer dies with it.
                          {"buffer-mode", std::string{"unbuffered"}}});
  return f;
}

}  // namespace

Fragment plan_branch(const Description& d, const std::string& name, const Branch& branch,
                     const std::string& path) {
  return std::visit([&](const FileBranch& file) { return plan_file(d, name, file, path); }, branch);
}

Fragment plan_adapter(Container container, Media media, const std::string& caps_name, unsigned fps) {
  Fragment f;
  f.name = media == Media::video ? "adapter-video" : "adapter-audio";
  const std::optional<Codec> codec = caps_name == "video/x-h264"   ? std::optional{Codec::h264}
                                     : caps_name == "audio/mpeg"   ? std::optional{Codec::aac}
                                     : caps_name == "audio/x-opus" ? std::optional{Codec::opus}
                                                                   : std::nullopt;
  Chain chain{f};
  if (codec && fits(container, *codec)) {
    chain.node("parse", parser_for({"", media, codec}));
    f.inputs.push_back({"in", media, "parse", "sink"});
  } else {
    Encode encode;
    const bool webm = container == Container::webm;
    if (media == Media::video) {
      encode.codec = webm ? Codec::vp8 : Codec::h264;
    } else {
      encode.codec = webm ? Codec::opus : Codec::aac;
      encode.bitrate = 128'000;
    }
    f.nodes.push_back({"decode", "decodebin", {}});
    chain.node("queue", "queue");
    f.links.push_back(
        {"decode", "queue", "", "", media == Media::video ? "video/x-raw" : "audio/x-raw", true});
    if (media == Media::video)
      chain.node("convert", "videoconvert");
    else
      chain.node("convert", "audioconvert").node("resample", "audioresample");
    parts::add_encoder(chain, encode, fps, 0);
    if (encode.codec == Codec::h264) chain.node("parse", "h264parse");
    f.inputs.push_back({"in", media, "decode", "sink"});
  }
  f.outputs.push_back({"out", media, chain.last(), "src"});
  return f;
}

}  // namespace auralink::pipeline
