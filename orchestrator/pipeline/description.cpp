// SPDX-License-Identifier: LGPL-2.1-or-later
// Resolved document -> typed description: the top level, the mix and the rules between the parts.
#include "orchestrator/pipeline/description.hpp"

#include <algorithm>

#include "orchestrator/pipeline/description_parts.hpp"

namespace auralink::pipeline {

using namespace parts;  // this file and its parts are one room

Media media_of(Codec codec) noexcept {
  return codec == Codec::aac || codec == Codec::opus ? Media::audio : Media::video;
}

Codec format_of(Codec codec) noexcept { return codec == Codec::openh264 ? Codec::h264 : codec; }

bool fits(Container container, Codec format) noexcept {
  format = format_of(format);
  switch (container) {
    case Container::mp4:
      return format == Codec::h264 || format == Codec::vp9 || format == Codec::aac || format == Codec::opus;
    case Container::segments:  // each segment is an MP4 that every player takes
    case Container::hls:
      return format == Codec::h264 || format == Codec::aac || format == Codec::opus;
    case Container::webm:
      return format == Codec::vp8 || format == Codec::vp9 || format == Codec::opus;
    case Container::ogg:
      return format == Codec::opus;
    case Container::mkv:
      return true;
  }
  return false;
}

bool is_folder(Container container) noexcept {
  return container == Container::segments || container == Container::hls;
}

std::string_view suffix_of(Container container) noexcept {
  switch (container) {
    case Container::mp4:
      return ".mp4";
    case Container::webm:
      return ".webm";
    case Container::mkv:
      return ".mkv";
    case Container::ogg:
      return ".ogg";
    case Container::segments:
    case Container::hls:
      return "";
  }
  return "";
}

std::string_view to_string(Codec v) noexcept { return word_for(kCodecs, v); }
std::string_view to_string(Container v) noexcept { return word_for(kContainers, v); }
std::string_view to_string(Tracks v) noexcept { return word_for(kTracks, v); }
std::string_view to_string(Quality v) noexcept { return word_for(kQualities, v); }
std::string_view to_string(RtpCodec v) noexcept { return word_for(kRtpCodecs, v); }
std::string_view to_string(TrunkProfile v) noexcept { return word_for(kTrunkProfiles, v); }
std::string_view to_string(TestPattern v) noexcept { return word_for(kPatterns, v); }

bool receives_together(const Description& d) noexcept {
  const auto* rtp = std::get_if<RtpSource>(&d.source);
  if (rtp == nullptr || d.custom) return false;
  if (d.video.mode == VideoMode::passthrough || d.audio.mode == AudioMode::passthrough) return false;
  // A few participants are well served by elements of their own, each with its own thread and port.
  constexpr std::size_t few = 16;
  const auto picky = [](const std::optional<RtpStream>& s) { return s && (s->ssrc || s->feedback); };
  return d.select || rtp->participants.size() > few ||
         std::any_of(rtp->participants.begin(), rtp->participants.end(),
                     [&](const auto& p) { return picky(p.video) || picky(p.audio); });
}

namespace parts {

bool is_name(std::string_view text) noexcept {
  const auto ok = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return !text.empty() && text.size() <= 64 && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), ok);
}

std::string path_fault(std::string_view text, bool absolute_allowed) {
  if (text.empty()) return "expected a file name, found an empty string";
  if (text.size() > kMaxPathBytes)
    return "expected at most " + std::to_string(kMaxPathBytes) + " bytes, found " +
           std::to_string(text.size());
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return "a file name cannot hold control characters";
  if (text.front() == '/' && !absolute_allowed)
    return "expected a name relative to the recordings folder, found an absolute path";
  for (std::size_t start = 0; start <= text.size();) {
    const auto end = std::min(text.find('/', start), text.size());
    const auto part = text.substr(start, end - start);
    if (part == "..") return "a file name cannot hold a \"..\" component";
    if (part.size() > 255) return "a component of a file name cannot be longer than 255 bytes";
    start = end + 1;
  }
  if (text.back() == '/') return "expected a file name, found one that ends in \"/\"";
  return "";
}

std::string read_name(ObjectReader& reader) {
  const auto name = reader.string("name", Need::required);
  if (!name) return "";
  if (!is_name(*name))
    return reader.complain("name", std::string{kNameRule} + ", found " + json::shown(*name)), "";
  return *name;
}

