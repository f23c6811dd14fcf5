// SPDX-License-Identifier: LGPL-2.1-or-later
// Description -> plan: mixers, and how the parts come together.
#include "orchestrator/pipeline/plan.hpp"

#include <algorithm>
#include <cmath>

#include "orchestrator/pipeline/plan_parts.hpp"

namespace auralink::pipeline {

using namespace parts;

namespace parts {

// Colours are pinned too: a compositor takes open fields from whoever joins first, and new caps in mid-stream
// restart the encoder.
std::string raw_video_caps(unsigned width, unsigned height, unsigned fps) {
  return "video/x-raw,format=I420,width=" + std::to_string(width) + ",height=" + std::to_string(height) +
         ",framerate=" + std::to_string(fps) +
         "/1,pixel-aspect-ratio=1/1,colorimetry=bt709,chroma-site=mpeg2";
}

std::string raw_audio_caps(unsigned rate, unsigned channels) {
  return "audio/x-raw,format=F32LE,layout=interleaved,rate=" + std::to_string(rate) +
         ",channels=" + std::to_string(channels);
}

}  // namespace parts

namespace {

void expect_latency(Fragment& f, Nanos upstream) {
  if (upstream.count() > 0)
    f.nodes.front().properties["min-upstream-latency"] = static_cast<std::uint64_t>(upstream.count());
}

/// Mixers run on the clock whether or not anybody is there: a conference does not stop when everyone is
/// silent.
/// `upstream`: latency of inputs that are still to come; known from the start, so that it does not jump when
/// somebody joins.
Fragment mix_video(const VideoMix& mix, Nanos upstream) {
  Fragment f;
  f.name = "mix-video";
  Chain{f}
      .node("mix", "compositor",
            {{"force-live", true},
             {"background", std::string{"black"}},
             {"start-time-selection", std::string{"zero"}},
             {"latency", static_cast<std::uint64_t>(mix.latency.count())}})
      .caps("format", raw_video_caps(mix.width, mix.height, mix.fps))
      // A compositor that starts while its first pictures arrive can stamp two frames with the same time; a
      // muxer refuses the second. videorate makes them evenly spaced and touches nothing else.
      .node("rate", "videorate")
      .tee("raw");
  expect_latency(f, upstream);
  f.inputs.push_back({"sink", Media::video, "mix", "sink_%u"});
  f.outputs.push_back({"raw", Media::video, "raw", "src_%u"});
  return f;
}

Fragment mix_audio(const AudioMix& mix, Nanos upstream) {
  Fragment f;
  f.name = "mix-audio";
  Chain{f}
      .node("mix", "audiomixer",
            {{"force-live", true},
             {"start-time-selection", std::string{"zero"}},
             {"latency", static_cast<std::uint64_t>(mix.latency.count())}})
      .caps("format", raw_audio_caps(mix.rate, mix.channels))
      .tee("raw");
  expect_latency(f, upstream);
  f.inputs.push_back({"sink", Media::audio, "mix", "sink_%u"});
  f.outputs.push_back({"raw", Media::audio, "raw", "src_%u"});
  return f;
}

Fragment pass(Media media) {
  Fragment f;
  f.name = media == Media::video ? "pass-video" : "pass-audio";
  Chain{f}.node("queue", "queue").tee("coded");
  f.inputs.push_back({"sink", media, "queue", "sink"});
  f.outputs.push_back({media == Media::video ? "video" : "audio", media, "coded", "src_%u"});
  return f;
}

Fragment plan_custom(const CustomGraph& graph) {
  Fragment f;
  f.name = "custom";
  for (const auto& e : graph.elements) {
    Node node{e.id, e.factory, {}};
    for (const auto& [key, value] : e.properties)
      node.properties[key] = std::visit([](const auto& v) { return PropertyValue{v}; }, value);
    f.nodes.push_back(std::move(node));
  }
  for (const auto& l : graph.links) f.links.push_back({l.from, l.to, l.from_pad, l.to_pad, l.caps});
  // Demuxers and auto-pluggers expose their pads when they have seen data.
  for (auto& link : f.links)
    for (const auto& node : f.nodes)
      if (node.id == link.from && (node.factory == "decodebin" || node.factory == "parsebin" ||
                                   node.factory == "qtdemux" || node.factory == "matroskademux"))
        link.delayed = true;
  return f;
}

}  // namespace

Plan make_plan(const Description& d, const std::map<std::string, std::string>& branch_paths) {
  Plan plan;
  plan.name = d.name;
  if (d.custom) {
    plan.custom = plan_custom(*d.custom);
    return plan;
  }
  plan.participants = plan_participants(d);
  const Nanos upstream = receives_together(d) ? std::get<RtpSource>(d.source).jitter : Nanos{0};
  if (d.video.mode == VideoMode::compositor) {
    plan.mixers.emplace(Media::video, mix_video(d.video, upstream));
    plan.canvas = Canvas{d.video.layout, d.video.width, d.video.height};
  } else if (d.video.mode == VideoMode::passthrough) {
    plan.mixers.emplace(Media::video, pass(Media::video));
  }
  if (d.audio.mode == AudioMode::mixer)
    plan.mixers.emplace(Media::audio, mix_audio(d.audio, upstream));
  else if (d.audio.mode == AudioMode::passthrough)
    plan.mixers.emplace(Media::audio, pass(Media::audio));
  for (const auto& [name, encode] : d.encode)
    plan.encodes.emplace(name, plan_encode(d, {{}, name, {}, media_of(encode.codec)}));
  for (const auto& [name, branch] : d.branches) {
    const auto path = branch_paths.find(name);
    if (as_file(branch) != nullptr && path == branch_paths.end()) continue;
    const auto streams = streams_of(d, branch);
    plan.branches.emplace(name, plan_branch(d, name, branch, streams,
                                            path != branch_paths.end() ? path->second : std::string{}));
    for (const Stream& stream : streams)
      if (encode_of(d, stream)) plan.encodes.try_emplace(stream.name(), plan_encode(d, stream));
  }
  return plan;
}

Description with_test_source(Description d, unsigned participants) {
  const bool passthrough = d.video.mode == VideoMode::passthrough || d.audio.mode == AudioMode::passthrough;
  // Who has a recording alone is there under the same name.
  std::vector<std::string> names;
  for (const auto& [name, branch] : d.branches)
    if (const auto& who = participant_of(branch);
        !who.empty() && std::find(names.begin(), names.end(), who) == names.end())
      names.push_back(who);
  const auto count = passthrough ? 1U : std::max(participants, static_cast<unsigned>(names.size()));
  TestSource source;
  for (unsigned i = 0; i < count; ++i) {
    TestParticipant p;
    p.name = i < names.size() ? names[i] : "test-" + std::to_string(i + 1);
    p.pattern = static_cast<TestPattern>(i % 7U);
    p.frequency = std::round(220.0 * std::pow(2.0, static_cast<double>(i % 24U) / 6.0));
    source.participants.push_back(std::move(p));
  }
  d.source = std::move(source);
  return d;
}

}  // namespace auralink::pipeline
