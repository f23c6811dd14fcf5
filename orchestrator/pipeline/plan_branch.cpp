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
  std::optional<Codec> format;  ///< absent when only known once it flows
};

Input input_of(const Description& d, const Stream& stream) {
  Input input{stream.name(), stream.media, std::nullopt};
  if (const auto encode = encode_of(d, stream)) {
    input.format = format_of(encode->codec);
  } else if (const auto* rtp = std::get_if<RtpSource>(&d.source)) {
    for (const auto& p : rtp->participants) {
      if (!stream.participant.empty() && p.name != stream.participant) continue;
      const auto& sent = stream.media == Media::video ? p.video : p.audio;
      if (sent && sent->codec == RtpCodec::h264) input.format = Codec::h264;
      if (sent && sent->codec == RtpCodec::opus) input.format = Codec::opus;
      break;
    }
  }
  return input;
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
    case Container::ogg:
      return {"mux", "oggmux", {}};
    case Container::segments:
    case Container::hls:
      // A quarter of a second per fragment, and one that begins with every keyframe: of these the segments
      // are made.
      return {"mux",
              "mp4mux",
              {{"fragment-duration", std::int64_t{250}},
               {"fragment-mode", std::string{"dash-or-mss"}},
               {"streamable", true}}};
    default:
      // Quarter-second fragments survive a crash (measured: 0.2 s lost of 5); a clean end rewrites them as
      // one plain, seekable MP4.
      return {"mux",
              "mp4mux",
              {{"fragment-duration", std::int64_t{250}},
               {"fragment-mode", std::string{"first-moov-then-finalise"}}}};
  }
}

/// What a stream is called at the muxer.
const char* pad_of(Container container, Media media) {
  if (container == Container::ogg) return "audio_%u";
  return media == Media::video ? "video_%u" : "audio_%u";
}

Node writer(const FileBranch& branch, const std::string& path) {
  if (is_folder(branch.container))
    return {"sink",
            "fmp4foldersink",
            {{"location", path},
             {"playlist", branch.container == Container::hls},
             {"segment-duration", static_cast<std::uint64_t>(branch.segment.count())},
             {"async", false},
             {"sync", false}}};
  return {"sink",
          "filesink",
          {{"location", path},
           {"async", false},
           {"sync", false},
           // What is only in a process's buffer dies with it.
           {"buffer-mode", std::string{"unbuffered"}}}};
}