std::optional<Nanos> read_duration(ObjectReader& reader, std::string_view key, std::int64_t minimum,
                                   std::int64_t maximum, Need need) {
  const auto ns = reader.duration_ns(key, minimum, maximum, need);
  return ns ? std::optional{Nanos{*ns}} : std::nullopt;
}

}  // namespace parts

namespace {

constexpr std::array kLayouts{Word<Layout>{"grid", Layout::grid}, Word<Layout>{"speaker", Layout::speaker},
                              Word<Layout>{"single", Layout::single}};
constexpr std::array kVideoModes{Word<VideoMode>{"compositor", VideoMode::compositor},
                                 Word<VideoMode>{"passthrough", VideoMode::passthrough},
                                 Word<VideoMode>{"none", VideoMode::none}};
constexpr std::array kAudioModes{Word<AudioMode>{"mixer", AudioMode::mixer},
                                 Word<AudioMode>{"passthrough", AudioMode::passthrough},
                                 Word<AudioMode>{"none", AudioMode::none}};

/// Members that only mean something in the given mode are refused in the others: a silent no-op hides a
/// mistake.
void refuse_members(ObjectReader& reader, std::initializer_list<std::string_view> keys,
                    std::string_view why) {
  for (const auto key : keys)
    if (reader.any(key) != nullptr) reader.complain(key, std::string{why});
}

VideoMix read_video_mix(const Value& value, const std::string& pointer, Violations& violations) {
  ObjectReader reader{value, pointer, violations};
  VideoMix mix;
  mix.mode = read_word(reader, "mode", kVideoModes).value_or(VideoMode::compositor);
  if (mix.mode != VideoMode::compositor) {
    refuse_members(reader, {"layout", "preset", "width", "height", "fps", "latency"},
                   "only has a meaning when mode is compositor");
    return reader.finish(), mix;
  }
  mix.layout = read_word(reader, "layout", kLayouts).value_or(Layout::grid);
  if (const auto preset = read_word(reader, "preset", kPresets))
    mix.width = preset->width, mix.height = preset->height, mix.fps = preset->fps;
  const auto even = [&](std::string_view key, std::int64_t maximum, unsigned& into) {
    const auto n = reader.integer(key, 64, maximum);
    if (n && *n % 2 != 0) return reader.complain(key, "expected an even number, found " + std::to_string(*n));
    if (n) into = static_cast<unsigned>(*n);
  };
  even("width", 7680, mix.width);
  even("height", 4320, mix.height);
  mix.fps = static_cast<unsigned>(reader.integer("fps", 1, 120).value_or(mix.fps));
  mix.latency = read_duration(reader, "latency", 0, 10 * kSecond).value_or(mix.latency);
  reader.finish();
  return mix;
}

AudioMix read_audio_mix(const Value& value, const std::string& pointer, Violations& violations) {
  ObjectReader reader{value, pointer, violations};
  AudioMix mix;
  mix.mode = read_word(reader, "mode", kAudioModes).value_or(AudioMode::mixer);
  if (mix.mode != AudioMode::mixer) {
    refuse_members(reader, {"rate", "channels", "latency"}, "only has a meaning when mode is mixer");
    return reader.finish(), mix;
  }
  // Rates that both AAC and, after resampling, Opus take.
  constexpr std::array rates{8000U, 16000U, 24000U, 32000U, 44100U, 48000U};
  if (const auto rate = reader.integer("rate", 8000, 48000)) {
    mix.rate = static_cast<unsigned>(*rate);
    if (std::find(rates.begin(), rates.end(), mix.rate) == rates.end())
      reader.complain("rate",
                      "expected 8000, 16000, 24000, 32000, 44100 or 48000, found " + std::to_string(*rate));
  }
  mix.channels = static_cast<unsigned>(reader.integer("channels", 1, 2).value_or(mix.channels));
  mix.latency = read_duration(reader, "latency", 0, 10 * kSecond).value_or(mix.latency);
  reader.finish();
  return mix;
}

Select read_select(const Value& value, const Description& d, Violations& violations) {
  ObjectReader reader{value, "/mix/select", violations};
  Select select;
  constexpr std::array<std::string_view, 1> modes{"active-speaker"};
  (void)reader.choice("mode", modes, Need::required);
  // More pictures than this would be stamps, and each costs a decoder.
  constexpr std::int64_t most = 49;
  select.visible = static_cast<std::size_t>(reader.integer("visible", 1, most).value_or(9));
  select.audible = static_cast<std::size_t>(reader.integer("audible", 1, most).value_or(6));
  select.hold = read_duration(reader, "hold", 0, 60 * kSecond).value_or(select.hold);
  reader.finish();
  if (!std::holds_alternative<RtpSource>(d.source))
    violations.push_back({"/mix/select", "only has a meaning for a source of kind rtp"});
  if (d.video.mode == VideoMode::passthrough || d.audio.mode == AudioMode::passthrough)
    violations.push_back({"/mix/select", "expected to mix, found a mode of passthrough"});
  return select;
}

void read_mix(const Value& value, Description& into, Violations& violations) {
  ObjectReader reader{value, "/mix", violations};
  into.video.mode = VideoMode::none;
  into.audio.mode = AudioMode::none;
  if (const auto* video = reader.object("video"))
    into.video = read_video_mix(*video, "/mix/video", violations);
  if (const auto* audio = reader.object("audio"))
    into.audio = read_audio_mix(*audio, "/mix/audio", violations);
  if (const auto* select = reader.object("select")) into.select = read_select(*select, into, violations);
  reader.finish();
  const bool empty = !reader.has("video") && !reader.has("audio");
  const bool none = into.video.mode == VideoMode::none && into.audio.mode == AudioMode::none;
  if (empty || (none && violations.empty()))
    violations.push_back({"/mix", "expected video, audio or both to have a mode other than none"});
}

void check_passthrough(const Description& d, Violations& violations) {
  const auto count = participant_count(d.source);
  const auto one = [&](bool passthrough, const char* pointer) {
    if (passthrough && count > 1)
      violations.push_back({pointer, "passthrough takes exactly one participant, the source has " +
                                         std::to_string(count) +
                                         "; several are mixed by compositor and mixer"});
  };
  one(d.video.mode == VideoMode::passthrough, "/mix/video/mode");
  one(d.audio.mode == AudioMode::passthrough, "/mix/audio/mode");
}

/// References are objects with one "$..." member; after resolving none is left.
bool refuse_references(const Value& value, const std::string& pointer, Violations& violations) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      if (key.starts_with('$'))
        return violations.push_back({pointer, "unresolved reference \"" + key.substr(0, 32) + "\""}), false;
      if (!refuse_references(member, json::child(pointer, key), violations)) return false;
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      if (!refuse_references(value[i], json::child(pointer, i), violations)) return false;
  }
  return true;
}

