// SPDX-License-Identifier: LGPL-2.1-or-later
// One fragment per participant: whatever it is, it ends in raw media (to be mixed) or coded media (to pass
// through).
#include <algorithm>

#include "orchestrator/pipeline/plan_parts.hpp"

namespace auralink::pipeline::parts {
namespace {

/// What the mix wants of each participant.
struct Wanted {
  bool video, audio;  ///< at all
  bool coded_video, coded_audio;
  bool webm;  ///< some branch is WebM, so a test source must not encode H.264
};

Wanted wanted(const Description& d) {
  const bool webm = std::any_of(d.branches.begin(), d.branches.end(), [](const auto& entry) {
    const auto* file = as_file(entry.second);
    return file != nullptr && file->container == Container::webm;
  });
  return {d.video.mode != VideoMode::none, d.audio.mode != AudioMode::none,
          d.video.mode == VideoMode::passthrough, d.audio.mode == AudioMode::passthrough, webm};
}

void output(Fragment& f, Media media, const std::string& node) {
  f.outputs.push_back({media == Media::video ? "video" : "audio", media, node, "src"});
}

/// Puts a tee where a branch can take this participant alone. Whatever follows it still decouples the mixer.
void tap(Participant& p, Chain& chain, Media media) {
  const std::string id = media == Media::video ? "video-tap" : "audio-tap";
  chain.tee(id);
  p.taps[media] = id;
}

// Any coded media of its kind: what a branch cannot take as it is, it adapts.
constexpr const char* kCodedVideo = "video";
constexpr const char* kCodedAudio = "audio";

/// Files run as fast as they can be read; clocksync makes them happen in time, after the queue that decouples
/// them.
void file_tail(Participant& p, Media media, bool coded) {
  const std::string prefix = media == Media::video ? "video" : "audio";
  Chain chain{p.fragment};
  chain.node(prefix + "-queue", "queue");
  if (!coded && media == Media::video) chain.node(prefix + "-convert", "videoconvert");
  if (!coded && media == Media::audio)
    chain.node(prefix + "-convert", "audioconvert").node(prefix + "-resample", "audioresample");
  if (!coded) tap(p, chain, media);
  chain.node(prefix + "-sync", "clocksync");
  output(p.fragment, media, chain.last());
}

Participant file_participant(const FileParticipant& p, const Wanted& w) {
  Participant out{p.name, p.join, p.leave, p.loop, false, Nanos{0}, {}, {}};
  Fragment& f = out.fragment;
  if (w.video) file_tail(out, Media::video, w.coded_video);
  if (w.audio) file_tail(out, Media::audio, w.coded_audio);
  const bool coded = w.coded_video || w.coded_audio;
  for (std::size_t i = 0; i < p.files.size(); ++i) {
    const auto n = std::to_string(i);
    Chain chain{f};
    chain.node("file-" + n, "filesrc", {{"location", p.files[i]}});
    // A mix that decodes one medium and passes the other gets both coded, and decodes behind the parser.
    chain.node("open-" + n, coded ? "parsebin" : "decodebin");
    const auto open = [&](Media media, bool is_coded) {
      const std::string prefix = media == Media::video ? "video" : "audio";
      const std::string raw = media == Media::video ? "video/x-raw" : "audio/x-raw";
      const std::string any = media == Media::video ? kCodedVideo : kCodedAudio;
      if (is_coded || !coded)
        return f.links.push_back({"open-" + n, prefix + "-queue", "", "", is_coded ? any : raw, true});
      Chain decode{f};
      decode.node(prefix + "-decode-" + n, "decodebin");
      f.links.push_back({"open-" + n, prefix + "-decode-" + n, "", "", any, true});
      f.links.push_back({prefix + "-decode-" + n, prefix + "-queue", "", "", raw, true});
    };
    if (w.video) open(Media::video, w.coded_video);
    if (w.audio) open(Media::audio, w.coded_audio);
  }
  return out;
}

std::string rtp_caps(const RtpStream& s, Media media) {
  const char* encoding = s.codec == RtpCodec::h264   ? "H264"
                         : s.codec == RtpCodec::vp8  ? "VP8"
                         : s.codec == RtpCodec::opus ? "OPUS"
                         : s.codec == RtpCodec::pcmu ? "PCMU"
                                                     : "PCMA";
  std::string caps = std::string{"application/x-rtp,media="} + (media == Media::video ? "video" : "audio") +
                     ",clock-rate=" + std::to_string(s.clock_rate) + ",encoding-name=" + encoding;
  // A tunnel has packets of two payload types: caps that name one would make the jitter buffer drop the
  // other.
  if (!s.tunnel) caps += ",payload=" + std::to_string(s.payload);
  if (media == Media::audio && s.channels > 1)
    caps += ",encoding-params=(string)" + std::to_string(s.channels);
  // The parser let only harmless characters through; quotes keep commas of base64 lists inside the field.
  for (std::size_t start = 0; start < s.fmtp.size();) {
    const auto end = std::min(s.fmtp.find(';', start), s.fmtp.size());
    auto item = s.fmtp.substr(start, end - start);
    item.erase(0, std::min(item.find_first_not_of(' '), item.size()));
    item.erase(item.find_last_not_of(' ') + 1);
    const auto equals = item.find('=');
    if (equals != std::string::npos && equals > 0)
      caps += "," + item.substr(0, equals) + "=(string)\"" + item.substr(equals + 1) + "\"";
    start = end + 1;
  }
  return caps;
}

/// `fed`: the packets come from the receiver of the whole conference, not from a port of its own.
void rtp_stream(Participant& p, const RtpSource& source, const RtpStream& s, Media media, bool coded,
                bool fed = false) {
  const std::string prefix = media == Media::video ? "video" : "audio";
  Chain chain{p.fragment};
  const auto decode = [&](const char* decoder, Properties properties = {}) {
    if (coded) return;
    if (!fed) tap(p, chain, media);
    chain.node(prefix + "-decode", decoder, std::move(properties));
  };
  if (fed)
    // A second of a generous picture. When the decoder is slower than that, the oldest packets go.
    chain.node(kFeed, "appsrc",
               {{"is-live", true},
                {"format", std::string{"time"}},
                {"caps", rtp_caps(s, media)},
                {"max-bytes", std::uint64_t{0}},
                {"max-buffers", std::uint64_t{media == Media::video ? 1024U : 128U}},
                {"leaky-type", std::string{"downstream"}}});
  else
    chain.node(prefix + "-udp", "udpsrc",
               {{"address", source.address},
                {"port", std::int64_t{s.port}},
                {"caps", rtp_caps(s, media)},
                {"timeout", static_cast<std::uint64_t>(source.timeout.count())}});
  Properties jitter{{"latency", std::int64_t{source.jitter.count() / 1'000'000}}, {"do-lost", true}};
  // Following the arrival of packets bends the time of what a daemon that catches up sends at once, and so of
  // sound it held back for a keyframe. What is mixed has to follow, else the clocks drift apart; what is
  // stored as it came keeps the sender's time.
  if (coded && source.one_clock) jitter.emplace("mode", std::string{"none"});
  chain.node(prefix + "-jitter", "rtpjitterbuffer", std::move(jitter));
  if (s.tunnel) {
    chain.node("video-restore", "rtpaicdecompress", {{"pt", std::int64_t{s.tunnel->payload}}});
    if (!s.tunnel->host.empty()) {
      p.fragment.nodes.push_back({"video-feedback",
                                  "udpsink",
                                  {{"host", s.tunnel->host},
                                   {"port", std::int64_t{s.tunnel->port}},
                                   {"async", false},
                                   {"sync", false}}});
      p.fragment.links.push_back({"video-restore", "video-feedback", "rtcp_src"});
    }
  }
  switch (s.codec) {
    case RtpCodec::h264:
      chain.node("video-depay", "rtph264depay", {{"wait-for-keyframe", true}})
          .node("video-parse", "h264parse");
      // One thread: frame threads would add a frame of delay each.
      decode("avdec_h264", {{"max-threads", std::int64_t{1}}});
      break;
    case RtpCodec::vp8:
      chain.node("video-depay", "rtpvp8depay", {{"wait-for-keyframe", true}});
      decode("vp8dec");
      break;
    case RtpCodec::opus:
      chain.node("audio-depay", "rtpopusdepay");
      if (coded) chain.node("audio-parse", "opusparse");
      decode("opusdec", {{"plc", true}, {"use-inband-fec", true}});
      break;
    case RtpCodec::pcmu:
      chain.node("audio-depay", "rtppcmudepay");
      decode("mulawdec");
      break;
    case RtpCodec::pcma:
      chain.node("audio-depay", "rtppcmadepay");
      decode("alawdec");
      break;
  }
  chain.node(prefix + "-queue", "queue");
  if (!coded && media == Media::video) chain.node("video-convert", "videoconvert");
  if (!coded && media == Media::audio)
    chain.node("audio-convert", "audioconvert").node("audio-resample", "audioresample");
  output(p.fragment, media, chain.last());
}

Participant rtp_participant(const RtpSource& source, const RtpParticipant& p, const Wanted& w) {
  Participant out{p.name, Nanos{0}, std::nullopt, false, true, source.timeout, {}, {}};
  if (p.video && w.video) rtp_stream(out, source, *p.video, Media::video, w.coded_video);
  if (p.audio && w.audio) rtp_stream(out, source, *p.audio, Media::audio, w.coded_audio);
  return out;
}

Participant test_participant(const TestParticipant& p, const Wanted& w) {
  Participant out{p.name, p.join, p.leave, false, true, Nanos{0}, {}, {}};
  Fragment& f = out.fragment;
  if (p.video && w.video) {
    Chain chain{f};
    chain
        .node("video-test", "videotestsrc",
              {{"is-live", true}, {"pattern", std::string{to_string(p.pattern)}}})
        .caps("video-format", raw_video_caps(p.width, p.height, p.fps));
    if (!w.coded_video) tap(out, chain, Media::video);
    chain.node("video-queue", "queue");
    if (w.coded_video) {
      Encode e;
      e.codec = w.webm ? Codec::vp8 : Codec::h264;
      e.bitrate = 1'000'000;
      add_encoder(chain, e, p.fps, p.width, "video-");
      // As a demuxer would give it; a muxer behind a tee cannot ask for another form later.
      if (!w.webm)
        chain.node("video-parse", "h264parse")
            .caps("video-avc", "video/x-h264,stream-format=avc,alignment=au");
    }
    output(f, Media::video, chain.last());
  }
  if (p.audio && w.audio) {
    Chain chain{f};
    chain.node("audio-test", "audiotestsrc", {{"is-live", true}, {"freq", p.frequency}, {"volume", 0.2}})
        .caps("audio-format", raw_audio_caps(48000, 1));
    if (!w.coded_audio) tap(out, chain, Media::audio);
    chain.node("audio-queue", "queue");
    if (w.coded_audio) {
      Encode e;
      e.codec = w.webm ? Codec::opus : Codec::aac;
      e.bitrate = 96'000;
      add_encoder(chain.node("audio-convert", "audioconvert"), e, 0, 0, "audio-");
    }
    output(f, Media::audio, chain.last());
  }
  return out;
}

}  // namespace

std::vector<Participant> plan_participants(const Description& d) {
  const auto w = wanted(d);
  std::vector<Participant> out;
  if (const auto* files = std::get_if<FileSource>(&d.source))
    for (const auto& p : files->participants) out.push_back(file_participant(p, w));
  if (const auto* rtp = std::get_if<RtpSource>(&d.source))
    for (const auto& p : rtp->participants) out.push_back(rtp_participant(*rtp, p, w));
  if (const auto* test = std::get_if<TestSource>(&d.source))
    for (const auto& p : test->participants) out.push_back(test_participant(p, w));
  for (auto& p : out) p.fragment.name = "participant-" + p.name;
  return out;
}

}  // namespace auralink::pipeline::parts

namespace auralink::pipeline {

Participant plan_received(const RtpSource& source, std::size_t index, Media media) {
  const auto& p = source.participants.at(index);
  Participant out{p.name, Nanos{0}, std::nullopt, false, true, source.timeout, {}, {}};
  const auto& stream = media == Media::video ? p.video : p.audio;
  if (stream) parts::rtp_stream(out, source, *stream, media, false, true);
  out.fragment.name = (media == Media::video ? "seen-" : "heard-") + p.name;
  return out;
}

}  // namespace auralink::pipeline
