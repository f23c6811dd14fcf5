// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP sources: explicit fields, or the SDP text (RFC 8866) of what a sender sends us.
#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "orchestrator/pipeline/description_parts.hpp"

namespace auralink::pipeline::parts {
namespace {

struct RtpFormat {
  RtpCodec codec;
  std::string_view encoding;  ///< rtpmap name, compared without case
  Media media;
  std::uint32_t clock_rate;
  int static_payload;  ///< RFC 3551; -1: dynamic
};
constexpr std::array kFormats{RtpFormat{RtpCodec::h264, "H264", Media::video, 90000, -1},
                              RtpFormat{RtpCodec::vp8, "VP8", Media::video, 90000, -1},
                              RtpFormat{RtpCodec::opus, "OPUS", Media::audio, 48000, -1},
                              RtpFormat{RtpCodec::pcmu, "PCMU", Media::audio, 8000, 0},
                              RtpFormat{RtpCodec::pcma, "PCMA", Media::audio, 8000, 8}};

const RtpFormat& format(RtpCodec codec) {
  return *std::find_if(kFormats.begin(), kFormats.end(), [&](const auto& f) { return f.codec == codec; });
}

bool all_of(std::string_view text, std::string_view extra) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           extra.find(c) != std::string_view::npos;
  });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

/// What is before the separator; `text` becomes what is after it.
std::string_view take(std::string_view& text, char separator) {
  const auto end = std::min(text.find(separator), text.size());
  const auto head = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return head;
}

