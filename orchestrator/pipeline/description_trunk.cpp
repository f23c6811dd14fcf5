// SPDX-License-Identifier: LGPL-2.1-or-later
// Conferences linked over AIC trunks: the branch that sends and the source that receives. Both ends agree on
// the payload types: 96 H.264 as it is, 97 coded, 98 Opus.
#include <algorithm>

#include "orchestrator/pipeline/description_parts.hpp"

namespace auralink::pipeline::parts {
namespace {

constexpr std::uint8_t kNative = 96;
constexpr std::uint8_t kCoded = 97;
constexpr std::uint8_t kSound = 98;

/// A host name or address, and nothing that another program could take for something else.
bool is_host(std::string_view text) {
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == ':';
  };
  return !text.empty() && text.size() <= 253 && text.front() != '-' && std::ranges::all_of(text, fine);
}

std::string read_host(ObjectReader& reader, Need need) {
  const auto host = reader.string("host", need);
  if (host && !is_host(*host))
    reader.complain("host", "expected a host name or an IP address, found " + json::shown(*host));
  return host.value_or("");
}

std::uint16_t read_port(ObjectReader& reader, std::string_view key, Need need = Need::optional) {
  return static_cast<std::uint16_t>(reader.integer(key, 1, 65535, need).value_or(0));
}

std::string read_address(ObjectReader& reader) {
  const auto address = reader.string("address");
  if (address && !is_address(*address))
    reader.complain("address", "expected an IPv4 or IPv6 address, found " + json::shown(*address));
  return address.value_or("127.0.0.1");
}

/// RTCP beside the port it belongs to is RTCP of that port.
void check_apart(ObjectReader& reader, std::string_view key, std::uint16_t port,
                 std::initializer_list<std::uint16_t> others) {
  for (const auto other : others)
    if (port != 0 && port == other)
      return reader.complain(key, "port " + std::to_string(port) + " is used twice");
}

}  // namespace

RtpSource read_trunk_source(ObjectReader& reader, Violations& violations) {
  RtpSource source;
  source.one_clock = true;
  RtpParticipant peer;
  peer.name = read_name(reader);
  source.address = read_address(reader);
  source.jitter = read_duration(reader, "jitter", 0, 10 * kSecond).value_or(source.jitter);
  source.timeout = read_duration(reader, "timeout", kSecond / 10, kHour).value_or(source.timeout);
  const auto video = read_port(reader, "videoPort");
  const auto audio = read_port(reader, "audioPort");
  if (video == 0 && audio == 0) reader.complain("videoPort", "expected videoPort, audioPort or both");
  check_apart(reader, "audioPort", audio, {video});
  TunnelEnd tunnel;
  tunnel.payload = kCoded;
  if (const auto* feedback = reader.object("feedback")) {
    ObjectReader r{*feedback, reader.at("feedback"), violations};
    tunnel.host = read_host(r, Need::required);
    tunnel.port = read_port(r, "port", Need::required);
    r.finish();
    if (video == 0) reader.complain("feedback", "only has a meaning beside videoPort");
  }
  if (video != 0) {
    auto& stream = peer.video.emplace();
    stream.codec = RtpCodec::h264;
    stream.port = video;
    stream.payload = kNative;
    stream.tunnel = tunnel;
  }
  if (audio != 0) {
    auto& stream = peer.audio.emplace();
    stream.codec = RtpCodec::opus;
    stream.port = audio;
    stream.payload = kSound;
    stream.clock_rate = 48000;
    stream.channels = 2;
  }
  source.participants.push_back(std::move(peer));
  return source;
}

Branch read_trunk_branch(ObjectReader& reader, const Description& d, Violations& violations) {
  TrunkBranch branch;
  branch.host = read_host(reader, Need::required);
  branch.video_port = read_port(reader, "videoPort");
  branch.audio_port = read_port(reader, "audioPort");
  branch.address = read_address(reader);
  branch.feedback_port = read_port(reader, "feedbackPort");
  branch.profile = read_word(reader, "profile", kTrunkProfiles).value_or(branch.profile);
  branch.on_error = read_on_error(reader).value_or(branch.on_error);
  check_apart(reader, "audioPort", branch.audio_port, {branch.video_port});

  const auto* inputs = reader.array("inputs", 2, Need::required);
  bool video = false;
  bool audio = false;
  for (std::size_t i = 0; inputs != nullptr && i < inputs->size(); ++i) {
    const auto at = json::child(reader.at("inputs"), i);
    const auto& name = (*inputs)[i];
    const auto encode = name.is_string() ? d.encode.find(name.get<std::string>()) : d.encode.end();
    if (encode == d.encode.end()) {
      violations.push_back({at, "expected the name of an encode, found " + json::shown(name)});
      continue;
    }
    const Codec codec = encode->second.codec;
    bool& seen = media_of(codec) == Media::video ? video : audio;
    if (codec != Codec::openh264 && codec != Codec::opus)
      violations.push_back(
          {at,
           "expected an encode of openh264 (AIC codes Constrained Baseline with CAVLC, which this "
           "encoder makes) or opus; this one is " +
               std::string{to_string(codec)}});
    else if (seen)
      violations.push_back({at, "a trunk carries one encode of each medium"});
    seen = true;
    branch.inputs.push_back(encode->first);
  }
  if (inputs != nullptr && inputs->empty()) reader.complain("inputs", "expected one or two encodes");
  if (video != (branch.video_port != 0))
    reader.complain("videoPort",
                    video ? "expected the port of the other end for its video input" : "no input is video");
  if (audio != (branch.audio_port != 0))
    reader.complain("audioPort",
                    audio ? "expected the port of the other end for its audio input" : "no input is audio");
  if (branch.feedback_port != 0 && !video)
    reader.complain("feedbackPort", "only has a meaning for a video input");
  return branch;
}

}  // namespace auralink::pipeline::parts