Fragment plan_file(const Description& d, const std::string& name, const FileBranch& branch,
                   const std::vector<Stream>& streams, const std::string& path) {
  Fragment f;
  f.name = "branch-" + name;
  f.nodes.push_back(muxer(branch.container));
  for (const Stream& stream : streams) {
    const auto input = input_of(d, stream);
    const std::string prefix = input.media == Media::video ? "video" : "audio";
    Chain chain{f};
    // A muxer waits for all its streams (a GAP event does not help mp4mux and matroskamux of 1.22): while
    // somebody has the camera off, what is heard waits here. Coded sound of ten minutes is a few megabytes.
    const bool may_wait = !branch.participant.empty() && sends_coded(d) && input.media == Media::audio;
    chain.node(prefix + "-queue", "queue",
               {{"max-size-time", std::uint64_t{may_wait ? 600U : 10U} * 1'000'000'000U},
                {"max-size-bytes", std::int64_t{0}},
                {"max-size-buffers", std::int64_t{0}},
                {"leaky", std::string{"downstream"}}});
    f.inputs.push_back({input.name, input.media, chain.last(), "sink"});
    if (const auto* parser = parser_for(input)) chain.node(prefix + "-parse", parser);
    chain.into("mux", pad_of(branch.container, input.media));
  }
  const Node sink = writer(branch, path);
  Chain{f, "mux"}.node(sink.id, sink.factory, sink.properties);
  return f;
}

/// The sending end of a trunk. What is sent leaves at once: the branch's queue is the only place where it
/// waits.
Fragment plan_trunk(const Description& d, const std::string& name, const TrunkBranch& branch,
                    const std::vector<Stream>& streams) {
  Fragment f;
  f.name = "branch-" + name;
  for (const Stream& stream : streams) {
    const auto input = input_of(d, stream);
    const bool video = input.media == Media::video;
    const std::string prefix = video ? "video" : "audio";
    Chain chain{f};
    chain.node(prefix + "-queue", "queue",
               {{"max-size-time", std::uint64_t{1'000'000'000}},
                {"max-size-bytes", std::int64_t{0}},
                {"max-size-buffers", std::int64_t{0}},
                {"leaky", std::string{"downstream"}}});
    f.inputs.push_back({input.name, input.media, chain.last(), "sink"});
    if (video) {
      chain.node("video-parse", "h264parse")
          .node(
              "video-pay", "rtph264pay",
              {{"pt", std::int64_t{96}}, {"mtu", std::int64_t{1200}}, {"config-interval", std::int64_t{-1}}})
          .node("compress", "rtpaiccompress",
                {{"pt", std::int64_t{97}},
                 {"mtu", std::int64_t{1200}},
                 {"profile", std::string{to_string(branch.profile)}}});
    } else {
      chain.node("audio-parse", "opusparse").node("audio-pay", "rtpopuspay", {{"pt", std::int64_t{98}}});
    }
    chain.node(prefix + "-sink", "udpsink",
               {{"host", branch.host},
                {"port", std::int64_t{video ? branch.video_port : branch.audio_port}},
                {"async", false},
                {"sync", false}});
    if (!video || branch.feedback_port == 0) continue;
    f.nodes.push_back({"feedback",
                       "udpsrc",
                       {{"address", branch.address},
                        {"port", std::int64_t{branch.feedback_port}},
                        {"caps", std::string{"application/x-rtcp"}}}});
    f.links.push_back({"feedback", "compress", "", "rtcp_sink"});
  }
  return f;
}

}  // namespace

Fragment plan_branch(const Description& d, const std::string& name, const Branch& branch,
                     const std::vector<Stream>& streams, const std::string& path) {
  if (const auto* trunk = std::get_if<TrunkBranch>(&branch)) return plan_trunk(d, name, *trunk, streams);
  return plan_file(d, name, std::get<FileBranch>(branch), streams, path);
}

Fragment plan_adapter(Container container, Media media, const std::string& caps_name, unsigned fps,
                      const std::optional<Encode>& wanted, bool must_encode) {
  Fragment f;
  f.name = media == Media::video ? "adapter-video" : "adapter-audio";
  const std::optional<Codec> codec = caps_name == "video/x-h264"   ? std::optional{Codec::h264}
                                     : caps_name == "video/x-vp8"  ? std::optional{Codec::vp8}
                                     : caps_name == "video/x-vp9"  ? std::optional{Codec::vp9}
                                     : caps_name == "audio/mpeg"   ? std::optional{Codec::aac}
                                     : caps_name == "audio/x-opus" ? std::optional{Codec::opus}
                                                                   : std::nullopt;
  const char* parser = codec ? parser_for({"", media, codec}) : nullptr;
  Chain chain{f};
  if (codec && fits(container, *codec) && parser != nullptr && !must_encode) {
    chain.node("parse", parser);
    f.inputs.push_back({"in", media, "parse", "sink"});
  } else {
    Encode encode;
    const bool webm = container == Container::webm;
    if (media == Media::video) {
      encode.codec = webm ? Codec::vp8 : Codec::h264;
    } else {
      encode.codec = webm || container == Container::ogg ? Codec::opus : Codec::aac;
      encode.bitrate = 128'000;
    }
    if (wanted) encode = *wanted;
    f.nodes.push_back({"decode", "decodebin", {}});
    chain.node("queue", "queue");
    f.links.push_back(
        {"decode", "queue", "", "", media == Media::video ? "video/x-raw" : "audio/x-raw", true});
    if (media == Media::video) {
      chain.node("convert", "videoconvert");
      if (encode.width && encode.height)
        chain.node("scale", "videoscale", {{"add-borders", true}})
            .caps("size", "video/x-raw,pixel-aspect-ratio=1/1,width=" + std::to_string(*encode.width) +
                              ",height=" + std::to_string(*encode.height));
    } else {
      chain.node("convert", "audioconvert").node("resample", "audioresample");
    }
    parts::add_encoder(chain, encode, fps, encode.width.value_or(0));
    if (format_of(encode.codec) == Codec::h264) chain.node("parse", "h264parse");
    f.inputs.push_back({"in", media, "decode", "sink"});
  }
  f.outputs.push_back({"out", media, chain.last(), "src"});
  return f;
}

}  // namespace auralink::pipeline