void read_graph(ObjectReader& reader, Description& d, Violations& violations) {
  if (const auto* source = reader.object("source", Need::required))
    d.source = read_source(*source, "/source", violations);
  if (const auto* mix = reader.object("mix", Need::required)) read_mix(*mix, d, violations);
  check_passthrough(d, violations);
  if (const auto* encode = reader.object("encode"))
    d.encode = read_encodes(*encode, "/encode", d, violations);
  const auto* branches = reader.object("branches");
  if (branches == nullptr) return;
  if (branches->size() > kMaxBranches)
    return reader.complain("branches", "expected at most " + std::to_string(kMaxBranches) +
                                           " branches, found " + std::to_string(branches->size()));
  for (const auto& [name, value] : branches->items()) {
    const auto pointer = json::child("/branches", name);
    if (!is_name(name)) violations.push_back({pointer, std::string{kNameRule}});
    if (auto branch = read_branch(value, pointer, d, violations))
      d.branches.emplace(name, std::move(*branch));
  }
}

}  // namespace

json::Checked<Description> parse_description(const json::Value& resolved) {
  Violations violations;
  if (!refuse_references(resolved, "", violations)) return tl::unexpected(std::move(violations));
  ObjectReader reader{resolved, "", violations};
  if (!violations.empty()) return tl::unexpected(std::move(violations));
  constexpr std::array<std::string_view, 1> versions{"auralink/v1"};
  constexpr std::array<std::string_view, 2> kinds{"Pipeline", "Custom"};
  Description d;
  (void)reader.choice("apiVersion", versions, Need::required);
  const auto kind = reader.choice("kind", kinds, Need::required);
  d.name = read_name(reader);
  d.version = static_cast<unsigned>(reader.integer("version", 1, 1'000'000).value_or(1));
  d.why = reader.string("why").value_or("");
  if (const auto* policies = reader.object("policies"))
    d.policies = read_policies(*policies, "/policies", violations);
  if (kind == "Custom")
    d.custom = read_custom(reader, violations);
  else if (kind)
    read_graph(reader, d, violations);
  if (kind) reader.finish();
  if (!violations.empty()) return tl::unexpected(std::move(violations));
  return d;
}

}  // namespace auralink::pipeline