template <class Int>
std::optional<Int> to_int(std::string_view text) {
  Int n{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty() ? std::optional{n}
                                                                                   : std::nullopt;
}

/// fmtp parameters become caps fields, so only what a caps field can hold is let in.
bool fmtp_ok(std::string_view text) {
  if (text.size() > 2048) return false;
  while (!text.empty()) {
    auto item = trimmed(take(text, ';'));
    if (item.empty()) continue;
    const auto key = take(item, '=');
    if (key.empty() || key.size() > 64 || !all_of(key, "-_") || !all_of(item, "+/=,.:_-")) return false;
  }
  return true;
}

std::optional<RtpStream> read_stream(const Value& value, const std::string& pointer, Media media,
                                     Violations& violations) {
  ObjectReader reader{value, pointer, violations};
  const auto codec = read_word(reader, "codec", kRtpCodecs, Need::required);
  const auto port = reader.integer("port", 1, 65535, Need::required);
  const auto payload = reader.integer("payload", 0, 127);
  const auto clock = reader.integer("clockRate", 8000, 90000);
  const auto channels = media == Media::audio ? reader.integer("channels", 1, 2) : std::nullopt;
  const auto fmtp = reader.string("fmtp");
  const auto ssrc = reader.integer("ssrc", 0, UINT32_MAX);
  const auto level = media == Media::audio ? reader.integer("audioLevel", 1, 255) : std::nullopt;
  const auto feedback = media == Media::video ? reader.boolean("feedback") : std::nullopt;
  reader.finish();
  if (!codec || !port) return std::nullopt;
  const auto& f = format(*codec);
  if (f.media != media) {
    reader.complain("codec", media == Media::video ? "expected a video codec: h264 or vp8"
                                                   : "expected an audio codec: opus, pcmu or pcma");
    return std::nullopt;
  }
  RtpStream s;
  s.codec = *codec;
  s.port = static_cast<std::uint16_t>(*port);
  s.payload = static_cast<std::uint8_t>(payload.value_or(f.static_payload >= 0 ? f.static_payload : 96));
  s.clock_rate = static_cast<std::uint32_t>(clock.value_or(f.clock_rate));
  s.channels = static_cast<std::uint8_t>(channels.value_or(*codec == RtpCodec::opus ? 2 : 1));
  s.fmtp = fmtp.value_or("");
  if (ssrc) s.ssrc = static_cast<std::uint32_t>(*ssrc);
  s.level_id = static_cast<std::uint8_t>(level.value_or(0));
  s.feedback = feedback.value_or(false);
  check_rtp_stream(s, pointer, violations);
  return s;
}

RtpParticipant read_participant(const Value& value, const std::string& pointer, Violations& violations) {
  ObjectReader reader{value, pointer, violations};
  const auto name = read_name(reader);
  RtpParticipant p;
  if (const auto sdp = reader.string("sdp")) {
    p = read_sdp(*sdp, reader.at("sdp"), violations);
    for (const std::string_view key : {"video", "audio"})
      if (reader.any(key) != nullptr)
        reader.complain(key, "expected either sdp or explicit streams, found both");
  } else if (!reader.has("sdp")) {
    const bool any = reader.has("video") || reader.has("audio");
    if (const auto* video = reader.object("video"))
      p.video = read_stream(*video, reader.at("video"), Media::video, violations);
    if (const auto* audio = reader.object("audio"))
      p.audio = read_stream(*audio, reader.at("audio"), Media::audio, violations);
    if (!any) violations.push_back({pointer, "expected sdp, video or audio"});
  }
  p.name = name;
  reader.finish();
  return p;
}

/// State of reading one SDP text.
class SdpReader {
 public:
  SdpReader(const std::string& pointer, Violations& violations)
      : pointer_{pointer}, violations_{violations} {}

  void line(std::string_view text) {
    ++number_;
    text = trimmed(text);
    if (text.empty()) return;
    if (number_ == 1 && text != "v=0") return complain("expected \"v=0\"");
    if (text.size() < 2 || text[1] != '=') return complain("expected a letter and \"=\"");
    const char type = text[0];
    text.remove_prefix(2);
    if (type == 'm') return media(text);
    if (type == 'a' && open_) return attribute(text);
  }

  RtpParticipant finish() {
    close();
    if (!participant_.video && !participant_.audio && violations_.size() == before_)
      violations_.push_back({pointer_,
                             "expected an \"m=video\" or \"m=audio\" line with a codec of H264, VP8, opus, "
                             "PCMU or PCMA"});
    return participant_;
  }

 private:
  void complain(const std::string& detail) {
    violations_.push_back({pointer_, "line " + std::to_string(number_) + ": " + detail});
  }

  void media(std::string_view text) {
    close();
    const auto kind = take(text, ' ');
    const auto port = to_int<std::uint32_t>(take(text, ' '));
    const auto profile = take(text, ' ');
    if (kind != "video" && kind != "audio") return;  // data channels and the like are not ours to record
    if (!port || *port > 65535) return complain("expected a port from 0 to 65535");
    if (*port == 0) return;  // RFC 8866: a rejected stream
    if (profile != "RTP/AVP" && profile != "RTP/AVPF")
      return complain("expected RTP/AVP or RTP/AVPF: encrypted profiles are not supported here");
    media_ = kind == "video" ? Media::video : Media::audio;
    if (media_ == Media::video ? participant_.video.has_value() : participant_.audio.has_value())
      return complain("a participant has at most one stream of each kind");
    payloads_.clear();
    ssrc_.reset(), level_id_ = 0, picture_loss_ = false, rtcp_mux_ = false;
    while (!text.empty()) {
      const auto item = take(text, ' ');
      const auto payload = to_int<unsigned>(item);
      if (!payload || *payload > 127) return complain("expected payload types from 0 to 127");
      Payload& p = payloads_.emplace_back();
      p.stream.payload = static_cast<std::uint8_t>(*payload);
      p.stream.port = static_cast<std::uint16_t>(*port);
      for (const auto& f : kFormats)
        if (f.static_payload >= 0 && static_cast<unsigned>(f.static_payload) == *payload)
          p.stream.codec = f.codec, p.stream.clock_rate = f.clock_rate, p.known = true;
    }
    open_ = true;
  }

  void attribute(std::string_view text) {
    const auto name = take(text, ':');
    if (name == "ssrc") return source(text);
    if (name == "extmap") return extension(text);
    if (name == "rtcp-mux") rtcp_mux_ = true;
    if (name == "rtcp-fb") {  // RFC 4585 section 4.2
      (void)take(text, ' ');
      picture_loss_ = picture_loss_ || trimmed(text) == "nack pli";
    }
    if (name != "rtpmap" && name != "fmtp") return;
    const auto payload = to_int<unsigned>(take(text, ' '));
    if (!payload || *payload > 127) return complain("expected a payload type from 0 to 127");
    const auto it = std::find_if(payloads_.begin(), payloads_.end(),
                                 [&](const Payload& p) { return p.stream.payload == *payload; });
    if (it == payloads_.end()) return;
    if (name == "fmtp") {
      it->stream.fmtp = std::string{trimmed(text)};
      it->fmtp_line = number_;
      return;
    }
    std::string encoding{take(text, '/')};
    std::transform(encoding.begin(), encoding.end(), encoding.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    const auto clock = to_int<std::uint32_t>(take(text, '/'));
    const auto channels = text.empty() ? std::optional<unsigned>{1} : to_int<unsigned>(text);
    if (!clock || !channels || *channels < 1 || *channels > 2)
      return complain("expected NAME/CLOCK or NAME/CLOCK/CHANNELS with 1 or 2 channels");
    for (const auto& f : kFormats)
      if (f.encoding == encoding && f.media == media_) {
        if (*clock != f.clock_rate)
          return complain("expected a clock rate of " + std::to_string(f.clock_rate) + " for " + encoding);
        it->stream.codec = f.codec, it->stream.clock_rate = *clock, it->known = true;
        it->stream.channels = static_cast<std::uint8_t>(*channels);
      }
  }

  /// RFC 5576: the lines of one source name it again and again; a second source (of a retransmission, say)
  /// is none that we play.
  void source(std::string_view text) {
    const auto ssrc = to_int<std::uint32_t>(take(text, ' '));
    if (!ssrc) return complain("expected an SSRC from 0 to 4294967295");
    if (!ssrc_) ssrc_ = ssrc;
  }

  /// RFC 8285 section 5: ID["/"DIRECTION] URI
  void extension(std::string_view text) {
    auto id_and_direction = take(text, ' ');
    const auto id = to_int<unsigned>(take(id_and_direction, '/'));
    auto rest = trimmed(text);
    if (take(rest, ' ') != "urn:ietf:params:rtp-hdrext:ssrc-audio-level") return;
    if (!id || *id < 1 || *id > 255) return complain("expected an extension id from 1 to 255");
    level_id_ = static_cast<std::uint8_t>(*id);
  }

  /// The first payload type of the media line that we can decode is the one that is used.
  void close() {
    if (!open_) return;
    open_ = false;
    for (const auto& p : payloads_) {
      if (!p.known || format(p.stream.codec).media != media_) continue;
      if (!fmtp_ok(p.stream.fmtp))
        return violations_.push_back(
            {pointer_, "line " + std::to_string(p.fmtp_line) +
                           ": expected \"key=value;key=value\" of letters, digits and + / = "
                           ", . : _ -"});
      auto& stream = media_ == Media::video ? participant_.video : participant_.audio;
      stream = p.stream;
      stream->ssrc = ssrc_;
      if (media_ == Media::audio) stream->level_id = level_id_;
      // Without rtcp-mux (RFC 5761) the sender listens on a port that packets do not tell.
      if (media_ == Media::video) stream->feedback = picture_loss_ && rtcp_mux_;
      return;
    }
    complain("the media description before this line offers no codec of H264, VP8, opus, PCMU or PCMA");
  }

  struct Payload {
    RtpStream stream;
    bool known = false;
    unsigned fmtp_line = 0;
  };
  const std::string& pointer_;
  Violations& violations_;
  std::size_t before_ = violations_.size();
  unsigned number_ = 0;
  bool open_ = false;
  Media media_ = Media::video;
  std::vector<Payload> payloads_;
  std::optional<std::uint32_t> ssrc_;
  std::uint8_t level_id_ = 0;
  bool picture_loss_ = false, rtcp_mux_ = false;
  RtpParticipant participant_;
};

}  // namespace

bool is_address(std::string_view text) {
  if (text.find(':') != std::string_view::npos) {  // IPv6: groups of up to four hexadecimal digits, one gap
    unsigned groups = 0;
    const bool gap = text.find("::") != std::string_view::npos;
    if (text.find(":::") != std::string_view::npos || text.size() > 39) return false;
    if (gap && text.find("::", text.find("::") + 1) != std::string_view::npos) return false;
    const bool edge =
        (text.front() == ':' && !text.starts_with("::")) || (text.back() == ':' && !text.ends_with("::"));
    for (std::string_view rest = text; !rest.empty();) {
      const auto group = take(rest, ':');
      if (group.size() > 4 || group.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos)
        return false;
      if (!group.empty()) ++groups;
    }
    return !edge && (gap ? groups < 8 : groups == 8);
  }
  unsigned octets = 0;
  for (std::string_view rest = text; !rest.empty(); ++octets) {
    const auto octet = take(rest, '.');
    const auto n = to_int<unsigned>(octet);
    if (!n || *n > 255 || octet.size() > 3) return false;
  }
  return octets == 4 && text.back() != '.';
}

RtpParticipant read_sdp(const std::string& text, const std::string& pointer, Violations& violations) {
  constexpr std::size_t longest = 16384;
  if (text.size() > longest)
    return violations.push_back({pointer, "expected at most " + std::to_string(longest) + " bytes of SDP"}),
           RtpParticipant{};
  SdpReader reader{pointer, violations};
  for (std::string_view rest = text; !rest.empty();) reader.line(take(rest, '\n'));
  return reader.finish();
}

void check_rtp_stream(const RtpStream& s, const std::string& pointer, Violations& violations) {
  const auto& f = format(s.codec);
  const auto name = std::string{to_string(s.codec)};
  if (s.clock_rate != f.clock_rate)
    violations.push_back({json::child(pointer, "clockRate"),
                          "expected " + std::to_string(f.clock_rate) + ", the only clock rate of " + name});
  for (const auto& other : kFormats)
    if (other.static_payload == static_cast<int>(s.payload) && other.codec != s.codec)
      violations.push_back(
          {json::child(pointer, "payload"), "payload type " + std::to_string(s.payload) + " is " +
                                                std::string{to_string(other.codec)} +
                                                " (RFC 3551); expected 96 to 127 for " + name});
  if (s.payload >= 72 && s.payload <= 76)
    violations.push_back(
        {json::child(pointer, "payload"), "payload types 72 to 76 look like RTCP (RFC 5761)"});
  if (!fmtp_ok(s.fmtp))
    violations.push_back({json::child(pointer, "fmtp"),
                          "expected \"key=value;key=value\" of letters, digits and + / = , . : _ -"});
}

RtpSource read_rtp(ObjectReader& reader, Violations& violations) {
  RtpSource source;
  if (const auto address = reader.string("address")) {
    source.address = *address;
    if (address->empty() || !is_address(*address))
      reader.complain("address", "expected an IPv4 or IPv6 address, found " + json::shown(*address));
  }
  source.jitter = read_duration(reader, "jitter", 0, 10 * kSecond).value_or(source.jitter);
  source.timeout = read_duration(reader, "timeout", kSecond / 10, kHour).value_or(source.timeout);
  const auto* list = reader.array("participants", kMaxRtpParticipants, Need::required);
  if (list == nullptr) return source;
  if (list->empty()) reader.complain("participants", "expected at least one participant");
  std::vector<std::string> names;
  std::map<std::uint16_t, std::set<std::optional<std::uint32_t>>> ports;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto at = json::child(reader.at("participants"), i);
    source.participants.push_back(read_participant((*list)[i], at, violations));
    const auto& p = source.participants.back();
    names.push_back(p.name);
    const auto claim = [&](const std::optional<RtpStream>& stream, std::string_view key) {
      if (!stream) return;
      auto& sources = ports[stream->port];
      const bool fresh = sources.insert(stream->ssrc).second;
      // Several share a port when each says which source it is, as behind a forwarding unit.
      if (fresh && (sources.size() == 1 || (stream->ssrc && !sources.contains(std::nullopt)))) return;
      const bool sdp = (*list)[i].contains("sdp");
      const bool same = !fresh && stream->ssrc;
      const auto member = json::child(json::child(at, key), same ? "ssrc" : "port");
      violations.push_back(
          {sdp ? json::child(at, "sdp") : member,
           "port " + std::to_string(stream->port) +
               (same
                    ? " has an earlier stream of SSRC " + std::to_string(*stream->ssrc)
                    : " is taken by an earlier stream; streams share one when each has an ssrc of its own")});
    };
    claim(p.video, "video");
    claim(p.audio, "audio");
  }
  check_unique_names(names, reader.at("participants"), violations);
  return source;
}

}  // namespace auralink::pipeline::parts
