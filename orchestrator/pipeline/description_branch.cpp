// SPDX-License-Identifier: LGPL-2.1-or-later
// Encodes, branches and policies of a description.
#include <algorithm>

#include "orchestrator/pipeline/description_parts.hpp"
#include "orchestrator/session/paths.hpp"

namespace auralink::pipeline {
namespace parts {
namespace {

constexpr std::array kMedia{Word<Media>{"video", Media::video}, Word<Media>{"audio", Media::audio}};
constexpr std::array kOnError{Word<session::OnError>{"detach", session::OnError::detach},
                              Word<session::OnError>{"fail-pipeline", session::OnError::fail_pipeline}};

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

/// What a branch may name as input: encodes, and the media that pass through.
struct Input {
  std::string name;
  Media media = Media::video;
  std::optional<Codec> format;      ///< absent when only known once it flows
  std::optional<RtpCodec> foreign;  ///< a passed-through codec that we never encode to
};

std::optional<Codec> encodable(RtpCodec codec) {
  switch (codec) {
    case RtpCodec::h264:
      return Codec::h264;
    case RtpCodec::vp8:
      return Codec::vp8;
    case RtpCodec::opus:
      return Codec::opus;
    default:
      return std::nullopt;
  }
}

Input passed_through(const Description& d, Media media) {
  Input input{media == Media::video ? "video" : "audio", media, std::nullopt, std::nullopt};
  const auto* rtp = std::get_if<RtpSource>(&d.source);
  if (rtp == nullptr || rtp->participants.empty()) return input;
  const auto& p = rtp->participants.front();
  if (const auto& stream = media == Media::video ? p.video : p.audio) {
    input.format = encodable(stream->codec);
    if (!input.format) input.foreign = stream->codec;
  }
  return input;
}

std::vector<Input> inputs_of(const Description& d) {
  std::vector<Input> out;
  if (d.video.mode == VideoMode::passthrough) out.push_back(passed_through(d, Media::video));
  if (d.audio.mode == AudioMode::passthrough) out.push_back(passed_through(d, Media::audio));
  for (const auto& [name, e] : d.encode)
    out.push_back({name, media_of(e.codec), format_of(e.codec), std::nullopt});
  return out;
}

bool fits(Container container, const Input& input) {
  if (input.foreign) return container == Container::mkv;  // A-law and mu-law: Matroska alone stores them
  return !input.format || pipeline::fits(container, *input.format);
}

/// One video and one audio input that fit, the better codec first.
std::vector<std::string> chosen_inputs(Container container, const std::vector<Input>& all) {
  constexpr std::array preference{Codec::h264, Codec::vp9, Codec::vp8, Codec::aac, Codec::opus};
  const auto rank = [&](const Input& input) {
    return input.format ? std::find(preference.begin(), preference.end(), *input.format) : preference.begin();
  };
  std::vector<std::string> out;
  for (const Media media : {Media::video, Media::audio}) {
    const Input* best = nullptr;
    for (const auto& input : all)
      if (input.media == media && fits(container, input) && (best == nullptr || rank(input) < rank(*best)))
        best = &input;
    if (best != nullptr) out.push_back(best->name);
  }
  return out;
}

void check_input(const std::string& name, const std::string& at, Container container,
                 const std::vector<Input>& all, std::vector<Media>& seen, Violations& violations) {
  const auto it = std::find_if(all.begin(), all.end(), [&](const Input& i) { return i.name == name; });
  if (it == all.end()) {
    std::vector<std::string_view> names;
    for (const auto& input : all) names.emplace_back(input.name);
    return violations.push_back({at, (names.empty() ? std::string{"the conference encodes nothing"}
                                                    : "expected " + json::listed(names)) +
                                         ", found " + json::shown(name) + json::did_you_mean(name, names)});
  }
  if (!fits(container, *it)) {
    const auto codec = it->format ? to_string(*it->format) : to_string(*it->foreign);
    violations.push_back({at, std::string{to_string(container)} + " cannot hold " + std::string{codec}});
  }
  if (std::find(seen.begin(), seen.end(), it->media) != seen.end())
    violations.push_back({at, std::string{"a file takes at most one "} +
                                  (it->media == Media::video ? "video" : "audio") + " input"});
  seen.push_back(it->media);
}

std::vector<std::string> read_inputs(ObjectReader& reader, const Description& d,
                                     std::optional<Container> container, Violations& violations) {
  const auto all = inputs_of(d);
  const auto* list = reader.array("inputs", 8);
  if (!container) return {};
  std::vector<std::string> out;
  if (list == nullptr) {
    if (reader.has("inputs")) return {};
    out = chosen_inputs(*container, all);
    if (out.empty())
      reader.complain("container",
                      "nothing the conference encodes fits " + std::string{to_string(*container)});
    return out;
  }
  if (list->empty()) reader.complain("inputs", "expected at least one input");
  std::vector<Media> seen;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto at = json::child(reader.at("inputs"), i);
    const auto& item = (*list)[i];
    if (!item.is_string()) {
      violations.push_back({at, "expected the name of an encode, found " + json::shown(item)});
      continue;
    }
    out.push_back(item.get<std::string>());
    check_input(out.back(), at, *container, all, seen, violations);
  }
  return out;
}

Branch read_file_branch(ObjectReader& reader, const Description& d, Violations& violations) {
  FileBranch branch;
  const auto container = read_word(reader, "container", kContainers, Need::required);
  branch.container = container.value_or(Container::mp4);
  branch.inputs = read_inputs(reader, d, container, violations);
  if (const auto path = reader.string("path")) {
    branch.path = *path;
    if (auto fault = path_fault(*path, false); !fault.empty())
      reader.complain("path", std::move(fault));
    else
      for (auto& wrong : session::check_path(*path)) reader.complain("path", std::move(wrong.detail));
  }
  const auto segment = read_duration(reader, "segment", kSecond, kHour);
  if (segment && container && *container != Container::segments)
    reader.complain("segment", "only has a meaning for container segments");
  branch.segment = segment.value_or(branch.segment);
  branch.on_error = read_word(reader, "onError", kOnError).value_or(branch.on_error);
  return branch;
}

using BranchReader = Branch (*)(ObjectReader&, const Description&, Violations&);
constexpr std::array kBranchKinds{Word<BranchReader>{"file", read_file_branch}};

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

std::optional<Branch> read_branch(const Value& value, const std::string& pointer,
                                  const Description& conference, Violations& violations) {
  ObjectReader reader{value, pointer, violations};
  const auto read = read_word(reader, "kind", kBranchKinds, Need::required);
  if (!read) return std::nullopt;
  auto branch = (*read)(reader, conference, violations);
  reader.finish();
  return branch;
}

session::Policies read_policies(const Value& value, const std::string& pointer, Violations& violations) {
  constexpr std::array modes{Word<bool>{"on-failure", true}, Word<bool>{"never", false}};
  ObjectReader reader{value, pointer, violations};
  session::Policies p;
  if (const auto* restart = reader.object("restart")) {
    ObjectReader r{*restart, reader.at("restart"), violations};
    p.restart.on_failure = read_word(r, "mode", modes, Need::required).value_or(false);
    p.restart.max = static_cast<unsigned>(r.integer("max", 0, 100).value_or(p.restart.max));
    if (const auto ns = r.duration_ns("window", kSecond, 24 * kHour))
      p.restart.window = session::Millis{*ns / 1'000'000};
    r.finish();
  }
  const auto time = [&](std::string_view key, std::int64_t minimum, std::int64_t maximum,
                        session::Millis& into) {
    if (const auto ns = reader.duration_ns(key, minimum, maximum)) into = session::Millis{*ns / 1'000'000};
  };
  time("startTimeout", kSecond, kHour / 6, p.start_timeout);
  time("stallTimeout", kSecond, kHour, p.stall_timeout);
  time("eosTimeout", kSecond, kHour / 6, p.eos_timeout);
  time("idleTimeout", 0, 24 * kHour, p.idle_timeout);
  time("maxDuration", 0, 168 * kHour, p.max_duration);
  reader.finish();
  return p;
}

}  // namespace parts

json::Checked<Branch> parse_branch(const json::Value& branch, const Description& conference) {
  parts::Violations violations;
  if (conference.custom)
    return tl::unexpected(parts::Violations{{"", "a conference of kind Custom takes no branches"}});
  auto typed = parts::read_branch(branch, "", conference, violations);
  if (!violations.empty() || !typed) return tl::unexpected(std::move(violations));
  return std::move(*typed);
}

}  // namespace auralink::pipeline
