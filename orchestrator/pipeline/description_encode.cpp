// SPDX-License-Identifier: LGPL-2.1-or-later
// Encodes of a description, and the renditions that branches derive from them.
#include <algorithm>

#include "orchestrator/pipeline/description_parts.hpp"

namespace auralink::pipeline {
namespace parts {
namespace {

constexpr std::array kMedia{Word<Media>{"video", Media::video}, Word<Media>{"audio", Media::audio}};

/// The bitrate of the smallest preset that holds as many pixels, so an encode without one is never absurd.
unsigned default_bitrate(Codec codec, unsigned width, unsigned height) {
  if (codec == Codec::aac) return 128'000;
  if (codec == Codec::opus) return 96'000;
  for (const auto& preset : kPresets)
    if (width * height <= preset.value.width * preset.value.height) return preset.value.bitrate;
  return kPresets.back().value.bitrate;
}

Encode read_encode(const Value& value, const std::string& pointer, const Description& mixed,
                   Violations& violations) {
  ObjectReader reader{value, pointer, violations};
  Encode e;
  const auto of = read_word(reader, "of", kMedia, Need::required);
  const auto codec = read_word(reader, "codec", kCodecs, Need::required);
  if (codec) e.codec = *codec;
  const bool video = of ? *of == Media::video : media_of(e.codec) == Media::video;
  if (codec && of && media_of(*codec) != *of)
    reader.complain("codec", video ? "expected a video codec: h264, openh264, vp8 or vp9"
                                   : "expected an audio codec: aac or opus");
  const auto bitrate =
      video ? reader.integer("bitrate", 50'000, 100'000'000) : reader.integer("bitrate", 6'000, 512'000);
  if (video) {
    const auto preset = read_word(reader, "preset", kPresets);
    const auto size = [&](std::string_view key, std::int64_t maximum) -> std::optional<unsigned> {
      const auto n = reader.integer(key, 64, maximum);
      if (n && *n % 2 != 0) reader.complain(key, "expected an even number, found " + std::to_string(*n));
      return n ? std::optional{static_cast<unsigned>(*n)} : std::nullopt;
    };
    e.width = size("width", 7680);
    e.height = size("height", 4320);
    if (reader.has("width") != reader.has("height"))
      reader.complain(reader.has("width") ? "height" : "width",
                      "expected width and height together or neither");
    e.keyframe = read_duration(reader, "keyframe", kSecond / 10, 60 * kSecond).value_or(e.keyframe);
    e.bitrate = preset ? preset->bitrate
                       : default_bitrate(e.codec, e.width.value_or(mixed.video.width),
                                         e.height.value_or(mixed.video.height));
  } else {
    for (const std::string_view key : {"preset", "width", "height", "keyframe"})
      if (reader.any(key) != nullptr) reader.complain(key, "only has a meaning for video");
    e.bitrate = default_bitrate(e.codec, 0, 0);
  }
  if (bitrate) e.bitrate = static_cast<unsigned>(*bitrate);
  reader.finish();

  if (!of) return e;
  const bool passthrough =
      video ? mixed.video.mode == VideoMode::passthrough : mixed.audio.mode == AudioMode::passthrough;
  const bool none = video ? mixed.video.mode == VideoMode::none : mixed.audio.mode == AudioMode::none;
  const std::string medium = video ? "video" : "audio";
  if (passthrough)
    violations.push_back({pointer, "passthrough takes no encode of " + medium + "; branches name \"" +
                                       medium + "\" as their input"});
  if (none) violations.push_back({json::child(pointer, "of"), "the mix has no " + medium});
  return e;
}

}  // namespace

std::map<std::string, Encode> read_encodes(const Value& value, const std::string& pointer,
                                           const Description& mixed, Violations& violations) {
  std::map<std::string, Encode> out;
  if (value.size() > kMaxEncodes)
    return violations.push_back({pointer, "expected at most " + std::to_string(kMaxEncodes) +
                                              " encodes, found " + std::to_string(value.size())}),
           out;
  for (const auto& [name, member] : value.items()) {
    const auto at = json::child(pointer, name);
    if (!is_name(name)) violations.push_back({at, std::string{kNameRule}});
    // Ports and inputs of these names already mean something.
    if (name == "video" || name == "audio" || name == "raw")
      violations.push_back({at, "\"" + name + "\" is reserved; choose another name for this encode"});
    out.emplace(name, read_encode(member, at, mixed, violations));
  }
  return out;
}

}  // namespace parts

std::string Stream::name() const {
  return (participant.empty() ? "" : participant + "/") + source +
         (quality ? "@" + std::string{to_string(*quality)} : "");
}

bool sends_coded(const Description& d) noexcept { return std::holds_alternative<RtpSource>(d.source); }

namespace {

/// Whether the description lets this participant have such a stream; clips only tell when they are opened.
bool may_send(const Source& source, const std::string& participant, Media media) {
  const auto among = [&](const auto& all, const auto& has) {
    const auto it =
        std::find_if(all.begin(), all.end(), [&](const auto& p) { return p.name == participant; });
    return it == all.end() || has(*it);
  };
  if (const auto* rtp = std::get_if<RtpSource>(&source))
    return among(rtp->participants,
                 [&](const auto& p) { return (media == Media::video ? p.video : p.audio).has_value(); });
  if (const auto* test = std::get_if<TestSource>(&source))
    return among(test->participants,
                 [&](const auto& p) { return media == Media::video ? p.video : p.audio; });
  return true;
}

}  // namespace

const std::vector<std::string>& inputs_of(const Branch& branch) noexcept {
  return std::visit([](const auto& b) -> const std::vector<std::string>& { return b.inputs; }, branch);
}

const std::string& participant_of(const Branch& branch) noexcept {
  static const std::string nobody;
  const auto* file = as_file(branch);
  return file != nullptr ? file->participant : nobody;
}

std::vector<Stream> streams_of(const Description& d, const Branch& any) {
  std::vector<Stream> out;
  const auto* file = as_file(any);
  if (file == nullptr) {
    for (const auto& input : inputs_of(any))
      if (const auto encode = d.encode.find(input); encode != d.encode.end())
        out.push_back({{}, input, {}, media_of(encode->second.codec)});
    return out;
  }
  const FileBranch& branch = *file;
  const bool alone = !branch.participant.empty();
  if (alone && sends_coded(d)) {
    if (branch.tracks != Tracks::audio && branch.container != Container::ogg &&
        d.video.mode != VideoMode::none && may_send(d.source, branch.participant, Media::video))
      out.push_back({branch.participant, "video", branch.preset, Media::video});
    if (branch.tracks != Tracks::video && d.audio.mode != AudioMode::none &&
        may_send(d.source, branch.participant, Media::audio))
      out.push_back({branch.participant, "audio", {}, Media::audio});
    return out;
  }
  for (const auto& input : branch.inputs) {
    const auto encode = d.encode.find(input);
    const bool coded = encode == d.encode.end();
    const Media media =
        coded ? (input == "video" ? Media::video : Media::audio) : media_of(encode->second.codec);
    if (alone && !may_send(d.source, branch.participant, media)) continue;
    const auto quality = media == Media::video && !coded ? branch.preset : std::nullopt;
    out.push_back({branch.participant, input, quality, media});
  }
  return out;
}

std::optional<Encode> encode_of(const Description& d, const Stream& stream) {
  const auto it = d.encode.find(stream.source);
  if (it == d.encode.end()) return std::nullopt;
  Encode encode = it->second;
  if (!stream.quality) return encode;
  // The preset's short side; the long one follows the canvas, so that a portrait stays one.
  const auto& preset = parts::kPresets.at(static_cast<std::size_t>(*stream.quality)).value;
  const auto even = [](unsigned of, unsigned to, unsigned from) {
    return ((of * to + from - 1) / from + 1) & ~1U;
  };
  const bool portrait = d.video.height > d.video.width;
  const unsigned side = std::min(preset.width, preset.height);
  encode.width = portrait ? side : even(d.video.width, side, d.video.height);
  encode.height = portrait ? even(d.video.height, side, d.video.width) : side;
  encode.bitrate = preset.bitrate;
  return encode;
}

}  // namespace auralink::pipeline
