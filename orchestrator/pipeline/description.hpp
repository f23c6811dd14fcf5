// SPDX-License-Identifier: LGPL-2.1-or-later
// The typed form of pipelines/<name>.json. Pure. JSON -> Template (parse) -> resolved JSON (parameters) ->
// Description (parse again, now without references) -> Plan (plan.hpp) -> GStreamer (builder.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "orchestrator/json/json.hpp"
#include "orchestrator/session/model.hpp"

namespace auralink::pipeline {

using Nanos = std::chrono::nanoseconds;

/// A participant read from clips. Several files (for example a silent video and a voice) play together.
struct FileParticipant {
  std::string name;
  std::vector<std::string> files;  ///< absolute, or relative to the media root
  Nanos join{0};                   ///< when it joins, from the start of the conference
  std::optional<Nanos> leave;      ///< when it leaves; absent: at the end of its files
  bool loop = false;               ///< start over at the end
};
struct FileSource {
  std::vector<FileParticipant> participants;
};

enum class RtpCodec { h264, vp8, opus, pcmu, pcma };
/// Where an AIC tunnel ends (gst/aic/README.md): coded packets beside native ones, and a way back.
struct TunnelEnd {
  std::uint8_t payload = 97;  ///< RTP payload type of coded packets
  std::string host;           ///< where feedback (RTCP) goes; empty: nowhere
  std::uint16_t port = 0;
};
struct RtpStream {
  RtpCodec codec = RtpCodec::opus;
  std::uint16_t port = 0;     ///< UDP port this side listens on
  std::uint8_t payload = 96;  ///< RTP payload type, 0..127
  std::uint32_t clock_rate = 90000;
  std::uint8_t channels = 1;  ///< audio only
  std::string fmtp;           ///< H264 sprop-parameter-sets etc., in SDP form "a=b;c=d"
  std::optional<std::uint32_t> ssrc =
      {};                     ///< only packets of this source; what streams of one port differ by
  std::uint8_t level_id = 0;  ///< header extension element with the audio level (RFC 6464); 0: none
  bool feedback = false;      ///< asks for keyframes by RTCP (RFC 4585), sent to where the packets come from
  std::optional<TunnelEnd> tunnel = {};  ///< H264 only: what the other end codes is restored here
};
struct RtpParticipant {
  std::string name;
  std::optional<RtpStream> video;
  std::optional<RtpStream> audio;
};
struct RtpSource {
  std::string address = "127.0.0.1";  ///< local address to bind
  Nanos jitter{std::chrono::milliseconds{200}};
  Nanos timeout{std::chrono::seconds{2}};  ///< a stream without packets for this long has left
  bool one_clock = false;                  ///< all streams come from one clock, as those of a trunk do
  std::vector<RtpParticipant> participants;
};

enum class TestPattern { smpte, ball, snow, red, green, blue, white };
struct TestParticipant {
  std::string name;
  TestPattern pattern = TestPattern::smpte;
  double frequency = 440;  ///< Hz of its tone
  bool video = true, audio = true;
  unsigned width = 640, height = 360, fps = 30;
  Nanos join{0};
  std::optional<Nanos> leave;
};
struct TestSource {
  std::vector<TestParticipant> participants;
};

using Source = std::variant<FileSource, RtpSource, TestSource>;

/// Of very many participants only these are decoded, see active_speaker.hpp.
struct Select {
  std::size_t visible = 9;              ///< pictures, at most
  std::size_t audible = 6;              ///< voices, at most
  Nanos hold{std::chrono::seconds{2}};  ///< for how long a place is kept
};

enum class VideoMode { compositor, passthrough, none };
enum class AudioMode { mixer, passthrough, none };
enum class Layout { grid, speaker, single };
struct VideoMix {
  VideoMode mode = VideoMode::compositor;
  Layout layout = Layout::grid;
  unsigned width = 1280, height = 720, fps = 30;
  Nanos latency{std::chrono::milliseconds{200}};
};
struct AudioMix {
  AudioMode mode = AudioMode::mixer;
  unsigned rate = 48000, channels = 2;
  Nanos latency{std::chrono::milliseconds{200}};
};

enum class Media { video, audio };
enum class Codec { h264, openh264, vp8, vp9, aac, opus };
[[nodiscard]] Media media_of(Codec) noexcept;
[[nodiscard]] Codec format_of(Codec) noexcept;  ///< openh264 -> h264, others themselves

struct Encode {
  Codec codec = Codec::h264;
  unsigned bitrate = 3'000'000;             ///< bits per second
  Nanos keyframe{std::chrono::seconds{2}};  ///< video: longest distance between keyframes
  std::optional<unsigned> width, height;    ///< video: scaled rendition; absent: as mixed
};

enum class Container { mp4, webm, mkv, ogg, segments, hls };
/// Which media a recording takes.
enum class Tracks { both, video, audio };
/// A quality by name: what "480p" means is said once, in description_parts.hpp.
enum class Quality { p480, p720, p1080, uhd };
struct FileBranch {
  std::vector<std::string> inputs;  ///< encode names; in passthrough mode "video" and "audio"
  Container container = Container::mp4;
  std::string path;  ///< template relative to the recordings folder, see session/paths.hpp
  Nanos segment{std::chrono::seconds{10}};  ///< segments and hls: length of each, cut at keyframes
  session::OnError on_error = session::OnError::detach;
  Tracks tracks = Tracks::both;
  /// This participant alone instead of the mix; empty: the mix. Of a participant that sends coded media
  /// (rtp) the container stores it as it came where it can; `inputs` are used where it has to be encoded.
  std::string participant = {};
  std::optional<Quality> preset = {};  ///< a rendition of its own in this size and bitrate
  std::optional<session::AutoRule> automatic = {};
  std::optional<session::Millis> preview_interval = {};  ///< 0: no pictures; absent: the daemon's default
};
/// A link to another daemon: what the conference encodes as RTP over UDP, its H.264 through an AIC tunnel.
/// The other end is a source of kind aic-trunk. RTP is not encrypted: across untrusted networks it belongs
/// into one that is.
enum class TrunkProfile { automatic, max, lite, fast };
struct TrunkBranch {
  std::vector<std::string> inputs;  ///< an openh264 encode, an opus encode, or both
  std::string host;                 ///< address or name of the other end
  std::uint16_t video_port = 0;     ///< UDP ports there; 0: not sent
  std::uint16_t audio_port = 0;
  std::string address = "127.0.0.1";  ///< local address that feedback (RTCP) is received at
  std::uint16_t feedback_port = 0;    ///< and its port; 0: no way back, each keyframe begins anew
  TrunkProfile profile = TrunkProfile::automatic;
  session::OnError on_error = session::OnError::detach;
};
using Branch = std::variant<FileBranch, TrunkBranch>;

// What all kinds of branches have.
[[nodiscard]] const std::vector<std::string>& inputs_of(const Branch&) noexcept;
[[nodiscard]] const std::string& participant_of(const Branch&) noexcept;  ///< empty: the mix
/// Null when it is of another kind.
[[nodiscard]] inline const FileBranch* as_file(const Branch& branch) noexcept {
  return std::get_if<FileBranch>(&branch);
}

/// kind "Custom": an explicit graph, only from disk, only allow-listed elements.
struct CustomElement {
  std::string id, factory;
  std::map<std::string, std::variant<bool, std::int64_t, double, std::string>> properties;
};
struct CustomLink {
  std::string from, from_pad, to, to_pad;  ///< pads may be empty
  std::string caps;                        ///< optional filter
};
struct CustomGraph {
  std::vector<CustomElement> elements;
  std::vector<CustomLink> links;
};

struct Description {
  std::string name;
  unsigned version = 1;
  std::string why;
  std::optional<CustomGraph> custom;  ///< when set, source/mix/encode/branches are unused
  Source source;
  VideoMix video;
  AudioMix audio;
  std::optional<Select> select = {};  ///< only source rtp; absent: everybody is mixed
  std::map<std::string, Encode> encode;
  std::map<std::string, Branch> branches;
  session::Policies policies;
};

/// A description file as shipped: its `parameters` schema is checked, the rest may still hold reference
/// objects
/// ({"$param":…}, {"$config":…}); `branches` may carry "when":{"param":…}.
struct Template {
  std::string name;
  unsigned version = 1;
  std::string why;
  json::Value parameters;  ///< JSON Schema object
  json::Value document;    ///< the whole file
};

/// Reads dotted configuration keys for {"$config":…}; nullopt when not configured.
using ConfigLookup = std::function<std::optional<json::Value>(std::string_view)>;

/// Checks everything that can be checked before parameters are known.
[[nodiscard]] json::Checked<Template> parse_template(const json::Value& document);

/// Validates `parameters` against the schema (defaults filled in, `format` enforced) and replaces all
/// references. The result is a self-contained document: no references, no `parameters`, no `when`, every
/// branch that stays. Violations point into `parameters` when `in_parameters` is set, else into the template.
struct Unresolved {
  bool in_parameters = true;
  json::Violations errors;
};
[[nodiscard]] tl::expected<json::Value, Unresolved> resolve(const Template&, const json::Value& parameters,
                                                            const ConfigLookup&);

/// Resolved document -> typed. Complains about everything wrong, with pointers into `resolved`.
[[nodiscard]] json::Checked<Description> parse_description(const json::Value& resolved);

/// One branch to be added to a running conference: typed and checked against what the conference encodes.
/// When "inputs" is absent, the encodes that fit the container are chosen.
[[nodiscard]] json::Checked<Branch> parse_branch(const json::Value& branch, const Description& conference);

/// One coded stream that branches can take, shared by all that name it. Its name says all of it and is unique
/// in a conference: "h264" (of the mix), "h264@480p" (in a size of its own), "ann/h264" (of one participant),
/// "ann/video" (as that participant sends it), "video" (as the passed-through one does).
struct Stream {
  std::string participant = {};  ///< empty: the mix
  std::string source;            ///< name of an encode, or "video" or "audio": coded already
  std::optional<Quality> quality = {};
  Media media = Media::video;
  [[nodiscard]] std::string name() const;
};
/// What a branch takes, at most one of each medium. Of participants that send coded media: what their
/// container can hold once adapted (plan_adapter).
[[nodiscard]] std::vector<Stream> streams_of(const Description&, const Branch&);
/// How a stream is encoded; nullopt when it comes coded or there is no such encode.
[[nodiscard]] std::optional<Encode> encode_of(const Description&, const Stream&);
/// Whether participants send coded media of which a branch can take each one's alone.
[[nodiscard]] bool sends_coded(const Description&) noexcept;

/// Whether one thread receives the RTP of all participants (rtp_receiver.hpp) instead of elements of each.
[[nodiscard]] bool receives_together(const Description&) noexcept;

/// Which coded formats a container takes. The one place that knows.
[[nodiscard]] bool fits(Container, Codec format) noexcept;
/// ".mp4", ".webm", ".mkv", ".ogg"; "" for segments and hls, which are folders.
[[nodiscard]] std::string_view suffix_of(Container) noexcept;
[[nodiscard]] bool is_folder(Container) noexcept;

[[nodiscard]] std::string_view to_string(Codec) noexcept;
[[nodiscard]] std::string_view to_string(Container) noexcept;
[[nodiscard]] std::string_view to_string(Tracks) noexcept;
[[nodiscard]] std::string_view to_string(Quality) noexcept;
[[nodiscard]] std::string_view to_string(RtpCodec) noexcept;
[[nodiscard]] std::string_view to_string(TrunkProfile) noexcept;  ///< also rtpaiccompress's nick
[[nodiscard]] std::string_view to_string(TestPattern) noexcept;   ///< also videotestsrc's nick

}  // namespace auralink::pipeline
