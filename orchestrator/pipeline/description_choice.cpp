// SPDX-License-Identifier: LGPL-2.1-or-later
// Which streams a branch takes: what it names itself, or the best that fit its container.
#include <algorithm>

#include "orchestrator/pipeline/description_parts.hpp"

namespace auralink::pipeline::parts {
namespace {

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

bool takes(Tracks tracks, Media media) {
  return tracks == Tracks::both || (tracks == Tracks::video) == (media == Media::video);
}

/// One video and one audio input that fit, the better codec first.
std::vector<std::string> chosen_inputs(Container container, Tracks tracks, const std::vector<Input>& all) {
  constexpr std::array preference{Codec::h264, Codec::vp9, Codec::vp8, Codec::aac, Codec::opus};
  const auto rank = [&](const Input& input) {
    return input.format ? std::find(preference.begin(), preference.end(), *input.format) : preference.begin();
  };
  std::vector<std::string> out;
  for (const Media media : {Media::video, Media::audio}) {
    const Input* best = nullptr;
    for (const auto& input : all)
      if (takes(tracks, media) && input.media == media && fits(container, input) &&
          (best == nullptr || rank(input) < rank(*best)))
        best = &input;
    if (best != nullptr) out.push_back(best->name);
  }
  return out;
}

std::string_view word(Media media) { return media == Media::video ? "video" : "audio"; }

void check_input(const std::string& name, const std::string& at, const FileBranch& branch,
                 const std::vector<Input>& all, std::vector<Media>& seen, Violations& violations) {
  const auto it = std::find_if(all.begin(), all.end(), [&](const Input& i) { return i.name == name; });
  if (it == all.end()) {
    std::vector<std::string_view> names;
    for (const auto& input : all) names.emplace_back(input.name);
    return violations.push_back({at, (names.empty() ? std::string{"the conference encodes nothing"}
                                                    : "expected " + json::listed(names)) +
                                         ", found " + json::shown(name) + json::did_you_mean(name, names)});
  }
  if (!fits(branch.container, *it)) {
    const auto codec = it->format ? to_string(*it->format) : to_string(*it->foreign);
    violations.push_back(
        {at, std::string{to_string(branch.container)} + " cannot hold " + std::string{codec}});
  }
  if (!takes(branch.tracks, it->media))
    violations.push_back({at, "this is " + std::string{word(it->media)} + ", but tracks is " +
                                  std::string{to_string(branch.tracks)}});
  if (std::find(seen.begin(), seen.end(), it->media) != seen.end())
    violations.push_back({at, "a file takes at most one " + std::string{word(it->media)} + " input"});
  seen.push_back(it->media);
}

/// A recording without the picture or the sound that the conference has is never made in silence.
void check_missing(ObjectReader& reader, const FileBranch& branch, const std::vector<Input>& all) {
  const auto container = std::string{to_string(branch.container)};
  bool complained = false;
  for (const Media media : {Media::video, Media::audio}) {
    if (!takes(branch.tracks, media)) continue;
    if (branch.container == Container::ogg && media == Media::video) continue;
    std::string there;
    bool fitting = false;
    for (const auto& input : all) {
      if (input.media != media) continue;
      fitting = fitting || fits(branch.container, input);
      there += (there.empty() ? "" : ", ") + input.name;
      if (input.format && input.name != to_string(*input.format))
        there += " (" + std::string{to_string(*input.format)} + ")";
    }
    if (fitting || (there.empty() && branch.tracks == Tracks::both)) continue;
    complained = true;
    const auto medium = std::string{word(media)};
    reader.complain("container", there.empty() ? "the conference encodes no " + medium
                                               : container + " cannot hold what the conference encodes of " +
                                                     medium + ": " + there);
  }
  if (!complained && branch.inputs.empty())
    reader.complain("container", "nothing the conference encodes fits " + container);
}

void read_inputs(ObjectReader& reader, const std::vector<Input>& all, FileBranch& branch, bool as_it_comes,
                 Violations& violations) {
  const auto* list = reader.array("inputs", 8);
  if (list == nullptr) {
    if (reader.has("inputs")) return;
    branch.inputs = chosen_inputs(branch.container, branch.tracks, all);
    if (!as_it_comes) check_missing(reader, branch, all);
    return;
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
    branch.inputs.push_back(item.get<std::string>());
    check_input(branch.inputs.back(), at, branch, all, seen, violations);
  }
}

void read_participant(ObjectReader& reader, const Description& d, FileBranch& branch) {
  const auto name = reader.string("participant");
  if (!name) return;
  const auto names = participant_names(d.source);
  if (d.video.mode == VideoMode::passthrough || d.audio.mode == AudioMode::passthrough)
    return reader.complain("participant",
                           "one participant passes through already: leave it out to record that one");
  if (std::find(names.begin(), names.end(), *name) == names.end())
    return reader.complain("participant",
                           "nobody is called " + json::shown(*name) + json::did_you_mean(*name, names));
  if (receives_together(d))
    return reader.complain(
        "participant",
        "one participant alone is recorded where each is received alone: without mix.select "
        "and ssrc, and of at most 16 participants");
  branch.participant = *name;
}

}  // namespace

void read_choice(ObjectReader& reader, const Description& d, std::optional<Container> container,
                 FileBranch& branch, Violations& violations) {
  read_participant(reader, d, branch);
  branch.tracks = read_word(reader, "tracks", kTracks).value_or(Tracks::both);
  branch.preset = read_word(reader, "preset", kQualities);
  const bool has_video = d.video.mode != VideoMode::none, has_audio = d.audio.mode != AudioMode::none;
  if (branch.tracks != Tracks::both && !(branch.tracks == Tracks::video ? has_video : has_audio))
    reader.complain("tracks", "the conference has no " + std::string{to_string(branch.tracks)});
  else if (branch.tracks == Tracks::video && branch.container == Container::ogg)
    reader.complain("tracks", "ogg holds sound alone");
  const bool pictureless = !has_video || branch.tracks == Tracks::audio || branch.container == Container::ogg;
  if (branch.preset && pictureless)
    reader.complain("preset", "a recording without a picture has no size");
  else if (branch.preset && d.video.mode == VideoMode::passthrough)
    reader.complain("preset", "what passes through is not encoded, so its size stays");
  const bool as_it_comes = !branch.participant.empty() && sends_coded(d);
  if (container)
    read_inputs(reader, inputs_of(d), branch, as_it_comes, violations);
  else
    (void)reader.any("inputs");
}

}  // namespace auralink::pipeline::parts
